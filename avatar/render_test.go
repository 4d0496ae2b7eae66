package avatar_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// quarters is a picture whose four quarters are red, green, blue and white, as it is seen.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := [4]color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}[2*(2*y/h)+2*x/w]
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// lay returns m as a camera stores it that writes the orientation; it is the inverse of what a viewer does, written pixel by pixel.
func lay(m *image.NRGBA, orientation int) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	sw, sh := w, h
	if orientation >= 5 {
		sw, sh = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, sw, sh))
	for y := range h {
		for x := range w {
			var sx, sy int
			switch orientation {
			case 1:
				sx, sy = x, y
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, w-1-x
			case 7:
				sx, sy = h-1-y, w-1-x
			case 8:
				sx, sy = h-1-y, x
			}
			out.SetNRGBA(sx, sy, m.NRGBAAt(x, y))
		}
	}
	return out
}

func exifBlock(orientation int) []byte {
	return []byte{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(orientation), 0, 0, 0, 0, 0, 0}
}

func encodeJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func withJPEGSegment(data []byte, marker byte, body []byte) []byte {
	head := []byte{0xff, 0xd8, 0xff, marker, byte((len(body) + 2) >> 8), byte(len(body) + 2)}
	return append(append(head, body...), data[2:]...)
}

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngChunk(kind string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// withPNGChunk puts a chunk behind IHDR.
func withPNGChunk(data []byte, kind string, body []byte) []byte {
	const behindIHDR = 8 + 25
	return append(append(bytes.Clone(data[:behindIHDR]), pngChunk(kind, body)...), data[behindIHDR:]...)
}

func newPipeline(t testing.TB, cfg avatar.Config) *avatar.Pipeline {
	t.Helper()
	p, err := avatar.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func render(t testing.TB, p *avatar.Pipeline, data []byte) *avatar.Set {
	t.Helper()
	set, err := p.Render(context.Background(), bytes.NewReader(data))
	if err != nil {
		t.Fatalf("Render: %v", err)
	}
	return set
}

func decodePicture(t testing.TB, pic avatar.Picture) image.Image {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(pic.Data))
	if err != nil {
		t.Fatalf("the output does not decode: %v", err)
	}
	if m.Bounds().Dx() != pic.Width || m.Bounds().Dy() != pic.Height {
		t.Fatalf("the output is %v, but says %dx%d", m.Bounds(), pic.Width, pic.Height)
	}
	return m
}

// wantColor checks a pixel with the tolerance that JPEG needs: 12 of 255 a channel.
func wantColor(t testing.TB, m image.Image, x, y int, want color.Color) {
	t.Helper()
	const tolerance = 12
	r, g, b, _ := m.At(m.Bounds().Min.X+x, m.Bounds().Min.Y+y).RGBA()
	wr, wg, wb, _ := want.RGBA()
	for _, d := range []float64{float64(r) - float64(wr), float64(g) - float64(wg), float64(b) - float64(wb)} {
		if math.Abs(d) > tolerance*0x101 {
			t.Errorf("pixel (%d,%d) is %02x%02x%02x, want %02x%02x%02x", x, y, r>>8, g>>8, b>>8, wr>>8, wg>>8, wb>>8)
			return
		}
	}
}

func wantQuarters(t testing.TB, m image.Image) {
	t.Helper()
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	wantColor(t, m, w/4, h/4, color.NRGBA{255, 0, 0, 255})
	wantColor(t, m, 3*w/4, h/4, color.NRGBA{0, 255, 0, 255})
	wantColor(t, m, w/4, 3*h/4, color.NRGBA{0, 0, 255, 255})
	wantColor(t, m, 3*w/4, 3*h/4, color.White)
}

func TestRenderOrientation(t *testing.T) {
	p := newPipeline(t, avatar.Config{Crop: avatar.Crop{Mode: avatar.CropCentre}})
	for orientation := 1; orientation <= 8; orientation++ {
		m := lay(quarters(640, 560), orientation)
		sources := map[string][]byte{
			"jpeg": withJPEGSegment(encodeJPEG(t, m), 0xe1, append([]byte("Exif\x00\x00"), exifBlock(orientation)...)),
			"png":  withPNGChunk(encodePNG(t, m), "eXIf", exifBlock(orientation)),
		}
		for format, data := range sources {
			set := render(t, p, data)
			if s := set.Source; s.Orientation != orientation || s.Width != 640 || s.Height != 560 || s.Format != format {
				t.Errorf("%s, orientation %d: source is %+v", format, orientation, s)
			}
			for _, pic := range set.Pictures {
				t.Run(format+pic.Name+string(rune('0'+orientation)), func(t *testing.T) { wantQuarters(t, decodePicture(t, pic)) })
			}
		}
	}
}

func TestRenderSizes(t *testing.T) {
	tests := []struct {
		name    string
		w, h    int
		upscale bool
		want    [4]int
	}{
		{"large", 1000, 700, false, [4]int{512, 256, 128, 64}},
		{"300x200", 300, 200, false, [4]int{200, 200, 128, 64}},
		{"8x8", 8, 8, false, [4]int{8, 8, 8, 8}},
		{"8x8 upscaled", 8, 8, true, [4]int{512, 256, 128, 64}},
		{"1x1", 1, 1, false, [4]int{1, 1, 1, 1}},
		{"5000x1", 5000, 1, false, [4]int{1, 1, 1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := render(t, newPipeline(t, avatar.Config{Upscale: tt.upscale}), encodePNG(t, quarters(tt.w, tt.h)))
			for i, pic := range set.Pictures {
				m := decodePicture(t, pic)
				if m.Bounds().Dx() != tt.want[i] || m.Bounds().Dy() != tt.want[i] {
					t.Errorf("variant %s is %v, want side %d", pic.Name, m.Bounds(), tt.want[i])
				}
			}
		})
	}
}

func TestRenderFlattensTransparency(t *testing.T) {
	blank := image.NewNRGBA(image.Rect(0, 0, 300, 300))
	for y := range 300 {
		for x := range 100 {
			blank.SetNRGBA(x, y, color.NRGBA{R: 255, A: 255})
		}
	}
	palette := color.Palette{color.NRGBA{}, color.NRGBA{R: 255, A: 255}}
	indexed := image.NewPaletted(blank.Rect, palette)
	for y := range 300 {
		for x := range 100 {
			indexed.SetColorIndex(x, y, 1)
		}
	}
	var g bytes.Buffer
	if err := gif.Encode(&g, indexed, nil); err != nil {
		t.Fatal(err)
	}
	blue := color.NRGBA{B: 255, A: 255}
	for name, data := range map[string][]byte{"png": encodePNG(t, blank), "palette png": encodePNG(t, indexed), "gif": g.Bytes()} {
		t.Run(name, func(t *testing.T) {
			set := render(t, newPipeline(t, avatar.Config{Background: blue}), data)
			m := decodePicture(t, set.Pictures[0])
			wantColor(t, m, 20, 150, color.NRGBA{R: 255, A: 255})
			wantColor(t, m, 250, 150, blue)
			set = render(t, newPipeline(t, avatar.Config{AlphaEncoder: avatar.PNG{}}), data)
			if _, _, _, a := decodePicture(t, set.Pictures[0]).At(250, 150).RGBA(); a != 0 || set.Pictures[0].Ext != "png" {
				t.Errorf("alpha is %d in a %s, want 0 in a png", a, set.Pictures[0].Ext)
			}
		})
	}
}

func TestRenderGIFShowsTheCanvas(t *testing.T) {
	frame := image.NewPaletted(image.Rect(100, 100, 200, 200), color.Palette{color.NRGBA{R: 255, A: 255}})
	var b bytes.Buffer
	all := &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}, Config: image.Config{Width: 300, Height: 300, ColorModel: frame.Palette}}
	if err := gif.EncodeAll(&b, all); err != nil {
		t.Fatal(err)
	}
	set := render(t, newPipeline(t, avatar.Config{}), b.Bytes())
	if set.Source.Width != 300 || set.Source.Height != 300 || len(set.Source.Warnings) != 1 {
		t.Errorf("source is %+v", set.Source)
	}
	m := decodePicture(t, set.Pictures[0])
	wantColor(t, m, 150, 150, color.NRGBA{R: 255, A: 255})
	wantColor(t, m, 20, 20, color.White)
}

