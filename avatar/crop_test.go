package avatar_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// bands is a tall (or wide) picture whose pixels tell where they were: red grows to the right, green downwards.
func bands(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(255 * x / max(w-1, 1)), uint8(255 * y / max(h-1, 1)), 0, 255})
		}
	}
	return m
}

// shown returns the fractions of the picture of bands that a crop of it begins and ends with.
func shown(t testing.TB, pic avatar.Picture) (x0, y0, x1, y1 float64) {
	m := decodePicture(t, pic)
	at := func(x, y int) (float64, float64) {
		r, g, _, _ := m.At(x, y).RGBA()
		return float64(r) / 0xffff, float64(g) / 0xffff
	}
	x0, y0 = at(0, 0)
	x1, y1 = at(pic.Width-1, pic.Height-1)
	return x0, y0, x1, y1
}

func TestCropModes(t *testing.T) {
	tall, wide := encodePNG(t, bands(200, 600)), encodePNG(t, bands(600, 200))
	turned := withPNGChunk(encodePNG(t, lay(bands(200, 600), 6)), "eXIf", exifBlock(6))
	tests := []struct {
		name string
		data []byte
		crop avatar.Crop
		want [4]float64 // left, upper, right, lower
	}{
		{"default", tall, avatar.Crop{}, [4]float64{0, 2 / 9.0, 1, 5 / 9.0}},
		{"default, wide", wide, avatar.Crop{}, [4]float64{1 / 3.0, 0, 2 / 3.0, 1}},
		{"centre", tall, avatar.Crop{Mode: avatar.CropCentre}, [4]float64{0, 1 / 3.0, 1, 2 / 3.0}},
		{"focal", tall, avatar.Crop{Mode: avatar.CropFocal, X: 0.5, Y: 0.75}, [4]float64{0, 0.75 - 1/6.0, 1, 0.75 + 1/6.0}},
		{"focal near the corner", tall, avatar.Crop{Mode: avatar.CropFocal, X: 1, Y: 1}, [4]float64{0, 2 / 3.0, 1, 1}},
		{"rectangle", tall, avatar.Crop{Mode: avatar.CropRect, X: 0.5, Y: 0.5, Width: 0.5, Height: 1 / 6.0}, [4]float64{0.5, 0.5, 1, 0.5 + 1/6.0}},
		{"rectangle of another shape", tall, avatar.Crop{Mode: avatar.CropRect, X: 0, Y: 0, Width: 1, Height: 1}, [4]float64{0, 1 / 3.0, 1, 2 / 3.0}},
		{"rectangle, of the oriented picture", turned, avatar.Crop{Mode: avatar.CropRect, X: 0.5, Y: 0, Width: 0.5, Height: 1 / 6.0}, [4]float64{0.5, 0, 1, 1 / 6.0}},
		{"default, of the oriented picture", turned, avatar.Crop{}, [4]float64{0, 2 / 9.0, 1, 5 / 9.0}},
	}
	p := newPipeline(t, avatar.Config{Encoder: avatar.PNG{}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := p.RenderCrop(t.Context(), bytes.NewReader(tt.data), tt.crop)
			if err != nil {
				t.Fatal(err)
			}
			x0, y0, x1, y1 := shown(t, set.Pictures[0])
			for i, got := range [4]float64{x0, y0, x1, y1} {
				if math.Abs(got-tt.want[i]) > 0.02 {
					t.Errorf("edge %d is at %.3f, want %.3f", i, got, tt.want[i])
				}
			}
		})
	}
}

func TestCropValidate(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	tests := []struct {
		name string
		crop avatar.Crop
		ok   bool
	}{
		{"zero", avatar.Crop{}, true},
		{"the whole", avatar.Crop{Mode: avatar.CropRect, Width: 1, Height: 1}, true},
		{"rounded over the edge", avatar.Crop{Mode: avatar.CropRect, X: 0.3334, Y: 0, Width: 0.6667, Height: 1}, true},
		{"very small", avatar.Crop{Mode: avatar.CropRect, X: 1, Y: 1, Width: 1e-300, Height: 1e-300}, true},
		{"unknown mode", avatar.Crop{Mode: "faces"}, false},
		{"NaN", avatar.Crop{Mode: avatar.CropFocal, X: nan}, false},
		{"infinite", avatar.Crop{Mode: avatar.CropFocal, Y: inf}, false},
		{"negative", avatar.Crop{Mode: avatar.CropFocal, X: -0.1}, false},
		{"NaN width", avatar.Crop{Mode: avatar.CropRect, Width: nan, Height: 1}, false},
		{"infinite height", avatar.Crop{Mode: avatar.CropRect, Width: 1, Height: -inf}, false},
		{"empty", avatar.Crop{Mode: avatar.CropRect, Width: 0, Height: 1}, false},
		{"outside", avatar.Crop{Mode: avatar.CropRect, X: 0.9, Width: 0.5, Height: 1}, false},
		{"pixels", avatar.Crop{Mode: avatar.CropRect, X: 10, Y: 10, Width: 200, Height: 200}, false},
	}
	p := newPipeline(t, avatar.Config{})
	data := encodePNG(t, bands(9, 9))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.crop.Validate(); (err == nil) != tt.ok {
				t.Errorf("Validate: %v", err)
			}
			_, err := p.RenderCrop(t.Context(), bytes.NewReader(data), tt.crop)
			if (err == nil) != tt.ok || errors.As(err, new(*avatar.RejectError)) {
				t.Errorf("RenderCrop: %v", err)
			}
			if _, err := avatar.New(avatar.Config{Crop: tt.crop}); (err == nil) != tt.ok {
				t.Errorf("New: %v", err)
			}
		})
	}
}

