package jpeg_test

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/jpeg"
)

// scene returns a picture with edges, slopes and fine detail, as YCbCr.
func scene(w, h int, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
	level := func(x, y int, f float64) byte {
		v := 128 + 60*math.Sin(f*float64(x))*math.Cos(0.7*f*float64(y)) + 20*math.Sin(float64(x*y)/97)
		if (x/23+y/17)%5 == 0 {
			v = 235 - v/2
		}
		return byte(min(max(v, 0), 255))
	}
	for y := range h {
		for x := range w {
			m.Y[m.YOffset(x, y)] = level(x, y, 0.11)
			at := m.COffset(x, y)
			m.Cb[at], m.Cr[at] = level(x, y, 0.03), level(y, x, 0.02)
		}
	}
	return m
}

// samples returns the planes of m.
func samples(m *image.YCbCr, components int) []jpeg.Samples {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	all := []jpeg.Samples{{m.Y, m.YStride, w, h}, {m.Cb, m.CStride, (w + 1) / 2, (h + 1) / 2}, {m.Cr, m.CStride, (w + 1) / 2, (h + 1) / 2}}
	return all[:components]
}

func meanDifference(a []byte, aStride int, b []byte, bStride, w, h int) float64 {
	sum := 0
	for y := range h {
		for x := range w {
			d := int(a[y*aStride+x]) - int(b[y*bStride+x])
			sum += max(d, -d)
		}
	}
	return float64(sum) / float64(w*h)
}

// TestEncode holds what image/jpeg reads against what went in: at quality 100 each sample to within a level or two, and no further away than
// image/jpeg's own encoder at lower ones.
func TestEncode(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {8, 8}, {16, 16}, {17, 9}, {33, 64}, {200, 151}} {
		for _, quality := range []int{1, 50, 85, 100} {
			for _, components := range []int{1, 3} {
				m := scene(size.X, size.Y, image.YCbCrSubsampleRatio420)
				data := jpeg.Encode([]byte("before"), samples(m, components), quality)
				if !bytes.HasPrefix(data, []byte("before\xff\xd8")) {
					t.Fatal("did not append")
				}
				got, err := stdjpeg.Decode(bytes.NewReader(data[6:]))
				if err != nil {
					t.Fatalf("%v, quality %d, %d components: %v", size, quality, components, err)
				}
				var std bytes.Buffer
				var in image.Image = m
				if components == 1 {
					in = &image.Gray{Pix: m.Y, Stride: m.YStride, Rect: m.Rect}
				}
				if err := stdjpeg.Encode(&std, in, &stdjpeg.Options{Quality: quality}); err != nil {
					t.Fatal(err)
				}
				want, err := stdjpeg.Decode(&std)
				if err != nil {
					t.Fatal(err)
				}
				y, stride := lumaOf(got)
				stdY, stdStride := lumaOf(want)
				ours := meanDifference(y, stride, m.Y, m.YStride, size.X, size.Y)
				theirs := meanDifference(stdY, stdStride, m.Y, m.YStride, size.X, size.Y)
				if ours > theirs*1.01+0.05 {
					t.Errorf("%v, quality %d, %d components: luma differs by %.3f, image/jpeg's by %.3f", size, quality, components, ours, theirs)
				}
				if quality == 100 && ours > 0.6 {
					t.Errorf("%v, quality 100: luma differs by %.3f", size, ours)
				}
				if c, ok := got.(*image.YCbCr); ok {
					w, h := (size.X+1)/2, (size.Y+1)/2
					if d := meanDifference(c.Cb, c.CStride, m.Cb, m.CStride, w, h); quality == 100 && d > 0.6 {
						t.Errorf("%v, quality 100: Cb differs by %.3f", size, d)
					}
				}
			}
		}
	}
}