func TestRender16BitPNG(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 200, 200))
	for i := range m.Pix {
		m.Pix[i] = 0x80
		if i%8 >= 6 {
			m.Pix[i] = 0xff
		}
	}
	wantColor(t, decodePicture(t, render(t, newPipeline(t, avatar.Config{}), encodePNG(t, m)).Pictures[0]), 100, 100, color.Gray{0x80})
}

func TestRenderTruncatedPNGShowsWhatIsThere(t *testing.T) {
	noise := quarters(400, 400)
	for i := range noise.Pix {
		if i%4 == 2 {
			noise.Pix[i] ^= byte(i*i>>7) & 0x3f // so that it does not compress to nothing
		}
	}
	data := encodePNG(t, noise)
	set := render(t, newPipeline(t, avatar.Config{}), data[:len(data)*3/4])
	if len(set.Source.Warnings) == 0 {
		t.Error("no warning")
	}
	r, _, _, _ := decodePicture(t, set.Pictures[0]).At(50, 50).RGBA()
	if r>>8 < 0xe0 {
		t.Errorf("the upper left is not red: %x", r>>8)
	}
}

// hugePNG is a whole PNG of one colour, side by side pixels, of a few hundred bytes a megapixel.
func hugePNG(side uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(nil, side)
	ihdr = binary.BigEndian.AppendUint32(ihdr, side)
	ihdr = append(ihdr, 1, 0, 0, 0, 0)
	data := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", ihdr)...)
	data = append(data, pngChunk("IDAT", []byte{0x78, 0x01})...)
	return append(data, pngChunk("IEND", nil)...)
}

