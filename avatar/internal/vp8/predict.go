package vp8

import (
	"encoding/binary"
	"math/bits"
)

// workspace holds a macroblock and the samples around it that predict it. Luma is in the columns 16 to 31 of the rows 1 to 16, with what is above it, and four samples
// to the right of that, in row 0; these four continue in the first columns of row 1. Chroma is in the rows 18 to 25, the planes in
// the columns 8 to 15 and 24 to 31. What is left of each is in the column before.
type workspace [26*stride + 8]byte

const (
	stride = 32
	lumaAt = stride + 16
	cbAt   = 18*stride + 8
	crAt   = 18*stride + 24
)

// Outside the picture, what is above is 127 and what is left 129 (section 12.2).
const (
	outsideAbove = 127
	outsideLeft  = 129
)

// line is the last row of samples of a row of macroblocks, before the loop filter.
type line struct {
	luma   []byte // 4 more than there are, equal to the last
	cb, cr []byte
}

func newLine(across int) *line {
	l := &line{make([]byte, 16*across+4), make([]byte, 8*across), make([]byte, 8*across)}
	for _, plane := range [][]byte{l.luma, l.cb, l.cr} {
		for i := range plane {
			plane[i] = outsideAbove
		}
	}
	return l
}

// surround puts what is around the macroblock in column x into the workspace. What is left of it is what the workspace held.
func (w *workspace) surround(above *line, x int, top bool) {
	if x == 0 {
		corner := byte(outsideLeft)
		if top {
			corner = outsideAbove
		}
		for _, plane := range [3]struct{ at, size int }{{lumaAt, 16}, {cbAt, 8}, {crAt, 8}} {
			w[plane.at-stride-1] = corner
			for y := range plane.size {
				w[plane.at+y*stride-1] = outsideLeft
			}
		}
	} else {
		for at := lumaAt - stride; at < lumaAt+16*stride; at += stride {
			w[at-1] = w[at+15]
		}
		for at := cbAt - stride; at < cbAt+8*stride; at += stride {
			w[at-1] = w[at+7]
			w[at+15] = w[at+23]
		}
	}
	copy(w[lumaAt-stride:lumaAt-stride+20], above.luma[16*x:])
	copy(w[cbAt-stride:cbAt-stride+8], above.cb[8*x:])
	copy(w[crAt-stride:crAt-stride+8], above.cr[8*x:])
	// For the subblocks at the right edge, what is to the right above is taken from the row of macroblocks above, for all of them.
	for y := 4; y < 16; y += 4 {
		copy(w[lumaAt+y*stride-stride+16:lumaAt+y*stride-stride+20], w[lumaAt-stride+16:])
	}
}

// reconstruct predicts a macroblock and adds its coefficients, which are zero afterwards.
func (f *frame) reconstruct(m *macroblock, c *coefficients, x, y int) {
	w := &f.work
	if m.subblocks {
		for i := range 16 {
			at := lumaAt + i>>2*4*stride + i&3*4
			w.predictSubblock(m.modes[i], at)
			f.add(c, i, at)
		}
	} else {
		w.predict(m.luma, lumaAt, 16, x > 0, y > 0)
		if c.any {
			for i := range 16 {
				f.add(c, i, lumaAt+i>>2*4*stride+i&3*4)
			}
		}
	}
	w.predict(m.chroma, cbAt, 8, x > 0, y > 0)
	w.predict(m.chroma, crAt, 8, x > 0, y > 0)
	if c.any {
		for i := range 4 {
			at := i>>1*4*stride + i&1*4
			f.add(c, 16+i, cbAt+at)
			f.add(c, 20+i, crAt+at)
		}
	}
}

func (f *frame) add(c *coefficients, i, at int) {
	if c.whole[i] {
		f.work.addBlock(&f.coeffs[i], at)
	} else if f.coeffs[i][0] != 0 {
		f.work.addFirst(&f.coeffs[i], at)
	}
}

// predict predicts a square of 16 or 8 samples a side (section 12.2).
func (w *workspace) predict(mode uint8, at, size int, left, above bool) {
	switch mode {
	case modeDC:
		w.fill(at, size, w.mean(at, size, left, above))
	case modeVE:
		row := w[at-stride : at-stride+size]
		for range size {
			copy(w[at:at+size], row)
			at += stride
		}
	case modeHE:
		for range size {
			fillRow(w[at:at+size], w[at-1])
			at += stride
		}
	default:
		w.predictTM(at, size)
	}
}

// mean returns the mean of what is above and left, as far as that lies in the picture.
func (w *workspace) mean(at, size int, left, above bool) byte {
	sum, shift := 0, bits.TrailingZeros(uint(size))
	if above {
		for _, v := range w[at-stride : at-stride+size] {
			sum += int(v)
		}
	}
	if left {
		for y := range size {
			sum += int(w[at+y*stride-1])
		}
	}
	switch {
	case above && left:
		shift++
	case !above && !left:
		return 128
	}
	return byte((sum + 1<<shift>>1) >> shift)
}

func (w *workspace) fill(at, size int, v byte) {
	for range size {
		fillRow(w[at:at+size], v)
		at += stride
	}
}

// fillRow fills 16 or 8 samples.
func fillRow(row []byte, v byte) {
	all := uint64(v) * 0x0101010101010101
	binary.LittleEndian.PutUint64(row, all)
	if len(row) == 16 {
		binary.LittleEndian.PutUint64(row[8:], all)
	}
}

// predictTM continues the differences along the row above in every row.
func (w *workspace) predictTM(at, size int) {
	above := w[at-stride : at-stride+size : at-stride+size]
	corner := int32(w[at-stride-1])
	for range size {
		add := int32(w[at-1]) - corner
		row := w[at : at+size : at+size]
		for i := range row {
			row[i] = byte(clamp(int32(above[i]) + add))
		}
		at += stride
	}
}
