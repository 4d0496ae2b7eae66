package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// Run is what a migration of a bucket works with. It is not safe for concurrent use.
type Run struct {
	Bucket *blob.Bucket

	target   *Target
	key      string // of the checkpoint
	at       checkpoint
	call     int // of Each, from 1
	saved    time.Time
	progress func(done, total int)
}

// checkpoint is how far a function got: the last object of the last call of Each.
type checkpoint struct {
	Call int    `json:"call"`
	Key  string `json:"key"`
	Done int    `json:"done"`
}

// Each calls f with each object below prefix, in order of their keys, and remembers once a second how far it got. A run that goes on after a failure skips what was
// done, and repeats at most that last second. A function may call Each several times, each time in the same order. Objects that f
// writes behind the present key are met too; the migrations' own are not.
func (r *Run) Each(ctx context.Context, prefix string, f func(context.Context, *blob.ListObject) error) error {
	r.call++
	if r.call < r.at.Call {
		return nil
	}
	if r.call > r.at.Call {
		r.at.Call, r.at.Key = r.call, ""
	}
	it := r.Bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		object, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			r.at.Call, r.at.Key = r.call+1, ""
			return r.save(ctx)
		}
		if err != nil {
			return fmt.Errorf("list %q: %w", prefix, err)
		}
		if object.IsDir || object.Key <= r.at.Key || strings.HasPrefix(object.Key, r.target.prefix) {
			continue
		}
		if err := f(ctx, object); err != nil {
			return fmt.Errorf("object %q: %w", object.Key, err)
		}
		r.at.Key = object.Key
		r.at.Done++
		r.progress(r.at.Done, 0)
		if time.Since(r.saved) > time.Second {
			if err := r.save(ctx); err != nil {
				return err
			}
		}
	}
}

func (r *Run) save(ctx context.Context) error {
	r.saved = time.Now()
	if r.at.Call == 0 {
		return nil
	}
	return r.target.write(ctx, r.key, r.at, false)
}

func (r *Run) resume(ctx context.Context) error {
	err := r.target.read(ctx, r.key, &r.at)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return err
}

func (r *Run) forget(ctx context.Context) error {
	if err := r.Bucket.Delete(ctx, r.key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete %q: %w", r.key, err)
	}
	return nil
}
