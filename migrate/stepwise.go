package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/internal/sqlsplit"
)

// repeatable runs a function outside a transaction, between a row that says so and its completion.
func (s *session) repeatable(ctx context.Context, j Job, part *Part) error {
	begin := time.Now()
	if err := s.open(ctx, j); err != nil {
		return err
	}
	if err := part.Func(ctx, s.conn); err != nil {
		return err
	}
	return s.transact(ctx, "", func() error { return s.finish(ctx, j, time.Since(begin), s.at(j, 0)) })
}

// open writes the row of a part that is not atomic, unless an earlier attempt has.
func (s *session) open(ctx context.Context, j Job) error {
	if j.Resume != nil {
		return s.connect(ctx)
	}
	j.Record.Checksum = checksum(nil)
	return s.claim(ctx, j, func() error { return nil })
}

// at is true of the row while so many statements are done. On SQLite, where no lock keeps two runners apart, only one of them goes on from there.
func (s *session) at(j Job, done int) string {
	state := Applying
	if j.Direction == Down {
		state = Reverting
	}
	return fmt.Sprintf("state = '%s' AND statements = %d", state, done)
}

// stepwise runs the part statement by statement and goes on where an earlier attempt stopped.
func (s *session) stepwise(ctx context.Context, j Job, part *Part) error {
	begin := time.Now()
	statements := part.statements(s.Dialect)
	first := 0
	if j.Resume != nil {
		first = j.Resume.Statements
		if first > len(statements) || first > 0 && prefixSum(statements[:first]) != j.Resume.Checksum {
			return fmt.Errorf("%w: the %d statements that are done were edited; restore them, or repair the version", ErrHalfway, first)
		}
	}
	if err := s.open(ctx, j); err != nil {
		return err
	}
	for _, st := range statements[:first] { // settings ended with the earlier connection
		if st.Is("SET") {
			if err := s.exec(ctx, st.Text); err != nil {
				return &Error{Line: st.Line, Err: err}
			}
		}
	}
	for i := first; i < len(statements); i++ {
		done := fmt.Sprintf("statements = %d, in_doubt = 0, checksum = %s", i+1, literal(prefixSum(statements[:i+1])))
		again := j.Resume != nil && i == first
		err := s.statement(ctx, j, statements[i], s.at(j, i), done, again, again && j.Resume.InDoubt)
		switch {
		case errors.Is(err, ErrConflict):
			return err
		case err != nil:
			return &Error{Statement: i + 1, Line: statements[i].Line, Err: err}
		}
		j.Progress(i+1, len(statements)+1)
	}
	return s.transact(ctx, "", func() error { return s.finish(ctx, j, time.Since(begin), s.at(j, len(statements))) })
}

func prefixSum(statements []sqlsplit.Statement) string {
	texts := make([]string, len(statements))
	for i, s := range statements {
		texts[i] = s.Text
	}
	return checksum([]byte(strings.Join(texts, ";")))
}

// statement runs one statement with its progress: in one transaction, or, if the server refuses that, one after the other.
func (s *session) statement(ctx context.Context, j Job, st sqlsplit.Statement, at, done string, again, doubt bool) error {
	version := j.Migration.Version
	if !s.bare(st) && !doubt {
		err := s.transact(ctx, "", func() error {
			if err := s.update(ctx, ErrConflict, version, done, at); err != nil {
				return err
			}
			return s.exec(ctx, st.Text)
		})
		if err == nil || !outsideOnly(err) {
			return err
		}
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if again && s.Dialect == Postgres {
		if err := s.settle(ctx, st.Text); err != nil {
			return err
		}
	}
	note := func(ctx context.Context, set string) error {
		return s.transact(ctx, "", func() error { return s.update(ctx, ErrConflict, version, set, at) })
	}
	if err := note(ctx, "in_doubt = 1"); err != nil {
		return err
	}
	err := patiently(ctx, s.wait, func() error {
		err := s.exec(ctx, st.Text)
		if err != nil {
			s.rollback(ctx) // BEGIN … COMMIT that failed is still open
		}
		return err
	})
	if doubt && err != nil && doneBefore(st, err) {
		s.log.WarnContext(ctx, "an interrupted statement had been done", "version", version, "line", st.Line)
		err = nil
	}
	if err == nil {
		return note(ctx, done)
	}
	if refused(err) || s.Dialect == SQLite { // the database has answered: it was not done
		if note(context.WithoutCancel(ctx), "in_doubt = 0") != nil {
			s.log.WarnContext(ctx, "the statement's failure could not be recorded", "version", version)
		}
	}
	return err
}

// bare says whether a statement is known to make no sense in a transaction.
func (s *session) bare(st sqlsplit.Statement) bool {
	return st.Is("BEGIN", "START") || s.Dialect == SQLite && st.Is("PRAGMA", "VACUUM", "ATTACH", "DETACH")
}

// outsideOnly: the server refuses the statement in a transaction block (25001), or a procedure its COMMIT (2D000).
func outsideOnly(err error) bool {
	state := sqlState(err)
	return state == "25001" || state == "2D000" || strings.Contains(err.Error(), "within a transaction")
}