// TestEncodeAgainstDefinition holds what was written against the forward transform's definition in floating point, quantized with the file's
// own steps and transformed back. Blocks with a coefficient on the border between two steps are left out: rounding may take it to either.
func TestEncodeAgainstDefinition(t *testing.T) {
	const side = 64
	const tolerance = 1.25 // the decoder's rounding is in it
	random := rand.New(rand.NewPCG(5, 6))
	still := scene(side, side, image.YCbCrSubsampleRatio420).Y
	tests := []struct {
		name  string
		level func(x, y int) byte
	}{
		{"scene", func(x, y int) byte { return still[y*side+x] }},
		{"noise", func(int, int) byte { return byte(random.UintN(256)) }},
		{"stripes", func(x, y int) byte { return byte(255 * ((x/3 + y/5) & 1)) }},
	}
	for _, tt := range tests {
		pix := make([]byte, side*side)
		for i := range pix {
			pix[i] = tt.level(i%side, i/side)
		}
		for _, quality := range []int{2, 10, 50, 85} {
			data := jpeg.Encode(nil, []jpeg.Samples{{Pix: pix, Stride: side, Width: side, Height: side}}, quality)
			steps := data[bytes.Index(data, []byte{0xff, 0xdb})+5:][:64]
			_, got, err := decode(data, jpeg.Options{})
			if err != nil {
				t.Fatal(err)
			}
			compared := 0
			for by := 0; by < side; by += 8 {
				for bx := 0; bx < side; bx += 8 {
					want, clear := quantized(pix[by*side+bx:], side, steps)
					if !clear {
						continue
					}
					compared++
					for i, v := range want {
						if g := got.pix[0][(by+i/8)*side+bx+i%8]; math.Abs(float64(g)-v) > tolerance {
							t.Fatalf("%s, quality %d: sample (%d,%d) is %d, want %.2f", tt.name, quality, bx+i%8, by+i/8, g, v)
						}
					}
				}
			}
			if compared < 8 {
				t.Errorf("%s, quality %d: only %d blocks were compared", tt.name, quality, compared)
			}
		}
	}
}

// quantized is what remains of 8x8 samples when their coefficients are quantized with steps, in zigzag order. Clear says that no coefficient is on a border.
func quantized(pix []byte, stride int, steps []byte) (out [64]float64, clear bool) {
	const border = 0.06
	var coefficients [64]float64
	clear = true
	for k, at := range natural {
		u, v := at%8, at/8
		sum := 0.0
		for i := range 64 {
			sum += (float64(pix[i/8*stride+i%8]) - 128) * cosine(u, i%8, 8) * cosine(v, i/8, 8)
		}
		step := float64(steps[k])
		coefficients[at] = math.Round(sum/8/step) * step
		if math.Abs(math.Abs(sum/8-coefficients[at])-step/2) < border {
			clear = false
		}
	}
	for i := range out {
		sum := 0.0
		for at, c := range coefficients {
			sum += c * cosine(at%8, i%8, 8) * cosine(at/8, i/8, 8)
		}
		out[i] = min(max(sum/8+128, 0), 255)
	}
	return out, clear
}

// TestEncodeNoise fills blocks to their last coefficient with values of all sizes, which the bit writer has least room for.
func TestEncodeNoise(t *testing.T) {
	const side = 128
	random := rand.New(rand.NewPCG(1, 2))
	m := image.NewYCbCr(image.Rect(0, 0, side, side), image.YCbCrSubsampleRatio420)
	for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
		for i := range plane {
			plane[i] = byte(255 * random.IntN(2)) // between the ends of the range, so that the coefficients are large
		}
	}
	got, err := stdjpeg.Decode(bytes.NewReader(jpeg.Encode(nil, samples(m, 3), 100)))
	if err != nil {
		t.Fatal(err)
	}
	y, stride := lumaOf(got)
	if d := meanDifference(y, stride, m.Y, m.YStride, side, side); d > 0.6 {
		t.Errorf("luma differs by %.3f", d)
	}
}

func lumaOf(m image.Image) ([]byte, int) {
	switch m := m.(type) {
	case *image.Gray:
		return m.Pix, m.Stride
	case *image.YCbCr:
		return m.Y, m.YStride
	}
	return nil, 0
}

func BenchmarkEncode(b *testing.B) {
	m := scene(512, 512, image.YCbCrSubsampleRatio420)
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = jpeg.Encode(buf[:0], samples(m, 3), 85)
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}

func BenchmarkEncodeStandardLibrary(b *testing.B) {
	m := scene(512, 512, image.YCbCrSubsampleRatio420)
	b.ReportAllocs()
	var buf bytes.Buffer
	for b.Loop() {
		buf.Reset()
		if err := stdjpeg.Encode(&buf, m, &stdjpeg.Options{Quality: 85}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(buf.Len()), "bytes")
}
