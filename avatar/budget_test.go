package avatar_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/avatar"
)

// solidPNG is a PNG of zeros, of a few kilobytes.
func solidPNG(w, h int, depth, kind byte, interlaced bool) []byte {
	data := rawPNG(1, 1, depth, kind, interlaced, nil, nil, func(int, int) []uint16 { return nil })
	binary.BigEndian.PutUint32(data[16:], uint32(w))
	binary.BigEndian.PutUint32(data[20:], uint32(h))
	ihdr := pngChunk("IHDR", data[16:29])
	var z bytes.Buffer
	zw, _ := zlib.NewWriterLevel(&z, zlib.BestSpeed) // the level is a valid one
	pixel := map[byte]int{pngGray: 1, pngRGB: 3, pngPalette: 1, pngGrayAlpha: 2, pngRGBA: 4}[kind] * int(depth) / 8
	rest := w*h*pixel + 2*h // an interlaced picture has at most two rows, with a filter byte each, where a plain one has one
	for zeros := make([]byte, 1<<20); rest > 0; rest -= len(zeros) {
		zw.Write(zeros)
	}
	zw.Close()
	data = append(append(bytes.Clone(data[:8]), ihdr...), pngChunk("IDAT", z.Bytes())...)
	return append(data, pngChunk("IEND", nil)...)
}

// heaviest returns, for each decoder, pictures that cost as much as the default limits allow, or nearly.
func heaviest(t testing.TB) map[string][]byte {
	inks := func(kind byte, w, h int) []byte {
		f := flatJPEG{width: w, height: h, factors: []byte{0x11, 0x11, 0x11, 0x11}, left: []byte{9, 9, 9, 9}, right: []byte{9, 9, 9, 9}, adobe: 2, frame: kind}
		return f.encode()
	}
	deep := solidPNG(7000, 7000, 16, pngRGBA, false)
	cut := bytes.Clone(deep[:len(deep)*9/10])
	return map[string][]byte{
		"PNG, 16 bits, 49 megapixels":             deep,
		"PNG, the same cut short":                 cut,
		"PNG, 16 bits, interlaced, 30 megapixels": solidPNG(5600, 5500, 16, pngRGBA, true),
		"PNG, a profile that inflates to 256 MiB": withPNGChunk(encodePNG(t, quarters(64, 64)), "iCCP", iccp(make([]byte, 256<<20))),
		"PNG, texts":                                 manyChunks(encodePNG(t, quarters(64, 64)), 200_000),
		"JPEG, YCCK, progressive, 50 megapixels":     inks(0xc2, 7000, 7000),
		"JPEG, YCCK, 50 megapixels":                  inks(0xc0, 7000, 7000),
		"JPEG, progressive, 65535x762":               inks(0xc2, 65535, 762),
		"WebP, lossless, 49 megapixels of 50 bytes":  solidWebP(7000, 7000),
		"WebP, lossy, 49 megapixels":                 greyWebP(7000, 7000),
		"WebP, lossy with alpha, 49 megapixels":      riff(canvas(1<<4, 7000, 7000), solidAlpha(), greyWebP(7000, 7000)[12:]),
		"WebP, lossless, 2600 groups of codes":       groupedWebP(7000, 7000),
		"GIF, 49 megapixels":                         gifFile{image.Pt(7000, 7000), image.Rect(0, 0, 7000, 7000), []byte{1, 2, 3, 4, 5, 6}, nil, -1, true, nil}.encode(),
		"GIF, one pixel on a canvas of 49 megapixel": gifFile{image.Pt(7000, 7000), image.Rect(0, 0, 1, 1), []byte{1, 2, 3, 4, 5, 6}, nil, -1, false, nil}.encode(),
	}
}

func manyChunks(data []byte, n int) []byte {
	text := bytes.Repeat(pngChunk("tEXt", []byte("Comment\x00x")), n)
	return append(append(bytes.Clone(data[:33]), text...), data[33:]...)
}

