package vp8

// filterHeader is what the frame says of the loop filter (sections 9.3, 9.6, 15).
type filterHeader struct {
	level, sharpness int
	deltas           bool
	intra, subblocks int // what is added to the level in a key frame, and for macroblocks of subblocks
}

func (f *frame) readFilter() filterHeader {
	r := &f.head
	f.simple = r.flag()
	h := filterHeader{level: r.number(6), sharpness: r.number(3), deltas: r.flag()}
	if h.deltas && r.flag() {
		var deltas [8]int
		for i := range deltas {
			deltas[i] = r.optional(6)
		}
		h.intra, h.subblocks = deltas[0], deltas[4]
	}
	return h
}

// edge holds the thresholds of one strength of the filter. Limit 0 means none.
type edge struct {
	limit    int32 // of the step over an edge between subblocks; 4 more between macroblocks
	interior int32 // of the steps on either side
	variance int32 // above which only the samples next to the edge change
}

// edges returns the strengths of the segments, for macroblocks predicted as a whole and by subblocks (section 15.2 and 9.3).
func (h filterHeader) edges(s *segmentation) (all [segments][2]edge) {
	if h.level == 0 {
		return all
	}
	for segment := range all {
		for kind := range all[segment] {
			level := s.of(&s.level, segment, h.level)
			if h.deltas {
				level += h.intra + kind*h.subblocks
			}
			all[segment][kind] = h.strength(min(max(level, 0), 63))
		}
	}
	return all
}

func (h filterHeader) strength(level int) edge {
	if level == 0 {
		return edge{}
	}
	interior := level
	if h.sharpness > 4 {
		interior >>= 2
	} else if h.sharpness > 0 {
		interior >>= 1
	}
	if h.sharpness > 0 {
		interior = min(interior, 9-h.sharpness)
	}
	interior = max(interior, 1)
	e := edge{limit: int32(2*level + interior), interior: int32(interior)}
	switch {
	case level >= 40:
		e.variance = 2
	case level >= 15:
		e.variance = 1
	}
	return e
}

// filtered is the strength for a macroblock, and whether the edges inside it are filtered, too.
type filtered struct {
	edge   *edge
	inside bool
}

// filterRow filters the first macroblocks of the row in the buffers. First says that nothing is above it.
func (b *buffers) filterRow(row []filtered, simple, first bool) {
	for x := range row {
		e := row[x].edge
		if e.limit == 0 {
			continue
		}
		luma := &b.planes[0]
		at := luma.at(16*x, 0)
		if simple {
			luma.simple(at, e.limit, x > 0, !first, row[x].inside)
			continue
		}
		luma.normal(at, 16, e, x > 0, !first, row[x].inside)
		for i := range b.planes[1:] {
			p := &b.planes[1+i]
			p.normal(p.at(8*x, 0), 8, e, x > 0, !first, row[x].inside)
		}
	}
}

// simple filters a macroblock's edges: left, inside across, above, inside down (section 15.2).
func (p *plane) simple(at int, limit int32, left, above, inside bool) {
	run := func(at, step, along int, limit int32) {
		for range 16 {
			simpleFilter(p.pix, at, step, limit)
			at += along
		}
	}
	if left {
		run(at, 1, p.stride, limit+4)
	}
	if inside {
		for i := 4; i < 16; i += 4 {
			run(at+i, 1, p.stride, limit)
		}
	}
	if above {
		run(at, p.stride, 1, limit+4)
	}
	if inside {
		for i := 4; i < 16; i += 4 {
			run(at+i*p.stride, p.stride, 1, limit)
		}
	}
}

// simpleFilter filters over the edge before an offset; step leads from sample to sample across it.
func simpleFilter(pix []byte, at, step int, limit int32) {
	p1, p0 := int32(pix[at-2*step]), int32(pix[at-step])
	q0, q1 := int32(pix[at]), int32(pix[at+step])
	if 2*abs(p0-q0)+abs(p1-q1)>>1 > limit {
		return
	}
	a, b := common(p1, p0, q0, q1)
	pix[at-step], pix[at] = byte(clamp(p0+b)), byte(clamp(q0-a))
}

// common returns what the filters take from the first sample behind an edge and add to the last before it, of an adjustment that looks at the outer samples.
func common(p1, p0, q0, q1 int32) (a, b int32) {
	return half(3*(q0-p0) + signed(p1-q1))
}

// half rounds an adjustment up and down.
func half(v int32) (a, b int32) {
	return min(max((v+4)>>3, -16), 15), min(max((v+3)>>3, -16), 15)
}

// signed limits to the range of a signed byte.
func signed(v int32) int32 { return min(max(v, -128), 127) }

func abs(v int32) int32 { return max(v, -v) }
