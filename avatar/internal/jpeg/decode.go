package jpeg

import (
	"cmp"
	"context"
	"image"
)

// Options says what to decode.
type Options struct {
	// Region is the part of the picture that is wanted, in its own pixels. Empty means all of it.
	Region image.Rectangle
	// Points is how many samples a side each component's blocks become, its scale in eighths: 1, 2, 3, 4, 6 or 8. Zero means 8.
	Points [4]int
}

// Rows is what a [Strip] holds of one component: samples of the component's own, scaled, grid. They cover the wanted region, extended to whole blocks but not
// beyond the component's size.
type Rows struct {
	X, Y          int // of the first sample
	Width, Height int
	Pix           []byte
	Stride        int
}

// Row returns row y of the component, which lies between Y and Y+Height.
func (r *Rows) Row(y int) []byte {
	at := (y - r.Y) * r.Stride
	return r.Pix[at : at+r.Width]
}

// Strip is what one row of MCUs gives: rows for each component, in the frame's order. It is valid only during the call that gets it.
type Strip []Rows

// Components returns how many components the frame has: 1, 3 or 4.
func (d *Decoder) Components() int { return len(d.comps) }

// PlaneSize returns the size of a component whose blocks become so many samples a side.
func (d *Decoder) PlaneSize(component, points int) image.Point {
	c := d.comps[component]
	return image.Pt(ceilDiv(c.width*points, 8), ceilDiv(c.height*points, 8))
}

// Sampling returns the sampling factors of a component and the greatest of all.
func (d *Decoder) Sampling(component int) (h, v, hmax, vmax int) {
	c := d.comps[component]
	return c.h, c.v, d.hmax, d.vmax
}

// Planes returns what Decode will deliver of each component: a rectangle of the component's own, scaled, samples.
func (d *Decoder) Planes(opts Options) ([]image.Rectangle, error) {
	out, err := d.newOutput(opts, nil)
	if err != nil {
		return nil, err
	}
	planes := make([]image.Rectangle, len(out.planes))
	for i, p := range out.planes {
		tall := d.comps[i].v * p.size
		planes[i] = image.Rect(p.rows.X, out.top*tall, p.rows.X+p.rows.Width, min(out.bottom*tall, p.height))
	}
	return planes, nil
}

// plane is the output of one component: the part of its blocks that is wanted and the buffer for a row of MCUs.
type plane struct {
	size   int // samples a side of a scaled block
	left   int // the first wanted column of blocks
	right  int // behind the last
	last   int // the last coefficient that the scale needs, in zigzag order
	quant  [64]int32
	rows   Rows
	height int // of the whole component, scaled
}

// output is the state of one Decode.
type output struct {
	d           *Decoder
	planes      []plane
	strip       Strip
	top, bottom int // rows of MCUs that are wanted
	left, right int // columns of MCUs that are wanted
	scratch     block
	emit        func(Strip) error
}

// Decode decodes what opts asks for and calls emit with each strip, from top to bottom. Damage in the data is no reason not to deliver: all rows come,
// and then a [*DamageError]. It ends early with emit's error or the context's.
func (d *Decoder) Decode(ctx context.Context, opts Options, emit func(Strip) error) error {
	out, err := d.newOutput(opts, emit)
	if err != nil {
		return err
	}
	d.at = d.first
	s, err := d.scanHere()
	if err != nil {
		return err
	}
	if d.Progressive || len(s.comps) < len(d.comps) {
		return d.decodeScans(ctx, s, out)
	}
	return d.decodeSequential(ctx, s, out)
}

