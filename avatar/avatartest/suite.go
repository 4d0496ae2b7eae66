package avatartest

import (
	"fmt"
	"testing"

	"gocloud.dev/blob"
)

// Options sizes [TestBuckets] for slow stores. Nil means the defaults.
type Options struct {
	// Every is which of the operations to end a process at, to fail at, or to overtake a process at: 1 means each, 10 each tenth. Zero means each, or each seventh with -short.
	Every int
	// Seeds is how many histories of several processes to play. Zero means 300, or 40 with -short.
	Seeds int
	// FirstSeed is where to begin, to play one history again.
	FirstSeed int
}

// TestBuckets proves the protocol over a pair of buckets, which may be the same one. It works below the prefix "avatartest/" and removes what it wrote,
// except for what a failure leaves.
func TestBuckets(t *testing.T, uploads, assets *blob.Bucket, opts *Options) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Every == 0 {
		o.Every = 1
		if testing.Short() {
			o.Every = 7
		}
	}
	if o.Seeds == 0 {
		o.Seeds = 300
		if testing.Short() {
			o.Seeds = 40
		}
	}
	for _, s := range scenarios() {
		t.Run("crash/"+s.name, func(t *testing.T) { crashEverywhere(t, s, uploads, assets, o.Every) })
		t.Run("fail/"+s.name, func(t *testing.T) { failEverywhere(t, s, uploads, assets, o.Every) })
		t.Run("overtake/"+s.name, func(t *testing.T) { overtakeEverywhere(t, s, uploads, assets, o.Every) })
	}
	t.Run("race", func(t *testing.T) {
		for seed := o.FirstSeed; seed < o.FirstSeed+o.Seeds; seed++ {
			if err := play(t.Context(), uint64(seed), uploads, assets); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	})
}

// history is the last operations before a failure.
type history []string

func (h *history) add(format string, args ...any) {
	*h = append(*h, fmt.Sprintf(format, args...))
}
