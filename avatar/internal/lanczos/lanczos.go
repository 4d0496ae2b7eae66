// Package lanczos changes the size of planes of bytes with Lanczos 3, in fixed point, two multiplications at a time.
//
// A [Scaler] gets the source's rows one by one from top to bottom and keeps only as many as the filter spans, already filtered across; so
// its memory is that of the result and a few of its rows.
//
// Two rows share a 64-bit word, the upper one in its low half. As long as every total fits a signed number of 32 bits, arithmetic on such words is
// arithmetic on both halves:
//
//	across: (a + b<<32) * w         = a*w + (b*w)<<32                the same weight for both rows
//	down:   (a + b<<32) * (v + u<<32) = a*v + (a*u + b*v)<<32        the upper half is the sum of both, each with its own weight
//
// A negative low half borrows one from the upper half, which is less than rounding does.
package lanczos

const (
	acrossBits = 6                       // fractional bits of a sample that was filtered across
	shift      = weightBits - acrossBits // what is dropped in between
	bias       = 256                     // makes every sample that was filtered across positive; the weights of a result add up to one, so it can be taken off at the end

	pair      = 1<<32 | 1 // a number in both halves of a word
	addAcross = (bias<<weightBits + 1<<(shift-1)) * pair
	keep      = (1<<(32-shift) - 1) * pair
	addDown   = (1<<(weightBits+acrossBits-1) - bias<<(weightBits+acrossBits)) << 32 & (1<<64 - 1)
)

// Scaler resizes one plane. It is for one goroutine.
type Scaler struct {
	across, down *filter
	given        int // source rows in all

	first  []byte   // the upper row of a pair that is not complete
	odd    bool     // first is waiting
	packed []uint64 // a pair of source rows; zeros follow its end

	ring  [][]uint64 // pairs of rows that were filtered across; pair i is in ring[i%len(ring)]
	pairs int        // so many were put there
	next  int        // the next result row
	base  []uint64   // what every sum begins with
	sums  []uint64

	out    []byte
	stride int
}

// New returns a scaler whose result goes to dst.
func New(x, y Axis, dst []byte, stride int) *Scaler {
	s := &Scaler{across: newFilter(x, padded), down: newFilter(y, unpadded), given: y.Given, out: dst, stride: stride}
	s.first = make([]byte, x.Given)
	s.packed = make([]uint64, x.Given+s.across.taps)
	s.base, s.sums = make([]uint64, x.Size), make([]uint64, x.Size)
	for i := range s.base {
		s.base[i] = addDown
	}
	s.ring = make([][]uint64, s.down.taps/2+2)
	buffer := make([]uint64, len(s.ring)*x.Size)
	for i := range s.ring {
		s.ring[i], buffer = buffer[:x.Size:x.Size], buffer[x.Size:]
	}
	return s
}

// Add takes the next source row. The row is not kept.
func (s *Scaler) Add(row []byte) {
	if !s.odd && 2*s.pairs+1 < s.given {
		copy(s.first, row)
		s.odd = true
		return
	}
	if s.next == len(s.down.starts) || 2*s.pairs >= s.given {
		return
	}
	if s.odd {
		s.filterAcross(s.first, row)
	} else {
		s.filterAcross(row, row)
	}
	s.odd = false
	s.pairs++
	for s.next < len(s.down.starts) && 2*s.pairs >= min(s.down.starts[s.next]+s.down.taps, s.given) {
		s.filterDown()
		s.next++
	}
}

// filterAcross filters a pair of rows into the ring.
func (s *Scaler) filterAcross(a, b []byte) {
	packed := s.packed[:len(s.first)]
	a, b = a[:len(packed)], b[:len(packed)]
	for i := range packed {
		packed[i] = uint64(a[i]) | uint64(b[i])<<32
	}
	s.across.rows(s.ring[s.pairs%len(s.ring)], s.packed)
}

// filterDown makes the next result row.
func (s *Scaler) filterDown() {
	f := s.down
	start := f.starts[s.next]
	weights := f.weights[s.next*f.taps : (s.next+1)*f.taps]
	p, end := start/2, min((start+f.taps+1)/2, s.pairs)
	sums := s.base
	if end-p > finishPairs {
		sums = s.sums
		copy(sums, s.base)
		for ; end-p > finishPairs; p += 3 {
			r0, r1, r2 := s.pair(p)[:len(sums)], s.pair(p + 1)[:len(sums)], s.pair(p + 2)[:len(sums)]
			w0, w1, w2 := pairWeight(weights, 2*p-start), pairWeight(weights, 2*p+2-start), pairWeight(weights, 2*p+4-start)
			for i := range sums {
				sums[i] += w0*r0[i] + w1*r1[i] + w2*r2[i]
			}
		}
	}
	var rows [finishPairs][]uint64
	var w [finishPairs]uint64
	for i := range rows {
		rows[i] = s.pair(min(p+i, end-1))[:len(sums)]
		if p+i < end {
			w[i] = pairWeight(weights, 2*(p+i)-start)
		}
	}
	finish(s.out[s.next*s.stride:][:len(sums)], sums, &rows, &w)
}

// pair returns a pair of rows that were filtered across.
func (s *Scaler) pair(p int) []uint64 { return s.ring[p%len(s.ring)] }

// pairWeight returns the weights k and k+1, exchanged, as the product asks for.
func pairWeight(weights []int32, k int) uint64 {
	var upper, lower int32
	if k >= 0 && k < len(weights) {
		upper = weights[k]
	}
	if k >= -1 && k+1 < len(weights) {
		lower = weights[k+1]
	}
	return uint64(lower) + uint64(upper)<<32
}