func (d *Decoder) newOutput(opts Options, emit func(Strip) error) (*output, error) {
	region := opts.Region.Intersect(image.Rect(0, 0, d.Width, d.Height))
	if opts.Region.Empty() {
		region = image.Rect(0, 0, d.Width, d.Height)
	}
	out := &output{d: d, emit: emit, planes: make([]plane, len(d.comps)), strip: make(Strip, len(d.comps))}
	out.left, out.right = region.Min.X/(8*d.hmax), ceilDiv(region.Max.X, 8*d.hmax)
	out.top, out.bottom = region.Min.Y/(8*d.vmax), ceilDiv(region.Max.Y, 8*d.vmax)
	for i := range out.planes {
		c, p := d.comps[i], &out.planes[i]
		p.size = cmp.Or(opts.Points[i], 8)
		if p.size < 1 || p.size > 8 || p.size == 5 || p.size == 7 {
			return nil, FormatError("a scale is not 1, 2, 3, 4, 6 or 8 eighths")
		}
		if !d.hasQuant[c.tq] {
			return nil, FormatError("a component uses a quantization table that is not defined")
		}
		p.last = lastNeeded[p.size]
		for k, q := range d.quant[c.tq] {
			p.quant[k] = int32(q)
		}
		p.left, p.right = out.left*c.h, out.right*c.h
		total := d.PlaneSize(i, p.size)
		p.height = total.Y
		p.rows.X = p.left * p.size
		p.rows.Stride = (p.right - p.left) * p.size
		p.rows.Width = min(p.right*p.size, total.X) - p.rows.X
		if emit != nil {
			p.rows.Pix = make([]byte, p.rows.Stride*c.v*p.size)
		}
	}
	return out, nil
}

// flush delivers the row of MCUs my.
func (o *output) flush(my int) error {
	for i := range o.planes {
		p := &o.planes[i]
		tall := o.d.comps[i].v * p.size
		p.rows.Y = my * tall
		p.rows.Height = max(min(tall, p.height-p.rows.Y), 0)
		o.strip[i] = p.rows
	}
	return o.emit(o.strip)
}

// transform writes the block in scratch to column bx and row by of the component's blocks, by counting within the row of MCUs, and clears it. Wrote is the
// index of the last coefficient in zigzag order that may not be zero.
func (o *output) transform(p *plane, bx, by, wrote int) {
	at := by*p.size*p.rows.Stride + (bx-p.left)*p.size
	dst, stride, b := p.rows.Pix[at:], p.rows.Stride, &o.scratch
	if wrote == 0 {
		fill(dst, stride, p.size, mean(b[0]))
		b[0] = 0
		return
	}
	switch p.size {
	case 8:
		idct8(b, wrote, dst, stride)
	case 6:
		idct6(b, dst, stride)
	case 4:
		idct4(b, dst, stride)
	case 3:
		idct3(b, dst, stride)
	case 2:
		idct2(b, dst, stride)
		b[0], b[1], b[8], b[9], b[16] = 0, 0, 0, 0, 0
		return
	case 1:
		idct1(b, dst)
		b[0] = 0
		return
	}
	*b = block{} // also what was read on the way and not used
}

// lastLow is the last index in zigzag order before which all coefficients lie in the upper left 4x4.
const lastLow = 9

// columnsUpTo returns how many columns of a block, an even number, the coefficients up to an index in zigzag order reach into.
func columnsUpTo(index int) int {
	switch {
	case index <= lastLow:
		return 4
	case index <= 20:
		return 6
	}
	return 8
}

// fill writes a square of equal samples.
func fill(dst []byte, stride, size int, v byte) {
	switch size {
	case 8:
		for y := range 8 {
			row := dst[y*stride : y*stride+8 : y*stride+8]
			row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = v, v, v, v, v, v, v, v
		}
	case 1:
		dst[0] = v
	default:
		for y := range size {
			row := dst[y*stride : y*stride+size]
			for x := range row {
				row[x] = v
			}
		}
	}
}

// damage turns what a decode has seen of its blocks into an error, or nil.
func (d *Decoder) damage(good, blocks int) error {
	if good == blocks {
		return nil
	}
	marker, _ := nextMarker(d.data, d.bits.next)
	return &DamageError{Good: good, Blocks: blocks, Truncated: marker == 0}
}
