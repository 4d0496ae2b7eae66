package vp8_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/cruddur/avatarkit/avatar/internal/vp8"
)

// FuzzDecode holds verdict and pixels against golang.org/x/image/vp8. That accepts frames which are not to be shown, versions that nobody defined, and what
// is no arithmetic code, and computes levels of the filter in eight bits.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, scene(40, 30), 60, 4))
	f.Add(encode(f, scene(17, 33), 5, 6))
	for seed := range uint64(4) {
		f.Add(randomFrame(rand.New(rand.NewPCG(seed, 3)), 20, 18, false))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := vp8.NewDecoder(data)
		if len(data) >= 10 && (int(data[6])|int(data[7])<<8)&0x3fff*((int(data[8])|int(data[9])<<8)&0x3fff) > 1<<14 {
			return // the reference would take its memory first
		}
		if len(data) < 10 || data[0]>>1&7 > 3 || data[0]>>4&1 == 0 || data[6]|data[7]&0x3f == 0 || data[8]|data[9]&0x3f == 0 {
			if err == nil {
				t.Fatal("the header is accepted")
			}
			return
		}
		got, err := decode(context.Background(), data, everywhere)
		want, wantErr := reference(data)
		if err != nil && wantErr == nil && beginsWith255(data) {
			return
		}
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("got %v, x/image %v", err, wantErr)
		}
		if err != nil {
			return
		}
		first := data[10:][:int(data[0])>>5|int(data[1])<<3|int(data[2])<<11]
		if _, overflows := header(first); overflows {
			return
		}
		if at, differ := firstDifference(got, want, got.Rect); differ {
			t.Fatalf("at %v: got %v, x/image %v", at, got.YCbCrAt(at.X, at.Y), want.YCbCrAt(at.X, at.Y))
		}
	})
}