func TestRenderRejects(t *testing.T) {
	small := encodePNG(t, quarters(10, 10))
	whole := encodeJPEG(t, quarters(300, 300))
	zip := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	tests := []struct {
		name   string
		data   []byte
		reason avatar.Reason
		format string
	}{
		{"nothing", nil, avatar.ReasonEmpty, ""},
		{"text", []byte("hello, I am a picture"), avatar.ReasonUnsupportedFormat, "text"},
		{"svg", []byte("<?xml version='1.0'?><!-- c --><svg xmlns='http://www.w3.org/2000/svg'/>"), avatar.ReasonUnsupportedFormat, "svg"},
		{"html", []byte("\n<!DOCTYPE html><html><script>alert(1)</script>"), avatar.ReasonUnsupportedFormat, "html"},
		{"pdf", []byte("%PDF-1.7\n"), avatar.ReasonUnsupportedFormat, "pdf"},
		{"tiff", []byte("II*\x00\x08\x00\x00\x00"), avatar.ReasonUnsupportedFormat, "tiff"},
		{"bmp", append([]byte("BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), make([]byte, 40)...), avatar.ReasonUnsupportedFormat, "bmp"},
		{"html, whatever its name", []byte("<script>alert(1)</script>"), avatar.ReasonUnsupportedFormat, "html"},
		{"xml", []byte("<?xml version='1.0'?><kml/>"), avatar.ReasonUnsupportedFormat, "xml"},
		{"jpeg xl", []byte("\xff\x0a\xfa\x00"), avatar.ReasonUnsupportedFormat, "jpegxl"},
		{"jpeg xl, in boxes", []byte("\x00\x00\x00\x0cJXL \r\n\x87\n"), avatar.ReasonUnsupportedFormat, "jpegxl"},
		{"jpeg 2000", []byte("\x00\x00\x00\x0cjP  \r\n\x87\n"), avatar.ReasonUnsupportedFormat, "jpeg2000"},
		{"psd", []byte("8BPS\x00\x01"), avatar.ReasonUnsupportedFormat, "psd"},
		{"ico", []byte("\x00\x00\x01\x00\x01\x00"), avatar.ReasonUnsupportedFormat, "ico"},
		{"mp4", []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42"), avatar.ReasonUnsupportedFormat, "video"},
		{"zip", []byte("PK\x03\x04\x14\x00"), avatar.ReasonUnsupportedFormat, "zip"},
		{"eps", []byte("%!PS-Adobe-3.0"), avatar.ReasonUnsupportedFormat, "eps"},
		{"heic", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), avatar.ReasonUnsupportedFormat, "heic"},
		{"avif", []byte("\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf"), avatar.ReasonUnsupportedFormat, "avif"},
		{"binary", []byte{1, 2, 3, 4, 5, 6, 7, 8}, avatar.ReasonUnsupportedFormat, ""},
		{"png and zip", append(bytes.Clone(small), zip...), avatar.ReasonUnsupportedFormat, "png+zip"},
		{"jpeg and php", withJPEGSegment(whole, 0xfe, []byte("<?php system($_GET[0]);")), avatar.ReasonUnsupportedFormat, "jpeg+php"},
		{"jpeg and html", append(bytes.Clone(whole), "<html><script>x</script>"...), avatar.ReasonUnsupportedFormat, "jpeg+html"},
		{"png and pdf", append(bytes.Clone(small), "%PDF-1.7 1 0 obj"...), avatar.ReasonUnsupportedFormat, "png+pdf"},
		{"pdf in a jpeg's comment", withJPEGSegment(whole, 0xfe, []byte("%PDF-1.7 1 0 obj")), avatar.ReasonUnsupportedFormat, "jpeg+pdf"},
		{"png with a page in its texts", withPNGChunk(small, "tEXt", []byte("Comment\x00<html><script>x</script>")), avatar.ReasonUnsupportedFormat, "png+html"},
		{"gif and javascript", []byte("GIF89a/*\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x80\x00\x00\x00\xff\xff\xff\x02\x02D\x01\x00;*/=1;alert(1)"), avatar.ReasonUnsupportedFormat, "gif+script"},
		{"jpeg header alone", whole[:30], avatar.ReasonCorrupt, "jpeg"},
		{"png signature alone", small[:8], avatar.ReasonCorrupt, "png"},
		{"png 16000x16000", hugePNG(16000), avatar.ReasonTooManyPixels, "png"},
		{"png 20000x20000", hugePNG(20000), avatar.ReasonTooManyPixels, "png"},
		{"png 2147483647x2147483647", hugePNG(1<<31 - 1), avatar.ReasonTooManyPixels, "png"},
		{"png 0x0", hugePNG(0), avatar.ReasonDimensions, "png"},
		{"too many bytes", make([]byte, 1<<20+1), avatar.ReasonTooManyBytes, ""},
	}
	p := newPipeline(t, avatar.Config{MaxBytes: 1 << 20})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Render(context.Background(), bytes.NewReader(tt.data))
			wantReject(t, err, tt.reason, tt.format)
		})
	}
}

