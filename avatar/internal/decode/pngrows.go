package decode

import (
	"context"
	"encoding/binary"
	"errors"
	"image"

	"github.com/cruddur/avatarkit/avatar/internal/inflate"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// pngRows is a PNG of 8 bits a sample, RGB or RGBA, not interlaced: what programs write most. It is decompressed row by row each time it is read, and
// what lies right of the part that is read is not looked at. All other kinds go to image/png.
type pngRows struct {
	bounds  image.Rectangle
	pixel   int      // bytes
	data    [][]byte // the zlib stream, in parts
	damaged bool
}

// newPNGRows returns nil for a file of another kind. Its chunks are whole.
func newPNGRows(data []byte) *pngRows {
	const headerEnd = len(pngSignature) + 8 + 13
	if len(data) < headerEnd {
		return nil
	}
	header := data[headerEnd-13 : headerEnd]
	w, h := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:])
	p := &pngRows{bounds: image.Rect(0, 0, int(w), int(h))}
	switch {
	case header[8] != 8 || header[10] != 0 || header[11] != 0 || header[12] != 0:
		return nil
	case header[9] == 2:
		p.pixel = 3
	case header[9] == 6:
		p.pixel = 4
	default:
		return nil
	}
	for pos := len(pngSignature); pos+12 <= len(data); {
		end := pos + 8 + int(binary.BigEndian.Uint32(data[pos:]))
		switch kind := string(data[pos+4 : pos+8]); kind {
		case "IDAT":
			p.data = append(p.data, data[pos+8:end])
		case "tRNS", "CgBI": // a transparent colour, or what Apple's tools make of PNG
			return nil
		case "IEND":
			return p.withStream()
		}
		pos = end + 4
	}
	return nil
}

// withStream checks the header of the zlib stream (RFC 1950 section 2.2) and passes over it.
func (p *pngRows) withStream() *pngRows {
	for header := 2; header > 0; {
		if len(p.data) == 0 {
			return nil
		}
		if len(p.data[0]) == 0 {
			p.data = p.data[1:]
			continue
		}
		b := p.data[0][0]
		if header == 2 && b&15 != 8 || header == 1 && b&0x20 != 0 {
			return nil
		}
		p.data[0] = p.data[0][1:]
		header--
	}
	return p
}

func (p *pngRows) Bounds() image.Rectangle { return p.bounds }

// Damaged says that a reading found the data to end early.
func (p *pngRows) Damaged() bool { return p.damaged }

func (p *pngRows) Open(rect image.Rectangle, size image.Point, _ int) (resample.Reader, error) {
	return resample.NewPixelReader(rect, size, p.pixel, func(ctx context.Context, row func([]byte)) error {
		return p.read(ctx, rect, row)
	}), nil
}

// read calls row with the pixels of each row of rect, and a byte more.
func (p *pngRows) read(ctx context.Context, rect image.Rectangle, row func([]byte)) error {
	line := 1 + p.bounds.Dx()*p.pixel
	used := rect.Max.X * p.pixel
	// Before the first pixel of a row, and above the first row, everything is zero (PNG third edition, section 9.2).
	above, here := make([]byte, p.pixel+used+1), make([]byte, p.pixel+used+1)
	stream := inflate.NewReader(append([][]byte(nil), p.data...), line)
	var failed error
	for y := range rect.Max.Y {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if failed == nil {
			var src []byte
			if src, failed = stream.Next(line); failed == nil {
				failed = unfilter(here[:p.pixel+used], above[:p.pixel+used], src[1:1+used], src[0], p.pixel)
			}
			if failed != nil && y == 0 {
				return failed
			}
		}
		if failed != nil {
			p.damaged = true
			clear(here)
		}
		if y >= rect.Min.Y {
			row(here[p.pixel*(1+rect.Min.X):])
		}
		above, here = here, above
	}
	return nil
}

var errPNGFilter = errors.New("png: unknown filter")

// unfilter undoes the filter of a row (section 9.2). Dst and above begin with a pixel of zeros.
func unfilter(dst, above, src []byte, filter byte, pixel int) error {
	above = above[:len(dst)]
	left, corner := dst[:len(src)], above[:len(src)]
	dst, above = dst[pixel:], above[pixel:]
	dst, above = dst[:len(src)], above[:len(src)]
	switch filter {
	case 0:
		copy(dst, src)
	case 1:
		for i, v := range src {
			dst[i] = v + left[i]
		}
	case 2:
		for i, v := range src {
			dst[i] = v + above[i]
		}
	case 3:
		for i, v := range src {
			dst[i] = v + byte((uint(left[i])+uint(above[i]))/2)
		}
	case 4:
		if pixel == 3 {
			paeth3(dst, above, src)
			return nil
		}
		for i, v := range src {
			dst[i] = v + byte(paeth(int32(left[i]), int32(above[i]), int32(corner[i])))
		}
	default:
		return errPNGFilter
	}
	return nil
}

// paeth3 is Paeth's filter for pixels of three bytes, with what is left of a pixel in variables.
func paeth3(dst, above, src []byte) {
	var a0, a1, a2, c0, c1, c2 int32
	for len(src) >= 3 && len(dst) >= 3 && len(above) >= 3 {
		b0, b1, b2 := int32(above[0]), int32(above[1]), int32(above[2])
		a0 = (int32(src[0]) + paeth(a0, b0, c0)) & 255
		a1 = (int32(src[1]) + paeth(a1, b1, c1)) & 255
		a2 = (int32(src[2]) + paeth(a2, b2, c2)) & 255
		dst[0], dst[1], dst[2] = byte(a0), byte(a1), byte(a2)
		c0, c1, c2 = b0, b1, b2
		dst, above, src = dst[3:], above[3:], src[3:]
	}
}

// paeth returns the one of left a, above b and upper left c that is nearest to a+b-c (section 9.4), a before b before c. Comparing the three distances comes to
// comparing 3c-a-b with a and b, which needs no branches that nobody could predict.
func paeth(a, b, c int32) int32 {
	low, high, limit := min(a, b), max(a, b), 3*c-a-b
	nearest := c
	if limit >= high {
		nearest = low
	}
	if limit <= low {
		nearest = high
	}
	return nearest
}
