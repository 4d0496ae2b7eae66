package vp8

import (
	"context"
	"image"
)

// Strip is some rows of the picture, an even number unless they are the last: luma, and chroma at half the size. It is valid only during the call that gets it.
type Strip struct {
	// Y is the first row, an even number.
	Y, Height int
	luma      plane
	cb, cr    plane
	width     int
}

// Luma returns row y of the picture, which lies between Y and Y+Height. Only the columns of the region are right.
func (s *Strip) Luma(y int) []byte { return s.luma.row(y-s.Y, s.width) }

// Chroma returns the rows of both planes that serve the rows 2*y and 2*y+1 of the picture.
func (s *Strip) Chroma(y int) (cb, cr []byte) {
	y -= s.Y / 2
	return s.cb.row(y, (s.width+1)/2), s.cr.row(y, (s.width+1)/2)
}

// plane is a buffer for a row of macroblocks of one component, and above it for some lines of the row before.
type plane struct {
	pix    []byte
	stride int
	above  int // lines
}

func newPlane(width, height, above int) plane {
	// A stride that is no power of two spreads the lines over the cache.
	p := plane{stride: width + 40, above: above}
	p.pix = make([]byte, p.stride*(above+height))
	return p
}

// at returns the offset of a sample of the row of macroblocks.
func (p *plane) at(x, y int) int { return (p.above+y)*p.stride + x }

// row returns a line from the top of the buffer.
func (p *plane) row(y, width int) []byte { return p.pix[y*p.stride:][:width] }

// How many lines of a row of macroblocks wait for the next one, whose filter changes three of them.
const (
	lumaWaits   = 8
	chromaWaits = lumaWaits / 2
)

// buffers holds the samples of a row of macroblocks.
type buffers struct {
	planes [3]plane
	last   *line
	strip  Strip
}

// Decode decodes the part of the picture inside region, which is not empty and lies within it, and calls emit with its strips, from top to bottom. It ends early
// with emit's error or the context's. That the data is cut short is told at the end, if not before.
func (d *Decoder) Decode(ctx context.Context, region image.Rectangle, emit func(*Strip) error) error {
	f, err := d.newFrame()
	if err != nil {
		return err
	}
	b := &buffers{last: newLine(f.across), planes: [3]plane{
		newPlane(16*f.across, 16, lumaWaits), newPlane(8*f.across, 8, chromaWaits), newPlane(8*f.across, 8, chromaWaits),
	}}
	row := make([]filtered, f.across)
	right := min((region.Max.X+15)/16+1, f.across) // the first that changes nothing within the region
	for y := range f.down {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if 16*y-lumaWaits >= region.Max.Y { // what is shown is done
			if err := f.passRow(y); err != nil {
				return err
			}
			continue
		}
		if err := f.decodeRow(y, b, row); err != nil {
			return err
		}
		b.filterRow(row[:right], f.simple, y == 0)
		if err := b.emit(y, y == f.down-1, d.Width, region, emit); err != nil {
			return err
		}
	}
	return nil
}

// decodeRow decodes a row of macroblocks into the buffers, without the loop filter, and remembers its last line.
func (f *frame) decodeRow(y int, b *buffers, row []filtered) error {
	r := &f.parts[y&(len(f.parts)-1)]
	f.left = neighbour{}
	var m macroblock
	var c coefficients
	for x := range row {
		f.readMacroblock(r, x, &m, &c)
		f.work.surround(b.last, x, y == 0)
		f.reconstruct(&m, &c, x, y)
		b.store(&f.work, x)
		row[x] = filtered{&f.filters[m.segment][set(m.subblocks)], m.subblocks || c.any}
	}
	b.remember(len(row))
	if r.overrun || f.head.overrun {
		return ErrTruncated
	}
	return nil
}

// passRow reads a row of macroblocks of which nothing is wanted.
func (f *frame) passRow(y int) error {
	r := &f.parts[y&(len(f.parts)-1)]
	f.left = neighbour{}
	var m macroblock
	var c coefficients
	for x := range f.across {
		f.readMacroblock(r, x, &m, &c)
	}
	f.coeffs = [25][16]int16{}
	if r.overrun || f.head.overrun {
		return ErrTruncated
	}
	return nil
}

func (f *frame) readMacroblock(r *boolReader, x int, m *macroblock, c *coefficients) {
	f.readModes(x, m)
	if m.skip {
		f.skipCoefficients(x, m)
		*c = coefficients{}
		return
	}
	f.readCoefficients(r, x, m, c)
}

// store copies a macroblock out of the workspace.
func (b *buffers) store(w *workspace, x int) {
	luma := &b.planes[0]
	to := luma.at(16*x, 0)
	for from := lumaAt; from < lumaAt+16*stride; from += stride {
		copy(luma.pix[to:to+16], w[from:from+16])
		to += luma.stride
	}
	cb, cr := &b.planes[1], &b.planes[2]
	to = cb.at(8*x, 0)
	for y := range 8 {
		copy(cb.pix[to:to+8], w[cbAt+y*stride:])
		copy(cr.pix[to:to+8], w[crAt+y*stride:])
		to += cb.stride
	}
}

// remember keeps the last line for the prediction of the next row.
func (b *buffers) remember(across int) {
	copy(b.last.luma, b.planes[0].row(lumaWaits+15, 16*across))
	end := b.last.luma[16*across-1:]
	for i := range end {
		end[i] = end[0]
	}
	copy(b.last.cb, b.planes[1].row(chromaWaits+7, 8*across))
	copy(b.last.cr, b.planes[2].row(chromaWaits+7, 8*across))
}

// emit delivers the lines that no further filter changes, and moves the others up.
func (b *buffers) emit(y int, last bool, width int, region image.Rectangle, emit func(*Strip) error) error {
	s := &b.strip
	*s = Strip{Y: 16*y - lumaWaits, Height: 16, luma: b.planes[0], cb: b.planes[1], cr: b.planes[2], width: width}
	if last {
		s.Height += lumaWaits
	}
	s.Height = min(s.Height, region.Max.Y-s.Y)
	if above := (region.Min.Y - s.Y) &^ 1; above > 0 {
		s.skip(above)
	}
	if s.Height > 0 {
		if err := emit(s); err != nil {
			return err
		}
	}
	for i := range b.planes {
		p := &b.planes[i]
		copy(p.pix[:p.above*p.stride], p.pix[len(p.pix)-p.above*p.stride:])
	}
	return nil
}

// skip drops rows at the top.
func (s *Strip) skip(rows int) {
	rows = min(rows, s.Height)
	s.Y += rows
	s.Height -= rows
	for i, p := range []*plane{&s.luma, &s.cb, &s.cr} {
		if i > 0 {
			p.pix = p.pix[rows/2*p.stride:]
		} else {
			p.pix = p.pix[rows*p.stride:]
		}
	}
}
