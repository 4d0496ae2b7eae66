package decode_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/cruddur/avatarkit/avatar/internal/decode"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
	"github.com/cruddur/avatarkit/avatar/internal/sniff"
)

// edges has slopes, texture, a sensor's noise, and sharp edges in light and in colour.
func edges(side int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, side, side), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(1, 2))
	unit := 1000 / float64(side)
	for y := range side {
		for x := range side {
			u, v := float64(x)*unit, float64(y)*unit
			light := 120 + 50*math.Sin(u/170)*math.Cos(v/130) + 8*math.Sin(u/4+v/11) + 2*random.NormFloat64()
			if math.Mod(u+0.4*v, 230) < 70 {
				light -= 50
			}
			m.Y[m.YOffset(x, y)] = byte(min(max(light, 0), 255))
			at := m.COffset(x, y)
			m.Cb[at], m.Cr[at] = byte(128+40*math.Sin(u/90)), byte(128+40*math.Cos(v/110))
			if math.Mod(u-0.7*v+1000, 310) < 90 {
				m.Cb[at], m.Cr[at] = 70, 190
			}
		}
	}
	return m
}

// TestJPEGReducedQuality decodes pictures that are 1 to 10 times as large as the result, so that every scale of the decoder is met at both ends of its range, and
// holds the planes against those of image/jpeg at full size, reduced with Lanczos in floating point. The sides are even: of odd ones the last sample of chroma
// lies half outside the picture, which that reduction does not know.
func TestJPEGReducedQuality(t *testing.T) {
	const size, lumaMean, chromaMean, worst = 128, 0.65, 0.95, 16
	for _, side := range []int{130, 160, 172, 190, 192, 226, 250, 258, 276, 286, 288, 326, 382, 384, 450, 500, 562, 564, 716, 718, 900, 1150, 1152, 1432, 1434} {
		if testing.Short() && side > 300 {
			continue
		}
		var data bytes.Buffer
		if err := jpeg.Encode(&data, edges(side), &jpeg.Options{Quality: 90}); err != nil {
			t.Fatal(err)
		}
		std, err := jpeg.Decode(bytes.NewReader(data.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := probe.Read(sniff.JPEG, data.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decode.Decode(context.Background(), info, data.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got, err := resample.Scale(context.Background(), new(resample.Memory), decoded.Rows, info.Bounds(), image.Pt(size, size), 2)
		if err != nil {
			t.Fatal(err)
		}
		whole := std.(*image.YCbCr)
		half := image.Rect(0, 0, (side+1)/2, (side+1)/2)
		for i, plane := range []*image.Gray{{Pix: whole.Y, Stride: whole.YStride, Rect: whole.Rect}, {Pix: whole.Cb, Stride: whole.CStride, Rect: half}, {Pix: whole.Cr, Stride: whole.CStride, Rect: half}} {
			p, limit := got.Planes[i], lumaMean
			if i > 0 {
				limit = chromaMean
			}
			want := imaging.Resize(plane, p.Width, p.Height, imaging.Lanczos)
			sum, most := 0.0, 0.0
			for k, v := range p.Pix {
				d := math.Abs(float64(v) - float64(want.Pix[4*k]))
				sum, most = sum+d, max(most, d)
			}
			mean := sum / float64(len(p.Pix))
			if mean > limit || most > worst {
				t.Errorf("side %d, plane %d: mean difference %.2f, most %.0f; want at most %.2f and %d", side, i, mean, most, limit, worst)
			}
		}
	}
}
