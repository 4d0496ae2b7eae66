package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Status is one version as files and history know it.
type Status struct {
	Record
	Late    bool `json:"late,omitempty"`    // pending, and older than an applied one
	Missing bool `json:"missing,omitempty"` // in the history only
	Edited  bool `json:"edited,omitempty"`  // the file is not the one that was applied
}

// Status returns every version that files or history know, by version. It takes no lock and writes nothing. It reads all applied files.
func (m *Migrator) Status(ctx context.Context) ([]Status, error) {
	all, p, err := m.look(ctx, true)
	if err != nil {
		return nil, err
	}
	list := make([]Status, 0, len(all))
	for _, r := range p.records {
		list = append(list, Status{Record: r, Missing: true})
	}
	for _, mig := range all {
		i := slices.IndexFunc(p.records, func(r Record) bool { return r.Version == mig.Version })
		if i < 0 {
			list = append(list, Status{Record: Record{Version: mig.Version, Name: mig.Name, State: Pending}, Late: p.late(mig)})
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
	all, p, err := m.look(ctx, false)
	for _, mig := range all {
		if m.due(mig, p) {
			n++
		}
	}
	return n, err
}

// Baseline records all pending migrations up to and including version as applied without running them: for a database that has their schema already.
func (m *Migrator) Baseline(ctx context.Context, version int64) ([]Step, error) {
	return m.write(ctx, func(all []*Migration, p past) (change, error) {
		return change{apply: upTo(version, all, p)}, nil
	})
}

// Repair states what a look at the target has shown: that version is applied, as its present file says, or that it is not. It settles
// migrations that were edited, are missing, or stopped half way. It runs nothing.
func (m *Migrator) Repair(ctx context.Context, version int64, applied bool) ([]Step, error) {
	return m.write(ctx, func(all []*Migration, p past) (c change, err error) {
		i := slices.IndexFunc(all, func(mig *Migration) bool { return mig.Version == version })
		switch {
		case !applied:
			c.forget = p.of[version]
		case i < 0:
			err = fmt.Errorf("%w: %d", ErrMissing, version)
		default:
			c.apply = all[i : i+1]
		}
		return c, err
	})
}

// Adopt turns the original tool's table, one row with the text last_successful_run, into a history: migrations up to that instant are
// recorded as applied, without running them, and the old table is kept as schema_information_original. Look at m.Plan().Adopt first.
// A value "0" means that nothing was applied. A table without a row says nothing: drop it and use [Migrator.Baseline].
func (m *Migrator) Adopt(ctx context.Context) ([]Step, error) {
	adopting := *m
	adopting.adopts = true
	return adopting.write(ctx, func(all []*Migration, p past) (change, error) {
		if p.original == nil {
			return change{}, errors.New("the history is not the original tool's")
		}
		last, err := p.original.last()
		return change{apply: upTo(last, all, p), always: true}, err
	})
}

func upTo(version int64, all []*Migration, p past) (list []*Migration) {
	for _, mig := range all {
		if p.of[mig.Version] == nil && mig.Version <= version {
			list = append(list, mig)
		}
	}
	return list
}

// change is one of the history alone.
type change struct {
	apply  []*Migration // to be recorded as they are now, in the place of their records
	forget *Record      // nil for none
	always bool         // even if that is nothing
}

// write changes the history alone. Its steps are Up for what becomes applied and Down for what is forgotten.
func (m *Migrator) write(ctx context.Context, plan func([]*Migration, past) (change, error)) (steps []Step, err error) {
	all, p, err := m.look(ctx, false)
	if err != nil {
		return nil, err
	}
	write := func(ctx context.Context, s Session, p past) error {
		c, err := plan(all, p)
		var remove []int64
		var add []Record
		steps = nil
		if c.forget != nil {
			remove = append(remove, c.forget.Version)
			steps = append(steps, Step{Version: c.forget.Version, Name: c.forget.Name, Direction: Down})
		}
		for _, mig := range c.apply {
			err = errors.Join(err, m.load(mig)) // for the checksum
			r := m.record(mig)
			if old := p.of[mig.Version]; old != nil {
				r.Order, r.AppliedAt, r.Duration = old.Order, old.AppliedAt, old.Duration
				remove = append(remove, mig.Version)
			}
			add = append(add, r)
			steps = append(steps, Step{Version: mig.Version, Name: mig.Name, Direction: Up})
		}
		if err != nil || m.dry || len(steps) == 0 && !c.always {
			return err
		}
		return s.Write(ctx, remove, add)
	}
	if m.dry {
		err = write(ctx, nil, p)
	} else {
		err = m.locked(ctx, true, write)
	}
	return steps, wrap(err)
}
