package inflate_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/inflate"
)

// readAll reads the stream in pieces of n, from parts of size bytes.
func readAll(data []byte, size, n int) ([]byte, error) {
	var parts [][]byte
	for at := 0; at < len(data); at += size {
		parts = append(parts, data[at:min(at+size, len(data))])
	}
	r := inflate.NewReader(parts, n)
	var all []byte
	for len(all) < 64<<20 {
		part, err := r.Next(n)
		all = append(all, part...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func compress(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// texts are data of many kinds: few and many symbols, short and long codes, near and far matches.
func texts() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise, skewed, far := make([]byte, 300<<10), make([]byte, 300<<10), make([]byte, 200<<10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
		skewed[i] = byte(random.ExpFloat64() * 9)
	}
	for i := range far {
		far[i] = noise[i%32000]
	}
	return map[string][]byte{
		"nothing": nil, "one": {7}, "zeros": make([]byte, 500<<10), "noise": noise, "skewed": skewed, "far matches": far,
		"words": bytes.Repeat([]byte("it was the best of times, it was the worst of times; "), 4000),
		"pairs": bytes.Repeat([]byte{1, 2, 1, 3, 1, 2, 2}, 30000),
	}
}

func TestReader(t *testing.T) {
	for name, want := range texts() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, flate.DefaultCompression, flate.BestCompression} {
			data := compress(t, want, level)
			for _, size := range []int{1 << 30, 8192, 7} {
				for _, n := range []int{1000, 100_000} {
					got, err := readAll(data, size, n)
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("%s, level %d, parts of %d, pieces of %d: %d bytes, error %v; want %d", name, level, size, n, len(got), err, len(want))
					}
				}
			}
		}
	}
}

func TestReaderCutShort(t *testing.T) {
	want := texts()["skewed"]
	data := compress(t, want, flate.DefaultCompression)
	for _, n := range []int{0, 1, 10, 100, len(data) / 2, len(data) - 1} {
		got, err := readAll(data[:n], 4096, 777)
		if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, inflate.ErrCorrupt) || !bytes.HasPrefix(want, got) {
			t.Errorf("%d bytes: got %d and %v", n, len(got), err)
		}
	}
}

// FuzzReader: compress/flate and this package agree on what is a stream, and what is in it.
func FuzzReader(f *testing.F) {
	for _, text := range texts() {
		text = text[:min(len(text), 2000)]
		f.Add(compress(f, text, flate.DefaultCompression), uint16(100))
		f.Add(compress(f, text, flate.HuffmanOnly), uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), 32<<20))
		got, err := readAll(data, int(size)+1, 5000)
		if len(want) == 32<<20 {
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, compress/flate: %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatal("the data differ")
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := texts()["skewed"]
	data := compress(b, text, flate.DefaultCompression)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := readAll(data, 8192, 12000); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStandardLibrary(b *testing.B) {
	text := texts()["skewed"]
	data := compress(b, text, flate.DefaultCompression)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, flate.NewReader(bytes.NewReader(data))); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMatchBeforeTheStart: "a", and then three bytes from two bytes before the end, when there is only one (RFC 1951 section 3.2.6).
func TestMatchBeforeTheStart(t *testing.T) {
	var data []byte
	n := 0
	put := func(bits string) {
		for _, b := range bits {
			if n%8 == 0 {
				data = append(data, 0)
			}
			data[n/8] |= byte(b-'0') << (n % 8)
			n++
		}
	}
	put("1" + "10" + "10010001" + "0000001" + "00001" + "0000000") // last block, fixed codes, a, length 3, distance 2, end
	if _, err := io.ReadAll(flate.NewReader(bytes.NewReader(data))); err == nil {
		t.Fatal("compress/flate accepts it")
	}
	if _, err := inflate.NewReader([][]byte{data}, 100).Next(4); !errors.Is(err, inflate.ErrCorrupt) {
		t.Errorf("err = %v", err)
	}
}
