package lanczos

import "math"

const (
	weightBits = 10 // fractional bits of a weight
	support    = 3  // of the filter, in samples of the result
)

// Axis says how a result lies over its source, in one direction. The centre of result sample i is at Offset + (i+0.5)*Length/Size, in source
// samples, the first of which reaches from 0 to 1.
type Axis struct {
	Offset, Length float64
	// Given is the number of source samples: the filter is cut there.
	Given int
	// Size is the number of result samples.
	Size int
}

// filter holds the weights of each result sample over consecutive source samples, all padded with zeros to the same number.
type filter struct {
	taps    int   // weights of a sample that may not be zero
	stride  int   // weights of a sample
	starts  []int // start+stride may lie behind the last source sample, by less than stride
	weights []int32
}

func newFilter(a Axis) *filter {
	scale := a.Length / float64(a.Size)
	stretch := max(scale, 1)
	starts, counts := make([]int, a.Size), make([]int, a.Size)
	taps := 1
	for i := range starts {
		centre := a.Offset + (float64(i)+0.5)*scale
		// Source sample k, with its centre at k+0.5, has a weight when it is less than support*stretch away.
		lo := min(max(int(math.Floor(centre-support*stretch+0.5)), 0), a.Given-1)
		hi := max(min(int(math.Ceil(centre+support*stretch-0.5)), a.Given), lo+1)
		starts[i], counts[i] = lo, hi-lo
		taps = max(taps, hi-lo)
	}
	f := &filter{taps: taps, stride: padded(taps), starts: starts}
	f.weights = make([]int32, a.Size*f.stride)
	row := make([]float64, taps)
	for i, lo := range starts {
		centre := a.Offset + (float64(i)+0.5)*scale
		row := row[:counts[i]]
		sum, below := 0.0, 0.0
		for k := range row {
			row[k] = kernel((float64(lo+k) + 0.5 - centre) / stretch)
			sum += row[k]
			below -= min(row[k], 0)
		}
		if below >= 0.4*sum { // the result reaches beyond the source, and would overshoot: take the nearest sample
			clear(row)
			row[min(max(int(centre)-lo, 0), len(row)-1)], sum = 1, 1
		}
		round(f.weights[i*f.stride:], row, sum)
	}
	return f
}

// round writes the weights so that they add up to one exactly: what rounding leaves goes to the largest.
func round(out []int32, row []float64, sum float64) {
	left, largest := int32(1)<<weightBits, 0
	for k, w := range row {
		out[k] = int32(math.Round(w / sum * (1 << weightBits)))
		left -= out[k]
		if w > row[largest] {
			largest = k
		}
	}
	out[largest] += left
}

func kernel(x float64) float64 {
	if x == 0 {
		return 1
	}
	if x <= -support || x >= support {
		return 0
	}
	x *= math.Pi
	s := math.Sin(x / support)
	return support * s * s * (3 - 4*s*s) / (x * x) // the sine of x is that of a third of it, tripled
}
