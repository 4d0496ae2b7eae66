package avatar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"time"
)

// checkpoint says how far a backfill has come. It is deleted at the end.
type checkpoint struct {
	// Next is a string that sorts after the name of the last subject that is done, and not after the next one's. It is as short as can be, so that it
	// seldom names anybody.
	Next    string    `json:"next"`
	Updated time.Time `json:"updated"`
}

// batchPerWorker is how many subjects each worker may have to do again after a crash.
const batchPerWorker = 16

// walk calls do for each subject, from the checkpoint on, and returns when all calls have ended. What do returns early for a cancelled context is
// done again by the next walk.
func (b *backfill) walk(ctx context.Context, do func(ctx context.Context, subject string)) error {
	var from checkpoint
	key := b.keys.backfillKey(b.want.Name)
	if !b.want.DryRun {
		if err := readJSON(ctx, b.uploads, key, &from); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("avatar: read how far the backfill has come: %w", err)
		}
	}
	var batch []string
	for name, err := range b.names(ctx) {
		switch {
		case err != nil:
			return err
		case name < from.Next:
			b.report.Resumed++ // no worker is at work yet
			continue
		case len(batch) == batchPerWorker*b.want.Workers:
			if err := b.together(ctx, batch, do); err != nil {
				return err
			}
			if err := b.save(ctx, checkpoint{separator(batch[len(batch)-1], name), b.opts.Now().UTC()}); err != nil {
				return err
			}
			batch = nil
		}
		batch = append(batch, name)
	}
	if err := b.together(ctx, batch, do); err != nil || b.want.DryRun {
		return err
	}
	if err := remove(ctx, b.uploads, key); err != nil {
		return fmt.Errorf("avatar: note that the backfill is done: %w", err)
	}
	return nil
}

func (b *backfill) save(ctx context.Context, c checkpoint) error {
	if b.want.DryRun {
		return nil
	}
	if _, err := putJSON(ctx, b.uploads, b.keys.backfillKey(b.want.Name), c, false); err != nil {
		return fmt.Errorf("avatar: note how far the backfill has come: %w", err)
	}
	return nil
}

// together does a batch with as many workers as are wanted.
func (b *backfill) together(ctx context.Context, batch []string, do func(ctx context.Context, subject string)) error {
	work := make(chan string)
	var workers sync.WaitGroup
	for range min(b.want.Workers, len(batch)) {
		workers.Go(func() {
			for name := range work {
				do(ctx, subjectOf(name))
			}
		})
	}
	for _, name := range batch {
		if ctx.Err() != nil {
			break
		}
		work <- name
	}
	close(work)
	workers.Wait()
	return ctx.Err()
}

// names yields what each subject is found by, in order: the folder of its records, or its stable name.
func (b *backfill) names(ctx context.Context) iter.Seq2[string, error] {
	bucket, prefix := b.uploads, b.keys.records()
	if b.want.Adopt {
		bucket, prefix = b.assets, b.keys.published
	}
	return func(yield func(string, error) bool) {
		for obj, err := range list(ctx, bucket, prefix, "/") {
			if err != nil {
				yield("", fmt.Errorf("avatar: list the subjects: %w", err))
				return
			}
			name := strings.TrimPrefix(obj.Key, prefix)
			stable := strings.HasSuffix(name, ".jpg")
			if obj.IsDir == b.want.Adopt || stable != b.want.Adopt || !subjectPattern.MatchString(subjectOf(name)) {
				continue
			}
			if !yield(name, nil) {
				return
			}
		}
	}
}

// separator is the shortest beginning of b that sorts after a, for a before b.
func separator(a, b string) string {
	for i := range len(b) {
		if b[:i+1] > a {
			return b[:i+1]
		}
	}
	return b
}
