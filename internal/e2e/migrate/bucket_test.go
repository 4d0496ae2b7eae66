//go:build unix

package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/bucket"
	"github.com/cruddur/avatarkit/migrate/migratetest"
)

// The rules hold on every store whose conditional write is the lock.
func TestBuckets(t *testing.T) {
	tests := []struct {
		name string
		open func(*testing.T) func(name string) *blob.Bucket
	}{
		{"versitygw", func(t *testing.T) func(string) *blob.Bucket {
			s := servers.Versitygw(t)
			return func(name string) *blob.Bucket { return s.Store(t, name).Bucket() }
		}},
		{"minio", func(t *testing.T) func(string) *blob.Bucket {
			s := servers.MinIO(t)
			return func(name string) *blob.Bucket { return s.Store(t, name).Bucket() }
		}},
		{"gcs", func(t *testing.T) func(string) *blob.Bucket {
			s := servers.FakeGCS(t)
			return func(name string) *blob.Bucket { return s.Store(t, name).Bucket() }
		}},
		{"azurite", func(t *testing.T) func(string) *blob.Bucket {
			s := servers.Azurite(t)
			return func(name string) *blob.Bucket { return s.Store(t, name).Bucket() }
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			open := tt.open(t)
			n := 0
			migratetest.TestTarget(t, migratetest.Subject{
				Open: func(t *testing.T) func() migrate.Target {
					n++
					b := open(fmt.Sprintf("bucket%d", n))
					return func() migrate.Target { return bucketTarget(t, b) }
				},
				Go: func(version int64, name string, up, down migratetest.Func) migrate.Migration {
					part := func(f migratetest.Func) func(context.Context, *bucket.Run) error {
						if f == nil {
							return nil
						}
						return func(ctx context.Context, _ *bucket.Run) error { return f(ctx) }
					}
					return migrate.Go(version, name, part(up), part(down))
				},
			})
			t.Run("between buckets", func(t *testing.T) { moveBetween(t, open("source"), open("destination")) })
		})
	}
}

func bucketTarget(t testing.TB, b *blob.Bucket) migrate.Target {
	t.Helper()
	target, err := bucket.New(b, &bucket.Options{Lease: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// moveBetween moves objects to another bucket and re-keys them on the way, stops half way, and goes on where it stopped.
func moveBetween(t *testing.T, from, to *blob.Bucket) {
	ctx := context.Background()
	const objects = 40
	for i := range objects {
		if err := from.WriteAll(ctx, fmt.Sprintf("old/%03d.jpg", i), fmt.Append(nil, i), nil); err != nil {
			t.Fatal(err)
		}
	}
	broken, visits := true, atomic.Int32{}
	move := func(ctx context.Context, r *bucket.Run) error {
		return r.Each(ctx, "old/", func(ctx context.Context, o *blob.ListObject) error {
			if broken && strings.HasSuffix(o.Key, "020.jpg") {
				return errors.New("the network is down")
			}
			visits.Add(1)
			data, err := r.Bucket.ReadAll(ctx, o.Key)
			if err != nil {
				return err
			}
			return to.WriteAll(ctx, "new/"+strings.TrimPrefix(o.Key, "old/"), data, nil)
		})
	}
	m, err := migrate.New(bucketTarget(t, from), nil, &migrate.Options{Go: []migrate.Migration{migrate.Go(20240101000000, "move", move, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(ctx); err == nil {
		t.Fatal("no error")
	}
	broken = false
	if _, err := m.Up(ctx); err != nil {
		t.Fatal(err)
	}
	if n := visits.Load(); n != objects {
		t.Errorf("%d visits", n)
	}
	for i := range objects {
		if data, err := to.ReadAll(ctx, fmt.Sprintf("new/%03d.jpg", i)); err != nil || string(data) != fmt.Sprint(i) {
			t.Errorf("%d: %q, %v", i, data, err)
		}
	}
}
