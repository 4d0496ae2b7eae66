package vp8l_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/vp8l"
)

// TestDecode holds the pixels against golang.org/x/image/vp8l.
func TestDecode(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {2, 1}, {1, 9}, {7, 5}, {17, 33}, {64, 64}, {150, 101}} {
		for name, m := range pictures(size.X, size.Y) {
			for _, method := range []int{0, 3, 6} {
				t.Run(fmt.Sprint(name, size, method), func(t *testing.T) {
					data := encode(t, m, method)
					want, err := reference(data)
					if err != nil {
						t.Fatal(err)
					}
					got, err := decode(context.Background(), data)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got.Pix, want.Pix) {
						t.Error("the pixels differ")
					}
					if !bytes.Equal(got.Pix, m.Pix) {
						t.Error("the pixels are not those that were encoded")
					}
				})
			}
		}
	}
}

// TestDecodeFar refers back as far as the format can say. Encoders do not.
func TestDecodeFar(t *testing.T) {
	const furthest = 1<<20 - 120
	var s stream
	s.header(1024, 1024, 0)
	s.put(0, 3)
	s.put(0, 1)  // green: a code with lengths
	s.put(15, 4) // which take four bits each, from 0 to 15
	for _, length := range []int{0, 0, 4, 4, 4, 4, 4, 4, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4} {
		s.put(length, 3)
	}
	s.put(0, 1)
	for symbol := range 280 {
		switch symbol {
		case 5:
			s.put(0b1000, 4) // one bit
		case 200, 256: // the second means a length of one
			s.put(0b0100, 4) // two bits
		default:
			s.put(0, 4)
		}
	}
	for _, symbol := range []int{20, 30, 255, 39} {
		s.simple(symbol)
	}
	s.put(0b01, 2) // 200
	for range furthest - 1 {
		s.put(0, 1) // 5
	}
	s.put(0b11, 2) // a reference
	s.put(1<<18-1, 18)
	data := append(s.bytes(), make([]byte, 1<<10)...)
	got, err := decode(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	want, err := reference(data)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Pix, want.Pix) || got.Pix[4*furthest+1] != 200 {
		t.Errorf("the pixels differ; the last is %v", got.Pix[4*furthest:][:4])
	}
}

// TestDecodeDamaged changes bits: verdict and pixels are those of golang.org/x/image/vp8l, or else those of libwebp.
func TestDecodeDamaged(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	counts := map[string]int{}
	for _, m := range pictures(40, 30) {
		whole := encode(t, m, 4)
		for range 120 {
			data := bytes.Clone(whole)
			at := 5 + int(random.UintN(uint(min(len(data)-5, 80))))
			data[at] ^= 1 << random.UintN(8)
			counts[compare(t, data)]++
		}
	}
	t.Log(counts)
	if counts["same pixels"] == 0 || counts["both refuse"] == 0 {
		t.Error("the damage is too great or too small to show anything")
	}
}

// compare holds a decode against both references and says how they came out.
func compare(t *testing.T, data []byte) string {
	t.Helper()
	got, err := decode(context.Background(), data)
	want, wantErr := reference(data)
	if err == nil && wantErr == nil && bytes.Equal(got.Pix, want.Pix) {
		return "same pixels"
	}
	if err != nil && wantErr != nil {
		return "both refuse"
	}
	theirs, theirErr := libwebp(data)
	if (err != nil) != (theirErr != nil) {
		t.Errorf("got %v, x/image %v, libwebp %v", err, wantErr, theirErr)
	} else if err == nil && !agrees(got, theirs) {
		t.Errorf("the pixels are those of neither x/image (%v) nor libwebp", wantErr)
	}
	return "as libwebp"
}

// TestDecodeAsLibwebp has what golang.org/x/image/vp8l does otherwise than libwebp, which browsers use.
func TestDecodeAsLibwebp(t *testing.T) {
	coded := func(green, red []int) []byte {
		var s stream
		s.header(8, 8, 0)
		s.put(0, 3)
		s.simple(green...)
		s.simple(red...)
		for _, symbol := range []int{30, 255, 0} {
			s.simple(symbol)
		}
		for i := range 64 {
			s.put(i*i/3&1, 1)
		}
		return s.bytes()
	}
	predicted := func(mode int) []byte {
		var s stream
		s.header(8, 8, 0)
		s.put(1, 1) // a transform
		s.put(0, 2) // the predictor
		s.put(1, 3) // of blocks of 8
		s.put(0, 1) // no colour cache
		s.group(mode, 0, 0, 0)
		s.put(0, 3)
		s.group(3, 1, 2, 0)
		return s.bytes()
	}
	distances := func(symbols ...int) []byte {
		var s stream
		s.header(8, 8, 0)
		s.put(0, 3)
		for _, symbol := range []int{10, 20, 30, 255} {
			s.simple(symbol)
		}
		s.simple(symbols...)
		return s.bytes()
	}
	tests := []struct {
		name string
		data []byte
		as   string
	}{
		{"a distance and one beyond the alphabet", distances(3, 200), "as libwebp"},
		{"only a distance beyond the alphabet", distances(200), "both refuse"},
		{"two symbols", coded([]int{5, 200}, []int{9}), "same pixels"},
		{"two symbols, the greater first", coded([]int{200, 5}, []int{9}), "as libwebp"},
		{"twice the same symbol", coded([]int{5, 200}, []int{9, 9}), "as libwebp"},
		{"prediction by mode 13", predicted(13), "same pixels"},
		{"prediction by mode 14", predicted(14), "as libwebp"},
		{"prediction by mode 15", predicted(15), "as libwebp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := compare(t, tt.data); got != tt.as {
				t.Errorf("got %s, want %s", got, tt.as)
			}
		})
	}
}

