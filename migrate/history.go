package migrate

import (
	"cmp"
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

// Status returns every version that files or history know, by version. It takes no lock and writes nothing. It reads all applied files.
func (m *Migrator) Status(ctx context.Context) ([]Status, error) {
	all, p, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Status, 0, len(all))
	for _, r := range p.records {
		list = append(list, Status{Version: r.Version, Name: r.Name, State: r.State, Missing: true, Statements: r.Statements, AppliedAt: r.AppliedAt, Duration: r.Duration, By: r.By})
	}
	for _, mig := range all {
		i := slices.IndexFunc(p.records, func(r Record) bool { return r.Version == mig.Version })
		if i < 0 {
			list = append(list, Status{Version: mig.Version, Name: mig.Name, State: Pending, Late: p.late(mig)})
			continue
		}
		list[i].Missing = false
		if list[i].Edited, err = m.edited(mig, &p.records[i], true); err != nil {
			return nil, wrap(err)
		}
	}
	slices.SortFunc(list, func(a, b Status) int { return cmp.Compare(a.Version, b.Version) })
	return list, nil
}

// Pending returns how many migrations Up would apply. It takes no lock, writes nothing and reads no file: it is made for readiness probes.
func (m *Migrator) Pending(ctx context.Context) (n int, err error) {
	all, p, err := m.look(ctx)
	for _, mig := range all {
		if m.due(mig, p) {
			n++
		}
	}
	return n, err
}

// Baseline records all pending migrations up to and including version as applied without running them: for a database that has their schema already.
func (m *Migrator) Baseline(ctx context.Context, version int64) ([]Step, error) {
	return m.write(ctx, func(all []*Migration, p past) (remove []int64, add []Record, err error) {
		for _, mig := range all {
			if p.of[mig.Version] == nil && mig.Version <= version {
				add = append(add, m.record(mig))
			}
		}
		return nil, add, nil
	})
}

// Repair states what a look at the target has shown: that version is applied, as its present file says, or that it is not. It settles
// migrations that were edited, are missing, or stopped half way. It runs nothing.
func (m *Migrator) Repair(ctx context.Context, version int64, applied bool) ([]Step, error) {
	return m.write(ctx, func(all []*Migration, p past) (remove []int64, add []Record, err error) {
		old := p.of[version]
		if old != nil {
			remove = []int64{version}
		}
		if !applied {
			return remove, nil, nil
		}
		i := slices.IndexFunc(all, func(mig *Migration) bool { return mig.Version == version })
		if i < 0 {
			return nil, nil, fmt.Errorf("%w: %d", ErrMissing, version)
		}
		r := m.record(all[i])
		if old != nil {
			r.Order, r.AppliedAt, r.Duration = old.Order, old.AppliedAt, old.Duration
		}
		return remove, []Record{r}, nil
	})
}

// write changes the history alone. Its steps are Up for what becomes applied and Down for what is forgotten.
func (m *Migrator) write(ctx context.Context, change func([]*Migration, past) ([]int64, []Record, error)) (steps []Step, err error) {
	all, p, err := m.look(ctx)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, mig := range all {
		faults = append(faults, m.fetch(mig)) // for the checksums
	}
	if err := errors.Join(faults...); err != nil {
		return nil, wrap(err)
	}
	plan := func(p past) (remove []int64, add []Record, err error) {
		remove, add, err = change(all, p)
		steps = stepsOf(add)
		for _, v := range remove {
			if !slices.ContainsFunc(add, func(r Record) bool { return r.Version == v }) {
				steps = append(steps, Step{Version: v, Name: p.of[v].Name, Direction: Down})
			}
		}
		return remove, add, err
	}
	if m.dry {
		_, _, err := plan(p)
		return steps, wrap(err)
	}
	err = m.locked(ctx, true, func(ctx context.Context, s Session, p past) error {
		remove, add, err := plan(p)
		if err != nil || len(remove)+len(add) == 0 {
			return err
		}
		return s.Write(ctx, remove, add)
	})
	return steps, wrap(err)
}

// stepsOf are the steps of records that become applied.
func stepsOf(add []Record) (steps []Step) {
	for _, r := range add {
		steps = append(steps, Step{Version: r.Version, Name: r.Name, Direction: Up})
	}
	return steps
}
