package icc_test

import (
	"errors"
	"math"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/icc"
)

func TestPrimaries(t *testing.T) {
	p3 := icc.Primaries{0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060}
	// ProPhoto's white is D50, so this matrix needs the adaptation. From ISO 22028-2's primaries.
	proPhoto := icc.Primaries{0.34567, 0.35850, 0.734699, 0.265301, 0.159597, 0.840403, 0.036598, 0.000105}
	tests := []struct {
		name      string
		primaries icc.Primaries
		want      [9]float64 // linear light to linear sRGB
	}{
		{"sRGB", icc.SRGB(), [9]float64{0: 1, 4: 1, 8: 1}},
		// CSS Color Module Level 4, sections 10 and 18.
		{"Display P3", p3, [9]float64{1.2249401, -0.2249404, 0, -0.0420569, 1.0420571, 0, -0.0196376, -0.0786361, 1.0982735}},
		{"ProPhoto", proPhoto, [9]float64{2.03419, -0.72734, -0.30685, -0.22882, 1.23174, -0.00292, -0.00857, -0.15328, 1.16185}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := icc.FromGamma(tt.primaries, 1)
			if err != nil {
				t.Fatal(err)
			}
			for column, in := range [][3]float32{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
				r, g, b := p.FromLinear(in[0], in[1], in[2])
				for row, got := range []float32{r, g, b} {
					if math.Abs(float64(got)-tt.want[3*row+column]) > 0.002 {
						t.Errorf("row %d, column %d: %v, want %v", row, column, got, tt.want[3*row+column])
					}
				}
			}
		})
	}
}

func TestPrimariesRefused(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	tests := []icc.Primaries{
		{},
		{0.3127, 0, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06},
		{0.3127, 0.3290, 0.64, 0.33, 0.64, 0.33, 0.64, 0.33}, // on one point
		{0.3127, 0.3290, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3},       // on one line
		{nan, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06},
		{0.3127, inf, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06},
	}
	for _, p := range tests {
		if _, err := icc.FromGamma(p, 2.2); err == nil {
			t.Errorf("%v: no error", p)
		}
	}
	for _, exponent := range []float64{-1, 1e-9, 1e9, inf, nan} {
		if _, err := icc.FromGamma(icc.SRGB(), exponent); !errors.Is(err, icc.ErrUnsupported) {
			t.Errorf("exponent %v: %v", exponent, err)
		}
	}
}

func TestCICP(t *testing.T) {
	tests := []struct {
		name string
		code [4]byte
		half float64 // linear light of half the largest sample; 0 means refused
	}{
		{"sRGB", [4]byte{1, 13, 0, 1}, 0.21404},
		{"Display P3", [4]byte{12, 13, 0, 1}, 0.21404},
		{"BT.709", [4]byte{1, 1, 0, 1}, 0.25959},
		{"gamma 2.2", [4]byte{5, 4, 0, 1}, 0.21765},
		{"gamma 2.8", [4]byte{6, 5, 0, 1}, 0.14360},
		{"linear BT.2020", [4]byte{9, 8, 0, 1}, 0.5},
		{"PQ", [4]byte{9, 16, 0, 1}, 0},
		{"HLG", [4]byte{9, 18, 0, 1}, 0},
		{"unknown primaries", [4]byte{2, 13, 0, 1}, 0},
		{"YCbCr", [4]byte{1, 13, 1, 1}, 0},
		{"narrow range", [4]byte{1, 13, 0, 0}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := icc.FromCICP(tt.code)
			if tt.half == 0 {
				if !errors.Is(err, icc.ErrUnsupported) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := float64(p.Curves[0][0x8000]) / 0xffff; math.Abs(got-tt.half) > 0.0005 {
				t.Errorf("half becomes %v, want %v", got, tt.half)
			}
		})
	}
}

// A grey profile whose curve gives lightness, as version 4 allows.
func TestGrayLightness(t *testing.T) {
	p, err := icc.Parse(build("GRAY", "Lab ", map[string][]byte{"kTRC": curv()}))
	if err != nil {
		t.Fatal(err)
	}
	// L* 50 has the luminance 0.184.
	if got := float64(p.Curves[0][0x8000]) / 0xffff; math.Abs(got-0.18419) > 0.0005 {
		t.Errorf("L* 50 becomes %v", got)
	}
}
