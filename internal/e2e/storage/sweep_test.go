package storage_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage"
)

// TestSweep removes abandoned uploads from every store, after it has said which.
func TestSweep(t *testing.T) {
	for _, tt := range stores {
		if strings.HasPrefix(tt.name, "receiver") || tt.name == "gcs with forms" {
			continue // the buckets are the others'
		}
		t.Run(tt.name, func(t *testing.T) {
			store := tt.open(t)
			for _, key := range []string{"uploads/ada/1.png", "uploads/ada/2.png", "uploads/bob/a b+c.png", "uploads2/1.png", "records/1.json"} {
				put(t, store, key)
			}
			cfg := storage.SweepConfig{
				Prefix: "uploads/", OlderThan: 24 * time.Hour, DryRun: true, Now: func() time.Time { return time.Now().Add(48 * time.Hour) },
			}
			want := []string{"uploads/ada/1.png", "uploads/ada/2.png", "uploads/bob/a b+c.png"}
			for _, dry := range []bool{true, false} {
				cfg.DryRun = dry
				receipt, err := storage.Sweep(t.Context(), store.Bucket(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				var removed []string
				for _, o := range receipt.Removed {
					removed = append(removed, o.Key)
				}
				if slices.Sort(removed); !slices.Equal(removed, want) || receipt.DryRun != dry || receipt.Bytes != 15 {
					t.Errorf("dry run %t: %+v, want %q", dry, receipt, want)
				}
				left := keysOf(t, store.Bucket())
				if wantLeft := map[bool]int{true: 5, false: 2}[dry]; len(left) != wantLeft {
					t.Errorf("dry run %t leaves %q, want %d", dry, left, wantLeft)
				}
			}
		})
	}
}

// put uploads with a grant.
func put(t *testing.T, store storage.Store, key string) {
	t.Helper()
	g, err := store.GrantUpload(t.Context(), key, storage.Policy{ContentType: "image/png", Size: 5})
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.NewRequest(t.Context(), strings.NewReader("hello"), 5)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal("the upload got no answer")
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("upload: %s", resp.Status)
	}
}

func keysOf(t *testing.T, b *blob.Bucket) []string {
	t.Helper()
	var keys []string
	for listed := b.List(nil); ; {
		o, err := listed.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
}
