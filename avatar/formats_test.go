package avatar_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"io"
	"runtime"
	"testing"
	"time"

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

// cmykJPEG is a baseline JPEG of 8 by 8 pixels and four components of one value each, with an Adobe marker.
func cmykJPEG(transform byte, components [4]byte) []byte {
	var b bytes.Buffer
	segment := func(marker byte, body ...byte) {
		b.Write([]byte{0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)})
		b.Write(body)
	}
	b.Write([]byte{0xff, 0xd8})
	segment(0xee, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), transform)...)
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{8}, 64)...)...) // a DC step of 8 is one grey level
	segment(0xc0, 8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
	// DC: the categories 0 to 8 have codes of four bits, each its own number. AC: one code, end of block, of one bit.
	segment(0xc4, append(append([]byte{0x00}, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0, 1, 2, 3, 4, 5, 6, 7, 8)...)
	segment(0xc4, append(append([]byte{0x10}, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0)...)
	segment(0xda, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0)
	var bits string
	for _, c := range components {
		v := int(c) - 128
		category := 0
		for n := max(v, -v); n > 0; n >>= 1 {
			category++
		}
		if v < 0 {
			v += 1<<category - 1
		}
		for i := 3; i >= 0; i-- {
			bits += string(rune('0' + category>>i&1))
		}
		for i := category - 1; i >= 0; i-- {
			bits += string(rune('0' + v>>i&1))
		}
		bits += "0"
	}
	for len(bits)%8 != 0 {
		bits += "1"
	}
	for ; bits != ""; bits = bits[8:] {
		v := byte(0)
		for _, c := range bits[:8] {
			v = v<<1 | byte(c-'0')
		}
		b.WriteByte(v)
		if v == 0xff {
			b.WriteByte(0)
		}
	}
	b.Write([]byte{0xff, 0xd9})
	return b.Bytes()
}

func TestRenderCMYK(t *testing.T) {
	p := newPipeline(t, avatar.Config{Encoder: avatar.PNG{}})
	tests := []struct {
		name       string
		transform  byte
		components [4]byte // as Adobe stores them: inverted
		want       color.NRGBA
	}{
		{"CMYK red", 0, [4]byte{255, 0, 0, 255}, color.NRGBA{255, 0, 0, 255}},
		{"CMYK half black", 0, [4]byte{255, 255, 255, 128}, color.NRGBA{128, 128, 128, 255}},
		// In YCCK it is the amounts of ink that were taken for red, green and blue.
		{"YCCK white", 2, [4]byte{0, 128, 128, 255}, color.NRGBA{255, 255, 255, 255}},
		{"YCCK black by three inks", 2, [4]byte{255, 128, 128, 255}, color.NRGBA{0, 0, 0, 255}},
		{"YCCK cyan", 2, [4]byte{76, 85, 255, 255}, color.NRGBA{0, 255, 255, 255}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantColor(t, decodePicture(t, render(t, p, cmykJPEG(tt.transform, tt.components)).Pictures[0]), 4, 4, tt.want)
		})
	}
}

// TestRenderMemory prints what the heaviest picture that the default limits allow takes, and fails when it is more than the budget by half.
func TestRenderMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes 49 megapixels of 16 bits")
	}
	const side = 7000
	var b bytes.Buffer
	source := &image.NRGBA64{Pix: make([]byte, side*side*8), Stride: side * 8, Rect: image.Rect(0, 0, side, side)}
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, source); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapInuse)
			}
		}
	}()
	_, err := newPipeline(t, avatar.Config{}).Render(context.Background(), io.MultiReader(bytes.NewReader(data)))
	close(done)
	<-watched
	if err != nil {
		t.Fatal(err)
	}
	peak -= min(peak, before.HeapInuse)
	t.Logf("peak heap of a 16-bit PNG of %dx%d: %d MiB", side, side, peak>>20)
	if peak > 768<<20 {
		t.Errorf("the peak is %d MiB, want at most 768", peak>>20)
	}
}