// wantReject checks a refusal, and that it tells the person something.
func wantReject(t testing.TB, err error, reason avatar.Reason, format string) {
	t.Helper()
	var reject *avatar.RejectError
	if !errors.As(err, &reject) {
		t.Fatalf("got %v, want a RejectError", err)
	}
	if reject.Reason != reason || reject.Format != format || reject.Hint == "" {
		t.Errorf("got reason %q, format %q, hint %q; want %q, %q", reject.Reason, reject.Format, reject.Hint, reason, format)
	}
	if errors.Is(err, avatar.ErrDefect) {
		t.Errorf("a panic: %v", err)
	}
}

func TestRenderStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := newPipeline(t, avatar.Config{}).Render(ctx, bytes.NewReader(encodeJPEG(t, quarters(300, 300))))
	if !errors.Is(err, context.Canceled) || errors.As(err, new(*avatar.RejectError)) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	_, err = newPipeline(t, avatar.Config{MaxDuration: 1}).Render(context.Background(), bytes.NewReader(encodeJPEG(t, quarters(300, 300))))
	var reject *avatar.RejectError
	if !errors.As(err, &reject) || reject.Reason != avatar.ReasonTimeout {
		t.Errorf("got %v, want reason timeout", err)
	}
}

// What phones and cameras append is no second format to anybody who opens the file, and nothing of it is published.
func TestRenderIgnoresWhatFollows(t *testing.T) {
	whole := map[string][]byte{"jpeg": encodeJPEG(t, quarters(90, 90)), "png": encodePNG(t, quarters(90, 90)), "webp": encodeWebP(t, quarters(90, 90), true)}
	p := newPipeline(t, avatar.Config{})
	for format, data := range whole {
		for name, tail := range map[string][]byte{
			"a video":          []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42moov"),
			"a second picture": whole["jpeg"],
			"a maker's notes":  []byte("\x00\x00\xd1\x08SEFH\x00\x00\x00\x00"),
			"zeros":            make([]byte, 4096),
		} {
			t.Run(format+", "+name, func(t *testing.T) {
				set := render(t, p, append(bytes.Clone(data), tail...))
				if set.Source.Format != format || len(set.Source.Warnings) > 0 {
					t.Errorf("source is %+v", set.Source)
				}
				wantQuarters(t, decodePicture(t, set.Pictures[0]))
			})
		}
	}
}

func TestRenderBanner(t *testing.T) {
	for i, pic := range render(t, newPipeline(t, avatar.Config{Kind: avatar.BannerKind()}), encodeJPEG(t, quarters(2000, 1500))).Pictures {
		want := [2]image.Point{{1500, 500}, {750, 250}}[i]
		if got := decodePicture(t, pic).Bounds().Size(); got != want {
			t.Errorf("variant %s is %v, want %v", pic.Name, got, want)
		}
	}
}

func TestNewTellsAllFaults(t *testing.T) {
	_, err := avatar.New(avatar.Config{
		Kind:       avatar.Kind{Name: "Avatar", Variants: []avatar.Variant{{"a", 10, 10}, {"a", 10, 20}}},
		MaxBytes:   -1,
		Background: color.Transparent,
		Encoder:    avatar.JPEG{Quality: 101},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"kind name", "used twice", "another shape", "negative", "opaque", "quality"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q: %v", want, err)
		}
	}
}
