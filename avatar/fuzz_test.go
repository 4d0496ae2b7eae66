package avatar_test

import (
	"bytes"
	"context"
	"errors"
	"image/gif"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// FuzzRender feeds the whole pipeline: it may refuse, but never panic, and what it makes must decode.
func FuzzRender(f *testing.F) {
	m := quarters(40, 30)
	jpg := withJPEGSegment(encodeJPEG(f, m), 0xe1, append([]byte("Exif\x00\x00"), exifBlock(6)...))
	f.Add(jpg)
	f.Add(encodePNG(f, m))
	var g bytes.Buffer
	if err := gif.Encode(&g, m, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(g.Bytes())
	f.Add([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"))
	p := newPipeline(f, avatar.Config{MaxPixels: 1 << 16, MaxMemory: 8 << 20, MaxBytes: 1 << 20, AlphaEncoder: avatar.PNG{}})
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := p.Render(context.Background(), bytes.NewReader(data))
		if errors.Is(err, avatar.ErrDefect) {
			t.Fatal(err)
		}
		if err != nil {
			if !errors.As(err, new(*avatar.RejectError)) {
				t.Fatalf("a bad source gave a transient error: %v", err)
			}
			return
		}
		for _, pic := range set.Pictures {
			decodePicture(t, pic)
		}
	})
}
