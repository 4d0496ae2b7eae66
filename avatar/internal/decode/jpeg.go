package decode

import (
	"context"
	"errors"
	"image"

	"github.com/cruddur/avatarkit/avatar/internal/jpeg"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// decodeJPEG reads the header. The pixels are decoded each time that the source is read, at the scale that the reading needs.
func decodeJPEG(data []byte) (Result, error) {
	d, err := jpeg.NewDecoder(data)
	if err != nil {
		return Result{}, err
	}
	return Result{Rows: &jpegSource{data: data, header: d, bounds: image.Rect(0, 0, d.Width, d.Height)}}, nil
}

type jpegSource struct {
	data    []byte
	header  *jpeg.Decoder // for the first reading; nil afterwards
	bounds  image.Rectangle
	damaged bool
}

func (s *jpegSource) Bounds() image.Rectangle { return s.bounds }

// Damaged says that a reading found parts of the picture missing.
func (s *jpegSource) Damaged() bool { return s.damaged }

func (s *jpegSource) Open(rect image.Rectangle, size image.Point, chroma int) (resample.Reader, error) {
	d := s.header
	s.header = nil
	if d == nil {
		var err error
		if d, err = jpeg.NewDecoder(s.data); err != nil {
			return nil, err
		}
	}
	r := &jpegReader{source: s, decoder: d}
	r.options.Region = rect
	scaleX, scaleY := float64(rect.Dx())/float64(size.X), float64(rect.Dy())/float64(size.Y)
	for i := range d.Components() {
		h, v, hmax, vmax := d.Sampling(i)
		unitX, unitY := float64(hmax)/float64(h), float64(vmax)/float64(v)
		want, isChroma := 1.0, (i == 1 || i == 2) && (d.Model == jpeg.YCbCr || d.Model == jpeg.YCCK)
		if isChroma {
			want = float64(chroma)
		}
		points := pointsFor(min(scaleX/unitX, scaleY/unitY)*want, isChroma)
		r.options.Points[i] = points
		r.layout.Grids = append(r.layout.Grids, resample.Grid{UnitX: unitX * 8 / float64(points), UnitY: unitY * 8 / float64(points)})
	}
	planes, err := d.Planes(r.options)
	if err != nil {
		return nil, err
	}
	for i, p := range planes {
		g := &r.layout.Grids[i]
		g.Width, g.Height = p.Dx(), p.Dy()
		g.X, g.Y = float64(p.Min.X)*g.UnitX, float64(p.Min.Y)*g.UnitY
	}
	r.layout.Model = map[jpeg.Model]resample.Model{
		jpeg.Gray: resample.Gray, jpeg.YCbCr: resample.YCbCr, jpeg.RGB: resample.RGB, jpeg.CMYK: resample.CMYK, jpeg.YCCK: resample.YCCK,
	}[d.Model]
	return r, nil
}

// The filter must have something left to do: what the smaller transforms keep differs a little from what Lanczos keeps, and shows least when it is reduced
// again. So a plane is decoded larger than the result by at least these factors, for 1, 2, 3, 4 and 6 points. They keep luma's mean difference from a
// whole decode below a tenth of a level, and at the low ends of 1 and 2 points below half of one; chroma may be nearer, since nobody sees
// its fine detail.
var (
	scales = [...]int{1, 2, 3, 4, 6}
	spare  = [...]float64{1.4, 1.4, 1.65, 1.5, 1.6875}
)

const spareChroma = 1.125

// pointsFor returns how many samples a side a block is to become in a plane that is then made smaller, by so much with the transform included.
func pointsFor(scale float64, chroma bool) int {
	for i, n := range scales {
		left := scale * float64(n) / 8
		if left >= spare[i] || chroma && left >= spareChroma {
			return n
		}
	}
	return 8
}

type jpegReader struct {
	source  *jpegSource
	decoder *jpeg.Decoder
	options jpeg.Options
	layout  resample.Layout
}

func (r *jpegReader) Layout() resample.Layout { return r.layout }

func (r *jpegReader) Read(ctx context.Context, emit func(plane int, row []byte)) error {
	invert := r.decoder.Model == jpeg.CMYK && !r.decoder.Inverted
	err := r.decoder.Decode(ctx, r.options, func(strip jpeg.Strip) error {
		for i := range strip {
			for y := strip[i].Y; y < strip[i].Y+strip[i].Height; y++ {
				row := strip[i].Row(y)
				if invert {
					for x := range row {
						row[x] ^= 0xff
					}
				}
				emit(i, row)
			}
		}
		return nil
	})
	var damage *jpeg.DamageError
	if errors.As(err, &damage) && damage.Good > 0 {
		r.source.damaged = true
		return nil
	}
	return err
}
