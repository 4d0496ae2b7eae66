package decode

import (
	"context"
	"image"

	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
	"github.com/cruddur/avatarkit/avatar/internal/vp8"
	"github.com/cruddur/avatarkit/avatar/internal/vp8l"
)

// decodeWebP reads the header of the first picture. The pixels are decoded each time that the source is read.
func decodeWebP(info *probe.Info, data []byte) (Result, error) {
	frame, err := probe.WebPFrame(data)
	if err != nil {
		return Result{}, err
	}
	s := &webpSource{bounds: info.Bounds(), frame: image.Rect(frame.X, frame.Y, frame.X+frame.Width, frame.Y+frame.Height)}
	if frame.Lossless {
		s.lossless, err = vp8l.NewDecoder(frame.Data)
	} else {
		s.alpha = frame.Alpha
		s.lossy, err = vp8.NewDecoder(frame.Data)
	}
	if err != nil {
		return Result{}, err
	}
	return Result{Rows: s}, nil
}

// webpSource is a lossy or lossless picture on a canvas, which it fills unless the file is an animation.
type webpSource struct {
	bounds   image.Rectangle
	frame    image.Rectangle // on the canvas
	lossy    *vp8.Decoder
	alpha    []byte // of the lossy picture; nil without
	lossless *vp8l.Decoder
}

func (s *webpSource) Bounds() image.Rectangle { return s.bounds }

func (s *webpSource) Open(rect image.Rectangle, size image.Point, chroma int) (resample.Reader, error) {
	whole := s.frame == s.bounds
	if s.lossy != nil && s.alpha == nil && whole {
		return s.openPlanes(rect, size, chroma), nil
	}
	pixel := 4
	if s.lossless != nil && !s.lossless.Alpha && whole {
		pixel = 3
	}
	read := s.readLossy
	if s.lossless != nil {
		read = s.readLossless
	}
	return resample.NewPixelReader(rect, size, pixel, func(ctx context.Context, row func([]byte)) error {
		c := &canvas{rect: rect, frame: s.frame, pixel: pixel, buffer: make([]byte, pixel*rect.Dx()+1), next: rect.Min.Y, row: row}
		if err := read(ctx, c); err != nil {
			return err
		}
		c.emptyUntil(rect.Max.Y)
		return nil
	}), nil
}

// openPlanes leaves the colours as VP8 has them.
func (s *webpSource) openPlanes(rect image.Rectangle, size image.Point, chroma int) resample.Reader {
	w, h := s.bounds.Dx(), s.bounds.Dy()
	luma := resample.Plane{Grid: resample.Grid{Width: w, Height: h, UnitX: 1, UnitY: 1}}
	half := resample.Plane{Grid: resample.Grid{Width: (w + 1) / 2, Height: (h + 1) / 2, UnitX: 2, UnitY: 2}}
	layout := &resample.Picture{Width: w, Height: h, Model: resample.Video, Planes: []resample.Plane{luma, half, half}}
	return resample.NewRowsReader(layout, rect, size, chroma, func(ctx context.Context, row func(plane, y int, samples []byte)) error {
		return s.lossy.Decode(ctx, rect, func(strip *vp8.Strip) error {
			for y := strip.Y; y < strip.Y+strip.Height; y++ {
				row(0, y, strip.Luma(y))
				if y&1 == 0 {
					cb, cr := strip.Chroma(y / 2)
					row(1, y/2, cb)
					row(2, y/2, cr)
				}
			}
			return nil
		})
	})
}

// readLossy reads the picture as pixels, for alpha or because there is more canvas than picture.
func (s *webpSource) readLossy(ctx context.Context, c *canvas) error {
	var alpha *alphaRows
	if s.alpha != nil {
		var err error
		if alpha, err = newAlphaRows(ctx, s.alpha, s.lossy.Width, s.lossy.Height); err != nil {
			return err
		}
	}
	pixels := make([]byte, 4*s.lossy.Width)
	err := s.lossy.Decode(ctx, c.wanted(), func(strip *vp8.Strip) error {
		for y := strip.Y; y < strip.Y+strip.Height; y++ {
			var transparency []byte
			if alpha != nil {
				var err error
				if transparency, err = alpha.row(ctx, y); err != nil {
					return err
				}
			}
			cb, cr := strip.Chroma(y / 2)
			resample.VideoPixels(pixels, strip.Luma(y), cb, cr, transparency)
			c.put(y, pixels)
		}
		return nil
	})
	if err != nil || alpha == nil {
		return err
	}
	return alpha.rest(ctx)
}

func (s *webpSource) readLossless(ctx context.Context, c *canvas) error {
	rows, err := s.lossless.Rows(ctx)
	if err != nil {
		return err
	}
	pixels := make([]byte, 4*s.lossless.Width)
	wanted := c.wanted()
	for y := range wanted.Max.Y {
		row, err := rows.Next(ctx)
		if err != nil {
			return err
		}
		if y < wanted.Min.Y {
			continue
		}
		writePixels(pixels, row, c.pixel, s.lossless.Alpha)
		c.put(y, pixels)
	}
	return rows.Rest(ctx)
}

// writePixels writes pixels of alpha, red, green and blue in the order of bytes, and without alpha as opaque.
func writePixels(dst []byte, src []uint32, pixel int, alpha bool) {
	if pixel == 3 {
		for _, v := range src {
			d := (*[3]byte)(dst)
			d[0], d[1], d[2] = byte(v>>16), byte(v>>8), byte(v)
			dst = dst[3:]
		}
		return
	}
	var opaque uint32
	if !alpha {
		opaque = 0xff000000
	}
	for _, v := range src {
		v |= opaque
		d := (*[4]byte)(dst)
		d[0], d[1], d[2], d[3] = byte(v>>16), byte(v>>8), byte(v), byte(v>>24)
		dst = dst[4:]
	}
}

// canvas delivers the rows of a part of the canvas, given those of the picture that lies on it. It is transparent elsewhere.
type canvas struct {
	rect   image.Rectangle // the part
	frame  image.Rectangle // the picture
	pixel  int             // bytes
	buffer []byte          // a row, and a byte more
	next   int             // the next row of the canvas
	row    func([]byte)
}

// wanted returns the part of the picture that is needed, in its own coordinates, or, if that is nothing, its corner.
func (c *canvas) wanted() image.Rectangle {
	if part := c.rect.Intersect(c.frame); !part.Empty() {
		return part.Sub(c.frame.Min)
	}
	return image.Rect(0, 0, 1, 1)
}

// put delivers row y of the picture, and the empty rows before it.
func (c *canvas) put(y int, pixels []byte) {
	y += c.frame.Min.Y
	part := c.rect.Intersect(c.frame)
	if y < part.Min.Y || y >= part.Max.Y {
		return
	}
	c.emptyUntil(y)
	from, to := c.pixel*(part.Min.X-c.rect.Min.X), c.pixel*(part.Max.X-c.rect.Min.X)
	copy(c.buffer[from:to], pixels[c.pixel*(part.Min.X-c.frame.Min.X):])
	c.row(c.buffer)
	c.next++
	clear(c.buffer[from:to])
}

func (c *canvas) emptyUntil(y int) {
	for ; c.next < y; c.next++ {
		c.row(c.buffer)
	}
}
