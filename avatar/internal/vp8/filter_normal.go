package vp8

import "encoding/binary"

// normal filters the edges of a square of 16 or 8 samples: left, inside across, above, inside down (section 15.3).
func (p *plane) normal(at, size int, e *edge, left, above, inside bool) {
	if left {
		p.across(at, size, e, true)
	}
	if inside {
		for i := 4; i < size; i += 4 {
			p.across(at+i, size, e, false)
		}
	}
	if above {
		p.downwards(at, size, e, true)
	}
	if inside {
		for i := 4; i < size; i += 4 {
			p.downwards(at+i*p.stride, size, e, false)
		}
	}
}

// across filters the rows of an edge that goes down: the eight samples around it are one word.
func (p *plane) across(at, size int, e *edge, outer bool) {
	limit := e.limit
	if outer {
		limit += 4
	}
	near := signs + uint64(e.interior)*lanes
	for range size {
		px := p.pix[at-4 : at+4 : at+4]
		at += p.stride
		w := binary.LittleEndian.Uint64(px)
		// Neighbours on either side must not differ by more than the interior limit. In lanes: p3-p2, p1-p0, q0-q1, q2-q3, then p2-p1, p0-q0, q1-q2,
		// of which the middle one does not count.
		even, odd := w&lows, w>>8&lows
		next := even >> 16
		ok := (even + near - odd) & (odd + near - even)
		ok &= ((odd+near-next)&(next+near-odd) | 0xffff0000ffff0000)
		if ok&signs != signs {
			continue
		}
		p1, p0, q0, q1 := int32(px[2]), int32(px[3]), int32(px[4]), int32(px[5])
		if 2*abs(p0-q0)+abs(p1-q1)>>1 > limit {
			continue
		}
		switch {
		case abs(p1-p0) > e.variance || abs(q1-q0) > e.variance:
			a, b := common(p1, p0, q0, q1)
			px[3], px[4] = byte(clamp(p0+b)), byte(clamp(q0-a))
		case outer:
			p2, q2 := int32(px[1]), int32(px[6])
			a, b, c := spread(p1, p0, q0, q1)
			px[1], px[2], px[3] = byte(clamp(p2+c)), byte(clamp(p1+b)), byte(clamp(p0+a))
			px[4], px[5], px[6] = byte(clamp(q0-a)), byte(clamp(q1-b)), byte(clamp(q2-c))
		default:
			a, b := half(3 * (q0 - p0))
			c := (a + 1) >> 1
			px[2], px[3] = byte(clamp(p1+c)), byte(clamp(p0+b))
			px[4], px[5] = byte(clamp(q0-a)), byte(clamp(q1-c))
		}
	}
}

// spread returns the three adjustments of the filter between macroblocks.
func spread(p1, p0, q0, q1 int32) (a, b, c int32) {
	w := signed(3*(q0-p0) + signed(p1-q1))
	return (27*w + 63) >> 7, (18*w + 63) >> 7, (9*w + 63) >> 7
}
