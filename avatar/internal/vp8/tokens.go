package vp8

import "math/bits"

// The kinds of blocks that have token probabilities of their own (section 13.3).
const (
	lumaRest   = iota // luma whose first coefficients are in a block of the second order
	lumaSecond        // that block
	chroma
	lumaWhole
	planeKinds
)

// planeProbs holds the probabilities by the position of the coefficient and by how large the one before it was.
type planeProbs [16][3][11]uint8

// tokensBits is what the decisions about one coefficient of a small value take at most, and the look-ahead of the last.
const tokensBits = 4*maxShift + lookAhead

// tokens reads the coefficients of a block from the position first on (section 13) and puts them, multiplied with the step sizes, into out, which was zero. It returns
// the position behind the last that was coded, 0 if there is none.
//
// This loop takes most of the time of reading: the reader's state is held in local variables.
func (r *boolReader) tokens(probs *planeProbs, ctx uint8, first int, step *[2]int32, out *[16]int16) int {
	pos, value, n, rng := r.pos, r.value, r.n, r.rng
	p := &probs[first&15][ctx]
	i, before, coded := first, 0, 0
	for {
		if n < tokensBits {
			pos, value, n = fill(r.data, pos, value, n)
		}
		// Does another coefficient follow?
		before = n
		split := 1 + (rng-1)*uint32(p[0])>>8
		big := uint64(split) << 56
		if value < big {
			shift := bits.LeadingZeros8(uint8(split))
			rng, value, n = split<<shift, value<<shift, n-shift
			break
		}
		value -= big
		split = rng - split
		shift := bits.LeadingZeros8(uint8(split))
		rng, value, n = split<<shift, value<<shift, n-shift
		// Is it zero? Then another must follow.
		for {
			before = n
			split = 1 + (rng-1)*uint32(p[1])>>8
			big = uint64(split) << 56
			if value >= big {
				value -= big
				split = rng - split
				shift = bits.LeadingZeros8(uint8(split))
				rng, value, n = split<<shift, value<<shift, n-shift
				break
			}
			shift = bits.LeadingZeros8(uint8(split))
			rng, value, n = split<<shift, value<<shift, n-shift
			if i++; i == 16 {
				r.pos, r.value, r.n, r.rng = pos, value, n, rng
				r.overrun = r.overrun || before < lookAhead
				return 16
			}
			p = &probs[i&15][0]
			if n < tokensBits {
				pos, value, n = fill(r.data, pos, value, n)
			}
		}
		// Is it one?
		split = 1 + (rng-1)*uint32(p[2])>>8
		big = uint64(split) << 56
		at := i
		i++
		level := int32(1)
		if value < big {
			shift = bits.LeadingZeros8(uint8(split))
			rng, value, n = split<<shift, value<<shift, n-shift
			p = &probs[i&15][1]
		} else {
			value -= big
			split = rng - split
			shift = bits.LeadingZeros8(uint8(split))
			r.pos, r.value, r.n, r.rng = pos, value<<shift, n-shift, split<<shift
			level = r.large(p)
			pos, value, n = fill(r.data, r.pos, r.value, r.n)
			rng = r.rng
			p = &probs[i&15][2]
		}
		// The sign is as likely one as the other: no branch on it.
		before = n
		split = (rng + 1) >> 1
		rest, borrow := bits.Sub64(value, uint64(split)<<56, 0)
		negative := uint32(borrow) - 1
		value = rest + uint64(split)<<56&-borrow
		split ^= (split ^ (rng - split)) & negative
		shift = bits.LeadingZeros8(uint8(split))
		rng, value, n = split<<shift, value<<shift, n-shift
		level *= step[(at+15)>>4&1]
		out[zigzag[at&15]&15] = int16((level ^ int32(negative)) - int32(negative))
		coded = i
		if i == 16 {
			break
		}
	}
	r.pos, r.value, r.n, r.rng = pos, value, n, rng
	r.overrun = r.overrun || before < lookAhead
	return coded
}

// large reads a value of two or more, without its sign (section 13.2).
func (r *boolReader) large(p *[11]uint8) int32 {
	one := func(p uint8) int32 {
		if r.bit(p) {
			return 1
		}
		return 0
	}
	if !r.bit(p[3]) {
		if !r.bit(p[4]) {
			return 2
		}
		return 3 + one(p[5])
	}
	if !r.bit(p[6]) {
		if !r.bit(p[7]) {
			return 5 + one(159)
		}
		v := 2 * one(165)
		return 7 + v + one(145)
	}
	category := one(p[8])
	category = 2*category + one(p[9+category])
	v := int32(0)
	for _, p := range extraBits[category&3] {
		if p == 0 {
			break
		}
		v = 2*v + one(p)
	}
	return v + 3 + 8<<category
}

// coefficients says which blocks of a macroblock have coefficients.
type coefficients struct {
	whole [25]bool // beyond the first coefficient
	any   bool     // some block has a coefficient that is not zero
}

// readCoefficients reads the blocks of the macroblock in column x: 16 of luma, 4 and 4 of chroma.
func (f *frame) readCoefficients(r *boolReader, x int, m *macroblock, c *coefficients) {
	above, left := &f.above[x], &f.left
	q := &f.quant[m.segment]
	first, probs := 0, &f.probs[lumaWhole]
	c.any = false
	if !m.subblocks {
		second := &f.coeffs[24]
		got := r.tokens(&f.probs[lumaSecond], above.second+left.second, 0, &q.second, second)
		above.second = set(got > 0)
		left.second = above.second
		if got > 0 {
			f.inverseWHT()
		}
		first, probs = 1, &f.probs[lumaRest]
	}
	for i := range 16 {
		block := &f.coeffs[i]
		got := r.tokens(probs, above.luma[i&3]+left.luma[i>>2], first, &q.luma, block)
		coded := set(got > first)
		above.luma[i&3], left.luma[i>>2] = coded, coded
		c.whole[i] = got > 1
		c.any = c.any || got > 1 || block[0] != 0
	}
	for i := 16; i < 24; i++ {
		block := &f.coeffs[i]
		up, aside := &above.chroma[i>>1&2|i&1], &left.chroma[i>>1&2|i>>1&1]
		got := r.tokens(&f.probs[chroma], *up+*aside, 0, &q.chroma, block)
		*up = set(got > 0)
		*aside = *up
		c.whole[i] = got > 1
		c.any = c.any || got > 1 || block[0] != 0
	}
}

// skipCoefficients is for a macroblock without any.
func (f *frame) skipCoefficients(x int, m *macroblock) {
	for _, c := range []*neighbour{&f.above[x], &f.left} {
		c.luma, c.chroma = [4]uint8{}, [4]uint8{}
		if !m.subblocks {
			c.second = 0
		}
	}
}

func set(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
