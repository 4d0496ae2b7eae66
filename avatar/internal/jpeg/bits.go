package jpeg

import (
	"bytes"
	"encoding/binary"
)

const (
	// windowSize is how many entropy-coded bytes are made ready at once; they stay in the first-level cache.
	windowSize = 16 << 10
	// slack is more than what one MCU can take: 10 blocks of 64 symbols of at most 32 bits. A reader with slack bytes left, real ones or
	// the zeros that follow the end, need not look for the end within an MCU.
	slack = 10*64*4 + 64
)

// bitReader reads the bits of entropy-coded segments (T.81 section F.1.2.3, F.2.2.5). The bytes are copied into a window, without the zero
// that follows each 0xff, so that refilling the accumulator is one load of eight bytes with no byte looked at.
type bitReader struct {
	src  []byte // the file
	next int    // what of src is not in the window yet

	buf    []byte // the window; zeros follow its end
	pos    int    // the first byte that is not in acc
	end    int
	closed bool // a marker or the end of the file follows the window

	acc uint64 // the next bits, from the top
	n   uint   // how many of them count
}

// open starts an entropy-coded segment at an offset of src.
func (r *bitReader) open(src []byte, at int) {
	if r.buf == nil {
		r.buf = make([]byte, windowSize+slack)
	}
	r.src, r.next = src, at
	r.pos, r.end, r.closed = 0, 0, false
	r.acc, r.n = 0, 0
}

// ready makes sure that one MCU can be read without looking for the end. It is called before each.
func (r *bitReader) ready() {
	if r.end-r.pos < slack && !r.closed {
		r.fill()
	}
}

// fill moves what is left of the window to its start and copies on.
func (r *bitReader) fill() {
	// The accumulator may hold bytes before pos: they are out of the window and stay where they are.
	end := copy(r.buf, r.buf[r.pos:r.end])
	r.pos = 0
	for end < windowSize {
		chunk := r.src[r.next:min(r.next+windowSize-end, len(r.src))]
		i := bytes.IndexByte(chunk, 0xff)
		if i < 0 {
			end += copy(r.buf[end:], chunk)
			r.next += len(chunk)
			if r.next == len(r.src) {
				r.closed = true
				break
			}
			continue
		}
		end += copy(r.buf[end:], chunk[:i])
		r.next += i
		marker := r.next + 1
		for marker < len(r.src) && r.src[marker] == 0xff { // fill bytes, section B.1.1.2
			marker++
		}
		if marker >= len(r.src) || r.src[marker] != 0 {
			r.closed = true
			break
		}
		r.buf[end] = 0xff
		end++
		r.next = marker + 1
	}
	r.end = end
	clear(r.buf[end:])
}

// overrun says that more bits were read than there are.
func (r *bitReader) overrun() bool { return r.pos*8-int(r.n) > r.end*8 }

// nextMarker returns the first marker at or behind an offset and the offset behind it; stuffed zeros and fill bytes are no markers.
func nextMarker(src []byte, at int) (byte, int) {
	for at < len(src) {
		i := bytes.IndexByte(src[at:], 0xff)
		if i < 0 {
			break
		}
		at += i
		for at < len(src) && src[at] == 0xff {
			at++
		}
		if at < len(src) && src[at] != 0 {
			return src[at], at + 1
		}
	}
	return 0, len(src)
}

// refill makes at least 56 bits count. The bits below them are those that come next, so loading them again does not change them.
func (r *bitReader) refill() {
	r.acc |= binary.BigEndian.Uint64(r.buf[r.pos:]) >> (r.n & 63)
	r.pos += int((63 - r.n) >> 3)
	r.n |= 56
}

// bits returns the next count bits, at most 32.
func (r *bitReader) bits(count uint) uint32 {
	if count == 0 {
		return 0
	}
	if r.n < count {
		r.refill()
	}
	v := r.acc >> (64 - count)
	r.acc <<= count
	r.n -= count
	return uint32(v)
}

// extend is the procedure EXTEND of T.81 section F.2.2.1: the value that size bits stand for.
func extend(bits uint32, size uint) int32 {
	if size == 0 {
		return 0
	}
	v := int32(bits)
	return v + int32(uint32(v-(1<<(size-1)))>>31)*(1-1<<size)
}
