package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cruddur/avatarkit/internal/sqlsplit"
)

// Apply implements [Session].
func (s *session) Apply(ctx context.Context, j Job) error {
	part := j.Migration.Part(j.Direction)
	if part.NoTransaction {
		if part.Func != nil {
			return s.repeatable(ctx, j, part)
		}
		return s.stepwise(ctx, j, part)
	}
	if part.ForeignKeysOff {
		return s.withoutForeignKeys(ctx, func() error { return s.atomically(ctx, j, part) })
	}
	return s.atomically(ctx, j, part)
}

// atomically runs the part and records it in one transaction. Files that met a lock of the application are tried again.
func (s *session) atomically(ctx context.Context, j Job, part *Part) error {
	for try := 1; ; try++ {
		begin := time.Now()
		var failed error // within the part itself
		err := s.transact(ctx, func() error {
			if err := s.claim(ctx, j); err != nil {
				return err
			}
			if failed = s.runPart(ctx, part); failed != nil {
				return failed
			}
			return s.finish(ctx, j, time.Since(begin), ours)
		})
		if err == nil {
			return nil
		}
		if part.Func == nil && try < 10 && ctx.Err() == nil && retryable(err) {
			s.log.WarnContext(ctx, "migration met a lock, trying again", "version", j.Migration.Version, "try", try)
			if err := pause(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		if failed != nil && part.Func == nil {
			return s.locate(ctx, j, part, failed, time.Since(begin))
		}
		return err
	}
}

// retryable: lock not available, deadlock, serialization failure; SQLite's busy.
func retryable(err error) bool {
	switch sqlState(err) {
	case "55P03", "40P01", "40001":
		return true
	}
	return !errors.Is(err, ErrLocked) && busy(err)
}

// claim writes the row before the change: its key makes a second runner wait, and then fail before it has done anything.
func (s *session) claim(ctx context.Context, j Job) error {
	r := j.Record
	if j.Direction == Up {
		r.State = Applying
		_, err := s.conn.ExecContext(ctx, s.place.insert(r))
		if err != nil {
			return conflict(err)
		}
		return nil
	}
	return s.update(ctx, r.Version, "state = 'reverting', statements = 0, checksum = checksum", " AND state = 'applied'", ErrConflict)
}

// finish completes the row, or removes it when going down. It finds no row if the file has ended the transaction of claim.
func (s *session) finish(ctx context.Context, j Job, took time.Duration, where string) error {
	if s.Dialect == SQLite {
		where = ""
	}
	if j.Direction == Up {
		return s.update(ctx, j.Record.Version, fmt.Sprintf("state = 'applied', in_doubt = 0, statements = 0, checksum = %s, duration_us = %d", literal(j.Record.Checksum), took.Microseconds()), where, ErrCommitted)
	}
	return s.one(ctx, fmt.Sprintf("DELETE FROM %s WHERE version = %d%s", s.place.name, j.Record.Version, where), ErrCommitted)
}

func (s *session) update(ctx context.Context, version int64, set, where string, none error) error {
	return s.one(ctx, fmt.Sprintf("UPDATE %s SET %s WHERE version = %d%s", s.place.name, set, version, where), none)
}

// one executes a query that must change one row, or else returns none.
func (s *session) one(ctx context.Context, query string, none error) error {
	result, err := s.conn.ExecContext(ctx, query)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(none, err)
	}
	return nil
}

// runPart runs the part whole within the transaction.
func (s *session) runPart(ctx context.Context, part *Part) error {
	if part.Func != nil {
		return part.Func(ctx, txHandle{s.conn})
	}
	if _, err := s.conn.ExecContext(ctx, part.SQL); err != nil {
		return err
	}
	if part.ForeignKeysOff {
		return s.checkForeignKeys(ctx)
	}
	return nil
}

// locate finds the statement of a failed file. Where the server gave no position the statements of a quick file are run again one by one, in a
// transaction that is always rolled back.
func (s *session) locate(ctx context.Context, j Job, part *Part, failed error, took time.Duration) error {
	e := &Error{Err: failed}
	if at := position(failed); at > 0 {
		e.Line, e.Column = lineColumn(part, at)
	}
	statements := part.statements(s.Dialect)
	if e.Line > 0 {
		for i, st := range statements {
			if st.Line <= e.Line {
				e.Statement = i + 1
			}
		}
		return e
	}
	if ctx.Err() != nil || took > 2*time.Second || s.begin(ctx) != nil {
		return e
	}
	defer s.rollback(ctx)
	if s.claim(ctx, j) != nil {
		return e
	}
	for i, st := range statements {
		if _, err := s.conn.ExecContext(ctx, st.Text); err != nil {
			if err.Error() == failed.Error() {
				e.Statement, e.Line = i+1, st.Line
			}
			return e
		}
	}
	return e
}

// lineColumn turns a position in characters into a line of the file and a column.
func lineColumn(part *Part, at int) (line, column int) {
	text := part.SQL
	for i := 1; i < at && text != ""; i++ {
		_, n := utf8.DecodeRuneInString(text)
		text = text[n:]
	}
	before := part.SQL[:len(part.SQL)-len(text)]
	return part.Line + strings.Count(before, "\n"), len(before) - strings.LastIndexByte(before, '\n')
}

// repeatable runs a function outside a transaction, between a row that says so and its completion.
func (s *session) repeatable(ctx context.Context, j Job, part *Part) error {
	begin := time.Now()
	if err := s.open(ctx, j); err != nil {
		return err
	}
	if err := part.Func(ctx, s.conn); err != nil {
		return err
	}
	return s.finish(ctx, j, time.Since(begin), "")
}

// open writes the row of a part that is not atomic, unless an earlier attempt has.
func (s *session) open(ctx context.Context, j Job) error {
	if j.Resume != nil {
		return nil
	}
	j.Record.Checksum = checksum(nil)
	return s.transact(ctx, func() error { return s.claim(ctx, j) })
}

// stepwise runs the part statement by statement and goes on where an earlier attempt stopped.
func (s *session) stepwise(ctx context.Context, j Job, part *Part) error {
	begin := time.Now()
	statements := part.statements(s.Dialect)
	first, doubt := 0, false
	if j.Resume != nil {
		first, doubt = j.Resume.Statements, j.Resume.InDoubt
		if first > len(statements) || first > 0 && prefixSum(statements[:first]) != j.Resume.Checksum {
			return fmt.Errorf("%w: the %d statements that are done were edited; restore them, or repair the version", ErrHalfway, first)
		}
	} else if err := s.open(ctx, j); err != nil {
		return err
	}
	for i := first; i < len(statements); i++ {
		st := statements[i]
		done := fmt.Sprintf("statements = %d, in_doubt = 0, checksum = %s", i+1, literal(prefixSum(statements[:i+1])))
		err := s.statement(ctx, j, st, done, i == first && j.Resume != nil, i == first && doubt)
		if err != nil {
			return &Error{Statement: i + 1, Line: st.Line, Err: err}
		}
		j.Progress(i+1, len(statements)+1)
	}
	return s.finish(ctx, j, time.Since(begin), "")
}

func prefixSum(statements []sqlsplit.Statement) string {
	texts := make([]string, len(statements))
	for i, s := range statements {
		texts[i] = s.Text
	}
	return checksum([]byte(strings.Join(texts, ";")))
}

// statement runs one statement with its progress: in one transaction, or, if the server refuses that, one after the other.
func (s *session) statement(ctx context.Context, j Job, st sqlsplit.Statement, done string, again, doubt bool) error {
	version := j.Migration.Version
	if !s.bare(st) && !doubt {
		err := s.transact(ctx, func() error {
			if _, err := s.conn.ExecContext(ctx, st.Text); err != nil {
				return err
			}
			return s.update(ctx, version, done, "", ErrConflict)
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
	if err := s.update(ctx, version, "in_doubt = 1", "", ErrConflict); err != nil {
		return err
	}
	_, err := s.conn.ExecContext(ctx, st.Text)
	if doubt && err != nil && doneBefore(st.Words, err) {
		s.log.WarnContext(ctx, "an interrupted statement had been done", "version", version, "line", st.Line)
		err = nil
	}
	switch {
	case err == nil:
		return s.update(ctx, version, done, "", ErrConflict)
	case sqlState(err) != "" || s.Dialect == SQLite: // the database has answered: it was not done
		if answered := s.update(context.WithoutCancel(ctx), version, "in_doubt = 0", "", ErrConflict); answered != nil {
			s.log.WarnContext(ctx, "the statement's failure could not be recorded", "version", version)
		}
	}
	return err
}

// bare says whether a statement is known to make no sense in a transaction.
func (s *session) bare(st sqlsplit.Statement) bool {
	first, _, _ := strings.Cut(st.Words, " ")
	switch first {
	case "BEGIN", "START":
		return true
	case "PRAGMA", "VACUUM", "ATTACH", "DETACH":
		return s.Dialect == SQLite
	}
	return false
}

// outsideOnly: the server refuses the statement in a transaction block (25001), or a procedure its COMMIT (2D000).
func outsideOnly(err error) bool {
	state := sqlState(err)
	return state == "25001" || state == "2D000" || strings.Contains(err.Error(), "within a transaction")
}
