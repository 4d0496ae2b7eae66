package thumbhash_test

import (
	"encoding/hex"
	"image"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/thumbhash"
)

// pattern is a picture that the reference implementation can be given too.
func pattern(w, h int, opaque bool) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			a := byte(x*3 + y*9)
			if opaque {
				a = 0xff
			}
			copy(m.Pix[m.PixOffset(x, y):], []byte{byte(x*5 + y), byte(y*7 + x*x), byte(x*y + 40), a})
		}
	}
	return m
}

// The hashes are those of rgbaToThumbHash in version 0.1.1 of the npm package thumbhash, by the format's author.
func TestEncode(t *testing.T) {
	tests := []struct {
		w, h   int
		opaque bool
		want   string
	}{
		{1, 1, true, "c3060a570008f708888788708f7088f80888707ff8000000"},
		{100, 75, true, "1f08060d8484007b56477a7787687776e02b0a8974"},
		{75, 100, true, "dff7050d0647906594797778777767760c759a4086"},
		{64, 64, true, "dee709271207878566977677776776777777878086076708"},
		{33, 47, false, "ded785140828706578887697076b9a80856b77677777858008"},
		{100, 30, false, "1f08860a84188470967796b0a807976a7778a540259166"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(thumbhash.Encode(pattern(tt.w, tt.h, tt.opaque))); got != tt.want {
			t.Errorf("%dx%d, opaque %v: got %s, want %s", tt.w, tt.h, tt.opaque, got, tt.want)
		}
	}
}
