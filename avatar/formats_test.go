package avatar_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"testing"

	"github.com/gen2brain/webp"

	"github.com/cruddur/avatarkit/avatar"
)

func encodeWebP(t testing.TB, m image.Image, lossless bool) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := webp.Encode(&b, m, webp.Options{Lossless: lossless, Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func riffChunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	return append(b, make([]byte, len(body)%2)...)
}

func riff(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return riffChunk("RIFF", body)
}

func uint24(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }

// canvas is a VP8X chunk.
func canvas(flags byte, w, h int) []byte {
	return riffChunk("VP8X", append(append([]byte{flags, 0, 0, 0}, uint24(w-1)...), uint24(h-1)...))
}

func TestRenderWebP(t *testing.T) {
	p := newPipeline(t, avatar.Config{Crop: avatar.Crop{Mode: avatar.CropCentre}})
	for _, lossless := range []bool{true, false} {
		for orientation := 1; orientation <= 8; orientation++ {
			m := lay(quarters(320, 280), orientation)
			still := encodeWebP(t, m, lossless)
			data := riff(canvas(1<<3, m.Rect.Dx(), m.Rect.Dy()), still[12:], riffChunk("EXIF", exifBlock(orientation)))
			set := render(t, p, data)
			if s := set.Source; s.Orientation != orientation || s.Width != 320 || s.Format != "webp" {
				t.Errorf("source is %+v, want orientation %d", s, orientation)
			}
			wantQuarters(t, decodePicture(t, set.Pictures[0]))
		}
	}
}

func TestRenderWebPAlpha(t *testing.T) {
	m := quarters(200, 200)
	for i := 3; i < len(m.Pix)/2; i += 4 {
		m.Pix[i] = 0
	}
	for _, lossless := range []bool{true, false} {
		out := decodePicture(t, render(t, newPipeline(t, avatar.Config{Background: color.Black}), encodeWebP(t, m, lossless)).Pictures[0])
		wantColor(t, out, 50, 50, color.Black)
		wantColor(t, out, 50, 150, color.NRGBA{B: 255, A: 255})
	}
}

func TestRenderAnimatedWebPShowsTheCanvas(t *testing.T) {
	red := image.NewNRGBA(image.Rect(0, 0, 100, 100))
	for i := range red.Pix {
		red.Pix[i] = [4]byte{255, 0, 0, 255}[i%4]
	}
	for _, lossless := range []bool{true, false} {
		still := encodeWebP(t, red, lossless)
		head := bytes.Join([][]byte{uint24(50), uint24(50), uint24(99), uint24(99), uint24(100), {0}}, nil)
		frame := riffChunk("ANMF", append(head, still[12:]...))
		data := riff(canvas(1<<1, 300, 300), riffChunk("ANIM", make([]byte, 6)), frame, frame)
		m := decodePicture(t, render(t, newPipeline(t, avatar.Config{}), data).Pictures[0])
		wantColor(t, m, 150, 150, color.NRGBA{R: 255, A: 255})
		wantColor(t, m, 90, 90, color.White)
	}
}

// TestRenderWebPTwice reads the pixels more than once, for a detector and then for the picture, and in linear light.
func TestRenderWebPTwice(t *testing.T) {
	transparent := quarters(160, 160)
	transparent.Pix[3] = 254
	for _, m := range []image.Image{quarters(160, 160), transparent} {
		for _, lossless := range []bool{true, false} {
			seen := image.Rectangle{}
			detect := func(m image.Image) image.Rectangle {
				seen = m.Bounds()
				wantQuarters(t, m)
				return seen
			}
			p := newPipeline(t, avatar.Config{Detect: detect, Linear: true})
			wantQuarters(t, decodePicture(t, render(t, p, encodeWebP(t, m, lossless)).Pictures[0]))
			if seen.Dx() != 160 {
				t.Errorf("the detector saw %v", seen)
			}
		}
	}
}

// TestRenderWebPHeader has files whose chunks disagree: the size is that of the header where it has its place, and there is one header at most.
func TestRenderWebPHeader(t *testing.T) {
	picture := encodeWebP(t, quarters(60, 60), true)[12:]
	tests := []struct {
		name    string
		data    []byte
		refused bool
	}{
		{"plain", riff(picture), false},
		{"no padding at the end", bytes.TrimSuffix(riff(picture, riffChunk("ODD ", []byte{1})), []byte{0}), false},
		{"announced alpha that is not there", riff(canvas(1<<4, 60, 60), picture), false},
		{"announced animation that is not there", riff(canvas(1<<1, 60, 60), picture), false},
		{"a header behind the picture", riff(picture, canvas(0, 90, 90)), false},
		{"a second header", riff(canvas(0, 60, 60), canvas(0, 90, 90), picture), false},
		{"a length that ends before the picture", append([]byte("RIFF\x0c\x00\x00\x00"), riff(picture)[8:]...), false},
		{"a length beyond the end", append([]byte("RIFF\xff\xff\xff\x00"), riff(picture)[8:]...), false},
		{"another size", riff(canvas(0, 61, 60), picture), true},
		{"a frame beyond the canvas", riff(canvas(1<<1, 59, 60), picture), true},
	}
	p := newPipeline(t, avatar.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := p.Render(t.Context(), bytes.NewReader(tt.data))
			if tt.refused {
				wantReject(t, err, avatar.ReasonCorrupt, "webp")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := set.Source; s.Width != 60 || s.Height != 60 {
				t.Errorf("source is %+v", s)
			}
			wantQuarters(t, decodePicture(t, set.Pictures[0]))
		})
	}
}

// TestRenderDamagedWebP has no picture to show: the decoder gives none.
func TestRenderDamagedWebP(t *testing.T) {
	p := newPipeline(t, avatar.Config{})
	for _, lossless := range []bool{true, false} {
		whole := encodeWebP(t, scene(200, 200), lossless)
		for _, share := range []int{10, 50, 95} {
			_, err := p.Render(t.Context(), bytes.NewReader(whole[:len(whole)*share/100]))
			wantReject(t, err, avatar.ReasonCorrupt, "webp")
		}
	}
	mismatch := riff(canvas(0, 300, 300), encodeWebP(t, scene(200, 200), true)[12:])
	_, err := p.Render(t.Context(), bytes.NewReader(mismatch))
	wantReject(t, err, avatar.ReasonCorrupt, "webp")
}
