package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/bucket"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func open(t *testing.T, n int) *blob.Bucket {
	t.Helper()
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { b.Close() })
	for i := range n {
		if err := b.WriteAll(context.Background(), fmt.Sprintf("old/%03d", i), []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func migrator(t *testing.T, b *blob.Bucket, opts *bucket.Options, functions ...migrate.Migration) *migrate.Migrator {
	t.Helper()
	target, err := bucket.New(b, opts)
	if err != nil {
		t.Fatal(err)
	}
	m, err := migrate.New(target, nil, &migrate.Options{Go: functions})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func keys(t *testing.T, b *blob.Bucket, prefix string) (list []string) {
	t.Helper()
	for o, err := range mustAll(b, prefix) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, o)
	}
	return list
}

func mustAll(b *blob.Bucket, prefix string) func(func(string, error) bool) {
	return func(yield func(string, error) bool) {
		it := b.List(&blob.ListOptions{Prefix: prefix})
		for {
			o, err := it.Next(context.Background())
			if err != nil {
				return
			}
			if !yield(o.Key, nil) {
				return
			}
		}
	}
}

// rekey moves every object from one prefix to another; each object's move can be repeated.
func rekey(from, to string, visit func(string) error) func(context.Context, *bucket.Run) error {
	return func(ctx context.Context, r *bucket.Run) error {
		return r.Each(ctx, from, func(ctx context.Context, o *blob.ListObject) error {
			if err := visit(o.Key); err != nil {
				return err
			}
			if err := r.Bucket.Copy(ctx, to+strings.TrimPrefix(o.Key, from), o.Key, nil); err != nil {
				return err
			}
			return r.Bucket.Delete(ctx, o.Key)
		})
	}
}

func TestUpAndDown(t *testing.T) {
	ctx := context.Background()
	b := open(t, 25)
	all := func(string) error { return nil }
	m := migrator(t, b, nil, migrate.Go(20240101000000, "rekey", rekey("old/", "new/", all), rekey("new/", "old/", all)))
	if n, err := m.Pending(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for range 2 {
		if _, err := m.Up(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(keys(t, b, "new/")); n != 25 {
			t.Fatalf("%d objects", n)
		}
	}
	if steps, err := m.Down(ctx, 1); err != nil || len(steps) != 1 {
		t.Fatal(steps, err)
	}
	if n := len(keys(t, b, "old/")); n != 25 {
		t.Fatalf("%d objects", n)
	}
	list, err := m.Status(ctx)
	if err != nil || len(list) != 1 || list[0].State != migrate.Pending {
		t.Fatal(list, err)
	}
}

func TestGoesOnWhereItStopped(t *testing.T) {
	ctx := context.Background()
	b := open(t, 20)
	var visited []string
	broken := true
	m := migrator(t, b, nil, migrate.Go(20240101000000, "copy", func(ctx context.Context, r *bucket.Run) error {
		return r.Each(ctx, "old/", func(_ context.Context, o *blob.ListObject) error {
			if broken && o.Key == "old/010" {
				return errors.New("broken")
			}
			visited = append(visited, o.Key)
			return nil
		})
	}, nil))
	var e *migrate.Error
	if _, err := m.Up(ctx); !errors.As(err, &e) {
		t.Fatal(err)
	}
	if list, err := m.Status(ctx); err != nil || list[0].State != migrate.Applying {
		t.Fatal(list, err)
	}
	broken = false
	if _, err := m.Up(ctx); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(visited, keys(t, b, "old/")) {
		t.Errorf("visited %v", visited)
	}
	if left := keys(t, b, "_migrations/progress/"); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestOneRunnerAtATime(t *testing.T) {
	ctx := context.Background()
	b := open(t, 10)
	var mu sync.Mutex
	ran := 0
	var wg sync.WaitGroup
	for range 8 {
		m := migrator(t, b, &bucket.Options{Lease: time.Second}, migrate.Go(20240101000000, "once", func(context.Context, *bucket.Run) error {
			mu.Lock()
			defer mu.Unlock()
			ran++
			return nil
		}, nil))
		wg.Go(func() {
			if _, err := m.Up(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if ran != 1 {
		t.Errorf("ran %d times", ran)
	}
}

// A holder that is silent for a lease loses the lock and stops; its successor finishes.
func TestLockIsTakenOverAndTheOldHolderStops(t *testing.T) {
	ctx := context.Background()
	b := open(t, 0)
	entered := make(chan struct{})
	first := migrator(t, b, &bucket.Options{Lease: 200 * time.Millisecond}, migrate.Go(20240101000000, "slow", func(ctx context.Context, _ *bucket.Run) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}, nil))
	result := make(chan error)
	go func() {
		_, err := first.Up(ctx)
		result <- err
	}()
	<-entered
	if err := b.WriteAll(ctx, "_migrations/lock/000000002.json", []byte(`{"owner":"thief"}`), nil); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, migrate.ErrLockLost) {
		t.Fatal(err)
	}
	second := migrator(t, b, &bucket.Options{Lease: 200 * time.Millisecond}, migrate.Go(20240101000000, "slow", func(context.Context, *bucket.Run) error { return nil }, nil))
	if steps, err := second.Up(ctx); err != nil || len(steps) != 1 {
		t.Fatal(steps, err)
	}
}

func TestLockTimeout(t *testing.T) {
	ctx := context.Background()
	b := open(t, 0)
	if err := b.WriteAll(ctx, "_migrations/lock/000000001.json", []byte(`{"owner":"other"}`), nil); err != nil {
		t.Fatal(err)
	}
	target, err := bucket.New(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := migrate.New(target, nil, &migrate.Options{LockTimeout: 50 * time.Millisecond, Go: []migrate.Migration{
		migrate.Go(20240101000000, "a", func(context.Context, *bucket.Run) error { return nil }, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(ctx); !errors.Is(err, migrate.ErrLocked) {
		t.Error(err)
	}
}

func TestWrongHandleIsRefused(t *testing.T) {
	target, err := bucket.New(open(t, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.New(target, nil, &migrate.Options{Go: []migrate.Migration{
		migrate.Go(20240101000000, "sql", func(context.Context, sqldb.Tx) error { return nil }, nil)}}); err == nil {
		t.Error("accepted a function for SQL")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, prefix := range []string{"x", "/", "../x/", "/x/", "a//b/"} {
		if _, err := bucket.New(open(t, 0), &bucket.Options{Prefix: prefix}); err == nil {
			t.Errorf("prefix %q accepted", prefix)
		}
	}
	if _, err := bucket.New(nil, nil); err == nil {
		t.Error("nil accepted")
	}
}
