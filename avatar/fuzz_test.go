package avatar_test

import (
	"bytes"
	"context"
	"errors"
	"go/build"
	"image/gif"
	"os"
	"path/filepath"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// FuzzRender feeds the whole pipeline: it may refuse, but never panic, and what it makes must decode.
func FuzzRender(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed, 0.5, 0.25)
	}
	p := newPipeline(f, avatar.Config{MaxPixels: 1 << 16, MaxMemory: 8 << 20, MaxBytes: 1 << 20, AlphaEncoder: avatar.PNG{}})
	f.Fuzz(func(t *testing.T, data []byte, x, y float64) {
		crop := avatar.Crop{Mode: avatar.CropFocal, X: x, Y: y}
		if crop.Validate() != nil {
			crop = avatar.Crop{}
		}
		set, err := p.RenderCrop(context.Background(), bytes.NewReader(data), crop)
		if errors.Is(err, avatar.ErrDefect) {
			t.Fatal(err)
		}
		if err != nil {
			if !errors.As(err, new(*avatar.RejectError)) {
				t.Fatalf("a bad source gave a transient error: %v", err)
			}
			return
		}
		if s := set.Source; s.Width < 1 || s.Height < 1 || s.Width*s.Height > 1<<16 || s.Orientation < 1 || s.Orientation > 8 {
			t.Fatalf("source is %+v", s)
		}
		if len(set.Source.Warnings) > 16 {
			t.Fatalf("%d warnings", len(set.Source.Warnings))
		}
		if len(set.Pictures) != 4 || set.Placeholder == "" || len(set.Color) != 7 {
			t.Fatalf("%d pictures, placeholder %q, colour %q", len(set.Pictures), set.Placeholder, set.Color)
		}
		for _, pic := range set.Pictures {
			decodePicture(t, pic)
		}
	})
}

// seeds are small pictures of every format and variant, those of the Go distribution among them where it is installed with its sources.
func seeds(tb testing.TB) [][]byte {
	m := quarters(40, 30)
	indexed := new(bytes.Buffer)
	if err := gif.Encode(indexed, m, nil); err != nil {
		tb.Fatal(err)
	}
	lossless, lossy := encodeWebP(tb, m, true), encodeWebP(tb, m, false)
	exif := append([]byte("Exif\x00\x00"), exifBlock(6)...)
	photo := withJPEGSegment(withJPEGSegment(encodeJPEG(tb, m), 0xe1, exif), 0xe2, append([]byte("ICC_PROFILE\x00\x01\x01"), displayP3()...))
	all := [][]byte{
		photo, photo[:len(photo)*3/4], cmykJPEG(0, [4]byte{255, 0, 0, 255}), cmykJPEG(2, [4]byte{76, 85, 255, 255}),
		encodePNG(tb, m), withPNGChunk(encodePNG(tb, m), "eXIf", exifBlock(8)),
		withPNGChunk(encodePNG(tb, m), "iCCP", iccp(displayP3())), withPNGChunk(encodePNG(tb, m), "gAMA", []byte{0, 1, 0x86, 0xa0}),
		indexed.Bytes(), indexed.Bytes()[:indexed.Len()/2],
		lossless, lossy, riff(canvas(1<<3, 40, 30), lossy[12:], riffChunk("EXIF", exifBlock(5))),
	}
	files, err := filepath.Glob(filepath.Join(build.Default.GOROOT, "src/image/testdata/*"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil && len(data) < 16<<10 {
			all = append(all, data)
		}
	}
	return all
}
