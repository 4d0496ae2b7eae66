package vp8l

import "encoding/binary"

// bitReader reads bits from the lowest to the highest of each byte (RFC 9649 section 2.1). Zeros follow the end of the data.
type bitReader struct {
	data []byte
	pos  int    // the first byte that is not in acc
	acc  uint64 // the next bits, from below
	n    uint   // how many of them count
}

// refillBelow is how many bits there are at least after need.
const refillBelow = 48

// need makes sure that there are at least refillBelow bits. Bits above those that count are those that come next, so loading them again does not change them.
func (r *bitReader) need() {
	if r.n >= refillBelow {
		return
	}
	if r.pos+8 <= len(r.data) {
		r.acc |= binary.LittleEndian.Uint64(r.data[r.pos:]) << (r.n & 63)
		r.pos += int((63 - r.n) >> 3)
		r.n |= 56
		return
	}
	for ; r.n <= 56; r.n += 8 {
		if r.pos < len(r.data) {
			r.acc |= uint64(r.data[r.pos]) << r.n
		}
		r.pos++
	}
}

// take returns bits that are there.
func (r *bitReader) take(count uint) uint32 {
	v := r.acc & (1<<count - 1)
	r.acc >>= count
	r.n -= count
	return uint32(v)
}

// bits returns the next bits, at most 32.
func (r *bitReader) bits(count uint) uint32 {
	r.need()
	return r.take(count)
}

// overrun says that more bits were read than there are.
func (r *bitReader) overrun() bool { return r.pos*8-int(r.n) > len(r.data)*8 }
