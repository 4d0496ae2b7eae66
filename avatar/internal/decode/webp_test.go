package decode_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"testing"

	"github.com/gen2brain/webp"
	xwebp "golang.org/x/image/webp"

	"github.com/cruddur/avatarkit/avatar/internal/decode"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

func encodeWebP(t testing.TB, m image.Image, lossless bool, method int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := webp.Encode(&b, m, webp.Options{Quality: 60, Lossless: lossless, Method: method}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func riffChunk(id string, body ...byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	return append(append(b, body...), make([]byte, len(body)&1)...)
}

func riff(chunks ...[]byte) []byte {
	return riffChunk("RIFF", append([]byte("WEBP"), bytes.Join(chunks, nil)...)...)
}

func uint24(v int) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16)} }

func canvas(flags byte, w, h int) []byte {
	return riffChunk("VP8X", append(append([]byte{flags, 0, 0, 0}, uint24(w-1)...), uint24(h-1)...)...)
}

// withAlpha is a lossy picture with an ALPH chunk.
func withAlpha(t testing.TB, w, h int, alph []byte) []byte {
	still := encodeWebP(t, texture(w, h, false), false, 4)
	return riff(canvas(1<<4, w, h), riffChunk("ALPH", alph...), still[12:])
}

// rawAlpha is an ALPH chunk of random bytes, which any filter takes for alpha.
func rawAlpha(w, h int, filter byte) []byte {
	random := rand.New(rand.NewPCG(1, uint64(filter)))
	alph := make([]byte, 1+w*h)
	for i := range alph {
		alph[i] = byte(random.Uint32())
	}
	alph[0] = filter << 2
	return alph
}

// codedAlpha is an ALPH chunk in lossless coding, of the green of a picture.
func codedAlpha(t testing.TB, w, h int, filter byte) []byte {
	file := encodeWebP(t, texture(w, h, false), true, 4)
	n := binary.LittleEndian.Uint32(file[16:])
	return append([]byte{1 | filter<<2}, file[20+5:20+n]...)
}

func open(t testing.TB, data []byte) decode.Result {
	t.Helper()
	info, err := probe.Read("webp", data)
	if err != nil {
		t.Fatal(err)
	}
	result, err := decode.Decode(context.Background(), info, data)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestWebP holds what is read by rows against golang.org/x/image/webp, for the whole picture and for parts.
func TestWebP(t *testing.T) {
	files := map[string][]byte{}
	for _, size := range []image.Point{{1, 1}, {2, 3}, {17, 33}, {97, 80}} {
		for _, alpha := range []bool{false, true} {
			for _, lossless := range []bool{false, true} {
				for _, method := range []int{0, 4, 6} {
					files[fmt.Sprint(size, " alpha ", alpha, " lossless ", lossless, " method ", method)] = encodeWebP(t, texture(size.X, size.Y, alpha), lossless, method)
				}
			}
		}
		for filter := range byte(4) {
			files[fmt.Sprint(size, " raw alpha, filter ", filter)] = withAlpha(t, size.X, size.Y, rawAlpha(size.X, size.Y, filter))
			files[fmt.Sprint(size, " coded alpha, filter ", filter)] = withAlpha(t, size.X, size.Y, codedAlpha(t, size.X, size.Y, filter))
		}
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			m, err := xwebp.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			_, lossless := m.(*image.NRGBA)
			want, got := resample.FromImage(m, !lossless), open(t, data).Rows
			w, h := m.Bounds().Dx(), m.Bounds().Dy()
			for _, rect := range []image.Rectangle{image.Rect(0, 0, w, h), image.Rect(w/3, h/4, w-w/5, h-h/3), image.Rect(w-1, h-1, w, h)} {
				if !bytes.Equal(scale(t, got, rect).Pix, scale(t, want, rect).Pix) {
					t.Errorf("%v: the pixels differ", rect)
				}
			}
		})
	}
}

// asPixels takes chroma from the nearest sample.
func asPixels(m image.Image) image.Image {
	var alpha []byte
	planes, ok := m.(*image.YCbCr)
	if withAlpha, is := m.(*image.NYCbCrA); is {
		planes, alpha, ok = &withAlpha.YCbCr, withAlpha.A, true
	}
	if !ok {
		return m
	}
	out := image.NewNRGBA(m.Bounds())
	w := out.Rect.Dx()
	for y := range out.Rect.Dy() {
		var row []byte
		if alpha != nil {
			row = alpha[y*w : (y+1)*w]
		}
		chroma := planes.COffset(0, y)
		resample.VideoPixels(out.Pix[y*out.Stride:], planes.Y[planes.YOffset(0, y):][:w], planes.Cb[chroma:], planes.Cr[chroma:], row)
	}
	return out
}

