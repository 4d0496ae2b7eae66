package sqldb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/cruddur/avatarkit/migrate"
)

// settings is what a file may leave behind in its connection: a dump sets search_path, for one.
var settings = regexp.MustCompile(`(?im)(^|;)\s*set\s|set_config`)

// Apply implements [migrate.Session].
func (s *session) Apply(ctx context.Context, j migrate.Job) error {
	part := j.Part()
	if s.dialect == Postgres && settings.MatchString(part.SQL) {
		defer s.release() // the next file begins with the settings of the pool
	}
	switch {
	case part.Func != nil && !part.Takes(handle{}):
		return s.repeatable(ctx, j)
	case part.NoTransaction:
		return s.stepwise(ctx, j)
	case j.Resume != nil:
		return fmt.Errorf("%w: it ended its transaction itself; see what it did, then repair it", migrate.ErrHalfway)
	case part.ForeignKeysOff:
		return s.withoutForeignKeys(ctx, func() error { return s.atomically(ctx, j) })
	}
	return s.atomically(ctx, j)
}

// atomically runs the part and its row in one transaction. Files that met a lock of the application are tried again.
func (s *session) atomically(ctx context.Context, j migrate.Job) error {
	for try := 1; ; try++ {
		begin := time.Now()
		err := s.attempt(ctx, j)
		switch {
		case err == nil || j.Part().Func != nil || errors.Is(err, migrate.ErrConflict) || errors.Is(err, migrate.ErrLocked):
			return err
		case try == 10 || ctx.Err() != nil || !retryable(err):
			return s.locate(ctx, j, err, time.Since(begin))
		}
		s.log.WarnContext(ctx, "migration met a lock, trying again", "version", j.Migration.Version, "try", try)
		if err := pause(ctx, time.Duration(try)*100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *session) attempt(ctx context.Context, j migrate.Job) error {
	if s.whole(j) {
		return s.message(ctx, j)
	}
	begin := time.Now()
	return s.claim(ctx, j, func() error {
		if err := s.runPart(ctx, j.Part()); err != nil {
			return err
		}
		return s.finish(ctx, j, migrate.ErrCommitted, s.ours(), time.Since(begin))
	})
}

// whole says whether all of a migration goes to the server in one message.
func (s *session) whole(j migrate.Job) bool {
	return s.dialect == Postgres && j.Direction == migrate.Up && j.Part().Func == nil
}

// message sends BEGIN, the row, the file and the row's completion at once, and COMMIT if all that was one transaction: three round trips less.
func (s *session) message(ctx context.Context, j migrate.Job) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	done := s.done(j, s.ours(), "(extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::bigint")
	err := s.one(ctx, migrate.ErrCommitted, s.begin+s.row(j)+j.Part().SQL+"\n;\n"+done)
	if err == nil {
		err = s.exec(ctx, "COMMIT")
	}
	if err != nil {
		s.rollback(ctx)
		return s.conflict(err)
	}
	s.last++
	return nil
}

// claim runs f in a transaction that begins with the row: its key makes a second runner wait, and then fail before it has done anything.
func (s *session) claim(ctx context.Context, j migrate.Job, f func() error) error {
	if j.Direction == migrate.Up {
		err := s.transact(ctx, s.row(j), f)
		if err == nil {
			s.last++
		}
		return err
	}
	return s.transact(ctx, "", func() error {
		unchanged := fmt.Sprintf("state = 'applied' AND NOT EXISTS (SELECT 1 FROM %s WHERE seq > %d)", s.table.name, s.last)
		if err := s.update(ctx, migrate.ErrConflict, j.Record.Version, "state = 'reverting', statements = 0", unchanged); err != nil || f == nil {
			return err
		}
		return f()
	})
}

// row is the statement that adds the row of a version which is going up.
func (s *session) row(j migrate.Job) string {
	j.Record.State = migrate.Applying
	return s.table.insert(j.Record, s.last+1) + ";\n"
}

// finish completes the row, or removes it when going down, if the condition holds, or else returns none.
func (s *session) finish(ctx context.Context, j migrate.Job, none error, condition string, took time.Duration) error {
	return s.one(ctx, none, s.done(j, condition, fmt.Sprint(took.Microseconds())))
}

func (s *session) done(j migrate.Job, condition, microseconds string) string {
	if j.Direction == migrate.Down {
		return fmt.Sprintf("DELETE FROM %s WHERE version = %d AND %s", s.table.name, j.Record.Version, condition)
	}
	return fmt.Sprintf("UPDATE %s SET state = 'applied', in_doubt = 0, statements = 0, checksum = %s, duration_us = %s WHERE version = %d AND %s",
		s.table.name, literal(j.Record.Checksum), microseconds, j.Record.Version, condition)
}

// ours is true of the row only if the present transaction wrote it: not so when the file has ended that. On SQLite runPart sees it.
func (s *session) ours() string {
	if s.dialect == SQLite {
		return "state <> 'applied'"
	}
	return "xmin = pg_current_xact_id()::xid"
}

// runPart runs the part whole within the transaction.
func (s *session) runPart(ctx context.Context, part *migrate.Part) (err error) {
	if part.Func != nil {
		err = part.Func(ctx, handle{s.conn})
	} else {
		err = s.exec(ctx, part.SQL)
	}
	if err == nil && part.ForeignKeysOff {
		err = s.checkForeignKeys(ctx)
	}
	if err == nil && s.dialect == SQLite && s.exec(ctx, "BEGIN") == nil { // it fails within a transaction
		err = migrate.ErrCommitted
	}
	return err
}
