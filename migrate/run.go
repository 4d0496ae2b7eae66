package migrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// look returns what files and history say, without a lock.
func (m *Migrator) look(ctx context.Context, details bool) ([]*Migration, past, error) {
	all, err := m.list(ctx)
	if err != nil {
		return nil, past{}, wrap(err)
	}
	p, err := m.past(m.target.History(ctx, details))
	return all, p, wrap(because(ctx, err))
}

// past takes a history. That of the original tool is an error, except for Adopt.
func (m *Migrator) past(records []Record, err error) (past, error) {
	p := newPast(records)
	if m.adopts && errors.As(err, &p.original) {
		err = nil
	}
	return p, err
}

// locked calls f under the lock with the history as it is there. Where the lock does not exclude others (SQLite) f is called again when they
// were first, if it can be repeated, after ever longer pauses: soon one runner works and the others hardly disturb it.
func (m *Migrator) locked(ctx context.Context, repeat bool, f func(context.Context, Session, past) error) error {
	err := m.target.Locked(ctx, m.opts.LockTimeout, m.opts.Logger, func(ctx context.Context, s Session) error {
		for longest := 20 * time.Millisecond; ; longest = min(2*longest, 300*time.Millisecond) {
			p, err := m.past(s.History(ctx))
			if err == nil {
				err = f(ctx, s, p)
			}
			if !repeat || !errors.Is(err, ErrConflict) {
				return err
			}
			if err := pause(ctx, longest/2+rand.N(longest/2)); err != nil {
				return err
			}
		}
	})
	return because(ctx, err)
}

// run plans and, unless dry, takes the steps under the lock, from a plan made anew there.
func (m *Migrator) run(ctx context.Context, g goal) (done []Step, err error) {
	if g.down < 0 {
		return nil, fmt.Errorf("migrate: %s of %d migrations", g.op, g.down)
	}
	ctx, span := m.tracer.Start(ctx, "migrate "+g.op)
	defer func() { endSpan(span, err) }()
	all, p, err := m.look(ctx, g.op != "up")
	if err != nil {
		return nil, err
	}
	moves, err := m.plan(all, p, g)
	if err == nil && len(moves) == 0 {
		return nil, nil
	}
	if g.op == "up" { // there is something to do, or to object to, which takes the names
		if p, err = m.past(m.target.History(ctx, true)); err == nil {
			moves, err = m.plan(all, p, g)
		}
	}
	if err != nil || len(moves) == 0 {
		return nil, wrap(because(ctx, err))
	}
	if m.dry {
		for _, mv := range moves {
			done = append(done, Step{Version: mv.migration.Version, Name: mv.migration.Name, Direction: mv.direction, SQL: mv.migration.Part(mv.direction).SQL})
		}
		return done, nil
	}
	err = m.locked(ctx, g.down == 0, func(ctx context.Context, s Session, p past) error {
		moves, err := m.plan(all, p, g)
		if err != nil {
			return err
		}
		for _, mv := range moves {
			step, err := m.step(ctx, s, mv)
			if err != nil {
				return err
			}
			done = append(done, step)
		}
		return nil
	})
	var failed *Error
	if errors.As(err, &failed) {
		failed.Done = done
	}
	return done, wrap(err)
}

// step takes one step and tells about it.
func (m *Migrator) step(ctx context.Context, s Session, mv move) (step Step, err error) {
	mig, part := mv.migration, mv.migration.Part(mv.direction)
	step = Step{Version: mig.Version, Name: mig.Name, Direction: mv.direction}
	ctx, span := m.tracer.Start(ctx, fmt.Sprintf("migrate %s %d_%s", mv.direction, mig.Version, mig.Name), trace.WithAttributes(
		attribute.Int64("migrate.version", mig.Version), attribute.String("migrate.name", mig.Name), attribute.String("migrate.direction", string(mv.direction))))
	defer func() { endSpan(span, err) }()
	if part.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, part.Timeout, fmt.Errorf("the file's timeout of %v is over: %w", part.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	steps := 1 // done or to do, as far as is known
	progress := func(done, total int) {
		steps = max(steps, done, total)
		if m.opts.OnProgress != nil {
			m.opts.OnProgress(Progress{Step: step, Done: done, Total: total})
		}
	}
	j := Job{Migration: mig, Direction: mv.direction, Record: m.record(mig), Progress: progress}
	if mv.record != nil && mv.record.State != Applied {
		j.Resume = mv.record
	}
	begin := time.Now()
	progress(0, 0)
	if err = ctx.Err(); err == nil {
		err = s.Apply(ctx, j)
	}
	log := m.opts.Logger.With("version", mig.Version, "name", mig.Name, "direction", mv.direction)
	switch {
	case errors.Is(err, ErrConflict):
		return step, err
	case err != nil:
		e := &Error{Err: err}
		_ = errors.As(err, &e) // with the place that the target has found
		e = &Error{Version: mig.Version, Name: mig.Name, File: mig.File, Direction: mv.direction, Line: e.Line, Column: e.Column, Statement: e.Statement, Err: because(ctx, e.Err)}
		log.ErrorContext(ctx, "migration failed", "line", e.Line, "statement", e.Statement) // the error's text may hold values of rows
		return step, e
	}
	step.Duration = time.Since(begin)
	progress(steps, steps)
	log.InfoContext(ctx, "migrated", "duration", step.Duration)
	return step, nil
}

// record is what the history says of mig when it is applied now.
func (m *Migrator) record(mig *Migration) Record {
	return Record{Version: mig.Version, Name: mig.Name, Checksum: mig.Checksum, Size: mig.Size, State: Applied, By: m.opts.By, AppliedAt: time.Now().UTC().Truncate(time.Microsecond)}
}

func endSpan(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "migration failed") // not the error's text, as above
	}
	span.End()
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
