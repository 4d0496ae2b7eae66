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
		want := 1.0
		if i == 1 || i == 2 {
			switch d.Model {
			case jpeg.YCbCr, jpeg.YCCK:
				want = float64(chroma)
			}
		}
		shrink := shrinkFor(min(scaleX/unitX, scaleY/unitY) * want)
		r.options.Shrink[i] = shrink
		r.layout.Grids = append(r.layout.Grids, resample.Grid{UnitX: unitX * float64(shrink), UnitY: unitY * float64(shrink)})
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

// shrinkFor returns the scale to decode at when a plane is to be made smaller by so much. The filter must have something left to do: what the
// smaller transforms keep differs a little from what Lanczos keeps, and shows least when it is reduced again.
func shrinkFor(scale float64) int {
	switch {
	case scale >= 9:
		return 8
	case scale >= 5:
		return 4
	case scale >= 3:
		return 2
	}
	return 1
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
