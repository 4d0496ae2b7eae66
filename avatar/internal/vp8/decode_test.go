package vp8_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/gen2brain/webp"

	"github.com/cruddur/avatarkit/avatar/internal/vp8"
)

// encode returns the VP8 chunk of a picture as libwebp encodes it.
func encode(t testing.TB, m image.Image, quality, method int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := webp.Encode(&b, m, webp.Options{Quality: quality, Method: method}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()[20:]
}

// scene has slopes, edges and noise.
func scene(w, h int) *image.NRGBA {
	random := rand.New(rand.NewPCG(1, 2))
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{byte(x * 3), byte(y * 2), byte(x + y), 255}
			switch {
			case x/24%3 == 1:
				c.R, c.G = byte(random.UintN(256)), byte(random.UintN(64))
			case y/20%3 == 1:
				c = color.NRGBA{200, 180, byte(255 * (x / 5 % 2)), 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

var sizes = []image.Point{{1, 1}, {2, 3}, {15, 16}, {16, 15}, {17, 33}, {33, 17}, {31, 64}, {64, 48}, {150, 101}}

func wantReference(t *testing.T, data []byte) {
	t.Helper()
	want, wantErr := reference(data)
	got, err := decode(context.Background(), data, everywhere)
	if (err != nil) != (wantErr != nil) {
		t.Errorf("got %v, x/image %v", err, wantErr)
	} else if err == nil {
		if at, differ := firstDifference(got, want, got.Rect); differ {
			t.Errorf("at %v: got %v, x/image %v", at, got.YCbCrAt(at.X, at.Y), want.YCbCrAt(at.X, at.Y))
		}
	}
}

// TestDecode holds the pixels against golang.org/x/image/vp8: of pictures by libwebp, and of random bytes, which use all of the format.
func TestDecode(t *testing.T) {
	for _, size := range sizes {
		for _, quality := range []int{1, 40, 90} {
			for _, method := range []int{0, 4, 6} {
				t.Run(fmt.Sprint(size, quality, method), func(t *testing.T) {
					wantReference(t, encode(t, scene(size.X, size.Y), quality, method))
				})
			}
		}
		for seed := range uint64(60) {
			t.Run(fmt.Sprint(size, "random", seed), func(t *testing.T) {
				wantReference(t, randomFrame(rand.New(rand.NewPCG(seed, 1)), size.X, size.Y, false))
			})
		}
	}
}

// TestDecodeAsLibwebp has what golang.org/x/image/vp8 does otherwise than libwebp, which browsers use.
func TestDecodeAsLibwebp(t *testing.T) {
	for seed := range uint64(8) {
		data := randomFrame(rand.New(rand.NewPCG(seed, 4)), 50, 40, true)
		want, err := libwebp(data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(context.Background(), data, everywhere)
		if err != nil {
			t.Fatal(err)
		}
		if at, differ := firstDifference(got, want, got.Rect); differ {
			t.Errorf("levels of the filter that leave eight bits, at %v: got %v, libwebp %v", at, got.YCbCrAt(at.X, at.Y), want.YCbCrAt(at.X, at.Y))
		}
	}
	whole := encode(t, scene(20, 20), 60, 4)
	for name, mask := range map[string]byte{"a version that nobody defined": 4 << 1, "a frame that is not shown": 1 << 4} {
		data := bytes.Clone(whole)
		data[0] ^= mask
		if _, err := reference(data); err != nil {
			t.Errorf("%s: x/image %v", name, err)
		}
		if _, err := libwebp(data); err == nil {
			t.Errorf("%s: libwebp accepts it", name)
		}
		if _, err := decode(context.Background(), data, everywhere); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestDecodeTruncated cuts pictures everywhere: the verdict is that of golang.org/x/image/vp8, to the bit.
func TestDecodeTruncated(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 2))
		// As short as the data may be: cut until it is too short.
		for _, data := range [][]byte{randomFrame(random, 33, 20, false), encode(t, scene(40, 30), 50, 4)} {
			for n := len(data) - 1; n >= 0; n -= 1 + n/200 {
				_, wantErr := reference(data[:n])
				_, err := decode(context.Background(), data[:n], everywhere)
				if (err != nil) != (wantErr != nil) {
					t.Fatalf("%d of %d bytes: got %v, x/image %v", n, len(data), err, wantErr)
				}
				if err != nil && !errors.Is(err, vp8.ErrTruncated) {
					t.Fatalf("%d of %d bytes: got %v, want %v", n, len(data), err, vp8.ErrTruncated)
				}
			}
		}
	}
}

// TestDecodeRegion decodes parts: their pixels are those of the whole, and what is below them is still read.
func TestDecodeRegion(t *testing.T) {
	data := randomFrame(rand.New(rand.NewPCG(7, 7)), 100, 90, false)
	want, err := reference(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []image.Rectangle{
		image.Rect(0, 0, 1, 1), image.Rect(99, 89, 100, 90), image.Rect(20, 16, 60, 32), image.Rect(3, 5, 50, 41), image.Rect(0, 39, 100, 40), image.Rect(-5, 60, 200, 300),
	} {
		got, err := decode(context.Background(), data, region)
		if err != nil {
			t.Fatal(err)
		}
		if at, differ := firstDifference(got, want, region.Intersect(got.Rect)); differ {
			t.Errorf("%v: the pixel at %v differs", region, at)
		}
	}
	whole := encode(t, scene(100, 90), 60, 4)
	if _, err := decode(context.Background(), whole[:len(whole)*9/10], image.Rect(0, 0, 8, 8)); !errors.Is(err, vp8.ErrTruncated) {
		t.Errorf("cut short below the region: got %v", err)
	}
}

// stopping is a context that is cancelled by being asked for the n-th time.
type stopping struct {
	context.Context
	cancel context.CancelCauseFunc
	left   int
}

var errStopped = errors.New("stopped")

func stopAfter(n int) *stopping {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &stopping{ctx, cancel, n}
}

func (s *stopping) Err() error {
	if s.left--; s.left < 0 {
		s.cancel(errStopped)
	}
	return s.Context.Err()
}

// TestDecodeStops cancels in the middle: no row of macroblocks is begun any more.
func TestDecodeStops(t *testing.T) {
	d, err := vp8.NewDecoder(encode(t, scene(64, 640), 60, 4))
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []image.Rectangle{image.Rect(0, 0, 64, 640), image.Rect(0, 0, 8, 8)} { // below the second everything is only read
		rows := 0
		err = d.Decode(stopAfter(5), region, func(s *vp8.Strip) error {
			rows = s.Y + s.Height
			return nil
		})
		if !errors.Is(err, errStopped) || rows > 5*16 {
			t.Errorf("got %v after %d rows", err, rows)
		}
	}
}

func TestDecodeStopsWithEmit(t *testing.T) {
	d, err := vp8.NewDecoder(encode(t, scene(64, 64), 60, 4))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(context.Background(), image.Rect(0, 0, d.Width, d.Height), func(*vp8.Strip) error { return errStopped }); err != errStopped {
		t.Errorf("got %v", err)
	}
}

func TestNewDecoderRefuses(t *testing.T) {
	whole := encode(t, scene(20, 20), 60, 4)
	with := func(at int, mask byte) []byte {
		b := bytes.Clone(whole)
		b[at] ^= mask
		return b
	}
	empty := bytes.Clone(whole)
	empty[6], empty[7] = 0, 0
	tests := []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"a frame for prediction", with(0, 1)},
		{"a version that nobody defined", with(0, 4<<1)},
		{"a frame that is not shown", with(0, 1<<4)},
		{"another start code", with(3, 1)},
		{"no width", empty},
		{"a first partition that is no arithmetic code", append(append(bytes.Clone(whole[:10]), 255), whole[11:]...)},
		{"a first partition beyond the end", with(2, 0x80)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := vp8.NewDecoder(tt.data); err == nil {
				t.Error("it is accepted")
			}
		})
	}
}

// TestDecodeMemory decodes a tall picture: the memory depends on its width only.
func TestDecodeMemory(t *testing.T) {
	allocated := func(h int) uint64 {
		data := encode(t, scene(64, h), 10, 0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d, err := vp8.NewDecoder(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(context.Background(), image.Rect(0, 0, 64, h), func(*vp8.Strip) error { return nil }); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if low, high := allocated(64), allocated(3200); high > 2*low {
		t.Errorf("%d bytes for 64 rows, %d for 3200", low, high)
	}
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, scene(1600, 1200), 75, 4)
	b.Run("vp8", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d, err := vp8.NewDecoder(data)
			if err != nil {
				b.Fatal(err)
			}
			if err := d.Decode(context.Background(), image.Rect(0, 0, d.Width, d.Height), func(*vp8.Strip) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("x/image", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := reference(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
