package vp8

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

// one filters over the edge before an offset, as the RFC gives it; step leads from sample to sample across the edge.
func (p *plane) one(at, step int, limit int32, e *edge, outer bool) {
	pix := p.pix
	sample := func(i int) int32 { return int32(pix[at+i*step]) }
	put := func(i int, v int32) { pix[at+i*step] = byte(clamp(v)) }
	p3, p2, p1, p0, q0, q1, q2, q3 := sample(-4), sample(-3), sample(-2), sample(-1), sample(0), sample(1), sample(2), sample(3)
	if 2*abs(p0-q0)+abs(p1-q1)>>1 > limit || max(abs(p3-p2), abs(p2-p1), abs(p1-p0), abs(q1-q0), abs(q2-q1), abs(q3-q2)) > e.interior {
		return
	}
	switch {
	case max(abs(p1-p0), abs(q1-q0)) > e.variance:
		a, b := common(p1, p0, q0, q1)
		put(-1, p0+b)
		put(0, q0-a)
	case outer:
		a, b, c := spread(p1, p0, q0, q1)
		put(-3, p2+c)
		put(-2, p1+b)
		put(-1, p0+a)
		put(0, q0-a)
		put(1, q1-b)
		put(2, q2-c)
	default:
		a, b := half(3 * (q0 - p0))
		c := (a + 1) >> 1
		put(-2, p1+c)
		put(-1, p0+b)
		put(0, q0-a)
		put(1, q1-c)
	}
}

// spread returns the three adjustments of the filter between macroblocks.
func spread(p1, p0, q0, q1 int32) (a, b, c int32) {
	w := signed(3*(q0-p0) + signed(p1-q1))
	return (27*w + 63) >> 7, (18*w + 63) >> 7, (9*w + 63) >> 7
}
