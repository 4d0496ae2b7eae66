package avatar_test

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/disintegration/imaging"
	"golang.org/x/image/webp"

	"github.com/cruddur/avatarkit/avatar"
)

// photograph is a picture with the detail of a photo: slopes, edges, texture in parts, and a sensor's noise.
func photograph(w, h int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(1, 2))
	unit := 4032 / float64(w)
	for y := range h {
		for x := range w {
			u, v := float64(x)*unit, float64(y)*unit
			light := 120 + 60*math.Sin(u/700)*math.Cos(v/500) + 2.5*random.NormFloat64()
			if math.Mod(u+0.4*v, 900) < 300 {
				light -= 40
			}
			if math.Sin(u/1300)+math.Cos(v/900) > 0.3 {
				light += 18*math.Sin(u/3.1+v/17) + 10*math.Sin(v/2.3)
			}
			m.Y[m.YOffset(x, y)] = byte(min(max(light, 0), 255))
			at := m.COffset(x, y)
			m.Cb[at], m.Cr[at] = byte(128+40*math.Sin(u/900)), byte(128+40*math.Cos(v/1100))
		}
	}
	return m
}

// benchmarkPhoto returns a file of AVATARKIT_PHOTOS, if that names a folder with it, or what make returns.
func benchmarkPhoto(b *testing.B, name string, make func() []byte) []byte {
	b.Helper()
	if dir := os.Getenv("AVATARKIT_PHOTOS"); dir != "" {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return data
		}
	}
	return make()
}

func jpeg12MP(b *testing.B) []byte {
	return benchmarkPhoto(b, "photo-12mp.jpg", func() []byte { return photoJPEG(b, 4032, 3024) })
}

func jpeg1MP(b *testing.B) []byte {
	return benchmarkPhoto(b, "photo-1mp.jpg", func() []byte { return photoJPEG(b, 1024, 768) })
}

func photoJPEG(b *testing.B, w, h int) []byte {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, photograph(w, h), &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// benchmarkRender reports the CPU time beside the time of the clock, which on a busy machine says little.
func benchmarkRender(b *testing.B, data []byte, sides ...int) {
	kind := avatar.Kind{Name: "avatar"}
	for i, side := range sides {
		kind.Variants = append(kind.Variants, avatar.Variant{Name: string(rune('a' + i)), Width: side, Height: side})
	}
	p := newPipeline(b, avatar.Config{Kind: kind, MaxBytes: 100 << 20})
	measure(b, func() {
		if _, err := p.Render(context.Background(), bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	})
}

func measure(b *testing.B, f func()) {
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N)/1e6, "cpu-ms/op")
}

func cpuTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkRenderJPEG12MP(b *testing.B) { benchmarkRender(b, jpeg12MP(b), 512) }

func BenchmarkRenderJPEG12MPFourVariants(b *testing.B) {
	benchmarkRender(b, jpeg12MP(b), 512, 256, 128, 64)
}

func BenchmarkRenderProgressive12MP(b *testing.B) {
	benchmarkRender(b, benchmarkPhoto(b, "photo-12mp-progressive.jpg", func() []byte {
		b.Skip("needs a photo in AVATARKIT_PHOTOS")
		return nil
	}), 512)
}

func BenchmarkRenderJPEG1MP(b *testing.B) { benchmarkRender(b, jpeg1MP(b), 512) }

func BenchmarkRenderPNG12MP(b *testing.B) {
	m, err := jpeg.Decode(bytes.NewReader(jpeg12MP(b)))
	if err != nil {
		b.Fatal(err)
	}
	rgb := image.NewRGBA(m.Bounds()) // of YCbCr image/png would make 16 bits a sample
	draw.Draw(rgb, rgb.Rect, m, m.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := png.Encode(&out, rgb); err != nil {
		b.Fatal(err)
	}
	benchmarkRender(b, out.Bytes(), 512)
}

func webP12MP(b *testing.B) []byte {
	return benchmarkPhoto(b, "photo-12mp.webp", func() []byte { return encodeWebP(b, photograph(4032, 3024), false) })
}

func BenchmarkRenderWebP12MP(b *testing.B) { benchmarkRender(b, webP12MP(b), 512) }

func BenchmarkRenderWebP12MPLossless(b *testing.B) {
	benchmarkRender(b, encodeWebP(b, photograph(4032, 3024), true), 512)
}

// The same work with image/jpeg and imaging.

func BenchmarkStandardJPEG12MP(b *testing.B) { benchmarkStandard(b, jpeg12MP(b)) }

func BenchmarkStandardJPEG1MP(b *testing.B) { benchmarkStandard(b, jpeg1MP(b)) }

func benchmarkStandard(b *testing.B, data []byte) {
	measure(b, func() {
		m, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		var out bytes.Buffer
		if err := jpeg.Encode(&out, imaging.Fill(m, 512, 512, imaging.Center, imaging.Lanczos), &jpeg.Options{Quality: 85}); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkStandardWebP12MP is the same work with golang.org/x/image/webp and imaging.
func BenchmarkStandardWebP12MP(b *testing.B) {
	data := webP12MP(b)
	measure(b, func() { standardWebP(b, data) })
}

func BenchmarkStandardWebP12MPLossless(b *testing.B) {
	data := encodeWebP(b, photograph(4032, 3024), true)
	measure(b, func() { standardWebP(b, data) })
}

func standardWebP(b *testing.B, data []byte) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, imaging.Fill(m, 512, 512, imaging.Center, imaging.Lanczos), &jpeg.Options{Quality: 85}); err != nil {
		b.Fatal(err)
	}
}
