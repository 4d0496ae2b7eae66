package vp8

import "encoding/binary"

// Four samples fit a word, in lanes of 16 bits. Arithmetic on words is arithmetic on their lanes as long as every lane stays between 0 and 65535, which biases see to.
const (
	lanes = 0x0001000100010001
	lows  = 0x00ff * lanes
	signs = 0x8000 * lanes
)

// downwards filters the columns of an edge that goes across, eight at a time: four in the even lanes and four in the odd ones.
func (p *plane) downwards(at, size int, e *edge, outer bool) {
	t, limit := e.thresholds(outer)
	for ; size > 0; size -= 8 {
		var word [8]uint64
		var even, odd column
		for i, row := 0, at-4*p.stride; i < 8; i, row = i+1, row+p.stride {
			word[i] = binary.LittleEndian.Uint64(p.pix[row:])
			even[i], odd[i] = word[i]&lows, word[i]>>8&lows
		}
		switch a, b := t.filter(&even, outer), t.filter(&odd, outer); {
		case a == exceeds || b == exceeds:
			for i := range 8 {
				p.one(at+i, p.stride, limit, e, outer)
			}
		case a == changed || b == changed:
			for i, row := 1, at-3*p.stride; i < 7; i, row = i+1, row+p.stride {
				binary.LittleEndian.PutUint64(p.pix[row:], even[i]|odd[i]<<8)
			}
		}
		at += 8
	}
}

// across filters the rows of an edge that goes down, four at a time, which are turned into columns.
func (p *plane) across(at, size int, e *edge, outer bool) {
	t, limit := e.thresholds(outer)
	for ; size > 0; size -= 4 {
		pix, s := p.pix[at-4:], p.stride
		w0, w1 := binary.LittleEndian.Uint64(pix), binary.LittleEndian.Uint64(pix[s:])
		w2, w3 := binary.LittleEndian.Uint64(pix[2*s:]), binary.LittleEndian.Uint64(pix[3*s:])
		var c column
		c[0], c[2], c[4], c[6] = transpose(w0&lows, w1&lows, w2&lows, w3&lows)
		c[1], c[3], c[5], c[7] = transpose(w0>>8&lows, w1>>8&lows, w2>>8&lows, w3>>8&lows)
		switch t.filter(&c, outer) {
		case exceeds:
			for i := range 4 {
				p.one(at+i*s, 1, limit, e, outer)
			}
		case changed:
			e0, e1, e2, e3 := transpose(c[0], c[2], c[4], c[6])
			o0, o1, o2, o3 := transpose(c[1], c[3], c[5], c[7])
			binary.LittleEndian.PutUint64(pix, e0|o0<<8)
			binary.LittleEndian.PutUint64(pix[s:], e1|o1<<8)
			binary.LittleEndian.PutUint64(pix[2*s:], e2|o2<<8)
			binary.LittleEndian.PutUint64(pix[3*s:], e3|o3<<8)
		}
		at += 4 * s
	}
}

// transpose turns four words of four lanes into four of the first lanes, the second, and so on.
func transpose(a, b, c, d uint64) (r0, r1, r2, r3 uint64) {
	const (
		pairs = 0x0000ffff0000ffff
		half  = 0x00000000ffffffff
	)
	t0, t1 := a&pairs|b&pairs<<16, a>>16&pairs|b&^pairs
	t2, t3 := c&pairs|d&pairs<<16, c>>16&pairs|d&^pairs
	return t0&half | t2<<32, t1&half | t3<<32, t0>>32 | t2&^half, t1>>32 | t3&^half
}

// column holds the samples p3, p2, p1, p0, q0, q1, q2, q3 of four columns, the edge in the middle.
type column [8]uint64

// thresholds are those of an edge, with the sign of each lane set.
type thresholds struct{ limit, interior, variance uint64 }

// thresholds returns those of an edge, and the limit alone. Outer says that the edge is one between macroblocks.
func (e *edge) thresholds(outer bool) (thresholds, int32) {
	limit := e.limit
	if outer {
		limit += 4
	}
	return thresholds{signs + uint64(limit)*lanes, signs + uint64(e.interior)*lanes, signs + uint64(e.variance)*lanes}, limit
}

