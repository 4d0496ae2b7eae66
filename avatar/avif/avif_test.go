package avif_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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

// withProperties adds properties to the one item of a file, which readers must understand (ISO/IEC 23008-12, 9.3).
func withProperties(data []byte, properties ...[]byte) []byte {
	added := bytes.Join(properties, nil)
	at := func(kind string) int { return bytes.Index(data, []byte(kind)) - 4 }
	grow := func(pos, by int) {
		binary.BigEndian.PutUint32(data[pos:], binary.BigEndian.Uint32(data[pos:])+uint32(by))
	}
	data = bytes.Clone(data)
	shift := len(added) + len(properties)
	grow(at("iloc")+8+4+2+2+2+2+2, shift) // where the coded data begins
	grow(at("meta"), shift)
	grow(at("iprp"), shift)
	ipma := at("ipma")
	grow(ipma, len(properties))
	count := ipma + 8 + 4 + 4 + 2
	first := 0 // number of properties so far
	for pos := at("ipco") + 8; pos < ipma; pos += int(binary.BigEndian.Uint32(data[pos:])) {
		first++
	}
	end := count + 1 + int(data[count])
	var indices []byte
	for i := range properties {
		indices = append(indices, 0x80|byte(first+i+1))
	}
	data[count] += byte(len(properties))
	grow(at("ipco"), len(added))
	return bytes.Join([][]byte{data[:ipma], added, data[ipma:end], indices, data[end:]}, nil)
}

// TestOrientation gives a file transformations. The quarters of the picture are red, green, blue and white as it is seen. Chromium shows these files the same way.
func TestOrientation(t *testing.T) {
	red, green, blue, white := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 255, 0, 255}, color.NRGBA{0, 0, 255, 255}, color.NRGBA{255, 255, 255, 255}
	tests := []struct {
		name        string
		angle, mode int // of irot and imir; -1 for none
		orientation int
		stored      [4]color.NRGBA // upper left, upper right, lower left, lower right
		shownW      int
	}{
		{"none", -1, -1, 1, [4]color.NRGBA{red, green, blue, white}, 120},
		{"a quarter turn to the left", 1, -1, 8, [4]color.NRGBA{blue, red, white, green}, 80},
		{"a half turn", 2, -1, 3, [4]color.NRGBA{white, blue, green, red}, 120},
		{"a quarter turn to the right", 3, -1, 6, [4]color.NRGBA{green, white, red, blue}, 80},
		{"top and bottom", -1, 0, 4, [4]color.NRGBA{blue, white, red, green}, 120},
		{"left and right", -1, 1, 2, [4]color.NRGBA{green, red, white, blue}, 120},
		{"turned, then top and bottom", 1, 0, 5, [4]color.NRGBA{red, blue, green, white}, 80},
	}
	p, err := avatar.New(avatar.Config{Decoders: []avatar.Decoder{decoder(t)}, Crop: avatar.Crop{Mode: avatar.CropCentre}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := image.NewNRGBA(image.Rect(0, 0, 120, 80))
			for y := range 80 {
				for x := range 120 {
					m.SetNRGBA(x, y, tt.stored[y/40*2+x/60])
				}
			}
			var b bytes.Buffer
			if err := (avif.Encoder{Quality: 95}).Encode(&b, m); err != nil {
				t.Fatal(err)
			}
			var properties [][]byte
			if tt.angle >= 0 {
				properties = append(properties, []byte{0, 0, 0, 9, 'i', 'r', 'o', 't', byte(tt.angle)})
			}
			if tt.mode >= 0 {
				properties = append(properties, []byte{0, 0, 0, 9, 'i', 'm', 'i', 'r', byte(tt.mode)})
			}
			data := withProperties(b.Bytes(), properties...)
			set, err := p.Render(context.Background(), bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if s := set.Source; s.Orientation != tt.orientation || s.Width != tt.shownW {
				t.Errorf("source is %+v, want orientation %d", s, tt.orientation)
			}
			shown, err := jpeg.Decode(bytes.NewReader(set.Pictures[0].Data))
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range [4]color.NRGBA{red, green, blue, white} {
				r, g, b, _ := shown.At(20+40*(i%2), 20+40*(i/2)).RGBA()
				wr, wg, wb, _ := want.RGBA()
				if r>>15 != wr>>15 || g>>15 != wg>>15 || b>>15 != wb>>15 {
					t.Errorf("quarter %d is %x %x %x", i, r>>8, g>>8, b>>8)
				}
			}
		})
	}
}

func ExampleNewDecoder() {
	cfg := avatar.Config{}
	if decoder, err := avif.NewDecoder(); err == nil { // an error: build with -tags nodynamic
		cfg.Decoders = append(cfg.Decoders, decoder)
	}
	pipeline, err := avatar.New(cfg)
	fmt.Println(pipeline != nil, err)
	// Output: true <nil>
}

func ExampleEncoder() {
	_, err := avatar.New(avatar.Config{Encoder: avif.Encoder{Quality: 50}})
	fmt.Println(avif.Encoder{}.ContentType(), err)
	// Output: image/avif <nil>
}
