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
		case err == nil || j.Part().Func != nil || errors.Is(err, migrate.ErrConflict):
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
	begin := time.Now()
	return s.claim(ctx, j, s.ahead(j), func() error {
		if s.ahead(j) == "" {
			if err := s.runPart(ctx, j.Part()); err != nil {
				return err
			}
		}
		return s.finish(ctx, j, migrate.ErrCommitted, s.ours(), time.Since(begin))
	})
}

// ahead is the file, where it is sent in one message with BEGIN and its row: two round trips less to PostgreSQL.
func (s *session) ahead(j migrate.Job) string {
	if s.dialect == SQLite || j.Direction == migrate.Down {
		return ""
	}
	return j.Part().SQL
}

// claim runs then and f in a transaction that begins with the row: its key makes a second runner wait, and then fail before it has done anything.
func (s *session) claim(ctx context.Context, j migrate.Job, then string, f func() error) error {
	if j.Direction == migrate.Up {
		err := s.transact(ctx, s.row(j)+then, f)
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
	if j.Direction == migrate.Down {
		return s.one(ctx, none, fmt.Sprintf("DELETE FROM %s WHERE version = %d AND %s", s.table.name, j.Record.Version, condition))
	}
	return s.update(ctx, none, j.Record.Version, fmt.Sprintf("state = 'applied', in_doubt = 0, statements = 0, checksum = %s, duration_us = %d", literal(j.Record.Checksum), took.Microseconds()), condition)
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
