package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// goal is what a run is asked for.
type goal struct {
	op string // up, down, redo or to
	n  int
	to int64
}

// move is one planned step.
type move struct {
	migration *Migration
	direction Direction
	resume    *Record
}

func byVersion(history []Record) map[int64]*Record {
	m := make(map[int64]*Record, len(history))
	for i := range history {
		m[history[i].Version] = &history[i]
	}
	return m
}

// plan returns the steps from history to the goal, with their files read and checked, or why they must not be taken.
func (m *Migrator) plan(all []*Migration, history []Record, g goal) ([]move, error) {
	if g.n < 0 {
		return nil, fmt.Errorf("migrate: %d steps", g.n)
	}
	if err := errors.Join(m.deviations(all, history)...); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	files := make(map[int64]*Migration, len(all))
	for _, mig := range all {
		files[mig.Version] = mig
	}
	moves, err := m.moves(all, history, files, g)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, mv := range moves {
		faults = append(faults, m.runnable(mv))
	}
	return moves, errors.Join(faults...)
}

func (m *Migrator) moves(all []*Migration, history []Record, files map[int64]*Migration, g goal) ([]move, error) {
	var moves []move
	back := func(r *Record) error {
		mig := files[r.Version]
		if mig == nil {
			return fmt.Errorf("migrate: %w: %d_%s cannot be taken back; restore its file", ErrMissing, r.Version, r.Name)
		}
		mv := move{migration: mig, direction: Down}
		switch r.State {
		case Reverting:
			mv.resume = r
		case Applying:
			return fmt.Errorf("migrate: %w: up of %d_%s; run up to finish it, or repair it", ErrHalfway, r.Version, r.Name)
		}
		moves = append(moves, mv)
		return nil
	}
	latest := slices.Clone(history)
	slices.Reverse(latest)
	if g.op == "down" || g.op == "redo" {
		latest = latest[:min(g.n, len(latest))]
	}
	for i := range latest {
		if g.op == "up" || g.op == "to" && latest[i].Version <= g.to {
			continue
		}
		if err := back(&latest[i]); err != nil {
			return nil, err
		}
	}
	if g.op == "down" {
		return moves, nil
	}
	if g.op == "redo" {
		for _, mv := range slices.Backward(moves) {
			moves = append(moves, move{migration: mv.migration, direction: Up})
		}
		return moves, nil
	}
	done := byVersion(history)
	var newest int64
	for _, r := range history {
		newest = max(newest, r.Version)
	}
	for _, mig := range all {
		r := done[mig.Version]
		switch {
		case mig.Version > g.to, r != nil && r.State == Applied:
		case r != nil && r.State == Reverting:
			return nil, fmt.Errorf("migrate: %w: down of %d_%s; run down to finish it, or repair it", ErrHalfway, r.Version, r.Name)
		case r == nil && mig.Version < newest && m.opts.Late == Ignore:
		default:
			moves = append(moves, move{migration: mig, direction: Up, resume: r})
		}
	}
	// What stopped half way comes first: it may be what the others build on.
	slices.SortStableFunc(moves, func(a, b move) int {
		return rank(a) - rank(b)
	})
	return moves, nil
}

func rank(mv move) int {
	switch {
	case mv.direction == Down:
		return 0
	case mv.resume != nil:
		return 1
	}
	return 2
}

// deviations returns what the policies refuse.
func (m *Migrator) deviations(all []*Migration, history []Record) []error {
	var faults []error
	object := func(p Policy, err error) {
		switch p {
		case Refuse:
			faults = append(faults, err)
		case Allow:
			m.opts.Logger.Warn("migration allowed by policy", "deviation", err.Error())
		}
	}
	done := byVersion(history)
	var newest int64
	for _, r := range history {
		newest = max(newest, r.Version)
	}
	_, eager := m.fsys.(fs.ReadFileFS)
	for _, mig := range all {
		r, ok := done[mig.Version]
		delete(done, mig.Version)
		switch {
		case !ok:
			if mig.Version < newest {
				object(m.opts.Late, fmt.Errorf("%w: %d_%s is older than %d: give its file a new time, or set the policy for late migrations", ErrLate, mig.Version, mig.Name, newest))
			}
		case r.State == Applied:
			if edited, err := m.edited(mig, r, eager); err != nil {
				faults = append(faults, err)
			} else if edited {
				object(m.opts.Edited, fmt.Errorf("%w: %d_%s: restore the file and write a new migration, or accept the file with repair", ErrEdited, mig.Version, mig.Name))
			}
		}
	}
	for _, r := range history {
		if done[r.Version] != nil {
			object(m.opts.Missing, fmt.Errorf("%w: %d_%s: deploy the program that has it, restore the file, or set the policy for missing migrations", ErrMissing, r.Version, r.Name))
		}
	}
	return faults
}

// edited compares the file with its record. The file is read if that is cheap (all) or if its size differs.
func (m *Migrator) edited(mig *Migration, r *Record, all bool) (bool, error) {
	if r.Checksum == "" || mig.File == "" || !all && !mig.read && r.Size == mig.Size {
		return false, nil
	}
	if err := m.fetch(mig); err != nil {
		return false, err
	}
	return mig.Checksum != r.Checksum, nil
}

// runnable reads the file of a step and refuses what is bound to fail.
func (m *Migrator) runnable(mv move) error {
	mig := mv.migration
	if err := m.fetch(mig); err != nil {
		return err
	}
	part := mig.Part(mv.direction)
	switch {
	case part.Irreversible:
		return fmt.Errorf("migrate: %w: %d_%s", ErrIrreversible, mig.Version, mig.Name)
	case mv.resume != nil && !part.NoTransaction:
		return fmt.Errorf("migrate: %w: %d_%s ended its transaction itself; see what it did, then repair it", ErrHalfway, mig.Version, mig.Name)
	}
	return m.target.Check(&Migration{Version: mig.Version, Name: mig.Name, File: mig.File, Up: *part, Down: Part{Irreversible: true}, read: true})
}

// Validate reads every file and compares all with the history, whatever the policies say. The error joins what it found; pending migrations are no fault.
func (m *Migrator) Validate(ctx context.Context) error {
	all, err := m.list(ctx)
	if err != nil {
		return err
	}
	faults := []error{}
	for _, mig := range all {
		err := m.fetch(mig)
		if err == nil {
			err = m.target.Check(mig)
		}
		faults = append(faults, err)
	}
	history, err := m.target.History(ctx)
	if err != nil {
		return errors.Join(append(faults, fmt.Errorf("migrate: %w", err))...)
	}
	strict := *m
	strict.opts.Late, strict.opts.Missing, strict.opts.Edited = Refuse, Refuse, Refuse
	faults = append(faults, strict.deviations(all, history)...)
	for _, r := range history {
		if r.State != Applied {
			faults = append(faults, fmt.Errorf("%w: %d_%s is %s after %d statements", ErrHalfway, r.Version, r.Name, r.State, r.Statements))
		}
	}
	return errors.Join(faults...)
}
