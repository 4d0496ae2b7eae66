package avif_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/avatar/avif"
)

func decoder(t *testing.T) avif.Decoder {
	t.Helper()
	d, err := avif.NewDecoder()
	if err != nil {
		t.Skip(err)
	}
	return d
}

// halves is red on the left and blue on the right.
func halves(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{R: 255, A: 255}
			if x >= w/2 {
				c = color.NRGBA{B: 255, A: 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	p, err := avatar.New(avatar.Config{Decoders: []avatar.Decoder{decoder(t)}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (avif.Encoder{Quality: 90}).Encode(&b, halves(300, 200)); err != nil {
		t.Fatal(err)
	}
	set, err := p.Render(context.Background(), &b)
	if err != nil {
		t.Fatal(err)
	}
	if s := set.Source; s.Format != "avif" || s.Width != 300 || s.Height != 200 || s.Orientation != 1 {
		t.Errorf("source is %+v", s)
	}
	m, err := jpeg.Decode(bytes.NewReader(set.Pictures[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	left, _, _, _ := m.At(50, 100).RGBA()
	_, _, right, _ := m.At(150, 100).RGBA()
	if left>>8 < 0xe0 || right>>8 < 0xe0 {
		t.Errorf("left red %x, right blue %x", left>>8, right>>8)
	}
}

func TestRejects(t *testing.T) {
	p, err := avatar.New(avatar.Config{Decoders: []avatar.Decoder{decoder(t)}, MaxPixels: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := (avif.Encoder{}).Encode(&b, halves(300, 200)); err != nil {
		t.Fatal(err)
	}
	small := new(bytes.Buffer)
	if err := (avif.Encoder{}).Encode(small, halves(30, 20)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		data   []byte
		reason avatar.Reason
	}{
		{"too many pixels", b.Bytes(), avatar.ReasonTooManyPixels},
		{"brand alone", []byte("\x00\x00\x00\x10ftypavif\x00\x00\x00\x00"), avatar.ReasonCorrupt},
		{"cut short", small.Bytes()[:small.Len()*2/3], avatar.ReasonCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Render(context.Background(), bytes.NewReader(tt.data))
			var reject *avatar.RejectError
			if !errors.As(err, &reject) || reject.Reason != tt.reason || errors.Is(err, avatar.ErrDefect) {
				t.Errorf("got %v, want %s", err, tt.reason)
			}
		})
	}
}
