package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/storage"
)

// later is a clock a day ahead: everything written now is a day old.
func later() time.Time { return time.Now().Add(24 * time.Hour) }

func fill(t testing.TB, b *blob.Bucket, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if err := b.WriteAll(t.Context(), k, []byte("12345"), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func keysOf(t testing.TB, b *blob.Bucket) []string {
	t.Helper()
	var keys []string
	objects, failed := b.List(nil).All(t.Context())
	for o := range objects {
		keys = append(keys, o.Key)
	}
	if err := failed(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys) // fileblob lists a folder before its longer neighbours
	return keys
}

func removed(r storage.SweepReceipt) []string {
	var keys []string
	for _, o := range r.Removed {
		keys = append(keys, o.Key)
	}
	return keys
}

func TestSweep(t *testing.T) {
	tests := []struct {
		name          string
		cfg           storage.SweepConfig
		removed, left []string
		wantErr       bool
	}{
		{"old uploads", storage.SweepConfig{Now: later}, []string{"uploads/a", "uploads/b"}, []string{"records/a", "uploads-old/a"}, false},
		{"young uploads", storage.SweepConfig{}, nil, []string{"records/a", "uploads-old/a", "uploads/a", "uploads/b"}, false},
		{"dry run", storage.SweepConfig{Now: later, DryRun: true}, []string{"uploads/a", "uploads/b"}, []string{"records/a", "uploads-old/a", "uploads/a", "uploads/b"}, false},
		{"spared", storage.SweepConfig{Now: later, Keep: func(_ context.Context, key string) (bool, error) { return key == "uploads/a", nil }},
			[]string{"uploads/b"}, []string{"records/a", "uploads-old/a", "uploads/a"}, false},
		{"spared when it cannot be known", storage.SweepConfig{Now: later, Keep: func(_ context.Context, key string) (bool, error) {
			if key == "uploads/a" {
				return false, errors.New("database is down")
			}
			return false, nil
		}}, []string{"uploads/b"}, []string{"records/a", "uploads-old/a", "uploads/a"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range []*blob.Bucket{memblob.OpenBucket(nil), files} {
				defer b.Close()
				fill(t, b, "records/a", "uploads-old/a", "uploads/a", "uploads/b")
				cfg := tt.cfg
				cfg.Prefix, cfg.OlderThan = "uploads/", 2*time.Hour
				receipt, err := storage.Sweep(t.Context(), b, cfg)
				if (err != nil) != tt.wantErr {
					t.Fatalf("error %v, want one: %t", err, tt.wantErr)
				}
				if got := removed(receipt); !slices.Equal(got, tt.removed) || receipt.Bytes != int64(5*len(got)) || receipt.Listed != 2 {
					t.Errorf("receipt %+v, want %q", receipt, tt.removed)
				}
				if got := keysOf(t, b); !slices.Equal(got, tt.left) {
					t.Errorf("left %q, want %q", got, tt.left)
				}
			}
		})
	}
}

// TestSweepContinues: each run looks at no more than it may, and the runs together remove everything once.
func TestSweepContinues(t *testing.T) {
	b := memblob.OpenBucket(nil)
	defer b.Close()
	var all []string
	for i := range 25 {
		all = append(all, fmt.Sprintf("uploads/%02d", i))
	}
	fill(t, b, all...)
	var got []string
	cfg := storage.SweepConfig{Prefix: "uploads/", OlderThan: time.Hour, Now: later, MaxObjects: 10}
	for run := 1; ; run++ {
		receipt, err := storage.Sweep(t.Context(), b, cfg)
		if err != nil || receipt.Listed > 10 || run > 3 {
			t.Fatalf("run %d: %+v, %v", run, receipt, err)
		}
		got = append(got, removed(receipt)...)
		if cfg.Page = receipt.Next; cfg.Page == nil {
			break
		}
	}
	if left := keysOf(t, b); !slices.Equal(got, all) || left != nil {
		t.Errorf("removed %q, left %q", got, left)
	}
}

func TestSweepRefuses(t *testing.T) {
	b := memblob.OpenBucket(nil)
	defer b.Close()
	fill(t, b, "uploads/a")
	tests := []struct {
		name string
		cfg  storage.SweepConfig
	}{
		{"no prefix", storage.SweepConfig{OlderThan: time.Hour}},
		{"whole bucket", storage.SweepConfig{Prefix: "/", OlderThan: time.Hour}},
		{"prefix within a name", storage.SweepConfig{Prefix: "uploads", OlderThan: time.Hour}},
		{"no age", storage.SweepConfig{Prefix: "uploads/"}},
		{"negative maximum", storage.SweepConfig{Prefix: "uploads/", OlderThan: time.Hour, MaxObjects: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Now = later
			if _, err := storage.Sweep(t.Context(), b, tt.cfg); err == nil || len(keysOf(t, b)) != 1 {
				t.Errorf("error %v", err)
			}
		})
	}
}

func ExampleSweep() {
	ctx := context.Background()
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	_ = bucket.WriteAll(ctx, "uploads/avatars/u1/1.jpg", []byte("forgotten"), nil)
	receipt, err := storage.Sweep(ctx, bucket, storage.SweepConfig{
		Prefix:    "uploads/avatars/",
		OlderThan: 7 * 24 * time.Hour,
		DryRun:    true,
		Now:       func() time.Time { return time.Now().AddDate(0, 0, 8) },
	})
	fmt.Println(len(receipt.Removed), receipt.Removed[0].Key, receipt.Bytes, err)
	// Output: 1 uploads/avatars/u1/1.jpg 9 <nil>
}
