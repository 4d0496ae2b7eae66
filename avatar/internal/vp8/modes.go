package vp8

// The modes of prediction (sections 11.2 to 11.4, 12). Macroblocks as a whole and their chroma use the first four; subblocks use all.
const (
	modeDC = iota // the mean of the samples around
	modeTM        // what is left plus what is above minus the corner
	modeVE        // what is above, downwards
	modeHE        // what is left, across
	modeRD        // diagonals: right and down, and so on
	modeVR
	modeLD
	modeVL
	modeHD
	modeHU
	modes
)

// neighbour is what a macroblock leaves for those below and right of it.
type neighbour struct {
	modes  [4]uint8 // of the four subblocks at the edge
	luma   [4]uint8 // 1 for a subblock at the edge that has coefficients
	chroma [4]uint8 // two of each plane
	second uint8    // of the last macroblock that had such coefficients at all
}

// macroblock is what the first partition says about one.
type macroblock struct {
	segment   int
	skip      bool // it has no coefficients
	subblocks bool // every subblock has its own mode
	luma      uint8
	modes     [16]uint8
	chroma    uint8
}

// readModes reads the header of the macroblock in column x (section 19.3).
func (f *frame) readModes(x int, m *macroblock) {
	r, above, left := &f.head, &f.above[x], &f.left
	if f.segmented {
		if r.bit(f.segmentProbs[0]) {
			f.segment = 2
			if r.bit(f.segmentProbs[2]) {
				f.segment = 3
			}
		} else {
			f.segment = 0
			if r.bit(f.segmentProbs[1]) {
				f.segment = 1
			}
		}
	}
	m.segment = f.segment
	m.skip = f.skips && r.bit(f.skipProb)
	m.subblocks = !r.bit(145)
	if m.subblocks {
		for i := range m.modes {
			mode := r.subblockMode(&subblockModeProbs[above.modes[i&3]][left.modes[i>>2]])
			m.modes[i], above.modes[i&3], left.modes[i>>2] = mode, mode, mode
		}
	} else {
		m.luma = r.lumaMode()
		for i := range 4 {
			above.modes[i], left.modes[i] = m.luma, m.luma
		}
	}
	m.chroma = r.chromaMode()
}

func (r *boolReader) lumaMode() uint8 {
	if r.bit(156) {
		if r.bit(128) {
			return modeTM
		}
		return modeHE
	}
	if r.bit(163) {
		return modeVE
	}
	return modeDC
}

func (r *boolReader) chromaMode() uint8 {
	switch {
	case !r.bit(142):
		return modeDC
	case !r.bit(114):
		return modeVE
	case !r.bit(183):
		return modeHE
	}
	return modeTM
}

func (r *boolReader) subblockMode(p *[9]uint8) uint8 {
	switch {
	case !r.bit(p[0]):
		return modeDC
	case !r.bit(p[1]):
		return modeTM
	case !r.bit(p[2]):
		return modeVE
	case !r.bit(p[3]):
		switch {
		case !r.bit(p[4]):
			return modeHE
		case !r.bit(p[5]):
			return modeRD
		}
		return modeVR
	case !r.bit(p[6]):
		return modeLD
	case !r.bit(p[7]):
		return modeVL
	case !r.bit(p[8]):
		return modeHD
	}
	return modeHU
}
