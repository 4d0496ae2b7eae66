package resample

import (
	"context"
	"image"
	"image/color"
)

// FromImage returns m as a Source, which keeps it. A video-range picture must be an *image.YCbCr or *image.NYCbCrA.
func FromImage(m image.Image, video bool) Source {
	model := YCbCr
	if video {
		model = Video
	}
	switch m := m.(type) {
	case *image.Gray:
		return grayPicture(m)
	case *image.YCbCr:
		return chromaPicture(m, model)
	}
	row, opaque := pixelRows(m, model)
	return &pixels{bounds: image.Rectangle{Max: m.Bounds().Size()}, opaque: opaque, row: row}
}

func grayPicture(m *image.Gray) *Picture {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	return &Picture{Width: w, Height: h, Model: Gray, Planes: []Plane{{Grid{w, h, 0, 0, 1, 1}, m.Pix, m.Stride}}}
}

func chromaPicture(m *image.YCbCr, model Model) *Picture {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	unitX, unitY := 1, 1
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		unitX = 2
	case image.YCbCrSubsampleRatio420:
		unitX, unitY = 2, 2
	case image.YCbCrSubsampleRatio440:
		unitY = 2
	case image.YCbCrSubsampleRatio411:
		unitX = 4
	case image.YCbCrSubsampleRatio410:
		unitX, unitY = 4, 2
	}
	chroma := Grid{(w + unitX - 1) / unitX, (h + unitY - 1) / unitY, 0, 0, float64(unitX), float64(unitY)}
	at := m.COffset(m.Rect.Min.X, m.Rect.Min.Y)
	return &Picture{Width: w, Height: h, Model: model, Planes: []Plane{
		{Grid{w, h, 0, 0, 1, 1}, m.Y[m.YOffset(m.Rect.Min.X, m.Rect.Min.Y):], m.YStride},
		{chroma, m.Cb[at:], m.CStride},
		{chroma, m.Cr[at:], m.CStride},
	}}
}

// pixelRow returns the pixels of row y from x0 up to x1, red, green, blue and straight alpha. They are in dst, which has room for them, or
// elsewhere; they may not be changed.
type pixelRow func(y, x0, x1 int, dst []byte) []byte

// pixelRows returns the rows of m, of which (0, 0) is the upper left corner, and whether no pixel is transparent.
func pixelRows(m image.Image, model Model) (pixelRow, bool) {
	switch m := m.(type) {
	case *image.NRGBA:
		return func(y, x0, x1 int, _ []byte) []byte { return m.Pix[y*m.Stride+4*x0 : y*m.Stride+4*x1] }, m.Opaque()
	case *image.RGBA:
		if m.Opaque() {
			return func(y, x0, x1 int, _ []byte) []byte { return m.Pix[y*m.Stride+4*x0 : y*m.Stride+4*x1] }, true
		}
	case *image.NRGBA64:
		return wideRow(m.Pix, m.Stride), m.Opaque()
	case *image.RGBA64:
		if m.Opaque() {
			return wideRow(m.Pix, m.Stride), true
		}
	case *image.Paletted:
		return palettedRow(m), m.Opaque()
	case *image.YCbCr:
		return chromaRow(m, model, nil), true
	case *image.NYCbCrA:
		return chromaRow(&m.YCbCr, model, m), false
	}
	opaque := false
	if o, ok := m.(interface{ Opaque() bool }); ok {
		opaque = o.Opaque()
	}
	return anyRow(m), opaque
}

// wideRow serves the models of 16 bits.
func wideRow(pix []byte, stride int) pixelRow {
	return func(y, x0, x1 int, dst []byte) []byte {
		row := pix[y*stride+8*x0 : y*stride+8*x1]
		for i := 0; i < len(row); i += 2 {
			dst[i/2] = byte(((uint32(row[i])<<8|uint32(row[i+1]))*255 + 0x7fff) / 0xffff)
		}
		return dst[:len(row)/2]
	}
}

func palettedRow(m *image.Paletted) pixelRow {
	var colors [256][4]byte
	for i, c := range m.Palette {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		colors[i] = [4]byte{n.R, n.G, n.B, n.A}
	}
	return func(y, x0, x1 int, dst []byte) []byte {
		for i, v := range m.Pix[y*m.Stride+x0 : y*m.Stride+x1] {
			*(*[4]byte)(dst[4*i:]) = colors[v]
		}
		return dst[:4*(x1-x0)]
	}
}

