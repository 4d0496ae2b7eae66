package avatar_test

import (
	"bytes"
	"context"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scene is a picture with what goes wrong easily: slow gradients, hard edges, fine stripes and soft transparency.
func scene(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(255 * x / w), uint8(255 * y / h), 128, 255}
			switch {
			case x > w*3/4 && y < h/4:
				c = color.NRGBA{255, 32, 32, 255}
			case x < w/4 && y > h*3/4:
				c = color.NRGBA{uint8(255 * (x / 2 % 2)), uint8(255 * (x / 2 % 2)), uint8(255 * (x / 2 % 2)), 255}
			case x > w/2 && y > h/2:
				c.A = uint8(255 * (h - y) / (h / 2))
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func opaque(m *image.NRGBA) *image.NRGBA {
	for i := 3; i < len(m.Pix); i += 4 {
		m.Pix[i] = 255
	}
	return m
}

// TestGolden compares whole pictures with those in testdata/golden, which were looked at. The tolerance leaves room for another rounding, on another
// processor too, not for another filter, crop, colour or orientation.
func TestGolden(t *testing.T) {
	const worstAllowed, meanAllowed = 12, 0.75
	kind := avatar.Kind{Name: "avatar", Variants: []avatar.Variant{{Name: "48", Width: 48, Height: 48}}}
	wide := avatar.Kind{Name: "banner", Variants: []avatar.Variant{{Name: "96x32", Width: 96, Height: 32}}}
	jpeg6 := withJPEGSegment(encodeJPEG(t, lay(opaque(scene(400, 500)), 6)), 0xe1, append([]byte("Exif\x00\x00"), exifBlock(6)...))
	file := func(cfg avatar.Config, data []byte) func() (*avatar.Set, error) {
		cfg.Encoder = avatar.PNG{}
		if cfg.Kind.Name == "" {
			cfg.Kind = kind
		}
		p := newPipeline(t, cfg)
		return func() (*avatar.Set, error) { return p.Render(context.Background(), bytes.NewReader(data)) }
	}
	defaults := newPipeline(t, avatar.Config{Kind: kind, Encoder: avatar.PNG{}})
	tests := []struct {
		name string
		make func() (*avatar.Set, error)
	}{
		{"jpeg-orientation-6", file(avatar.Config{}, jpeg6)},
		{"jpeg-banner", file(avatar.Config{Kind: wide}, jpeg6)},
		{"png-alpha", file(avatar.Config{}, encodePNG(t, scene(300, 300)))},
		{"png-linear", file(avatar.Config{Linear: true}, encodePNG(t, scene(300, 300)))},
		{"png-display-p3", file(avatar.Config{}, withPNGChunk(encodePNG(t, opaque(scene(300, 300))), "iCCP", iccp(displayP3())))},
		{"png-upscaled", file(avatar.Config{Upscale: true}, encodePNG(t, opaque(scene(24, 24))))},
		{"webp-lossy-alpha", file(avatar.Config{}, encodeWebP(t, scene(300, 300), false))},
		{"gif-interlaced", file(avatar.Config{}, gifFile{image.Pt(90, 90), image.Rect(20, 20, 90, 90), []byte{0, 64, 128, 255, 200, 0}, nil, -1, true,
			func(x, y int) byte { return byte((x/10 + y/10) % 2) }}.encode())},
		{"initials", func() (*avatar.Set, error) { return defaults.Initials(context.Background(), "Émile Zola", "11") }},
		{"identicon", func() (*avatar.Set, error) { return defaults.Identicon(context.Background(), "11") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := tt.make()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden", tt.name+".png")
			if *update {
				if err := os.WriteFile(path, set.Pictures[0].Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if worst, mean := difference(decodePicture(t, set.Pictures[0]), want); worst > worstAllowed || mean > meanAllowed {
				t.Errorf("the picture differs from %s by %d, %.2f on average", path, worst, mean)
			}
		})
	}
}
