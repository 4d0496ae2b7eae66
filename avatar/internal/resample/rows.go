// Package resample makes a smaller (or larger) picture of a part of another one: with Lanczos 3, premultiplied alpha, 16 bits in, 32 bit floating point out.
//
// It reads the source once, row by row from top to bottom, and keeps only sums of the size of the result, so its memory does not
// depend on the source. A source much larger than the result is first averaged over whole squares of pixels, which costs one
// addition a sample, so that the filter has at most a few of them to weigh.
package resample

import (
	"image"
	"image/color"
)

// Rows is a picture that can be read in rows. Straight (not premultiplied) RGBA, 16 bits a sample.
type Rows interface {
	// Bounds is the picture's size; it starts at (0, 0).
	Bounds() image.Rectangle
	// Opaque says that every alpha is 0xffff.
	Opaque() bool
	// Row writes the pixels of row y from x0 up to x1 into dst. Rows are asked for once each, in increasing order.
	Row(y, x0, x1 int, dst []uint16) error
}

// FromImage returns the rows of m. A video-range picture (as VP8 codes it: luma 16 to 235) must be an *image.YCbCr or *image.NYCbCrA.
func FromImage(m image.Image, videoRange bool) Rows {
	base := imageRows{bounds: m.Bounds()}
	switch m := m.(type) {
	case *image.NRGBA:
		return &nrgbaRows{base, m.Pix, m.Stride, m.Opaque()}
	case *image.RGBA:
		if m.Opaque() {
			return &nrgbaRows{base, m.Pix, m.Stride, true}
		}
	case *image.YCbCr:
		return newYCbCrRows(base, m, nil, 0, videoRange)
	case *image.NYCbCrA:
		return newYCbCrRows(base, &m.YCbCr, m.A, m.AStride, videoRange)
	case *image.Gray:
		return &grayRows{base, m}
	case *image.Paletted:
		return newPalettedRows(base, m)
	case *image.CMYK:
		return &cmykRows{base, m}
	}
	opaque := false
	if o, ok := m.(interface{ Opaque() bool }); ok {
		opaque = o.Opaque()
	}
	return &anyRows{base, m, opaque}
}

type imageRows struct{ bounds image.Rectangle }

func (r imageRows) Bounds() image.Rectangle { return image.Rectangle{Max: r.bounds.Size()} }

type nrgbaRows struct {
	imageRows
	pix    []byte
	stride int
	opaque bool
}

func (r *nrgbaRows) Opaque() bool { return r.opaque }

func (r *nrgbaRows) Row(y, x0, x1 int, dst []uint16) error {
	src := r.pix[y*r.stride+4*x0 : y*r.stride+4*x1]
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = uint16(v) * 0x101
	}
	return nil
}

type grayRows struct {
	imageRows
	m *image.Gray
}

func (r *grayRows) Opaque() bool { return true }

func (r *grayRows) Row(y, x0, x1 int, dst []uint16) error {
	for i, v := range r.m.Pix[y*r.m.Stride+x0 : y*r.m.Stride+x1] {
		g := uint16(v) * 0x101
		dst[4*i], dst[4*i+1], dst[4*i+2], dst[4*i+3] = g, g, g, 0xffff
	}
	return nil
}

type palettedRows struct {
	imageRows
	m      *image.Paletted
	colors [256][4]uint16
	opaque bool
}

func newPalettedRows(base imageRows, m *image.Paletted) *palettedRows {
	r := &palettedRows{imageRows: base, m: m, opaque: m.Opaque()}
	for i, c := range m.Palette {
		n := color.NRGBA64Model.Convert(c).(color.NRGBA64)
		r.colors[i] = [4]uint16{n.R, n.G, n.B, n.A}
	}
	return r
}

func (r *palettedRows) Opaque() bool { return r.opaque }

func (r *palettedRows) Row(y, x0, x1 int, dst []uint16) error {
	for i, v := range r.m.Pix[y*r.m.Stride+x0 : y*r.m.Stride+x1] {
		copy(dst[4*i:4*i+4], r.colors[v][:])
	}
	return nil
}

type cmykRows struct {
	imageRows
	m *image.CMYK
}

func (r *cmykRows) Opaque() bool { return true }

func (r *cmykRows) Row(y, x0, x1 int, dst []uint16) error {
	src := r.m.Pix[y*r.m.Stride+4*x0 : y*r.m.Stride+4*x1]
	for i := 0; i < len(src); i += 4 {
		k := uint32(255 - src[i+3])
		for c := range 3 {
			dst[i+c] = uint16(uint32(255-src[i+c]) * k * 0xffff / (255 * 255))
		}
		dst[i+3] = 0xffff
	}
	return nil
}

// anyRows serves every other model through the interface, 16-bit PNG among them.
type anyRows struct {
	imageRows
	m      image.Image
	opaque bool
}

func (r *anyRows) Opaque() bool { return r.opaque }

func (r *anyRows) Row(y, x0, x1 int, dst []uint16) error {
	switch m := r.m.(type) {
	case *image.NRGBA64:
		row := m.Pix[y*m.Stride+8*x0 : y*m.Stride+8*x1]
		for i := 0; i < len(row); i += 2 {
			dst[i/2] = uint16(row[i])<<8 | uint16(row[i+1])
		}
		return nil
	case *image.RGBA64:
		if !r.opaque {
			break
		}
		row := m.Pix[y*m.Stride+8*x0 : y*m.Stride+8*x1]
		for i := 0; i < len(row); i += 2 {
			dst[i/2] = uint16(row[i])<<8 | uint16(row[i+1])
		}
		return nil
	}
	for x := x0; x < x1; x++ {
		n := color.NRGBA64Model.Convert(r.m.At(r.bounds.Min.X+x, r.bounds.Min.Y+y)).(color.NRGBA64)
		dst[0], dst[1], dst[2], dst[3] = n.R, n.G, n.B, n.A
		dst = dst[4:]
	}
	return nil
}