func TestDecodeTruncated(t *testing.T) {
	data := encode(t, pictures(40, 30)["slopes"], 4)
	for n := range len(data) {
		_, wantErr := reference(data[:n])
		if _, err := decode(context.Background(), data[:n]); (err != nil) != (wantErr != nil) {
			t.Fatalf("%d of %d bytes: got %v, x/image %v", n, len(data), err, wantErr)
		}
	}
}

// TestRest says whether the rows that nobody wants are whole.
func TestRest(t *testing.T) {
	data := encode(t, pictures(40, 30)["noise"], 4)
	for _, n := range []int{len(data), len(data) * 3 / 4} {
		d, err := vp8l.NewDecoder(data[:n])
		if err != nil {
			t.Fatal(err)
		}
		rows, err := d.Rows(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rows.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := rows.Rest(t.Context()); errors.Is(err, vp8l.ErrTruncated) != (n < len(data)) {
			t.Errorf("%d of %d bytes: got %v", n, len(data), err)
		}
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

// TestDecodeStops cancels in the middle, also of a picture of one colour, of which nothing is read, and of what comes before the pixels.
func TestDecodeStops(t *testing.T) {
	for name, data := range map[string][]byte{"slopes": encode(t, pictures(64, 300)["slopes"], 4), "one colour": solid(7000, 7000)} {
		t.Run(name, func(t *testing.T) {
			d, err := vp8l.NewDecoder(data)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := d.Rows(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, read := stopAfter(10), 0
			for err == nil && read < 100 {
				if _, err = rows.Next(ctx); err == nil {
					read++
				}
			}
			if !errors.Is(err, errStopped) || read != 10 {
				t.Errorf("got %v after %d rows", err, read)
			}
			if err := rows.Rest(ctx); !errors.Is(err, errStopped) {
				t.Errorf("the rest: got %v", err)
			}
		})
	}
	var s stream
	s.header(16384, 16384, 0)
	s.put(1, 1) // a transform
	s.put(0, 2) // the predictor
	s.put(0, 3) // of blocks of 4
	s.put(0, 1)
	s.group(1, 0, 0, 0)
	d, err := vp8l.NewDecoder(s.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Rows(stopAfter(10)); !errors.Is(err, errStopped) {
		t.Errorf("in a transform: got %v", err)
	}
}

// TestRefuses has streams that ask for what pictures do not have.
func TestRefuses(t *testing.T) {
	tests := []struct {
		name  string
		write func(s *stream)
	}{
		{"a transform twice", func(s *stream) { s.put(0b101_101, 6) }},
		{"a colour cache of 2^12", func(s *stream) { s.put(0b0, 1); s.put(1, 1); s.put(12, 4) }},
		{"a colour cache of none", func(s *stream) { s.put(0b0, 1); s.put(1, 1); s.put(0, 4) }},
		{"65536 groups of codes", func(s *stream) {
			s.put(0, 2)
			s.put(1, 1) // several groups
			s.put(0, 3) // of blocks of 4
			s.put(0, 1)
			s.group(255, 255, 0, 0)
		}},
		{"a symbol beyond the alphabet", func(s *stream) {
			s.put(0, 3)
			for _, symbol := range []int{1, 1, 1, 1, 40} {
				s.simple(symbol)
			}
		}},
		{"an incomplete code", func(s *stream) {
			s.put(0, 3)
			s.put(0, 1)              // a code with lengths
			s.put(0, 4)              // of which four are coded
			s.put(0b010_010_010, 12) // three codes of two bits
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s stream
			s.header(64, 64, 0)
			tt.write(&s)
			if _, err := decode(t.Context(), s.bytes()); err == nil || errors.Is(err, vp8l.ErrTruncated) {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, data := range map[string][]byte{"nothing": nil, "another signature": {0x2e, 0, 0, 0, 0}, "another version": {0x2f, 0, 0, 0, 0x20}} {
		if _, err := vp8l.NewDecoder(data); err == nil {
			t.Errorf("%s: it is accepted", name)
		}
	}
}

// TestDecodeMemory decodes a tall picture: what is kept of it does not grow.
func TestDecodeMemory(t *testing.T) {
	allocated := func(h int) uint64 {
		data := solid(1024, h)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d, err := vp8l.NewDecoder(data)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := d.Rows(t.Context())
		if err == nil {
			err = rows.Rest(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if low, high := allocated(1024), allocated(8*1024); high > low+low/10 {
		t.Errorf("%d bytes for 1024 rows, %d for 8192", low, high)
	}
}

func BenchmarkDecode(b *testing.B) {
	m := pictures(800, 600)["slopes"]
	for name, data := range map[string][]byte{"slopes": encode(b, m, 4), "one colour": solid(800, 600)} {
		b.Run(name+"/vp8l", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d, err := vp8l.NewDecoder(data)
				if err != nil {
					b.Fatal(err)
				}
				rows, err := d.Rows(b.Context())
				for y := 0; y < d.Height && err == nil; y++ {
					_, err = rows.Next(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/x-image", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := reference(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