// TestWebPFrame places the first frame of an animation on its canvas, of which any part may be wanted.
func TestWebPFrame(t *testing.T) {
	for _, alpha := range []bool{false, true} {
		for _, lossless := range []bool{false, true} {
			still := encodeWebP(t, texture(40, 30, alpha), lossless, 4)
			body := still[12:]
			if string(body[:4]) == "VP8X" {
				body = body[18:]
			}
			m, err := xwebp.Decode(bytes.NewReader(still))
			if err != nil {
				t.Fatal(err)
			}
			head := bytes.Join([][]byte{uint24(5), uint24(10), uint24(39), uint24(29), uint24(100), {0}}, nil)
			frame := riffChunk("ANMF", append(head, body...)...)
			data := riff(canvas(1<<1, 90, 70), riffChunk("ANIM", make([]byte, 6)...), frame, frame)
			whole := image.Rect(0, 0, 40, 30)
			shown := whole.Add(image.Pt(10, 20))
			picture := scale(t, resample.FromImage(asPixels(m), false), whole)
			for _, rect := range []image.Rectangle{image.Rect(0, 0, 90, 70), shown, image.Rect(20, 30, 60, 40), image.Rect(0, 0, 30, 25), image.Rect(60, 60, 90, 70), image.Rect(0, 0, 90, 5)} {
				got := scale(t, open(t, data).Rows, rect)
				for y := range rect.Dy() {
					for x := range rect.Dx() {
						at := image.Pt(x, y).Add(rect.Min)
						if want := picture.NRGBAAt(at.X-10, at.Y-20); got.NRGBAAt(x, y) != want {
							t.Fatalf("alpha %v, lossless %v, %v: %v is %v, want %v", alpha, lossless, rect, at, got.NRGBAAt(x, y), want)
						}
					}
				}
			}
		}
	}
}

// TestWebPDamaged refuses what is not whole, also where it is not shown.
func TestWebPDamaged(t *testing.T) {
	size := func(data []byte) []byte { // of the last chunk, cut short
		return data[:len(data)-len(data)/8]
	}
	raw, coded := rawAlpha(64, 64, 1), codedAlpha(t, 64, 64, 1)
	unknown := bytes.Clone(raw)
	unknown[0] = 2
	tests := []struct {
		name string
		data []byte
	}{
		{"lossy", size(encodeWebP(t, texture(64, 64, false), false, 4))},
		{"lossless", size(encodeWebP(t, texture(64, 64, false), true, 4))},
		{"raw alpha", withAlpha(t, 64, 64, raw[:len(raw)-1])},
		{"coded alpha", withAlpha(t, 64, 64, coded[:len(coded)*7/8])},
		{"empty alpha", withAlpha(t, 64, 64, nil)},
		{"alpha of a coding that is not known", withAlpha(t, 64, 64, unknown)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, rect := range []image.Rectangle{image.Rect(0, 0, 64, 64), image.Rect(0, 0, 64, 2)} {
				if _, err := resample.Scale(t.Context(), new(resample.Memory), open(t, tt.data).Rows, rect, rect.Size(), 1); err == nil {
					t.Errorf("%v: it is accepted", rect)
				}
			}
		})
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

// TestWebPStops cancels after every number of looks at the context that a whole reading takes, and counts the rows that came: there are many looks, and none
// is without effect.
func TestWebPStops(t *testing.T) {
	files := map[string][]byte{
		"lossy":       encodeWebP(t, texture(32, 640, false), false, 4),
		"lossless":    encodeWebP(t, texture(32, 640, true), true, 4),
		"raw alpha":   withAlpha(t, 32, 640, rawAlpha(32, 640, 1)),
		"coded alpha": withAlpha(t, 32, 640, codedAlpha(t, 32, 640, 1)),
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			src := open(t, data).Rows
			read := func(ctx context.Context) (rows int, err error) {
				r, err := src.Open(src.Bounds(), src.Bounds().Size(), 1)
				if err != nil {
					t.Fatal(err)
				}
				err = r.Read(ctx, func(plane int, _ []byte) {
					if plane == 0 {
						rows++
					}
				})
				return rows, err
			}
			looks := 0
			for ; ; looks++ {
				rows, err := read(stopAfter(looks))
				if err == nil {
					break
				}
				if !errors.Is(err, errStopped) || rows > 16*looks {
					t.Fatalf("cancelled at look %d: %v, after %d rows", looks, err, rows)
				}
			}
			if looks < 40 {
				t.Errorf("the context is looked at %d times", looks)
			}
		})
	}
}