// What a filter did to four columns.
const (
	unchanged = iota
	changed
	exceeds // a value needs to be limited, which is left to the filter of one column
)

// filter filters four columns. The comments give the lanes' values without their bias.
func (t *thresholds) filter(c *column, outer bool) int {
	p3, p2, p1, p0, q0, q1, q2, q3 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	in := t.interior
	ok := (p3 + in - p2) & (p2 + in - p3) & (p2 + in - p1) & (p1 + in - p2) & (p1 + in - p0) & (p0 + in - p1) &
		(q3 + in - q2) & (q2 + in - q3) & (q2 + in - q1) & (q1 + in - q2) & (q1 + in - q0) & (q0 + in - q1)
	ok &= t.limit - 2*distance(p0, q0) - distance(p1, q1)>>1&lows
	if ok &= signs; ok == 0 {
		return unchanged
	}
	use := widen(ok)
	va := t.variance
	smooth := widen((p1 + va - p0) & (p0 + va - p1) & (q1 + va - q0) & (q0 + va - q1) & signs)

	// The adjustment: 3*(q0-p0), and p1-q1 unless only samples near the edge count.
	const bias = 0x4000 * lanes
	ends := use
	if !outer {
		ends &^= smooth
	}
	over := bias + p1&ends - q1&ends
	adjust := over + 3*(q0&use) - 3*(p0&use)
	if (over+0x80*lanes)&(0xff00*lanes) != bias || (adjust+0x40*lanes)&(0xff80*lanes) != bias {
		return exceeds
	}
	// Half of the bias is eight of these, and so on: whole numbers, so that shifting rounds down.
	a := (adjust + 4*lanes) >> 3 & (0x1fff * lanes) // bias 0x800
	b := (adjust + 3*lanes) >> 3 & (0x1fff * lanes)
	if outer {
		return c.spread(adjust-bias+0x40*lanes, a, b, smooth)
	}
	h := (a + lanes) >> 1 & (0x0fff * lanes) // bias 0x400
	h = h&smooth | 0x400*lanes&^smooth
	return c.put(p2+0x400*lanes, p1+h, p0+b-0x400*lanes, q0+0xc00*lanes-a, q1+0x800*lanes-h, q2+0x400*lanes)
}

// spread is the filter between macroblocks. W is the adjustment and 64; a and b are what columns that are not smooth take, with a bias of 0x800.
func (c *column) spread(w, a, b, smooth uint64) int {
	// 27, 18 and 9 times the adjustment and 63, divided by 128: the bias of the adjustment makes 1728, 1152 and 576 of these, and 16 comes out more.
	near := (27*w + (2048+63-1728)*lanes) >> 7 & (0x01ff * lanes)
	next := (18*w + (2048+63-1152)*lanes) >> 7 & (0x01ff * lanes)
	far := (9*w + (2048+63-576)*lanes) >> 7 & (0x01ff * lanes)
	a = (near+0x7f0*lanes)&smooth | a&^smooth
	b = (near+0x7f0*lanes)&smooth | b&^smooth
	next = (next+0x3f0*lanes)&smooth | 0x400*lanes&^smooth
	far = (far+0x3f0*lanes)&smooth | 0x400*lanes&^smooth
	return c.put(c[1]+far, c[2]+next, c[3]+b-0x400*lanes, c[4]+0xc00*lanes-a, c[5]+0x800*lanes-next, c[6]+0x800*lanes-far)
}

// put takes the new samples, with a bias of 0x400, unless one of them is not a byte.
func (c *column) put(p2, p1, p0, q0, q1, q2 uint64) int {
	if (p2|p1|p0|q0|q1|q2)&(0xff00*lanes) != 0x400*lanes {
		return exceeds
	}
	c[1], c[2], c[3], c[4], c[5], c[6] = p2&lows, p1&lows, p0&lows, q0&lows, q1&lows, q2&lows
	return changed
}

// widen fills the lanes whose sign is set, of a word that has nothing else set.
func widen(v uint64) uint64 {
	v >>= 15
	return v<<16 - v
}

// distance returns the absolute differences.
func distance(a, b uint64) uint64 {
	d := a + signs - b
	less := ^widen(d&signs) & (0x7fff * lanes)
	return d&(0x7fff*lanes) ^ less + less&lanes
}
