package migrate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// settings is what a file may leave behind in its connection: a dump sets search_path, for one.
var settings = regexp.MustCompile(`(?im)(^|;)\s*set\s|set_config`)

// Apply implements [Session].
func (s *session) Apply(ctx context.Context, j Job) error {
	part := j.Migration.Part(j.Direction)
	if s.Dialect == Postgres && settings.MatchString(part.SQL) {
		defer s.release() // the next file begins with the settings of the pool
	}
	switch {
	case part.NoTransaction && part.Func != nil:
		return s.repeatable(ctx, j, part)
	case part.NoTransaction:
		return s.stepwise(ctx, j, part)
	case part.ForeignKeysOff:
		return s.withoutForeignKeys(ctx, func() error { return s.atomically(ctx, j, part) })
	}
	return s.atomically(ctx, j, part)
}

// atomically runs the part and records it in one transaction. Files that met a lock of the application are tried again.
func (s *session) atomically(ctx context.Context, j Job, part *Part) error {
	for try := 1; ; try++ {
		begin := time.Now()
		var failed error // within the part itself
		err := s.claim(ctx, j, func() error {
			if failed = s.runPart(ctx, part); failed != nil {
				return failed
			}
			return s.finish(ctx, j, time.Since(begin), s.ours())
		})
		switch {
		case err == nil || part.Func != nil:
			return err
		case try < 10 && ctx.Err() == nil && retryable(err):
			s.log.WarnContext(ctx, "migration met a lock, trying again", "version", j.Migration.Version, "try", try)
			if err := pause(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
				return err
			}
		case failed != nil:
			return s.locate(ctx, j, part, failed, time.Since(begin))
		default:
			return err
		}
	}
}

// retryable: PostgreSQL's lock not available, deadlock, serialization failure.
func retryable(err error) bool {
	switch sqlState(err) {
	case "55P03", "40P01", "40001":
		return true
	}
	return false
}

// claim runs f in a transaction that begins with the row: its key makes a second runner wait, and then fail before it has done anything.
func (s *session) claim(ctx context.Context, j Job, f func() error) error {
	if j.Direction == Up {
		r := j.Record
		r.State = Applying
		return s.transact(ctx, s.found.insert(r), f)
	}
	return s.transact(ctx, "", func() error {
		if err := s.update(ctx, ErrConflict, j.Record.Version, "state = 'reverting', statements = 0", "state = 'applied'"); err != nil {
			return err
		}
		return f()
	})
}

// finish completes the row, or removes it when going down, if the condition holds.
func (s *session) finish(ctx context.Context, j Job, took time.Duration, condition string) error {
	none := ErrCommitted
	if j.Migration.Part(j.Direction).NoTransaction {
		none = ErrConflict
	}
	if j.Direction == Down {
		return s.one(ctx, none, fmt.Sprintf("DELETE FROM %s WHERE version = %d AND %s", s.found.name, j.Record.Version, condition))
	}
	return s.update(ctx, none, j.Record.Version, fmt.Sprintf("state = 'applied', in_doubt = 0, statements = 0, checksum = %s, duration_us = %d", literal(j.Record.Checksum), took.Microseconds()), condition)
}

// update changes the row of a version if the condition holds, or else returns none.
func (s *session) update(ctx context.Context, none error, version int64, set, condition string) error {
	return s.one(ctx, none, fmt.Sprintf("UPDATE %s SET %s WHERE version = %d AND %s", s.found.name, set, version, condition))
}

// ours is true of the history row only if the present transaction wrote it: not so when the file has ended that. On SQLite runPart sees it.
func (s *session) ours() string {
	if s.Dialect == SQLite {
		return "state <> 'applied'"
	}
	return "xmin = pg_current_xact_id()::xid"
}

// runPart runs the part whole within the transaction.
func (s *session) runPart(ctx context.Context, part *Part) (err error) {
	if part.Func != nil {
		err = part.Func(ctx, txHandle{s.conn})
	} else {
		err = s.exec(ctx, part.SQL)
	}
	if err == nil && part.ForeignKeysOff {
		err = s.checkForeignKeys(ctx)
	}
	if err == nil && s.Dialect == SQLite && s.exec(ctx, "BEGIN") == nil { // it fails within a transaction
		err = ErrCommitted
	}
	return err
}

// locate finds the statement of a failed file. Where the server gave no position the statements of a quick file are run again one by one, in a
// transaction that is always rolled back.
func (s *session) locate(ctx context.Context, j Job, part *Part, failed error, took time.Duration) error {
	e := &Error{Err: failed}
	statements := part.statements(s.Dialect)
	if at := position(failed); at > 0 {
		e.Line, e.Column = lineColumn(part, at)
		for i, st := range statements {
			if st.Line <= e.Line {
				e.Statement = i + 1
			}
		}
		return e
	}
	if ctx.Err() != nil || took > 2*time.Second || s.Dialect == Postgres && !refused(failed) || errors.Is(failed, ErrCommitted) {
		return e
	}
	_ = s.claim(ctx, j, func() (err error) {
		for i := 0; i < len(statements) && err == nil; i++ {
			if err = s.exec(ctx, statements[i].Text); err != nil && err.Error() == failed.Error() {
				e.Statement, e.Line = i+1, statements[i].Line
			}
		}
		return failed // in any case: nothing may stay
	})
	return e
}

// refused says whether the server answered with an error of the statement, not of the connection or of its own state.
func refused(err error) bool {
	state := sqlState(err)
	return state != "" && !strings.HasPrefix(state, "5") && !strings.HasPrefix(state, "08")
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
