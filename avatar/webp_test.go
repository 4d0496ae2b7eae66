package avatar_test

import (
	"bytes"
	"math/bits"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
)

// vp8l writes the bits of lossless WebP, the lowest first.
type vp8l struct {
	data []byte
	acc  uint64
	n    int
}

func (s *vp8l) put(v, size int) {
	s.acc |= uint64(v) << s.n
	for s.n += size; s.n >= 8; s.n -= 8 {
		s.data, s.acc = append(s.data, byte(s.acc)), s.acc>>8
	}
}

// size begins an opaque picture.
func (s *vp8l) size(w, h int) {
	s.put(0x2f, 8)
	s.put(w-1, 14)
	s.put(h-1, 14)
	s.put(0, 1+3) // no alpha, version 0
}

// solid writes codes of one symbol each, so that a pixel takes no bit, and before them that there is no transform, no colour cache and one group of codes.
func (s *vp8l) solid() {
	s.put(0, 3)
	for _, symbol := range []int{0, 255, 0, 255, 0} {
		s.put(1, 1) // a simple code
		s.put(0, 1) // of one symbol
		s.put(1, 1) // of eight bits
		s.put(symbol, 8)
	}
	s.put(0, 8)
}

// code writes a code by the lengths for its symbols: of each so many, in this order.
func (s *vp8l) code(lengths ...[2]int) {
	s.put(0, 1)
	s.put(15, 4) // the code of the lengths: 4 bits for each of 0 to 15, and none for repetitions
	for _, length := range []int{0, 0, 4, 4, 4, 4, 4, 4, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4} {
		s.put(length, 3)
	}
	s.put(0, 1) // lengths for all symbols
	for _, run := range lengths {
		for range run[0] {
			s.put(int(bits.Reverse8(uint8(run[1]))>>4), 4)
		}
	}
}

// solidWebP is a lossless WebP of one colour, in about fifty bytes whatever its size.
func solidWebP(w, h int) []byte {
	var s vp8l
	s.size(w, h)
	s.solid()
	return riff(riffChunk("VP8L", s.data))
}

// solidAlpha is the alpha of a lossy picture of any size, in the coding of solidWebP.
func solidAlpha() []byte {
	s := vp8l{data: []byte{1}}
	s.solid()
	return riffChunk("ALPH", s.data)
}

// greyWebP is a lossy WebP of zeros, which in its arithmetic code mean what is likely: 16 subblocks a macroblock, none with coefficients.
func greyWebP(w, h int) []byte {
	const first = 400_000
	tag := 1<<4 | first<<5
	head := []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a, byte(w), byte(w >> 8), byte(h), byte(h >> 8)}
	return riff(riffChunk("VP8 ", append(head, make([]byte, first+w*h/50)...)))
}

// groupedWebP is a lossless WebP with as many codes, and as large ones, as are accepted. Its pixels are not there.
func groupedWebP(w, h int) []byte {
	var s vp8l
	s.size(w, h)
	s.put(0, 1)  // no transform
	s.put(1, 1)  // a colour cache
	s.put(11, 4) // of 2048
	s.put(1, 1)  // several groups
	s.put(0, 3)  // for blocks of 4
	s.put(0, 1)  // no colour cache
	s.code([2]int{256, 8}, [2]int{24, 0})
	s.code([2]int{16, 4}, [2]int{240, 0})
	for range 3 { // blue, alpha, distance: one symbol of no bit
		s.put(1, 4)
	}
	const groups = 2600
	for i := range (w + 3) / 4 * ((h + 3) / 4) {
		s.put(int(bits.Reverse8(uint8(i%groups))), 8)
		s.put(int(bits.Reverse8(uint8(i%groups>>8))>>4), 4)
	}
	for range groups {
		s.code([2]int{1768, 11}, [2]int{560, 12})
		for range 3 {
			s.code([2]int{1, 7}, [2]int{253, 8}, [2]int{2, 9})
		}
		s.code([2]int{24, 5}, [2]int{16, 6})
	}
	s.put(0, 8)
	return riff(riffChunk("VP8L", append(s.data, make([]byte, 99)...)))
}

// TestRenderWebPGroups has a small picture whose codes ask for more memory than such a picture may take.
func TestRenderWebPGroups(t *testing.T) {
	data := groupedWebP(600, 600)
	var err error
	peak := peakHeap(func() { _, err = newPipeline(t, avatar.Config{}).Render(t.Context(), bytes.NewReader(data)) })
	wantReject(t, err, avatar.ReasonCorrupt, "webp")
	if !strings.Contains(err.Error(), "groups") {
		t.Errorf("got %v", err)
	}
	if peak > 16<<20 { // the file among it
		t.Errorf("the peak is %d MiB", peak>>20)
	}
}
