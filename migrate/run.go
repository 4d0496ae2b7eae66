package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// run plans and, unless dry, takes the steps under the lock, from a plan made anew there.
func (m *Migrator) run(ctx context.Context, g goal) (done []Step, err error) {
	ctx, span := m.tracer.Start(ctx, "migrate "+g.op)
	defer func() { endSpan(span, err) }()
	all, err := m.list(ctx)
	if err != nil {
		return nil, err
	}
	history, err := m.target.History(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	moves, err := m.plan(all, history, g)
	if err != nil || len(moves) == 0 {
		return nil, err
	}
	if m.dry {
		for _, mv := range moves {
			done = append(done, stepOf(mv, mv.migration.Part(mv.direction).SQL))
		}
		return done, nil
	}
	err = m.target.Locked(ctx, m.opts.LockTimeout, m.opts.Logger, func(ctx context.Context, s Session) error {
		for {
			history, err := s.History(ctx)
			if err != nil {
				return err
			}
			moves, err := m.plan(all, history, g)
			if err != nil {
				return err
			}
			steps, err := m.take(ctx, s, moves)
			done = append(done, steps...)
			if !errors.Is(err, ErrConflict) || g.op == "down" || g.op == "redo" {
				return err
			}
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
	})
	var failed *Error
	switch {
	case errors.As(err, &failed):
		failed.Done = done
	case err != nil:
		err = fmt.Errorf("migrate: %w", err)
	}
	return done, err
}

// take does the steps in order and stops at the first that fails.
func (m *Migrator) take(ctx context.Context, s Session, moves []move) (done []Step, err error) {
	for _, mv := range moves {
		step, err := m.step(ctx, s, mv)
		if err != nil {
			return done, err
		}
		done = append(done, step)
	}
	return done, nil
}

func (m *Migrator) step(ctx context.Context, s Session, mv move) (step Step, err error) {
	mig := mv.migration
	step = stepOf(mv, "")
	ctx, span := m.tracer.Start(ctx, fmt.Sprintf("migrate %s %d_%s", mv.direction, mig.Version, mig.Name), trace.WithAttributes(
		attribute.Int64("migrate.version", mig.Version), attribute.String("migrate.name", mig.Name), attribute.String("migrate.direction", string(mv.direction))))
	defer func() { endSpan(span, err) }()
	if err := ctx.Err(); err != nil {
		return step, m.failure(ctx, mv, err)
	}
	progress := func(done, total int) {
		if m.opts.OnProgress != nil {
			m.opts.OnProgress(Progress{Step: step, Done: done, Total: total})
		}
	}
	begin := time.Now()
	record := recordOf(mig, m.opts.By)
	progress(0, 1)
	run, cancel := ctx, context.CancelFunc(func() {})
	if d := mig.Part(mv.direction).Timeout; d > 0 {
		run, cancel = context.WithTimeoutCause(ctx, d, fmt.Errorf("the file's timeout of %v is over: %w", d, context.DeadlineExceeded))
	}
	defer cancel()
	if err := s.Apply(run, Job{Migration: mig, Direction: mv.direction, Resume: mv.resume, Record: record, Progress: progress}); err != nil {
		if errors.Is(err, ErrConflict) {
			return step, err
		}
		return step, m.failure(run, mv, err)
	}
	step.Duration = time.Since(begin)
	progress(1, 1)
	m.opts.Logger.InfoContext(ctx, "migrated", "version", mig.Version, "name", mig.Name, "direction", mv.direction, "duration", step.Duration)
	return step, nil
}

// failure makes an Error of err, with the reason why its context ended.
func (m *Migrator) failure(ctx context.Context, mv move, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Err: err}
	} else if error(e) != err {
		located := *e
		located.Err = err
		if errors.Is(err, e.Err) {
			located.Err = fmt.Errorf("%w: %w", context.Cause(ctx), e.Err)
		}
		e = &located
	}
	mig := mv.migration
	e.Version, e.Name, e.File, e.Direction = mig.Version, mig.Name, mig.File, mv.direction
	m.opts.Logger.Error("migration failed", "version", mig.Version, "name", mig.Name, "direction", mv.direction, "line", e.Line, "statement", e.Statement)
	return e
}

func recordOf(mig *Migration, by string) Record {
	return Record{Version: mig.Version, Name: mig.Name, Checksum: mig.Checksum, Size: mig.Size, State: Applied, By: by, AppliedAt: time.Now().UTC().Truncate(time.Microsecond)}
}

func stepOf(mv move, sql string) Step {
	return Step{Version: mv.migration.Version, Name: mv.migration.Name, Direction: mv.direction, SQL: sql}
}

func endSpan(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "migration failed") // the error's text may hold values of rows
	}
	span.End()
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
