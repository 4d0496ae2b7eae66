package resample

import (
	"context"
	"image"
	"math"
)

// Picture is a result: premultiplied RGBA, nominally 0 to 1, though the filter overshoots at sharp edges.
type Picture struct {
	Width, Height int
	Pix           []float32
	// Opaque says that the alpha is 1 everywhere.
	Opaque bool
}

// Curves maps the red, green and blue samples before they are mixed, such as to linear light. Nil leaves them.
type Curves = [3]*[1 << 16]uint16

// maxBox bounds the squares that are averaged, so that their sums fit 32 bits.
const maxBox = 64

// Scale returns the part of src inside rect as a picture of w by h pixels. Rect is not empty and lies inside the bounds. Nothing outside
// rect is looked at. It fails when ctx is done or src does.
func Scale(ctx context.Context, src Rows, rect image.Rectangle, w, h int, curves *Curves) (*Picture, error) {
	s := newScaler(src, rect, w, h, curves)
	for y := 0; y < rect.Dy(); y++ {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if err := src.Row(rect.Min.Y+y, rect.Min.X, rect.Max.X, s.row); err != nil {
			return nil, err
		}
		s.add()
		if (y+1)%s.boxY == 0 || y == rect.Dy()-1 {
			s.flush()
		}
	}
	return s.dst, nil
}

// scaler holds the state of one Scale: source row -> sums over squares -> row filtered across -> weighed into the result.
type scaler struct {
	dst        *Picture
	curves     *Curves
	boxX, boxY int
	row        []uint16  // one source row
	sums       []uint32  // sums over squares, premultiplied
	counts     int       // source rows in sums
	mean       []float32 // one row of averaged squares
	across     []float32 // mean, filtered to the result's width
	horizontal []taps
	vertical   []taps
	boxed      int // averaged rows so far
	first      int // the first result row that still wants rows
}

func newScaler(src Rows, rect image.Rectangle, w, h int, curves *Curves) *scaler {
	s := &scaler{
		dst:    &Picture{Width: w, Height: h, Pix: make([]float32, 4*w*h), Opaque: src.Opaque()},
		curves: curves,
		boxX:   box(rect.Dx(), w),
		boxY:   box(rect.Dy(), h),
		row:    make([]uint16, 4*rect.Dx()),
		across: make([]float32, 4*w),
	}
	columns := (rect.Dx() + s.boxX - 1) / s.boxX
	s.sums = make([]uint32, 4*columns)
	s.mean = make([]float32, 4*columns)
	s.horizontal = weigh(rect.Dx(), s.boxX, w)
	s.vertical = weigh(rect.Dy(), s.boxY, h)
	return s
}

// box is the side of the squares to average: as large as leaves the filter a factor of two to three.
func box(from, to int) int { return min(max(from/(2*to), 1), maxBox) }

// add puts the row into the sums.
func (s *scaler) add() {
	if s.curves != nil {
		for i := 0; i < len(s.row); i += 4 {
			s.row[i] = s.curves[0][s.row[i]]
			s.row[i+1] = s.curves[1][s.row[i+1]]
			s.row[i+2] = s.curves[2][s.row[i+2]]
		}
	}
	if !s.dst.Opaque {
		premultiply(s.row)
	}
	s.counts++
	row := s.row
	for i := 0; i+4 <= len(s.sums) && len(row) > 0; i += 4 {
		sum := s.sums[i : i+4 : i+4]
		n := min(4*s.boxX, len(row))
		for j := 0; j+4 <= n; j += 4 {
			px := row[j : j+4 : j+4]
			sum[0] += uint32(px[0])
			sum[1] += uint32(px[1])
			sum[2] += uint32(px[2])
			sum[3] += uint32(px[3])
		}
		row = row[n:]
	}
}

func premultiply(row []uint16) {
	for i := 0; i < len(row); i += 4 {
		a := uint32(row[i+3])
		if a == 0xffff {
			continue
		}
		for c := range 3 {
			row[i+c] = uint16((uint32(row[i+c])*a + 0x7fff) / 0xffff)
		}
	}
}

// flush averages the sums, filters the averaged row across and weighs it into every result row that wants it.
func (s *scaler) flush() {
	whole := 1 / (float32(s.boxX*s.counts) * 0xffff)
	for i, v := range s.sums {
		s.mean[i] = float32(v) * whole
	}
	if rest := len(s.row)/4 - (len(s.sums)/4-1)*s.boxX; rest != s.boxX {
		for i := len(s.mean) - 4; i < len(s.mean); i++ {
			s.mean[i] *= float32(s.boxX) / float32(rest)
		}
	}
	clear(s.sums)
	s.counts = 0
	for x, t := range s.horizontal {
		var r, g, b, a float32
		px := s.mean[4*t.start:]
		for k, w := range t.weights {
			p := px[4*k : 4*k+4 : 4*k+4]
			r += w * p[0]
			g += w * p[1]
			b += w * p[2]
			a += w * p[3]
		}
		s.across[4*x], s.across[4*x+1], s.across[4*x+2], s.across[4*x+3] = r, g, b, a
	}
	for y := s.first; y < len(s.vertical) && s.vertical[y].start <= s.boxed; y++ {
		k := s.boxed - s.vertical[y].start
		if k >= len(s.vertical[y].weights) {
			if y == s.first {
				s.first++
			}
			continue
		}
		w := s.vertical[y].weights[k]
		out := s.dst.Pix[y*len(s.across) : (y+1)*len(s.across)]
		for i, v := range s.across {
			out[i] += w * v
		}
	}
	s.boxed++
}

// taps are the weights of one result sample over consecutive averaged samples; they add up to 1.
type taps struct {
	start   int
	weights []float32
}

// weigh returns the taps of to results over from samples that were averaged in groups.
func weigh(from, group, to int) []taps {
	n := (from + group - 1) / group
	scale := float64(from) / float64(group) / float64(to)
	stretch := max(scale, 1)
	all := make([]taps, to)
	for i := range all {
		centre := (float64(i) + 0.5) * scale
		lo := max(int(math.Floor(centre-3*stretch)), 0)
		hi := min(int(math.Ceil(centre+3*stretch)), n)
		weights := make([]float32, 0, max(hi-lo, 1))
		sum := 0.0
		for k := lo; k < hi; k++ {
			w := lanczos3((float64(k) + 0.5 - centre) / stretch)
			weights = append(weights, float32(w))
			sum += w
		}
		if sum == 0 { // only with a single sample
			lo, weights, sum = min(lo, n-1), []float32{1}, 1
		}
		for k := range weights {
			weights[k] /= float32(sum)
		}
		all[i] = taps{lo, weights}
	}
	return all
}

func lanczos3(x float64) float64 {
	if x == 0 {
		return 1
	}
	if x <= -3 || x >= 3 {
		return 0
	}
	x *= math.Pi
	return 3 * math.Sin(x) * math.Sin(x/3) / (x * x)
}
