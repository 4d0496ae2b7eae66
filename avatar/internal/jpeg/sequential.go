package jpeg

import (
	"context"
	"encoding/binary"
)

// block holds the dequantized coefficients of one block in natural order: row by row, horizontal frequency first.
type block [64]int32

// zigzag gives the natural position of the coefficients in the order in which they are coded (T.81 figure A.6), and position 63 for
// every index that a broken file may reach beyond.
var zigzag = [64 + 16]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63,
	63, 63, 63, 63, 63, 63, 63, 63,
}

// lastNeeded is the zigzag index behind which a scale needs no coefficient, by the samples a side that a block becomes: of the lower right one of so
// many in each direction.
var lastNeeded = [9]int{1: 0, 2: 4, 3: 12, 4: 24, 6: 51, 8: 63}

// diff reads a DC coefficient's difference to the one before (section F.2.2.1).
func (r *bitReader) diff(h *huffman) (int32, bool) {
	if r.n < 32 {
		r.refill()
	}
	e := h.values[r.acc>>(64-valueBits)]
	if e&(noValue|63) == 0 {
		if e = h.long(r.acc); e == 0 {
			return 0, false
		}
	}
	r.acc <<= e.length() & 63
	r.n -= e.length()
	if e&noValue == 0 {
		return e.value(), true
	}
	size := e.size()
	return extend(r.bits(size), size), true
}

// block reads a block: the difference of its DC coefficient, and its AC coefficients (section F.2.2.2). Those up to the zigzag index last are multiplied
// with the quantization table and written into b; those behind it are passed over. Wrote is the index of the last coefficient that it wrote, 0 for none.
//
// This loop takes most of the time of a decode: the reader's state is held in local variables, and the common symbols take one look-up.
func (r *bitReader) block(dc, h *huffman, q *[64]int32, last int, b *block) (diff int32, wrote int, ok bool) {
	acc, n, pos, buf := r.acc, r.n, r.pos, r.buf
	if n < 32 {
		acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
		pos += int((63 - n) >> 3)
		n |= 56
	}
	e := dc.values[acc>>(64-valueBits)]
	if e&(noValue|63) == 0 {
		if e = dc.long(acc); e == 0 {
			return 0, 0, false
		}
	}
	acc <<= e & 63
	n -= uint(e & 63)
	diff = e.value()
	if e&noValue != 0 {
		size := e.size()
		diff = extend(uint32(acc>>1>>((63-size)&63)), size)
		acc <<= size
		n -= size
	}
	k := 0
	for k < last {
		if n < 32 {
			acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		e = h.values[acc>>(64-valueBits)]
		if e&noValue != 0 || e == 0 {
			if e == 0 {
				if e = h.long(acc); e == 0 {
					return 0, 0, false
				}
			}
			length, size := e.length(), e.size()
			if size > 0 {
				value := extend(uint32(acc<<(length&63)>>((64-size)&63)), size)
				e = entry(length+size) | e&0xff00 | entry(uint32(value)<<16)
			}
		}
		acc <<= e & 63
		n -= uint(e & 63)
		if e>>8&15 == 0 {
			if e.run() != 15 {
				r.acc, r.n, r.pos = acc, n, pos
				return diff, wrote, true
			}
			k += 16
			continue
		}
		k += e.run() + 1
		if k > last {
			break
		}
		wrote = k & 63
		b[zigzag[wrote]&63] = e.value() * q[wrote]
	}
	// What follows is needed by no one: measure it.
	skips := h.skips
	for k < 63 {
		if n < skipBits {
			acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		e := uint(skips[acc>>(64-skipBits)])
		if next := k + int(e>>8); next < 63 {
			k = next
			acc <<= e & 15
			n -= e & 15
			if e&uint(endOfBlock) != 0 {
				break
			}
			continue
		}
		// The symbols at hand do not fit the look-ahead, or the block may end among them: one symbol at a time.
		if n < 32 {
			acc |= binary.BigEndian.Uint64(buf[pos:]) >> (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		v := h.values[acc>>(64-valueBits)]
		if v == 0 {
			if v = h.long(acc); v == 0 {
				return 0, 0, false
			}
		}
		length := v.length()
		if v&noValue != 0 {
			length += v.size()
		}
		acc <<= length & 63
		n -= length
		if v.endsBlock() {
			break
		}
		k += v.run() + 1
	}
	r.acc, r.n, r.pos = acc, n, pos
	return diff, wrote, true
}

// decodeSequential decodes a scan that holds all components, transforming each block as it comes.
func (d *Decoder) decodeSequential(ctx context.Context, s *scan, out *output) error {
	for _, c := range s.comps {
		c.dc.build(false)
		c.ac.build(true)
	}
	across, _ := d.frameMCUs()
	runs := d.startIntervals(d.at)
	var prediction [4]int32
	good, total := 0, 0
	for my := range out.bottom {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		for mx := range across {
			fresh, ok := runs.step()
			if fresh {
				prediction = [4]int32{}
			}
			wanted := my >= out.top && mx >= out.left && mx < out.right
			if ok && !d.sequentialMCU(s, out, mx, wanted, &prediction) {
				runs.fail()
				ok = false
			}
			total++
			if ok {
				good++
			} else if wanted {
				out.blank(mx)
			}
		}
		if my >= out.top {
			if err := out.flush(my); err != nil {
				return err
			}
		}
	}
	return d.damage(good, total)
}

// sequentialMCU reads the blocks of one MCU. It returns false when the data is broken or at its end.
func (d *Decoder) sequentialMCU(s *scan, out *output, mx int, wanted bool, prediction *[4]int32) bool {
	r := &d.bits
	for i := range s.comps {
		c := &s.comps[i]
		p := &out.planes[c.index]
		comp := &d.comps[c.index]
		last := p.last
		if !wanted {
			last = 0
		}
		for by := range comp.v {
			for bx := range comp.h {
				diff, wrote, ok := r.block(c.dc, c.ac, &p.quant, last, &out.scratch)
				if !ok {
					out.scratch = block{}
					return false
				}
				prediction[i] += diff
				if wanted {
					out.scratch[0] = prediction[i] * p.quant[0]
					out.transform(p, mx*comp.h+bx, by, wrote)
				}
			}
		}
	}
	return !r.overrun()
}

// blank makes the samples of an MCU grey.
func (o *output) blank(mx int) {
	for i := range o.planes {
		comp, p := &o.d.comps[i], &o.planes[i]
		for by := range comp.v {
			for bx := range comp.h {
				o.scratch[0] = 0
				o.transform(p, mx*comp.h+bx, by, 0)
			}
		}
	}
}
