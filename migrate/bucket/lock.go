package bucket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/cruddur/avatarkit/migrate"
)

// lease is the object of one holder of the lock. Only the holder writes it after it was created.
type lease struct {
	Owner    string `json:"owner"` // random
	Beat     int    `json:"beat"`
	Released bool   `json:"released"`
}

func (t *Target) leaseKey(n int64) string { return fmt.Sprintf("%slock/%09d.json", t.prefix, n) }

// Locked implements [migrate.Target].
func (t *Target) Locked(ctx context.Context, wait time.Duration, log *slog.Logger, run func(context.Context, migrate.Session) error) error {
	n, mine, err := t.acquire(ctx, wait, log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		t.renew(ctx, n, &mine, cancel)
	}()
	err = run(ctx, &session{Target: t})
	lost := context.Cause(ctx)
	cancel(nil)
	<-stopped
	if errors.Is(lost, migrate.ErrLockLost) {
		return errors.Join(lost, err)
	}
	mine.Released = true
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	if release := t.write(ctx, t.leaseKey(n), mine, false); release != nil {
		log.WarnContext(ctx, "the lock was not released and will time out", "error", release)
	}
	for old := n - 1; old > 0 && t.bucket.Delete(ctx, t.leaseKey(old)) == nil; old-- {
	}
	return err
}

// acquire waits until the newest lease is released, or has not changed for a whole lease, and creates the next one.
func (t *Target) acquire(ctx context.Context, wait time.Duration, log *slog.Logger) (int64, lease, error) {
	mine := lease{Owner: rand.Text()}
	var seen lease
	var seenNumber int64
	begin, since := time.Now(), time.Now()
	for {
		n, newest, err := t.newest(ctx)
		if err != nil {
			return 0, mine, err
		}
		if n != seenNumber || newest != seen {
			seenNumber, seen, since = n, newest, time.Now()
		}
		stale := n > 0 && !newest.Released && time.Since(since) >= t.lease
		if n == 0 || newest.Released || stale {
			if stale {
				log.WarnContext(ctx, "taking over a migration lock whose holder is silent", "lease", t.lease)
			}
			err := t.write(ctx, t.leaseKey(n+1), mine, true)
			var stored lease
			if err == nil { // stores whose conditional write is not atomic may have let two through
				err = t.read(ctx, t.leaseKey(n+1), &stored)
			}
			switch {
			case err == nil && stored == mine:
				return n + 1, mine, nil
			case err != nil && !errors.Is(err, migrate.ErrConflict):
				return 0, mine, err
			}
		}
		if wait > 0 && time.Since(begin) >= wait {
			return 0, mine, fmt.Errorf("%w for %v", migrate.ErrLocked, wait)
		}
		if err := sleep(ctx, min(t.lease/10, 250*time.Millisecond)); err != nil {
			return 0, mine, err
		}
	}
}

func (t *Target) newest(ctx context.Context) (n int64, l lease, err error) {
	it := t.bucket.List(&blob.ListOptions{Prefix: t.prefix + "lock/"})
	for {
		object, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, l, fmt.Errorf("list the locks: %w", err)
		}
		if _, err := fmt.Sscanf(path.Base(object.Key), "%d.json", &n); err != nil {
			return 0, l, fmt.Errorf("object %q is not a lock", object.Key)
		}
	}
	if n == 0 {
		return 0, l, nil
	}
	err = t.read(ctx, t.leaseKey(n), &l)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return t.newest(ctx) // the holder of a newer one deleted it since
	}
	return n, l, err
}

// renew changes the lease three times in its length. The lock is lost when a newer lease exists, or when it could not be renewed in two thirds of it.
func (t *Target) renew(ctx context.Context, n int64, mine *lease, cancel context.CancelCauseFunc) {
	last := time.Now()
	for sleep(ctx, t.lease/3) == nil {
		bounded, stop := context.WithTimeout(context.WithoutCancel(ctx), t.lease/3)
		taken, err := t.bucket.Exists(bounded, t.leaseKey(n+1))
		if err == nil && !taken {
			next := *mine
			next.Beat++
			if err = t.write(bounded, t.leaseKey(n), next, false); err == nil {
				*mine, last = next, time.Now()
			}
		}
		stop()
		if taken || time.Since(last) >= t.lease*2/3 {
			cancel(errors.Join(migrate.ErrLockLost, err))
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