// TestRenderMemory prints what the heaviest pictures take that the default limits allow. The heap may grow to half more than the budget before what is garbage in it is collected.
func TestRenderMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes pictures of 50 megapixels")
	}
	p := newPipeline(t, avatar.Config{MaxDuration: 10 * time.Minute}) // the machine may be slow
	worst, worstName := uint64(0), ""
	for name, data := range heaviest(t) {
		t.Run(name, func(t *testing.T) {
			var err error
			peak := peakHeap(func() { _, err = p.Render(context.Background(), bytes.NewReader(data)) })
			if err != nil && !errors.As(err, new(*avatar.RejectError)) || errors.Is(err, avatar.ErrDefect) {
				t.Fatal(err)
			}
			t.Logf("%d bytes: peak heap %d MiB, %v", len(data), peak>>20, err)
			if peak > 768<<20 {
				t.Errorf("the peak is %d MiB, want at most 768", peak>>20)
			}
			if peak > worst {
				worst, worstName = peak, name
			}
		})
	}
	t.Logf("worst: %d MiB, %s", worst>>20, worstName)
}

// peakHeap runs f and returns how much more heap was in use than before, looked at every millisecond.
func peakHeap(f func()) uint64 {
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
			case <-time.After(time.Millisecond):
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapInuse)
			}
		}
	}()
	f()
	close(done)
	<-watched
	return peak - min(peak, before.HeapInuse)
}

// TestRenderBounds has sources whose headers ask for more than any limit, in files of some hundred bytes. Nothing may be allocated for them.
func TestRenderBounds(t *testing.T) {
	u32 := binary.BigEndian.AppendUint32
	ihdr := func(w, h uint32, rest ...byte) []byte {
		chunk := pngChunk("IHDR", append(u32(u32(nil, w), h), rest...))
		return append(append([]byte("\x89PNG\r\n\x1a\n"), chunk...), append(pngChunk("IDAT", []byte{0x78, 1}), pngChunk("IEND", nil)...)...)
	}
	jpeg := flatJPEG{width: 8, height: 8, factors: []byte{0x11}, left: []byte{9}, right: []byte{9}, adobe: -1}.encode()
	sof := bytes.Index(jpeg, []byte("\xff\xc0"))
	copy(jpeg[sof+5:], "\xff\xff\xff\xff")
	gif := gifFile{image.Pt(65535, 65535), image.Rect(0, 0, 1, 1), []byte{1, 2, 3, 4, 5, 6}, nil, -1, false, nil}.encode()
	frame := gifFile{image.Pt(1, 1), image.Rect(0, 0, 1, 1), []byte{1, 2, 3, 4, 5, 6}, nil, -1, false, nil}.encode()
	at := bytes.LastIndexByte(frame[:30], 0x2c)
	copy(frame[at+5:], "\xff\xff\xff\xff")
	animated := riff(canvas(1<<1, 1<<24, 1<<24), riffChunk("ANMF", append(make([]byte, 16), solidWebP(1, 1)[12:]...)))
	tests := []struct {
		name   string
		data   []byte
		reason avatar.Reason
	}{
		{"PNG of 2^31-1", ihdr(1<<31-1, 1<<31-1, 16, 6, 0, 0, 1), avatar.ReasonTooManyPixels},
		{"PNG of 2^32-1", ihdr(1<<32-1, 1<<32-1, 16, 6, 0, 0, 1), avatar.ReasonCorrupt},
		{"PNG whose product is 0 in 32 bits", ihdr(1<<16, 1<<16, 8, 6, 0, 0, 0), avatar.ReasonTooManyPixels},
		{"PNG of one row", ihdr(1<<31-1, 1, 8, 6, 0, 0, 0), avatar.ReasonTooManyPixels},
		{"JPEG of 65535", jpeg, avatar.ReasonTooManyPixels},
		{"GIF of 65535", gif, avatar.ReasonTooManyPixels},
		{"GIF, a frame of 65535", frame, avatar.ReasonTooManyPixels},
		{"WebP of 16384", solidWebP(16384, 16384), avatar.ReasonTooManyPixels},
		{"WebP, a canvas of 2^24", animated, avatar.ReasonTooManyPixels},
		{"PNG, a chunk of 4 GiB", append(encodePNG(t, quarters(9, 9))[:33], "\xff\xff\xff\xffIDATabc"...), avatar.ReasonCorrupt},
		{"WebP, a chunk of 4 GiB", []byte("RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff\x2f\x00\x00\x00"), avatar.ReasonCorrupt},
	}
	p := newPipeline(t, avatar.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := p.Render(t.Context(), bytes.NewReader(tt.data))
			runtime.ReadMemStats(&after)
			format := strings.ToLower(strings.FieldsFunc(tt.name, func(r rune) bool { return r == ' ' || r == ',' })[0])
			wantReject(t, err, tt.reason, format)
			if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
				t.Errorf("%d bytes were allocated", got)
			}
		})
	}
}

