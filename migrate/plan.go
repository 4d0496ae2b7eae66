package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// goal is what a run is asked for: to take back, and then to apply.
type goal struct {
	op    string
	down  int   // how many of the last to take back
	redo  bool  // apply these again
	above int64 // take back the versions above
	upTo  int64 // apply the versions up to this one
}

// move is one planned step.
type move struct {
	migration *Migration // nil if it is missing
	direction Direction
	record    *Record // of the version, nil if it has none
}

// past is the history with what is looked up in it.
type past struct {
	records []Record // in order of application
	of      map[int64]*Record
	newest  int64

	original *LegacyError // nil if the history is our own
}

func newPast(records []Record) past {
	p := past{records: records, of: make(map[int64]*Record, len(records))}
	for i := range records {
		p.of[records[i].Version] = &records[i]
		p.newest = max(p.newest, records[i].Version)
	}
	return p
}

// late says whether mig is not in the history but older than something that is.
func (p past) late(mig *Migration) bool { return p.of[mig.Version] == nil && mig.Version < p.newest }

// due says whether Up has to do something for mig.
func (m *Migrator) due(mig *Migration, p past) bool {
	r := p.of[mig.Version]
	return (r == nil || r.State != Applied) && !(p.late(mig) && m.opts.Late == Ignore)
}

// plan returns the steps from the past to the goal, with their files read and checked, or why they must not be taken.
func (m *Migrator) plan(all []*Migration, p past, g goal) ([]move, error) {
	files := make(map[int64]*Migration, len(all))
	for _, mig := range all {
		files[mig.Version] = mig
	}
	var moves []move
	for i := len(p.records) - 1; i >= 0; i-- {
		if r := &p.records[i]; len(moves) < g.down || r.Version > g.above {
			moves = append(moves, move{files[r.Version], Down, r})
		}
	}
	if g.redo {
		for _, mv := range slices.Backward(moves) {
			moves = append(moves, move{mv.migration, Up, nil})
		}
	}
	for _, mig := range all {
		if mig.Version <= g.upTo && m.due(mig, p) {
			moves = append(moves, move{mig, Up, p.of[mig.Version]})
		}
	}
	// What stopped half way comes before what is new: that may build on it.
	slices.SortStableFunc(moves, func(a, b move) int { return cmp.Compare(a.rank(), b.rank()) })
	_, cheap := m.fsys.(fs.ReadFileFS)
	faults := m.deviations(all, p, cheap && len(moves) > 0)
	for _, mv := range moves {
		faults = append(faults, m.possible(mv))
	}
	return moves, errors.Join(faults...)
}

func (mv move) rank() int {
	switch {
	case mv.direction == Down:
		return 0
	case mv.record != nil:
		return 1
	}
	return 2
}

// possible reads the file of a step and refuses what is bound to fail.
func (m *Migrator) possible(mv move) error {
	mig, r := mv.migration, mv.record
	switch {
	case mig == nil:
		return fmt.Errorf("%w: %d_%s cannot be taken back; restore its file", ErrMissing, r.Version, r.Name)
	case r != nil && r.State == Applying && mv.direction == Down, r != nil && r.State == Reverting && mv.direction == Up:
		return fmt.Errorf("%w: %d_%s is %s; go on in that direction to finish it, or repair it", ErrHalfway, r.Version, r.Name, r.State)
	}
	if err := m.parse(mig); err != nil {
		return err
	}
	if mig.Part(mv.direction).Irreversible {
		return fmt.Errorf("%w: %d_%s; write a new migration that undoes it, or restore a backup", ErrIrreversible, mig.Version, mig.Name)
	}
	return m.check(mig, mv.direction)
}

// check asks the target whether it can run a part, if there is one, and says where in the file it cannot.
func (m *Migrator) check(mig *Migration, d Direction) error {
	if mig.Part(d).Irreversible {
		return nil
	}
	err := m.target.Check(mig, d)
	if err == nil || mig.File == "" {
		return err
	}
	e := &Error{Err: err}
	_ = errors.As(err, &e)
	return fileError(mig.File, e.Line, "%w", e.Err)
}

// deviations returns what the policies refuse.
func (m *Migrator) deviations(all []*Migration, p past, read bool) (faults []error) {
	object := func(policy Policy, err error) {
		switch policy {
		case Refuse:
			faults = append(faults, err)
		case Allow:
			m.opts.Logger.Warn("migration allowed by policy", "deviation", err.Error())
		}
	}
	known := make(map[int64]bool, len(all))
	for _, mig := range all {
		known[mig.Version] = true
		if p.late(mig) {
			object(m.opts.Late, fmt.Errorf("%w: %d_%s is older than %d: give its file a new time, or set the policy for late migrations", ErrLate, mig.Version, mig.Name, p.newest))
		}
		if edited, err := m.edited(mig, p.of[mig.Version], read); err != nil {
			faults = append(faults, err)
		} else if edited {
			object(m.opts.Edited, fmt.Errorf("%w: %d_%s: restore the file and write a new migration, or accept the file with repair", ErrEdited, mig.Version, mig.Name))
		}
	}
	for _, r := range p.records {
		if !known[r.Version] {
			object(m.opts.Missing, fmt.Errorf("%w: %d_%s: deploy the program that has it, restore the file, or set the policy for missing migrations", ErrMissing, r.Version, r.Name))
		}
	}
	return faults
}

// edited says whether mig is not what r says was applied. Unless read, only what lies in memory is looked at.
func (m *Migrator) edited(mig *Migration, r *Record, read bool) (bool, error) {
	if r == nil || r.State != Applied || r.Checksum == "" || mig.File == "" || !read && !mig.embedded && mig.text == nil {
		return false, nil
	}
	if err := m.load(mig); err != nil {
		return false, err
	}
	return mig.Checksum != r.Checksum, nil
}

// Validate reads every file and compares all with the history, whatever the policies say. The error joins what it found; pending migrations are no fault.
func (m *Migrator) Validate(ctx context.Context) error {
	all, p, err := m.look(ctx, true)
	if err != nil {
		return err
	}
	var faults []error
	for _, mig := range all {
		err := m.parse(mig)
		if err == nil {
			err = errors.Join(m.check(mig, Up), m.check(mig, Down))
		}
		faults = append(faults, err)
	}
	strict := *m
	strict.opts.Late, strict.opts.Missing, strict.opts.Edited = Refuse, Refuse, Refuse
	faults = append(faults, strict.deviations(all, p, true)...)
	for _, r := range p.records {
		if r.State != Applied {
			faults = append(faults, fmt.Errorf("%w: %d_%s is %s after %d statements", ErrHalfway, r.Version, r.Name, r.State, r.Statements))
		}
	}
	return wrap(errors.Join(faults...))
}
