package vp8l

import "context"

// The transforms (section 3.5).
const (
	kindPredictor = iota
	kindColor
	kindSubtractGreen
	kindIndexing
	transformKinds
)

// transform undoes what the encoder did to the pixels, row by row.
type transform struct {
	kind  uint32
	width int    // of the rows that it makes
	bits  uint   // log2 of the side of a block, or of how many pixels one holds
	modes []byte // of prediction, by block
	mixes []uint32
	// rows are the last two of the prediction, with a pixel more.
	rows [2][]uint32
	// colors is the table of indexing, transparent behind its end. Wide is room for a row.
	colors *[256]uint32
	wide   []uint32
}

// readTransform reads what belongs to a transform of rows of a width. Before it the width may be less.
func (r *bitReader) readTransform(ctx context.Context, kind uint32, width, height int) (t *transform, coded int, err error) {
	t = &transform{kind: kind, width: width}
	switch kind {
	case kindPredictor, kindColor:
		t.bits = uint(r.bits(3)) + 2
		across, down := blocks(width, t.bits), blocks(height, t.bits)
		if kind == kindPredictor {
			t.modes = make([]byte, across*down)
			t.rows = [2][]uint32{make([]uint32, width+1), make([]uint32, width+1)}
		} else {
			t.mixes = make([]uint32, across*down)
		}
		err = r.readPixels(ctx, across, down, func(y int, row []uint32) error {
			if kind == kindColor {
				copy(t.mixes[y*across:], row)
				return nil
			}
			for x, px := range row {
				t.modes[y*across+x] = byte(px>>8) & 15
			}
			return nil
		})
	case kindIndexing:
		err = t.readColors(ctx, r)
		t.wide = make([]uint32, width)
		return t, blocks(width, t.bits), err
	}
	return t, width, err
}

// readColors reads the table, in which every colour is the difference to the one before.
func (t *transform) readColors(ctx context.Context, r *bitReader) error {
	n := int(r.bits(8)) + 1
	switch {
	case n <= 2:
		t.bits = 3
	case n <= 4:
		t.bits = 2
	case n <= 16:
		t.bits = 1
	}
	t.colors = new([256]uint32)
	return r.readPixels(ctx, n, 1, func(_ int, row []uint32) error {
		last := uint32(0)
		for i, px := range row {
			last = add(last, px)
			t.colors[i] = last
		}
		return nil
	})
}

// undo returns the row that row y came from. It may change its argument, and what it returns is valid until the next call.
func (t *transform) undo(y int, row []uint32) []uint32 {
	switch t.kind {
	case kindPredictor:
		t.predict(y, row)
	case kindColor:
		t.unmix(y, row)
	case kindSubtractGreen:
		for i, px := range row {
			green := px >> 8 & 0xff
			row[i] = px&0xff00ff00 | (px&0x00ff00ff+green<<16+green)&0x00ff00ff
		}
	case kindIndexing:
		return t.lookUp(row)
	}
	return row
}

// unmix adds to red and blue what was taken from them in proportion to green and red (section 3.5.2).
func (t *transform) unmix(y int, row []uint32) {
	across := blocks(t.width, t.bits)
	mixes := t.mixes[(y>>t.bits)*across:][:across]
	mixed := func(factor uint32, of uint32) uint32 { return uint32(int32(int8(factor)) * int32(int8(of)) >> 5) }
	for _, mix := range mixes {
		block := row[:min(1<<t.bits, len(row))]
		row = row[len(block):]
		greenToRed, greenToBlue, redToBlue := mix, mix>>8, mix>>16
		if mix&0xffffff == 0 {
			continue
		}
		for i, px := range block {
			green := px >> 8
			red := px>>16 + mixed(greenToRed, green)
			blue := px + mixed(greenToBlue, green) + mixed(redToBlue, red)
			block[i] = px&0xff00ff00 | red&0xff<<16 | blue&0xff
		}
	}
}

// lookUp takes the colours out of the table, by the green of the pixels (section 3.5.4).
func (t *transform) lookUp(row []uint32) []uint32 {
	if t.bits == 0 {
		for i, px := range row {
			row[i] = t.colors[px>>8&0xff]
		}
		return row
	}
	size := uint(8) >> t.bits // of an index
	mask, each := uint32(1)<<size-1, 1<<t.bits
	wide := t.wide
	for _, px := range row {
		px = px >> 8 & 0xff
		n := min(each, len(wide))
		for i := range wide[:n] {
			wide[i] = t.colors[px&mask]
			px >>= size
		}
		wide = wide[n:]
	}
	return t.wide
}

// add adds the four parts of pixels.
func add(a, b uint32) uint32 {
	return (a&0xff00ff00+b&0xff00ff00)&0xff00ff00 | (a&0x00ff00ff+b&0x00ff00ff)&0x00ff00ff
}
