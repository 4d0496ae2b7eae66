package resample

import (
	"context"
	"image"
	"math"
)

// Curves turn encoded samples into linear light, each of 16 bits.
type Curves = [3]*[1 << 16]uint16

// ScaleLinear is Scale for light: curves turn red, green and blue into what the filter mixes, and encode turns the mixture, nominally 0 to 1 though the
// filter overshoots at sharp edges, into sRGB. It computes in floating point, and a source much larger than the result is first averaged
// over whole squares of pixels. The result is RGB.
func ScaleLinear(ctx context.Context, src Source, rect image.Rectangle, size image.Point, curves *Curves, encode func(r, g, b float32) (float32, float32, float32)) (*Picture, error) {
	reader, err := src.Open(rect, rect.Size(), 1)
	if err != nil {
		return nil, err
	}
	layout := reader.Layout()
	s := newScaler(layout.Alpha, rect, size, curves)
	joined := newJoiner(layout, rect, s.row, func(y int) {
		s.add()
		if (y+1)%s.boxY == 0 || y == rect.Dy()-1 {
			s.flush()
		}
	})
	if err := reader.Read(ctx, joined.add); err != nil {
		return nil, err
	}
	return s.picture(encode), nil
}

// scaler holds the state of one Scale: source row -> sums over squares -> row filtered across -> weighed into the result.
type scaler struct {
	size       image.Point
	alpha      bool
	result     []float32 // the result, premultiplied red, green, blue, alpha
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

func newScaler(alpha bool, rect image.Rectangle, size image.Point, curves *Curves) *scaler {
	w, h := size.X, size.Y
	s := &scaler{
		size: size, alpha: alpha, result: make([]float32, 4*w*h),
		curves: curves,
		boxX:   linearBox(rect.Dx(), w),
		boxY:   linearBox(rect.Dy(), h),
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

// linearBox is the side of the squares to average: as large as leaves the filter a factor of two or more, and their sums 32 bits.
func linearBox(from, to int) int { return min(max(from/(2*to), 1), 64) }

// add puts the row into the sums.
func (s *scaler) add() {
	if s.curves != nil {
		for i := 0; i < len(s.row); i += 4 {
			s.row[i] = s.curves[0][s.row[i]]
			s.row[i+1] = s.curves[1][s.row[i+1]]
			s.row[i+2] = s.curves[2][s.row[i+2]]
		}
	}
	if s.alpha {
		premultiplyWide(s.row)
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

func premultiplyWide(row []uint16) {
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
		out := s.result[y*len(s.across) : (y+1)*len(s.across)]
		for i, v := range s.across {
			out[i] += w * v
		}
	}
	s.boxed++
}

// picture rounds the result.
func (s *scaler) picture(encode func(r, g, b float32) (float32, float32, float32)) *Picture {
	p := newPicture(RGB, s.alpha, s.size, 1)
	for i := range p.Planes[0].Pix {
		px := (*[4]float32)(s.result[4*i:])
		a := float32(1)
		if s.alpha {
			a = unit(px[3])
			p.Planes[3].Pix[i] = byte(a*255 + 0.5)
		}
		if a == 0 {
			continue
		}
		r, g, b := encode(unit(px[0]/a), unit(px[1]/a), unit(px[2]/a))
		for c, v := range [3]float32{r, g, b} {
			p.Planes[c].Pix[i] = byte(unit(v)*a*255 + 0.5)
		}
	}
	return p
}

func unit(v float32) float32 { return min(max(v, 0), 1) }

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
