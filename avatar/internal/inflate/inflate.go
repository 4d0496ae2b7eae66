// Package inflate decompresses DEFLATE (RFC 1951) from memory, faster than compress/flate, for pictures, where most symbols are literals:
// one look-up gives up to two of them.
package inflate

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrCorrupt is returned for data that is no DEFLATE stream.
var ErrCorrupt = errors.New("inflate: corrupt data")

const (
	window    = 32 << 10 // how far back a match may reach
	room      = 64 << 10 // what is decompressed at once
	slack     = 258 + 8  // what one match may write, and copying in words may write beyond
	mainBits  = 12       // look-ahead of the table of literals and lengths
	distBits  = 10       // of that of distances
	maxLength = 15       // of a code
)

// Reader decompresses one stream. It is for one goroutine.
type Reader struct {
	src [][]byte // what is to come, in parts
	in  []byte   // the part at hand
	acc uint64   // the next bits, from the bottom
	n   uint     // how many of them count

	out  []byte // the window, and what was decompressed behind it
	read int    // up to here it was read
	end  int    // up to here it is there

	state   state
	last    bool // the block at hand is the last
	stored  int  // bytes left of a stored block
	main    table
	dist    table
	lengths [286 + 32]byte
	err     error
}

type state int

const (
	atHeader state = iota
	inStored
	inCodes
)

// NewReader returns a reader of a stream that is split into parts, of which at most so many bytes are read at once.
func NewReader(parts [][]byte, most int) *Reader {
	return &Reader{src: parts, out: make([]byte, window+room+2*most+slack)}
}

// Next returns the next n bytes, valid until the next call. At the end of the data it returns what there is, and an error: io.EOF at a
// regular end, io.ErrUnexpectedEOF, or ErrCorrupt.
func (r *Reader) Next(n int) ([]byte, error) {
	for r.end-r.read < n && r.err == nil {
		r.fill()
	}
	got := min(n, r.end-r.read)
	part := r.out[r.read : r.read+got]
	r.read += got
	if got < n {
		return part, r.err
	}
	return part, nil
}

// fill decompresses until the room is used up.
func (r *Reader) fill() {
	if keep := min(r.read, max(r.end-window, 0)); keep > 0 && r.end > len(r.out)-slack-room/2 {
		copy(r.out, r.out[keep:r.end])
		r.read, r.end = r.read-keep, r.end-keep
	}
	for r.err == nil && r.end < len(r.out)-slack {
		switch r.state {
		case atHeader:
			r.header()
		case inStored:
			r.copyStored()
		case inCodes:
			if !r.codes() {
				return
			}
		}
	}
}

// refill makes at least 56 bits count, or as many as there are.
func (r *Reader) refill() {
	if len(r.in) >= 8 {
		r.acc |= binary.LittleEndian.Uint64(r.in) << (r.n & 63)
		r.in = r.in[(63-r.n)>>3:]
		r.n |= 56
		return
	}
	for r.n <= 56 {
		for len(r.in) == 0 {
			if len(r.src) == 0 {
				return
			}
			r.in, r.src = r.src[0], r.src[1:]
		}
		r.acc &= 1<<r.n - 1 // a load of whole words leaves bits above n
		r.acc |= uint64(r.in[0]) << r.n
		r.in = r.in[1:]
		r.n += 8
	}
}

// take returns the next count bits, at most 32.
func (r *Reader) take(count uint) uint32 {
	if r.n < count {
		if r.refill(); r.n < count {
			r.err = io.ErrUnexpectedEOF
			return 0
		}
	}
	v := uint32(r.acc & (1<<count - 1))
	r.acc >>= count
	r.n -= count
	return v
}

// header reads the header of a block (section 3.2.3).
func (r *Reader) header() {
	if r.last {
		r.err = io.EOF
		return
	}
	r.last = r.take(1) == 1
	switch r.take(2) {
	case 0:
		r.take(r.n & 7)
		size, check := r.take(16), r.take(16)
		if r.err == nil && size != ^check&0xffff {
			r.err = ErrCorrupt
		}
		r.stored, r.state = int(size), inStored
	case 1:
		r.fixed()
	case 2:
		r.dynamic()
	default:
		r.err = ErrCorrupt
	}
}

// copyStored copies of a stored block as much as there is room for.
func (r *Reader) copyStored() {
	for r.stored > 0 && r.end < len(r.out)-slack && r.err == nil {
		if r.n >= 8 || len(r.in) == 0 {
			r.out[r.end] = byte(r.take(8))
			if r.err == nil {
				r.end++
				r.stored--
			}
			continue
		}
		r.acc, r.n = 0, 0
		n := copy(r.out[r.end:len(r.out)-slack], r.in[:min(r.stored, len(r.in))])
		r.in = r.in[n:]
		r.end += n
		r.stored -= n
	}
	if r.stored == 0 {
		r.state = atHeader
	}
}

// fixed is section 3.2.6.
func (r *Reader) fixed() {
	lengths := r.lengths[:288]
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	r.main.build(lengths, mainBits, mainSymbol, true)
	for i := range lengths[:32] {
		lengths[i] = 5
	}
	r.dist.build(lengths[:32], distBits, distSymbol, false)
	r.state = inCodes
}

