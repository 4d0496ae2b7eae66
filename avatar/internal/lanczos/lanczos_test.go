package lanczos_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/lanczos"
)

// reference filters in floating point.
func reference(src []byte, w, h int, x, y lanczos.Axis) []float64 {
	weights := func(a lanczos.Axis, i int) []float64 {
		scale := a.Length / float64(a.Size)
		stretch := max(scale, 1)
		out := make([]float64, a.Given)
		sum := 0.0
		for k := range out {
			d := (float64(k) + 0.5 - a.Offset - (float64(i)+0.5)*scale) / stretch
			switch {
			case d == 0:
				out[k] = 1
			case math.Abs(d) < 3:
				out[k] = 3 * math.Sin(math.Pi*d) * math.Sin(math.Pi*d/3) / (math.Pi * math.Pi * d * d)
			}
			sum += out[k]
		}
		for k := range out {
			out[k] /= sum
		}
		return out
	}
	mid := make([]float64, x.Size*h)
	for i := range x.Size {
		for k, f := range weights(x, i) {
			for row := range h {
				mid[row*x.Size+i] += f * float64(src[row*w+k])
			}
		}
	}
	out := make([]float64, x.Size*y.Size)
	for j := range y.Size {
		for k, f := range weights(y, j) {
			for i := range x.Size {
				out[j*x.Size+i] += f * mid[k*x.Size+i]
			}
		}
	}
	return out
}

// TestScaler holds the fixed point against floating point, over random samples, which make the filter overshoot at both ends. Rounding takes half
// a level, that of the samples in between another half which the filter may enlarge, and that of the weights some more; on average they cancel.
func TestScaler(t *testing.T) {
	const tolerance, meanTolerance = 1.75, 0.45
	whole := func(given, size int) lanczos.Axis {
		return lanczos.Axis{Length: float64(given), Given: given, Size: size}
	}
	tests := []struct {
		name string
		x, y lanczos.Axis
	}{
		{"same size", whole(33, 33), whole(17, 17)},
		{"two thirds", whole(96, 64), whole(93, 62)},
		{"a sixth", whole(301, 51), whole(200, 33)},
		{"an eighth, odd", whole(257, 31), whole(131, 17)},
		{"larger", whole(20, 61), whole(11, 35)},
		{"across only", whole(100, 30), whole(50, 50)},
		{"a part", lanczos.Axis{Offset: 3.25, Length: 40.5, Given: 60, Size: 27}, lanczos.Axis{Offset: 0.5, Length: 39, Given: 40, Size: 26}},
		{"beyond the end", lanczos.Axis{Length: 51, Given: 50, Size: 17}, lanczos.Axis{Length: 50.5, Given: 50, Size: 25}},
		{"one sample", whole(1, 1), whole(1, 1)},
		{"one column", whole(1, 1), whole(40, 9)},
		{"to one", whole(50, 1), whole(49, 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, h := tt.x.Given, tt.y.Given
			src := make([]byte, w*h)
			random := rand.New(rand.NewPCG(1, 2))
			for i := range src {
				src[i] = byte(random.UintN(2) * random.UintN(256))
			}
			const margin = 5
			stride := tt.x.Size + margin
			dst := make([]byte, stride*tt.y.Size)
			s := lanczos.New(new(lanczos.Memory), tt.x, tt.y, dst, stride)
			for row := range h {
				s.Add(src[row*w : (row+1)*w])
			}
			worst, sum := 0.0, 0.0
			for i, want := range reference(src, w, h, tt.x, tt.y) {
				got := float64(dst[i/tt.x.Size*stride+i%tt.x.Size])
				d := math.Abs(got - min(max(want, 0), 255))
				worst, sum = max(worst, d), sum+d
			}
			if mean := sum / float64(tt.x.Size*tt.y.Size); worst > tolerance || mean > meanTolerance {
				t.Errorf("the worst difference is %.3f levels, the mean %.3f; want at most %.2f and %.2f", worst, mean, tolerance, meanTolerance)
			}
			for y := range tt.y.Size {
				for _, v := range dst[y*stride+tt.x.Size:][:margin] {
					if v != 0 {
						t.Fatal("wrote beyond a row")
					}
				}
			}
		})
	}
}

// TestScalerOvershoots gives it the stripes that make the filter overshoot most in both directions: no lane may run over into the next.
func TestScalerOvershoots(t *testing.T) {
	for _, size := range []int{31, 40, 57, 64, 96, 200} {
		for period := 2; period <= 14; period++ {
			const given = 64
			src := make([]byte, given*given)
			for i := range src {
				if (i%given/period+i/given/period)%2 == 0 {
					src[i] = 255
				}
			}
			axis := lanczos.Axis{Length: given, Given: given, Size: size}
			dst := make([]byte, size*size)
			s := lanczos.New(new(lanczos.Memory), axis, axis, dst, size)
			for y := range given {
				s.Add(src[y*given:][:given])
			}
			for i, want := range reference(src, given, given, axis, axis) {
				if d := math.Abs(float64(dst[i]) - min(max(want, 0), 255)); d > 1.75 {
					t.Fatalf("to %d, stripes of %d: sample %d is %d, want %.2f", size, period, i, dst[i], want)
				}
			}
		}
	}
}

func BenchmarkScaler(b *testing.B) {
	const given, size = 756, 512
	src, dst := make([]byte, given*given), make([]byte, size*size)
	for i := range src {
		src[i] = byte(i * i)
	}
	axis := lanczos.Axis{Length: given, Given: given, Size: size}
	b.SetBytes(given * given)
	b.ReportAllocs()
	for b.Loop() {
		s := lanczos.New(new(lanczos.Memory), axis, axis, dst, size)
		for y := range given {
			s.Add(src[y*given:][:given])
		}
	}
}
