package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Status is one version as files and history know it.
type Status struct {
	Version    int64         `json:"version"`
	Name       string        `json:"name"`
	State      State         `json:"state"`
	Late       bool          `json:"late,omitempty"`    // pending, and older than an applied one
	Missing    bool          `json:"missing,omitempty"` // in the history only
	Edited     bool          `json:"edited,omitempty"`  // the file is not the one that was applied
	Statements int           `json:"statements,omitempty"`
	AppliedAt  time.Time     `json:"applied_at,omitzero"`
	Duration   time.Duration `json:"duration_ns,omitempty"`
	By         string        `json:"by,omitempty"`
}

// Status returns every version that files or history know, by version. It takes no lock and writes nothing.
func (m *Migrator) Status(ctx context.Context) ([]Status, error) {
	all, err := m.list(ctx)
	if err != nil {
		return nil, err
	}
	history, err := m.target.History(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return m.status(all, history)
}

func (m *Migrator) status(all []*Migration, history []Record) ([]Status, error) {
	var list []Status
	done := byVersion(history)
	var newest int64
	for _, r := range history {
		newest = max(newest, r.Version)
	}
	for _, mig := range all {
		s := Status{Version: mig.Version, Name: mig.Name, State: Pending, Late: mig.Version < newest}
		if r := done[mig.Version]; r != nil {
			s = statusOf(r)
			if r.State == Applied {
				edited, err := m.edited(mig, r, true)
				if err != nil {
					return nil, err
				}
				s.Edited = edited
			}
			delete(done, mig.Version)
		}
		list = append(list, s)
	}
	for _, r := range done {
		s := statusOf(r)
		s.Missing = true
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Status) int { return int(max(-1, min(1, a.Version-b.Version))) })
	return list, nil
}

func statusOf(r *Record) Status {
	return Status{Version: r.Version, Name: r.Name, State: r.State, Statements: r.Statements, AppliedAt: r.AppliedAt, Duration: r.Duration, By: r.By}
}

// Baseline records all pending migrations up to and including version as applied without running them: for a database that has their schema already.
func (m *Migrator) Baseline(ctx context.Context, version int64) ([]Step, error) {
	return m.record(ctx, func(all []*Migration, history []Record) (remove []int64, add []Record, err error) {
		done := byVersion(history)
		for _, mig := range all {
			if done[mig.Version] == nil && mig.Version <= version {
				add = append(add, recordOf(mig, m.opts.By))
			}
		}
		return nil, add, nil
	})
}

// Repair states what a look at the target has shown: that version is applied, as its present file says, or that it is not. It settles
// migrations that were edited, are missing, or stopped half way. It runs nothing else.
func (m *Migrator) Repair(ctx context.Context, version int64, applied bool) ([]Step, error) {
	return m.record(ctx, func(all []*Migration, history []Record) (remove []int64, add []Record, err error) {
		r := byVersion(history)[version]
		if r != nil {
			remove = []int64{version}
		}
		if !applied {
			return remove, nil, nil
		}
		for _, mig := range all {
			if mig.Version == version {
				rec := recordOf(mig, m.opts.By)
				if r != nil {
					rec.Order, rec.AppliedAt, rec.Duration = r.Order, r.AppliedAt, r.Duration
				}
				return remove, []Record{rec}, nil
			}
		}
		return nil, nil, fmt.Errorf("%w: %d", ErrMissing, version)
	})
}

// record changes the history alone, under the lock. Its steps are Up for what becomes applied and Down for what is forgotten.
func (m *Migrator) record(ctx context.Context, change func([]*Migration, []Record) ([]int64, []Record, error)) ([]Step, error) {
	all, err := m.list(ctx)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, mig := range all {
		faults = append(faults, m.fetch(mig)) // for the checksums
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	var steps []Step
	write := func(history []Record, s Session) error {
		remove, add, err := change(all, history)
		if err != nil {
			return err
		}
		steps = nil
		known := byVersion(history)
		for _, r := range add {
			steps = append(steps, Step{Version: r.Version, Name: r.Name, Direction: Up})
		}
		for _, v := range remove {
			if !slices.ContainsFunc(add, func(r Record) bool { return r.Version == v }) {
				steps = append(steps, Step{Version: v, Name: known[v].Name, Direction: Down})
			}
		}
		if s == nil || len(remove)+len(add) == 0 {
			return nil
		}
		return s.Write(ctx, remove, add)
	}
	if m.dry {
		history, err := m.target.History(ctx)
		if err == nil {
			err = write(history, nil)
		}
		return steps, wrap(err)
	}
	err = m.target.Locked(ctx, m.opts.LockTimeout, m.opts.Logger, func(ctx context.Context, s Session) error {
		history, err := s.History(ctx)
		if err != nil {
			return err
		}
		return write(history, s)
	})
	return steps, wrap(err)
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("migrate: %w", err)
}