// chromaRow takes chroma from the nearest sample; the filter that follows smooths it.
func chromaRow(m *image.YCbCr, model Model, alpha *image.NYCbCrA) pixelRow {
	convert := rgbOf(model)
	minX, minY := m.Rect.Min.X, m.Rect.Min.Y
	return func(y, x0, x1 int, dst []byte) []byte {
		for x := x0; x < x1; x++ {
			luma, chroma := m.YOffset(minX+x, minY+y), m.COffset(minX+x, minY+y)
			px := (*[4]byte)(dst[4*(x-x0):])
			px[0], px[1], px[2] = convert([4]byte{m.Y[luma], m.Cb[chroma], m.Cr[chroma]})
			px[3] = 255
			if alpha != nil {
				px[3] = alpha.A[alpha.AOffset(minX+x, minY+y)]
			}
		}
		return dst[:4*(x1-x0)]
	}
}

// anyRow serves every other model through the interface.
func anyRow(m image.Image) pixelRow {
	at := m.Bounds().Min
	return func(y, x0, x1 int, dst []byte) []byte {
		for x := x0; x < x1; x++ {
			n := color.NRGBAModel.Convert(m.At(at.X+x, at.Y+y)).(color.NRGBA)
			*(*[4]byte)(dst[4*(x-x0):]) = [4]byte{n.R, n.G, n.B, n.A}
		}
		return dst[:4*(x1-x0)]
	}
}

// pixels is a Source whose samples lie pixel by pixel.
type pixels struct {
	bounds image.Rectangle
	opaque bool
	row    pixelRow
}

func (p *pixels) Bounds() image.Rectangle { return p.bounds }

func (p *pixels) Open(rect image.Rectangle, size image.Point, _ int) (Reader, error) {
	buffer := make([]byte, 4*rect.Dx())
	r := newPixelReader(rect, size, 4, func(ctx context.Context, row func([]byte)) error {
		for y := rect.Min.Y; y < rect.Max.Y; y++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			row(p.row(y, rect.Min.X, rect.Max.X, buffer))
		}
		return nil
	})
	r.alpha = !p.opaque
	return r, nil
}

// NewPixelReader returns a reader for a [Source] that has rows of pixels of 3 bytes, red, green and blue, or of 4, with straight alpha. Read calls row with those
// of rect from top to bottom, and a byte behind each. The rest is as for [Source.Open].
func NewPixelReader(rect image.Rectangle, size image.Point, pixel int, read func(ctx context.Context, row func([]byte)) error) Reader {
	return newPixelReader(rect, size, pixel, read)
}

func newPixelReader(rect image.Rectangle, size image.Point, pixel int, read func(ctx context.Context, row func([]byte)) error) *pixelReader {
	return &pixelReader{read: read, rect: rect, pixel: pixel, alpha: pixel == 4, box: box{
		x: boxSide(float64(rect.Dx()) / float64(size.X)),
		y: boxSide(float64(rect.Dy()) / float64(size.Y)),
	}}
}

type pixelReader struct {
	read  func(ctx context.Context, row func([]byte)) error
	rect  image.Rectangle
	pixel int // bytes
	alpha bool
	box   box
}

func (r *pixelReader) Layout() Layout {
	g := r.box.grid(r.rect, 1, 1)
	if r.alpha {
		return Layout{Model: RGB, Alpha: true, Grids: []Grid{g, g, g, g}}
	}
	return Layout{Model: RGB, Grids: []Grid{g, g, g}}
}

func (r *pixelReader) Read(ctx context.Context, emit func(plane int, row []byte)) error {
	planes := 3
	if r.alpha {
		planes = 4
	}
	mean := newPixelBox(r.box, r.rect.Dx(), r.pixel, planes)
	var buffer []byte
	if r.alpha {
		buffer = make([]byte, 4*r.rect.Dx())
	}
	left := r.rect.Dy()
	return r.read(ctx, func(row []byte) {
		if r.alpha {
			premultiply(buffer, row[:len(buffer)])
			row = buffer
		}
		left--
		if mean.add(row, left == 0) {
			for i, plane := range mean.planes {
				emit(i, plane)
			}
		}
	})
}

func premultiply(dst, src []byte) {
	for i := 0; i+4 <= len(src); i += 4 {
		s, d := (*[4]byte)(src[i:]), (*[4]byte)(dst[i:])
		a := uint32(s[3])
		if a == 255 {
			*d = *s
			continue
		}
		d[0], d[1], d[2], d[3] = times(s[0], a), times(s[1], a), times(s[2], a), byte(a)
	}
}

// times returns v*a/255, rounded.
func times(v byte, a uint32) byte { return byte((uint32(v)*a + 127) / 255) }