// TestRenderStopsInTheMiddle cancels while a large picture is decoded and prints how long that took.
func TestRenderStopsInTheMiddle(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes pictures of 50 megapixels")
	}
	p := newPipeline(t, avatar.Config{})
	for name, data := range heaviest(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			gone := errors.New("the person went away")
			var cancelled time.Time
			timer := time.AfterFunc(30*time.Millisecond, func() {
				cancelled = time.Now()
				cancel(gone)
			})
			defer timer.Stop()
			_, err := p.Render(ctx, bytes.NewReader(data))
			if timer.Stop() || err == nil || errors.As(err, new(*avatar.RejectError)) {
				t.Skipf("done before it was cancelled: %v", err)
			}
			if !errors.Is(err, gone) {
				t.Errorf("got %v, want the cause", err)
			}
			t.Logf("%v after the cancellation", time.Since(cancelled))
		})
	}
}

// TestRenderWaitsForMemory has more callers than the budget holds pictures: they take turns, and one that gives up waiting gets its context's error.
func TestRenderWaitsForMemory(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	detect := func(image.Image) image.Rectangle {
		inside <- struct{}{}
		<-release
		return image.Rectangle{}
	}
	data := solidPNG(400, 400, 8, pngRGBA, false) // 640 kB decoded
	tiny := avatar.Kind{Name: "avatar", Variants: []avatar.Variant{{Name: "s", Width: 16, Height: 16}}}
	p := newPipeline(t, avatar.Config{Kind: tiny, MaxMemory: 1 << 20, MaxBytes: 64 << 10, Detect: detect})
	errs := make(chan error)
	go func() {
		_, err := p.Render(context.Background(), bytes.NewReader(data))
		errs <- err
	}()
	<-inside
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Render(ctx, bytes.NewReader(data)); !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*avatar.RejectError)) {
		t.Errorf("the second got %v, want its deadline", err)
	}
	close(release)
	if err := <-errs; err != nil {
		t.Errorf("the first got %v", err)
	}
	go func() { <-inside }()
	if _, err := p.Render(context.Background(), bytes.NewReader(data)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// failing is a reader whose store is gone.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestRenderReadErrorIsTransient(t *testing.T) {
	_, err := newPipeline(t, avatar.Config{}).Render(t.Context(), failing{})
	if err == nil || errors.As(err, new(*avatar.RejectError)) || !strings.Contains(fmt.Sprint(err), "connection reset") {
		t.Errorf("got %v, want the reader's error", err)
	}
}

// TestRenderHoldsWhatItReads lets two renders meet although the largest source would fill the budget of both.
func TestRenderHoldsWhatItReads(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var met sync.WaitGroup
	met.Add(2)
	p, err := avatar.New(avatar.Config{MaxBytes: 400 << 20, Detect: func(image.Image) image.Rectangle {
		met.Done()
		met.Wait()
		return image.Rectangle{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	data := encodeJPEG(t, image.NewGray(image.Rect(0, 0, 16, 16)))
	errs := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := p.Render(ctx, bytes.NewReader(data))
			errs <- err
		}()
	}
	for range 2 {
		select {
		case err := <-errs:
			if err != nil {
				t.Error(err)
			}
		case <-ctx.Done():
			t.Fatal("one waits for the other")
		}
	}
}

// TestRenderSourceGrows has a source that holds more than it said when memory was reserved for it.
func TestRenderSourceGrows(t *testing.T) {
	p, err := avatar.New(avatar.Config{})
	if err != nil {
		t.Fatal(err)
	}
	data := encodeJPEG(t, image.NewGray(image.Rect(0, 0, 16, 16)))
	_, err = p.Render(t.Context(), sized{bytes.NewReader(data), int64(len(data)) - 1})
	if reject := (*avatar.RejectError)(nil); err == nil || errors.As(err, &reject) {
		t.Errorf("got %v, want an error that a retry may help", err)
	}
	if _, err := p.Render(t.Context(), sized{bytes.NewReader(data), int64(len(data)) + 5}); err != nil {
		t.Errorf("less than it said: %v", err)
	}
}

type sized struct {
	io.Reader
	size int64
}

func (s sized) Size() int64 { return s.size }
