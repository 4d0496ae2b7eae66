package sqldb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/internal/sqlsplit"
	"github.com/cruddur/avatarkit/migrate"
)

// repeatable runs a function outside a transaction, between a row that says so and its completion.
func (s *session) repeatable(ctx context.Context, j migrate.Job) error {
	begin := time.Now()
	if err := s.open(ctx, j); err != nil {
		return err
	}
	if err := j.Part().Func(ctx, s.conn); err != nil {
		return err
	}
	return s.close(ctx, j, 0, begin)
}

// open writes the row of a part that is not atomic, unless an earlier attempt has.
func (s *session) open(ctx context.Context, j migrate.Job) error {
	if j.Resume != nil {
		return s.connect(ctx)
	}
	j.Record.Checksum = sumOf(nil)
	return s.claim(ctx, j, nil)
}

// close completes the row after so many statements.
func (s *session) close(ctx context.Context, j migrate.Job, done int, begin time.Time) error {
	return s.transact(ctx, "", func() error { return s.finish(ctx, j, migrate.ErrConflict, at(j, done), time.Since(begin)) })
}

// at is true of the row while so many statements are done. On SQLite, where no lock keeps two runners apart, only one of them goes on from there.
func at(j migrate.Job, done int) string {
	state := migrate.Applying
	if j.Direction == migrate.Down {
		state = migrate.Reverting
	}
	return fmt.Sprintf("state = '%s' AND statements = %d", state, done)
}

// stepwise runs the part statement by statement and goes on where an earlier attempt stopped.
func (s *session) stepwise(ctx context.Context, j migrate.Job) error {
	begin := time.Now()
	statements := s.statements(j.Part())
	first := 0
	if j.Resume != nil {
		first = j.Resume.Statements
		if first > len(statements) || first > 0 && sumOf(statements[:first]) != j.Resume.Checksum {
			return fmt.Errorf("%w: the %d statements that are done were edited; restore them, or repair the version", migrate.ErrHalfway, first)
		}
	}
	if err := s.open(ctx, j); err != nil {
		return err
	}
	for _, st := range statements[:first] { // settings ended with the earlier connection
		if st.Is("SET") {
			if err := s.exec(ctx, st.Text); err != nil {
				return &migrate.Error{Line: st.Line, Err: err}
			}
		}
	}
	for i := first; i < len(statements); i++ {
		again := j.Resume != nil && i == first
		err := s.statement(ctx, progress{
			Statement: statements[i], version: j.Migration.Version, again: again, doubt: again && j.Resume.InDoubt,
			before: at(j, i), after: fmt.Sprintf("statements = %d, in_doubt = 0, checksum = %s", i+1, literal(sumOf(statements[:i+1]))),
		})
		switch {
		case errors.Is(err, migrate.ErrConflict):
			return err
		case err != nil:
			return &migrate.Error{Statement: i + 1, Line: statements[i].Line, Err: err}
		}
		j.Progress(i+1, len(statements)+1)
	}
	return s.close(ctx, j, len(statements), begin)
}

// progress is one statement with what the row of its version says around it.
type progress struct {
	sqlsplit.Statement
	version       int64
	before, after string // a condition; an assignment
	again         bool   // an earlier run may have begun it
	doubt         bool   // it has, outside a transaction
}

// statement runs one statement with its progress: in one transaction, or, if the server refuses that, one after the other.
func (s *session) statement(ctx context.Context, p progress) error {
	if p.doubt || s.bare(p.Statement) {
		return s.outside(ctx, p)
	}
	err := s.transact(ctx, "", func() error {
		if err := s.update(ctx, migrate.ErrConflict, p.version, p.after, p.before); err != nil {
			return err
		}
		return s.exec(ctx, p.Text)
	})
	if err != nil && outsideOnly(err) {
		return s.outside(ctx, p)
	}
	return err
}

// outside runs a statement outside a transaction, between a note that it is in doubt and its progress.
func (s *session) outside(ctx context.Context, p progress) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if p.again && s.dialect == Postgres {
		if err := s.settle(ctx, p.Text); err != nil {
			return err
		}
	}
	note := func(ctx context.Context, set string) error {
		return s.transact(ctx, "", func() error { return s.update(ctx, migrate.ErrConflict, p.version, set, p.before) })
	}
	if err := note(ctx, "in_doubt = 1"); err != nil {
		return err
	}
	err := patiently(ctx, s.wait, func() error {
		err := s.exec(ctx, p.Text)
		if err != nil {
			s.rollback(ctx) // BEGIN … COMMIT that failed is still open
		}
		return err
	})
	switch {
	case err == nil:
		return note(ctx, p.after)
	case p.doubt && doneBefore(p.Statement, err):
		s.log.WarnContext(ctx, "an interrupted statement had been done", "version", p.version, "line", p.Line)
		return note(ctx, p.after)
	case refused(err) || s.dialect == SQLite: // the database has answered: it was not done
		if note(context.WithoutCancel(ctx), "in_doubt = 0") != nil {
			s.log.WarnContext(ctx, "the statement's failure could not be recorded", "version", p.version)
		}
	}
	return err
}

// bare says whether a statement is known to make no sense in a transaction.
func (s *session) bare(st sqlsplit.Statement) bool {
	return st.Is("BEGIN", "START") || s.dialect == SQLite && st.Is("PRAGMA", "VACUUM", "ATTACH", "DETACH")
}

// outsideOnly: the server refuses the statement in a transaction block (25001), or a procedure its COMMIT (2D000).
func outsideOnly(err error) bool {
	state := sqlState(err)
	return state == "25001" || state == "2D000" || strings.Contains(err.Error(), "within a transaction")
}
