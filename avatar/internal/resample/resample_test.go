package resample_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/disintegration/imaging"

	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// waves has fine and coarse detail.
func waves(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			f := func(a, b float64) uint8 { return uint8(127.5 + 127*math.Sin(a*float64(x)+b*float64(y))) }
			m.SetNRGBA(x, y, color.NRGBA{f(0.02, 0.05), f(0.3, 0.01), f(0.004, 0.2), 255})
		}
	}
	return m
}

func scale(t *testing.T, m image.Image, rect image.Rectangle, w, h int) *image.NRGBA {
	t.Helper()
	p, err := resample.Scale(context.Background(), resample.FromImage(m, false), rect, w, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.NRGBA(nil)
}

// TestScaleAgainstImaging compares with Lanczos 3 over the whole source. Up to a factor of four the arithmetic is the same, beyond it the averaging of squares blurs a little.
func TestScaleAgainstImaging(t *testing.T) {
	tests := []struct {
		name       string
		w, h       int
		rect       image.Rectangle
		dw, dh     int
		worst      int     // difference of a sample
		meanAtMost float64 // difference
	}{
		{"same size", 64, 48, image.Rect(0, 0, 64, 48), 64, 48, 0, 0},
		{"larger", 40, 30, image.Rect(0, 0, 40, 30), 160, 120, 2, 0.6},
		{"a third", 300, 300, image.Rect(0, 0, 300, 300), 100, 100, 2, 0.6},
		{"a part", 400, 300, image.Rect(37, 11, 237, 211), 100, 100, 2, 0.6},
		{"a ninth", 900, 900, image.Rect(0, 0, 900, 900), 100, 100, 12, 1.5},
		{"odd", 1013, 757, image.Rect(0, 0, 1013, 757), 128, 96, 12, 1.5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := waves(tt.w, tt.h)
			got := scale(t, m, tt.rect, tt.dw, tt.dh)
			want := imaging.Resize(imaging.Crop(m, tt.rect), tt.dw, tt.dh, imaging.Lanczos)
			worst, sum := 0, 0
			for i := range want.Pix {
				d := int(got.Pix[i]) - int(want.Pix[i])
				worst, sum = max(worst, d, -d), sum+max(d, -d)
			}
			if mean := float64(sum) / float64(len(want.Pix)); worst > tt.worst || mean > tt.meanAtMost {
				t.Errorf("differences: worst %d, mean %.2f; want at most %d and %.2f", worst, mean, tt.worst, tt.meanAtMost)
			}
		})
	}
}

// Transparent pixels have a colour that nobody sees; it must not bleed into the visible ones.
func TestScalePremultiplies(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 90, 90))
	for i := 0; i < len(m.Pix); i += 4 {
		m.Pix[i+1] = 255 // green, transparent
		if i/4%90 < 45 {
			copy(m.Pix[i:], []byte{255, 0, 0, 255})
		}
	}
	got := scale(t, m, m.Rect, 20, 20)
	for i := 0; i < len(got.Pix); i += 4 {
		if px := got.Pix[i : i+4]; px[3] > 0 && (px[0] < 250 || px[1] > 5) {
			t.Fatalf("pixel %d is %v", i/4, px)
		}
	}
}

// Every image type gives the pixels that its own At gives.
func TestRows(t *testing.T) {
	src := waves(33, 21)
	for i := 3; i < len(src.Pix); i += 12 {
		src.Pix[i] = 128
	}
	models := map[string]image.Image{
		"nrgba": src, "gray": image.NewGray(src.Rect), "gray16": image.NewGray16(src.Rect), "nrgba64": image.NewNRGBA64(src.Rect),
		"rgba": image.NewRGBA(src.Rect), "rgba64": image.NewRGBA64(src.Rect), "cmyk": image.NewCMYK(src.Rect),
		"paletted": image.NewPaletted(src.Rect, color.Palette{color.Black, color.NRGBA{255, 0, 0, 128}, color.White}),
		"moved":    image.NewGray16(image.Rect(5, 7, 38, 28)),
	}
	for name, m := range models {
		t.Run(name, func(t *testing.T) {
			if d, ok := m.(interface{ Set(x, y int, c color.Color) }); ok {
				for y := range 21 {
					for x := range 33 {
						d.Set(m.Bounds().Min.X+x, m.Bounds().Min.Y+y, src.At(x, y))
					}
				}
			}
			rows := resample.FromImage(m, false)
			row := make([]uint16, 4*20)
			for y := range 21 {
				if err := rows.Row(y, 3, 23, row); err != nil {
					t.Fatal(err)
				}
				for x := 3; x < 23; x++ {
					r, g, b, a := m.At(m.Bounds().Min.X+x, m.Bounds().Min.Y+y).RGBA()
					for c, want := range []uint32{r, g, b, a} {
						got := uint32(row[4*(x-3)+c])
						if c < 3 {
							got = got * a / 0xffff
						}
						if d := int(got) - int(want); d > 0x101 || d < -0x101 {
							t.Fatalf("(%d,%d) sample %d is %x, want %x", x, y, c, got, want)
						}
					}
				}
			}
		})
	}
}

func TestScaleEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := resample.Scale(ctx, resample.FromImage(waves(9, 9), false), image.Rect(0, 0, 9, 9), 3, 3, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
