package resample_test

import (
	"bytes"
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

func scale(t *testing.T, src resample.Source, rect image.Rectangle, w, h int) *image.NRGBA {
	t.Helper()
	p, err := resample.Scale(context.Background(), new(resample.Memory), src, rect, image.Pt(w, h), 1)
	if err != nil {
		t.Fatal(err)
	}
	return p.NRGBA()
}

// differences returns the worst and the mean difference of a sample.
func differences(a, b *image.NRGBA) (worst int, mean float64) {
	sum := 0
	for i := range b.Pix {
		d := int(a.Pix[i]) - int(b.Pix[i])
		worst, sum = max(worst, d, -d), sum+max(d, -d)
	}
	return worst, float64(sum) / float64(len(b.Pix))
}

var sizes = []struct {
	name       string
	w, h       int
	rect       image.Rectangle
	dw, dh     int
	worst      int
	meanAtMost float64
}{
	{"same size", 64, 48, image.Rect(0, 0, 64, 48), 64, 48, 0, 0},
	{"larger", 40, 30, image.Rect(0, 0, 40, 30), 160, 120, 2, 0.6},
	{"a third", 300, 300, image.Rect(0, 0, 300, 300), 100, 100, 2, 0.6},
	{"a part", 400, 300, image.Rect(37, 11, 237, 211), 100, 100, 9, 0.6},
	{"a ninth", 900, 900, image.Rect(0, 0, 900, 900), 100, 100, 12, 1.5},
	{"odd", 1013, 757, image.Rect(0, 0, 1013, 757), 128, 96, 12, 1.5},
}

// TestScale compares with imaging's Lanczos 3 over the whole source. Up to a factor of four the filter is the same, beyond it the averaging of squares blurs a little.
func TestScale(t *testing.T) {
	for _, tt := range sizes {
		t.Run(tt.name, func(t *testing.T) {
			m := waves(tt.w, tt.h)
			want := imaging.Resize(imaging.Crop(m, tt.rect), tt.dw, tt.dh, imaging.Lanczos)
			worst, mean := differences(scale(t, resample.FromImage(m, false), tt.rect, tt.dw, tt.dh), want)
			if worst > tt.worst || mean > tt.meanAtMost {
				t.Errorf("differences: worst %d, mean %.2f; want at most %d and %.2f", worst, mean, tt.worst, tt.meanAtMost)
			}
		})
	}
}

// With curves that change nothing, the way of ScaleLinear must come to the same.
func TestScaleLinear(t *testing.T) {
	var line [1 << 16]uint16
	for i := range line {
		line[i] = uint16(i)
	}
	same := func(r, g, b float32) (float32, float32, float32) { return r, g, b }
	for _, tt := range sizes {
		t.Run(tt.name, func(t *testing.T) {
			m := waves(tt.w, tt.h)
			p, err := resample.ScaleLinear(context.Background(), resample.FromImage(m, false), tt.rect, image.Pt(tt.dw, tt.dh), &resample.Curves{&line, &line, &line}, same)
			if err != nil {
				t.Fatal(err)
			}
			want := imaging.Resize(imaging.Crop(m, tt.rect), tt.dw, tt.dh, imaging.Lanczos)
			if worst, mean := differences(p.NRGBA(), want); worst > max(tt.worst, 2) || mean > tt.meanAtMost {
				t.Errorf("differences: worst %d, mean %.2f; want at most %d and %.2f", worst, mean, tt.worst, tt.meanAtMost)
			}
		})
	}
	// Half of the light of white is level 188 of sRGB.
	m := image.NewNRGBA(image.Rect(0, 0, 64, 64))
	for i := range m.Pix {
		m.Pix[i] = byte(255 * (i / 4 & 1))
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	encode := func(r, g, b float32) (float32, float32, float32) {
		return resample.EncodeSRGB(r), resample.EncodeSRGB(g), resample.EncodeSRGB(b)
	}
	p, err := resample.ScaleLinear(context.Background(), resample.FromImage(m, false), m.Rect, image.Pt(8, 8), resample.Linear(), encode)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.NRGBA().NRGBAAt(4, 4); got != (color.NRGBA{188, 188, 188, 255}) {
		t.Errorf("black and white mix to %v", got)
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
	got := scale(t, resample.FromImage(m, false), m.Rect, 20, 20)
	for i := 0; i < len(got.Pix); i += 4 {
		if px := got.Pix[i : i+4]; px[3] > 0 && (px[0] < 240 || px[1] > 5) {
			t.Fatalf("pixel %d is %v", i/4, px)
		}
	}
}

// Every image type gives the pixels that its own At gives.
func TestFromImage(t *testing.T) {
	src := waves(33, 21)
	for i := 3; i < len(src.Pix); i += 12 {
		src.Pix[i] = 128
	}
	chroma := image.NewYCbCr(src.Rect, image.YCbCrSubsampleRatio444)
	alpha := image.NewNYCbCrA(src.Rect, image.YCbCrSubsampleRatio420)
	for i := range chroma.Y {
		chroma.Y[i], chroma.Cb[i], chroma.Cr[i] = src.Pix[4*i], 100+src.Pix[4*i+1]/8, 100+src.Pix[4*i+2]/8
	}
	copy(alpha.Y, chroma.Y)
	copy(alpha.A, chroma.Cb)
	copy(alpha.Cb, chroma.Cb)
	copy(alpha.Cr, chroma.Cr)
	models := map[string]image.Image{
		"nrgba": src, "gray": image.NewGray(src.Rect), "gray16": image.NewGray16(src.Rect), "nrgba64": image.NewNRGBA64(src.Rect),
		"rgba": image.NewRGBA(src.Rect), "rgba64": image.NewRGBA64(src.Rect), "cmyk": image.NewCMYK(src.Rect),
		"paletted": image.NewPaletted(src.Rect, color.Palette{color.Black, color.NRGBA{255, 0, 0, 128}, color.White}),
		"moved":    image.NewGray16(image.Rect(5, 7, 38, 28)), "ycbcr": chroma, "nycbcra": alpha,
		"part": chroma.SubImage(image.Rect(3, 2, 30, 20)), "gray part": image.NewGray(image.Rect(-4, -4, 40, 40)).SubImage(src.Rect),
	}
	for name, m := range models {
		t.Run(name, func(t *testing.T) {
			b := m.Bounds()
			if d, ok := m.(interface{ Set(x, y int, c color.Color) }); ok {
				for y := range b.Dy() {
					for x := range b.Dx() {
						d.Set(b.Min.X+x, b.Min.Y+y, src.At(x, y))
					}
				}
			}
			got := scale(t, resample.FromImage(m, false), image.Rectangle{Max: b.Size()}, b.Dx(), b.Dy())
			for y := range b.Dy() {
				for x := range b.Dx() {
					// Both premultiplied, which forgives what nobody sees: 8 bits keep little of the colour of a faint pixel.
					gr, gg, gb, ga := got.At(x, y).RGBA()
					r, g, bl, a := m.At(b.Min.X+x, b.Min.Y+y).RGBA()
					for _, d := range []int{int(gr) - int(r), int(gg) - int(g), int(gb) - int(bl), int(ga) - int(a)} {
						if d > 0x180 || d < -0x180 {
							t.Fatalf("(%d,%d) is %v, want %v", x, y, got.At(x, y), m.At(b.Min.X+x, b.Min.Y+y))
						}
					}
				}
			}
		})
	}
}

// A picture of video range comes out in full range.
func TestVideoRange(t *testing.T) {
	m := image.NewYCbCr(image.Rect(0, 0, 40, 40), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = 235
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = 128, 128
	}
	p, err := resample.Scale(context.Background(), new(resample.Memory), resample.FromImage(m, true), m.Rect, image.Pt(13, 13), 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]*resample.Picture{"RGB": p.RGB(), "YCbCr": p.YCbCr()} {
		if got := q.NRGBA().NRGBAAt(5, 5); got != (color.NRGBA{255, 255, 255, 255}) {
			t.Errorf("as %s, white is %v", name, got)
		}
	}
}

func TestTurn(t *testing.T) {
	m := waves(30, 17)
	p, err := resample.Scale(context.Background(), new(resample.Memory), resample.FromImage(m, false), m.Rect, m.Rect.Size(), 1)
	if err != nil {
		t.Fatal(err)
	}
	// imaging turns counter-clockwise.
	want := []*image.NRGBA{
		m, imaging.FlipH(m), imaging.Rotate180(m), imaging.FlipV(m), imaging.Transpose(m), imaging.Rotate270(m), imaging.Transverse(m), imaging.Rotate90(m),
	}
	for i, w := range want {
		if got := p.Turn(i + 1).NRGBA(); got.Rect != w.Rect {
			t.Errorf("orientation %d: %v", i+1, got.Rect)
		} else if worst, _ := differences(got, w); worst != 0 {
			t.Errorf("orientation %d differs", i+1)
		}
	}
}

func TestYCbCrAndBack(t *testing.T) {
	m := waves(63, 41)
	for i := range m.Pix { // so that half the chroma is enough
		m.Pix[i] = byte(i / 4 / 63 * 3)
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	p, err := resample.Scale(context.Background(), new(resample.Memory), resample.FromImage(m, false), m.Rect, m.Rect.Size(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if worst, _ := differences(p.YCbCr().NRGBA(), m); worst > 2 {
		t.Errorf("differs by %d", worst)
	}
}

func TestScaleEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, m := range []image.Image{waves(9, 9), image.NewGray(image.Rect(0, 0, 9, 9))} {
		if _, err := resample.Scale(ctx, new(resample.Memory), resample.FromImage(m, false), image.Rect(0, 0, 9, 9), image.Pt(3, 3), 1); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

// TestScaleUsesMemoryAgain makes pictures of several sizes in the same memory: nothing of one may show in the next.
func TestScaleUsesMemoryAgain(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 61, 47))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i)
	}
	var memory resample.Memory
	for _, size := range []image.Point{{20, 15}, {40, 31}, {7, 50}, {20, 15}} {
		want, err := resample.Scale(context.Background(), new(resample.Memory), resample.FromImage(m, false), m.Rect, size, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := resample.Scale(context.Background(), &memory, resample.FromImage(m, false), m.Rect, size, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want.Planes {
			if !bytes.Equal(got.Planes[i].Pix, want.Planes[i].Pix) {
				t.Errorf("%v, plane %d: differs from that in fresh memory", size, i)
			}
		}
		for _, p := range got.Planes { // as whoever has it now may do
			for i := range p.Pix {
				p.Pix[i] = 0xa5
			}
		}
		memory.Reset()
	}
}

// short is a source that ends in the middle of its picture.
type short struct{ image.Rectangle }

func (s short) Bounds() image.Rectangle { return s.Rectangle }

func (s short) Open(image.Rectangle, image.Point, int) (resample.Reader, error) { return s, nil }

func (s short) Layout() resample.Layout {
	return resample.Layout{Model: resample.Gray, Grids: []resample.Grid{{Width: s.Dx(), Height: s.Dy(), UnitX: 1, UnitY: 1}}}
}

func (s short) Read(_ context.Context, emit func(plane int, row []byte)) error {
	for range s.Dy() / 2 {
		emit(0, bytes.Repeat([]byte{200}, s.Dx()))
	}
	return nil
}

func TestScaleShortSourceShowsNothingOfTheLast(t *testing.T) {
	var memory resample.Memory
	size := image.Pt(16, 16)
	for range 3 {
		p, err := resample.Scale(context.Background(), &memory, short{image.Rect(0, 0, 32, 32)}, image.Rect(0, 0, 32, 32), size, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Planes[0].Row(size.Y - 1) {
			if v != 0 {
				t.Fatalf("the last row holds %d", v)
			}
		}
		for i := range p.Planes[0].Pix {
			p.Planes[0].Pix[i] = 0xa5
		}
		memory.Reset()
	}
}
