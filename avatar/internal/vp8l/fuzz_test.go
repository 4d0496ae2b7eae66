package vp8l_test

import (
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/vp8l"
)

// FuzzDecode holds verdict and pixels against golang.org/x/image/vp8l, and what differs against libwebp.
func FuzzDecode(f *testing.F) {
	for _, m := range pictures(24, 20) {
		f.Add(encode(f, m, 4))
	}
	f.Add(solid(30, 30))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := vp8l.NewDecoder(data); err == nil && d.Width*d.Height > 1<<14 {
			return
		}
		compare(t, data)
	})
}
