// Package lanczos changes the size of planes of bytes with Lanczos 3, in fixed point, three multiplications at a time.
//
// A [Scaler] gets the source's rows one by one from top to bottom and keeps only as many as the filter spans, already filtered across; so
// its memory is that of the result and a few of its rows.
//
// Three rows share a 64-bit word, in lanes of 21 bits. Arithmetic on such words is arithmetic on the lanes, as long as every total fits its lane:
//
//	across: (a + b<<21 + c<<42) * w                     = a*w + (b*w)<<21 + (c*w)<<42
//	down:   (a + b<<21 + c<<42) * (w + v<<21 + u<<42)   = ... + (a*u + b*v + c*w)<<42 + ...
//
// Across, one weight meets three rows. Down, the highest lane is the sum of three products, each row with its own weight; what the lower lanes
// hold is not used, and takes at most one from it. Between the two, samples are rounded to half levels: what that loses is seen more
// than what short weights lose, since their errors add up to nothing where a picture is smooth.
package lanczos

const (
	laneBits = 21
	top      = 2 * laneBits
	lanes    = 1 | 1<<laneBits | 1<<top // a number in all lanes of a word

	// Overshooting makes samples that were filtered across lie between -80 and 335. The bias makes them positive; the weights of a result add up to
	// one, so that it comes through filtering down unchanged. There the samples may overshoot once more.
	bias      = 128
	biasDown  = 64
	addAcross = (bias<<weightBits + 1<<(dropBits-1)) * lanes
	dropBits  = weightBits - 1 // of a sum across; the rest are half levels
	keep      = (1<<10 - 1) * lanes
	downBits  = weightBits + 1 // behind the point in a sum down
	addDown   = (biasDown<<downBits + 1<<(downBits-1)) << top
)

// Scaler resizes one plane. It is for one goroutine.
type Scaler struct {
	across, down *filter
	given        int // source rows in all

	waiting [2][]byte // the first rows of a group that is not complete
	count   int       // how many they are
	packed  []uint64  // a group of source rows; what follows its end weighs nothing

	ring   [][]uint64 // groups of three rows that were filtered across; group i is in ring[i%len(ring)]
	groups int        // so many were put there
	next   int        // the next result row
	base   []uint64   // what every sum begins with
	sums   []uint64

	out    []byte
	stride int
}

// New returns a scaler whose result goes to dst. It works in memory until that is reset.
func New(memory *Memory, x, y Axis, dst []byte, stride int) *Scaler {
	s := &Scaler{across: memory.filter(x), down: memory.filter(y), given: y.Given, out: dst, stride: stride}
	rows := make([]byte, 2*x.Given)
	s.waiting = [2][]byte{rows[:x.Given], rows[x.Given:]}
	depth := (s.down.taps+2)/3 + 2
	words := memory.take(x.Given + s.across.stride + (2+depth)*x.Size)
	take := func(n int) []uint64 {
		part := words[:n:n]
		words = words[n:]
		return part
	}
	s.packed, s.base, s.sums = take(x.Given+s.across.stride), take(x.Size), take(x.Size)
	for i := range s.base {
		s.base[i] = addDown
	}
	for range depth {
		s.ring = append(s.ring, take(x.Size))
	}
	return s
}

// Add takes the next source row. The row is not kept.
func (s *Scaler) Add(row []byte) {
	have := 3*s.groups + s.count
	switch {
	case s.next == len(s.down.starts) || have >= s.given:
		return
	case s.count < 2 && have+1 < s.given:
		copy(s.waiting[s.count], row)
		s.count++
		return
	case s.count == 2:
		s.filterAcross(s.waiting[0], s.waiting[1], row)
	case s.count == 1: // the last group is short; what fills it weighs nothing
		s.filterAcross(s.waiting[0], row, row)
	default:
		s.filterAcross(row, row, row)
	}
	s.count = 0
	s.groups++
	for s.next < len(s.down.starts) && 3*s.groups >= min(s.down.starts[s.next]+s.down.taps, s.given) {
		s.filterDown()
		s.next++
	}
}

// filterAcross filters a group of rows into the ring.
func (s *Scaler) filterAcross(a, b, c []byte) {
	packed := s.packed[:len(a)]
	b, c = b[:len(packed)], c[:len(packed)]
	for i := range packed {
		packed[i] = uint64(a[i]) | uint64(b[i])<<laneBits | uint64(c[i])<<top
	}
	s.across.rows(s.ring[s.groups%len(s.ring)], s.packed)
}

// filterDown makes the next result row.
func (s *Scaler) filterDown() {
	f := s.down
	start := f.starts[s.next]
	weights := f.weights[s.next*f.stride:][:f.taps]
	g, end := start/3, min((start+f.taps+2)/3, s.groups)
	sums := s.base
	if end-g > finishGroups {
		sums = s.sums
		copy(sums, s.base)
		for ; end-g > finishGroups; g += 2 {
			r0, r1 := s.group(g)[:len(sums)], s.group(g + 1)[:len(sums)]
			w0, w1 := groupWeight(weights, 3*g-start), groupWeight(weights, 3*g+3-start)
			for i := range sums {
				sums[i] += w0*r0[i] + w1*r1[i]
			}
		}
	}
	var rows [finishGroups][]uint64
	var w [finishGroups]uint64
	for i := range rows {
		rows[i] = s.group(min(g+i, end-1))[:len(sums)]
		if g+i < end {
			w[i] = groupWeight(weights, 3*(g+i)-start)
		}
	}
	out := s.out[s.next*s.stride:][:len(sums)]
	if w[finishGroups-1] == 0 {
		finish3(out, sums, &rows, &w)
	} else {
		finish4(out, sums, &rows, &w)
	}
}

// group returns a group of rows that were filtered across.
func (s *Scaler) group(g int) []uint64 { return s.ring[g%len(s.ring)] }

// groupWeight returns the weights k, k+1 and k+2, the first on top, as the product asks for.
func groupWeight(weights []int32, k int) uint64 {
	word := uint64(0)
	for i := range 3 {
		if at := k + i; at >= 0 && at < len(weights) {
			word += uint64(weights[at]) << (top - laneBits*i)
		}
	}
	return word
}
