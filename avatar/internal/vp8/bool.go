package vp8

import (
	"encoding/binary"
	"math/bits"
)

// boolReader is the boolean entropy decoder of RFC 6386 section 7. What that keeps in two bytes stands in the top of a word of 64 bits here, which
// is refilled by seven bytes at once.
type boolReader struct {
	data    []byte
	pos     int    // the first byte that is not in value
	value   uint64 // the next bits, from the top
	n       int    // how many of them count; negative behind the end of the data
	rng     uint32 // 128 to 255
	overrun bool   // more was read than there is, or the data is no arithmetic code
}

// newBoolReader returns a reader for a partition. The value is always less than the range, which is 255 at first, so that no partition begins with 255; every decoder
// makes something else of one that does.
func newBoolReader(data []byte) boolReader {
	return boolReader{data: data, rng: 255, overrun: len(data) > 0 && data[0] == 255}
}

// A decision looks at the next eight bits, though it may use up none or seven of them.
const (
	lookAhead = 8
	maxShift  = 7
)

// fill returns the position, value and count of a reader with as many bits more as there is room and data for. The bits of value that do not count are
// those that come next, or zero, so loading them again does not change them.
func fill(data []byte, pos int, value uint64, n int) (int, uint64, int) {
	if pos+8 <= len(data) {
		value |= binary.BigEndian.Uint64(data[pos:]) >> (n & 63)
		return pos + (63-n)>>3, value, n | 56
	}
	for ; n <= 56 && pos < len(data); n += 8 {
		value |= uint64(data[pos]) << (56 - n)
		pos++
	}
	return pos, value, n
}

// bit returns a decision that is false with the probability p/256.
func (r *boolReader) bit(p uint8) bool {
	if r.n < lookAhead {
		r.pos, r.value, r.n = fill(r.data, r.pos, r.value, r.n)
		if r.n < lookAhead {
			r.overrun = true
		}
	}
	split := 1 + (r.rng-1)*uint32(p)>>8
	big := uint64(split) << 56
	set := r.value >= big
	if set {
		r.value -= big
		split = r.rng - split
	}
	shift := bits.LeadingZeros8(uint8(split))
	r.rng = split << shift
	r.value <<= shift
	r.n -= shift
	return set
}

// flag returns an evenly distributed bit.
func (r *boolReader) flag() bool { return r.bit(128) }

// number returns an unsigned number of so many evenly distributed bits.
func (r *boolReader) number(size int) int {
	v := 0
	for range size {
		v <<= 1
		if r.flag() {
			v |= 1
		}
	}
	return v
}

// optional returns a number with a sign behind it, or 0 if a flag before it says that there is none.
func (r *boolReader) optional(size int) int {
	if !r.flag() {
		return 0
	}
	v := r.number(size)
	if r.flag() {
		return -v
	}
	return v
}