var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic is section 3.2.7.
func (r *Reader) dynamic() {
	literals, distances, codes := int(r.take(5))+257, int(r.take(5))+1, int(r.take(4))+4
	if literals > 286 || distances > 30 {
		r.err = ErrCorrupt
		return
	}
	var first [19]byte
	for _, i := range lengthOrder[:codes] {
		first[i] = byte(r.take(3))
	}
	if r.err != nil {
		return
	}
	plain := func(s int) entry { return entry(s) << 16 }
	if !r.dist.build(first[:], 7, plain, false) {
		r.err = ErrCorrupt
		return
	}
	lengths := r.lengths[:literals+distances]
	for i := 0; i < len(lengths); {
		r.refill()
		e := r.dist.quick[r.acc&127]
		if uint(e&15) == 0 || uint(e&15) > r.n {
			r.err = ErrCorrupt
			return
		}
		r.take(uint(e & 15))
		value, repeat := byte(e>>16), 1
		switch value {
		case 16:
			if i == 0 {
				r.err = ErrCorrupt
				return
			}
			value, repeat = lengths[i-1], 3+int(r.take(2))
		case 17:
			value, repeat = 0, 3+int(r.take(3))
		case 18:
			value, repeat = 0, 11+int(r.take(7))
		}
		if i+repeat > len(lengths) {
			r.err = ErrCorrupt
		}
		if r.err != nil {
			return
		}
		for range repeat {
			lengths[i] = value
			i++
		}
	}
	if lengths[256] == 0 || !r.main.build(lengths[:literals], mainBits, mainSymbol, true) ||
		!r.dist.build(lengths[literals:], distBits, distSymbol, false) {
		r.err = ErrCorrupt
		return
	}
	r.state = inCodes
}

// codes decodes symbols until the end of the block or of the room, and says whether to go on.
//
// This loop takes most of the time: the reader's state is held in local variables.
func (r *Reader) codes() bool {
	acc, n, in, out, end := r.acc, r.n, r.in, r.out, r.end
	limit := len(out) - slack
	for end < limit {
		if len(in) < 8 {
			r.acc, r.n, r.in = acc, n, in
			r.refill()
			acc, n, in = r.acc, r.n, r.in
		} else {
			acc |= binary.LittleEndian.Uint64(in) << (n & 63)
			in = in[(63-n)>>3:]
			n |= 56
		}
		e := r.main.quick[acc&(1<<mainBits-1)]
		if e&literal != 0 {
			// At least 56 bits, or all that there are: three look-ups of at most 12 bits fit.
			for i := 0; i < 3 && e&literal != 0 && uint(e&15) <= n; i++ {
				out[end], out[end+1] = byte(e>>16), byte(e>>24)
				end += int(e >> 8 & 3)
				acc >>= e & 15
				n -= uint(e & 15)
				e = r.main.quick[acc&(1<<mainBits-1)]
			}
			if e&literal != 0 && uint(e&15) > n && len(in) == 0 && len(r.src) == 0 {
				r.err = io.ErrUnexpectedEOF
				break
			}
			continue
		}
		if e&15 == 0 {
			if e = r.main.long(acc); e == 0 {
				r.err = ErrCorrupt
				break
			}
		}
		length := uint(e & 15)
		if length > n {
			r.err = io.ErrUnexpectedEOF
			break
		}
		acc >>= length
		n -= length
		if e&literal != 0 { // a long one
			out[end] = byte(e >> 16)
			end++
			continue
		}
		if e&endOfBlock != 0 {
			r.state = atHeader
			break
		}
		extra := uint(e >> 8 & 7)
		size := int(e>>16) + int(acc&(1<<extra-1))
		acc >>= extra
		if n < extra || size == 0 {
			r.err = ErrCorrupt
			break
		}
		n -= extra
		d := r.dist.quick[acc&(1<<distBits-1)]
		if d&15 == 0 {
			if d = r.dist.long(acc); d == 0 {
				r.err = ErrCorrupt
				break
			}
		}
		acc >>= d & 15
		extra = uint(d >> 8 & 15)
		back := int(d>>16) + int(acc&(1<<extra-1))
		acc >>= extra
		if n < uint(d&15)+extra || back == 0 || back > end {
			r.err = ErrCorrupt
			break
		}
		n -= uint(d&15) + extra
		copyMatch(out, end, back, size)
		end += size
	}
	r.acc, r.n, r.in, r.end = acc, n, in, end
	return r.state != inCodes
}

// copyMatch copies size bytes from back bytes before end. It may write up to 8 more.
func copyMatch(out []byte, end, back, size int) {
	if back >= 8 {
		for i := 0; i < size; i += 8 {
			binary.LittleEndian.PutUint64(out[end+i:], binary.LittleEndian.Uint64(out[end-back+i:]))
		}
		return
	}
	for i := range size {
		out[end+i] = out[end-back+i]
	}
}