// Any crop that is valid gives a whole picture of the kind's shape, of any size and orientation.
func TestCropAlwaysGivesAPicture(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	square, banner := newPipeline(t, avatar.Config{}), newPipeline(t, avatar.Config{Kind: avatar.BannerKind()})
	for range 150 {
		w, h := 1+random.IntN(40), 1+random.IntN(40)
		if random.IntN(5) == 0 {
			w *= 30
		}
		data := withPNGChunk(encodePNG(t, bands(w, h)), "eXIf", exifBlock(1+random.IntN(8)))
		crop := avatar.Crop{Mode: avatar.CropFocal, X: random.Float64(), Y: random.Float64()}
		if random.IntN(2) == 0 {
			crop.Mode = avatar.CropRect
			crop.Width, crop.Height = random.Float64()*(1-crop.X), random.Float64()*(1-crop.Y)
		}
		for _, p := range []*avatar.Pipeline{square, banner} {
			set, err := p.RenderCrop(t.Context(), bytes.NewReader(data), crop)
			if err != nil {
				t.Fatalf("%dx%d, %+v: %v", w, h, crop, err)
			}
			for _, pic := range set.Pictures {
				if m := decodePicture(t, pic); p == square && m.Bounds().Dx() != m.Bounds().Dy() {
					t.Errorf("%dx%d, %+v: %v", w, h, crop, m.Bounds())
				}
			}
		}
	}
}

func TestDetect(t *testing.T) {
	data := encodePNG(t, bands(200, 600))
	centre := [4]float64{0, 1 / 3.0, 1, 2 / 3.0}
	tests := []struct {
		name   string
		detect func(image.Image) image.Rectangle
		want   [4]float64
		logged string
	}{
		{"a face below", func(image.Image) image.Rectangle { return image.Rect(50, 450, 150, 550) }, [4]float64{0.25, 0.75, 0.75, 550 / 600.0}, ""},
		{"a tall face", func(image.Image) image.Rectangle { return image.Rect(90, 400, 110, 500) }, [4]float64{0.25, 400 / 600.0, 0.75, 500 / 600.0}, ""},
		{"nothing", func(image.Image) image.Rectangle { return image.Rectangle{} }, centre, ""},
		{"outside", func(image.Image) image.Rectangle { return image.Rect(1000, 1000, 1100, 1100) }, centre, ""},
		{"beyond all numbers", func(image.Image) image.Rectangle {
			return image.Rect(math.MinInt, math.MinInt, math.MaxInt, math.MaxInt)
		}, centre, ""},
		{"upside down", func(image.Image) image.Rectangle { return image.Rectangle{image.Pt(50, 50), image.Pt(10, 10)} }, centre, ""},
		{"a panic", func(image.Image) image.Rectangle { panic("no model") }, centre, "no model"},
		{"a picture that it overwrites", func(m image.Image) image.Rectangle { clear(m.(*image.NRGBA).Pix); return image.Rectangle{} }, centre, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			p := newPipeline(t, avatar.Config{Encoder: avatar.PNG{}, Detect: tt.detect, Crop: avatar.Crop{Mode: avatar.CropCentre}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			set, err := p.Render(context.Background(), bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			x0, y0, x1, y1 := shown(t, set.Pictures[0])
			for i, got := range [4]float64{x0, y0, x1, y1} {
				if math.Abs(got-tt.want[i]) > 0.03 {
					t.Errorf("edge %d is at %.3f, want %.3f", i, got, tt.want[i])
				}
			}
			if (tt.logged == "") != (log.Len() == 0) || !strings.Contains(log.String(), tt.logged) {
				t.Errorf("log is %q", log.String())
			}
		})
	}
}
