package bucket

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/cruddur/avatarkit/migrate"
)

// Options of [New].
type Options struct {
	Prefix string        // of history, lock and progress; "_migrations/" if empty
	Lease  time.Duration // a lock that is not renewed for so long is taken over; 30 s if zero, at least 10 ms
}

// Target is a bucket that migrations change. It implements [migrate.Target].
type Target struct {
	bucket *blob.Bucket
	prefix string
	lease  time.Duration
}

var _ migrate.Target = (*Target)(nil)

// New returns the target for b, which it never closes. It does no I/O.
func New(b *blob.Bucket, opts *Options) (*Target, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	t := &Target{bucket: b, prefix: cmp.Or(o.Prefix, "_migrations/"), lease: cmp.Or(o.Lease, 30*time.Second)}
	var faults []error
	if b == nil {
		faults = append(faults, errors.New("no bucket"))
	}
	if clean := strings.TrimSuffix(t.prefix, "/"); clean+"/" != t.prefix || path.Clean(clean) != clean || strings.HasPrefix(clean, "/") || strings.HasPrefix(clean, "..") {
		faults = append(faults, fmt.Errorf("prefix %q is not a folder that ends in a slash", t.prefix))
	}
	if t.lease < 10*time.Millisecond {
		faults = append(faults, fmt.Errorf("lease of %v", t.lease))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("migrate/bucket: %w", err)
	}
	return t, nil
}

// Check implements [migrate.Target].
func (t *Target) Check(m *migrate.Migration, d migrate.Direction) error {
	switch p := m.Part(d); {
	case p.Func == nil:
		return errors.New("a bucket runs migrations in Go only, not SQL")
	case !p.Takes((*Run)(nil)):
		return errors.New("its functions do not take a *bucket.Run")
	}
	return nil
}

// event is one object of the history: what became of a version.
type event struct {
	Removed bool           `json:"removed,omitempty"`
	Record  migrate.Record `json:"record"`
}

// History implements [migrate.Target].
func (t *Target) History(ctx context.Context, _ bool) ([]migrate.Record, error) {
	history, _, err := t.fold(ctx)
	return history, err
}

// fold replays the history and returns the number of its last object too.
func (t *Target) fold(ctx context.Context) (history []migrate.Record, last int64, err error) {
	it := t.bucket.List(&blob.ListOptions{Prefix: t.prefix + "history/"})
	for {
		object, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return history, last, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("list the history: %w", err)
		}
		var e event
		if err := t.read(ctx, object.Key, &e); err != nil {
			return nil, 0, err
		}
		if _, err := fmt.Sscanf(path.Base(object.Key), "%d.json", &last); err != nil {
			return nil, 0, fmt.Errorf("object %q is not of the history", object.Key)
		}
		at := slices.IndexFunc(history, func(r migrate.Record) bool { return r.Version == e.Record.Version })
		switch {
		case e.Removed:
			if at >= 0 {
				history = slices.Delete(history, at, at+1)
			}
		case at >= 0:
			e.Record.Order = history[at].Order
			history[at] = e.Record
		default:
			e.Record.Order = last
			history = append(history, e.Record)
		}
	}
}

func (t *Target) read(ctx context.Context, key string, v any) error {
	text, err := t.bucket.ReadAll(ctx, key)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return fmt.Errorf("read %q: %w", key, err)
	}
	return nil
}

func (t *Target) write(ctx context.Context, key string, v any, once bool) error {
	text, err := json.Marshal(v)
	if err == nil {
		// Not WriteAll: azureblob's Writer panics when the store refuses (gocloud.dev v0.47).
		err = t.bucket.Upload(ctx, key, bytes.NewReader(text), &blob.WriterOptions{ContentType: "application/json", IfNotExist: once})
	}
	switch {
	case once && err != nil && (gcerrors.Code(err) == gcerrors.FailedPrecondition || strings.Contains(err.Error(), "ConditionalRequestConflict")): // S3: two at once
		return fmt.Errorf("%w: %q is there", migrate.ErrConflict, key)
	case err != nil:
		return fmt.Errorf("write %q: %w", key, err)
	}
	return nil
}

// session is a target under lock.
type session struct {
	*Target
	last int64 // number of the history's last object
}

// History implements [migrate.Session].
func (s *session) History(ctx context.Context) (history []migrate.Record, err error) {
	history, s.last, err = s.fold(ctx)
	return history, err
}

func (s *session) append(ctx context.Context, e event) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := s.write(ctx, fmt.Sprintf("%shistory/%09d.json", s.prefix, s.last+1), e, true); err != nil {
		return err
	}
	s.last++
	return nil
}

// Apply implements [migrate.Session]: a record that the function runs, the function, a record that it has run.
func (s *session) Apply(ctx context.Context, j migrate.Job) error {
	begin := time.Now()
	r := &Run{Bucket: s.bucket, target: s.Target, key: fmt.Sprintf("%sprogress/%d-%s.json", s.prefix, j.Migration.Version, j.Direction), progress: j.Progress}
	state := map[migrate.Direction]migrate.State{migrate.Up: migrate.Applying, migrate.Down: migrate.Reverting}[j.Direction]
	if j.Resume == nil {
		open := j.Record
		open.State = state
		if err := s.append(ctx, event{Record: open}); err != nil {
			return err
		}
		if err := r.forget(ctx); err != nil {
			return err
		}
	} else if err := r.resume(ctx); err != nil {
		return err
	}
	if err := j.Part().Func(ctx, r); err != nil {
		return errors.Join(err, r.save(context.WithoutCancel(ctx)))
	}
	done := event{Record: j.Record, Removed: j.Direction == migrate.Down}
	done.Record.Duration = time.Since(begin)
	if err := s.append(ctx, done); err != nil {
		return err
	}
	return r.forget(ctx)
}

// Write implements [migrate.Session]. A bucket has no transactions: a failure can leave the first of the changes.
func (s *session) Write(ctx context.Context, remove []int64, add []migrate.Record) error {
	for _, v := range remove {
		if err := s.append(ctx, event{Removed: true, Record: migrate.Record{Version: v}}); err != nil {
			return err
		}
	}
	for _, r := range add {
		if err := s.append(ctx, event{Record: r}); err != nil {
			return err
		}
	}
	return nil
}
