// Package sqldb migrates a SQL database, opened with any driver, with the engine of package migrate.
//
//	target, err := sqldb.New(db, sqldb.Postgres, nil)
//	m, err := migrate.New(target, os.DirFS("migrations"), nil)
//
// PostgreSQL 13 or later, and SQLite 3.35 or later. It links the standard library only; drivers come with the caller.
//
//   - A file runs in one transaction together with its row in the history table schema_information, so a failure, a killed
//     process or a lost connection leaves neither. The file is sent whole: functions and triggers need no special marks. It must not
//     contain COMMIT, ROLLBACK or BEGIN: that is refused, and found out if a function does it.
//   - An error names file, line and statement. Where the server gives no position, a file that failed quickly is run once more, statement by
//     statement, in a transaction that is rolled back: only what no transaction undoes, such as sequences, moves on.
//   - What a file sets (SET, set_config) ends with it; the next begins on a new connection. Behind a pooler use SET LOCAL.
//   - A no-transaction file is split into statements. Each runs in a transaction of its own with its progress, unless the server says that
//     it cannot; then the progress is written before and after it. The next run goes on where the last one stopped. Only a
//     statement of that last kind can have an unknown outcome after a kill: it is repeated when it is no longer running, an
//     index that was left invalid is dropped first, and "already exists" then counts as done.
//   - One runner at a time. PostgreSQL: an advisory lock in a transaction on a second connection, so the pool must allow two. It is waited for in
//     short slices, so it neither blocks CREATE INDEX CONCURRENTLY nor is lost behind PgBouncer in transaction mode (there give
//     pgx default_query_exec_mode=exec). SQLite: each transaction begins immediate and goes on only from the history that it was planned from.
//     Only what SQLite runs outside transactions (VACUUM, functions on *sql.Conn) can then run in two processes at once.
//   - The functions of a [migrate.Go] take a [Tx], the transaction of their history row, or a [*sql.Conn] outside any transaction. If the latter fail or
//     are killed they run again, so they must be repeatable.
package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/migrate"
)

// Dialect is the kind of a database.
type Dialect string

const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// Options of [New].
type Options struct {
	// Table holds the history; schema_information if empty. Programs that share a database each take their own.
	Table string
	// Schema of Table, PostgreSQL only; the current schema if empty.
	Schema string
	// TableLockTimeout bounds how long a statement of a transactional file may wait for a lock of the application (PostgreSQL's lock_timeout).
	// A file that waited in vain is rolled back and tried again, ten times, so that the application's queue behind it can drain.
	// Five seconds if zero; a negative value leaves the server's setting. SQLite has no such locks.
	TableLockTimeout time.Duration
}

// Target is a database that migrations change. It implements [migrate.Target].
type Target struct {
	db      *sql.DB
	dialect Dialect
	opts    Options
}

var _ migrate.Target = (*Target)(nil)

// Tx is what a function works with: the transaction that also holds the row of its history.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// handle is the Tx that functions get: the connection without what would end its transaction.
type handle struct{ Tx }

// plainName excludes what would have to be escaped, and what PostgreSQL would cut (63 bytes, with _original).
var plainName = regexp.MustCompile(`^[^\x00-\x1f"'\\]{0,50}$`)

// New returns the target for db, which it never closes. It does no I/O. PostgreSQL needs a pool of at least two connections.
func New(db *sql.DB, dialect Dialect, opts *Options) (*Target, error) {
	t := &Target{db: db, dialect: dialect}
	if opts != nil {
		t.opts = *opts
	}
	t.opts.Table = cmp.Or(t.opts.Table, "schema_information")
	t.opts.TableLockTimeout = cmp.Or(t.opts.TableLockTimeout, 5*time.Second)
	var faults []error
	if db == nil {
		faults = append(faults, errors.New("no database"))
	}
	if dialect != Postgres && dialect != SQLite {
		faults = append(faults, fmt.Errorf("unknown dialect %q", dialect))
	}
	if t.opts.Schema != "" && dialect == SQLite {
		faults = append(faults, errors.New("SQLite has no schemas"))
	}
	if !plainName.MatchString(t.opts.Table) || !plainName.MatchString(t.opts.Schema) {
		faults = append(faults, errors.New("table or schema with quotes, backslashes or control characters, or longer than 50"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("migrate/sqldb: %w", err)
	}
	return t, nil
}

// History implements [migrate.Target].
func (t *Target) History(ctx context.Context, details bool) ([]migrate.Record, error) {
	if !details {
		if history, err := t.glance(ctx); err == nil {
			return history, nil
		}
	}
	_, history, err := t.history(ctx, t.db)
	return history, err
}

// Locked implements [migrate.Target].
func (t *Target) Locked(ctx context.Context, wait time.Duration, log *slog.Logger, run func(context.Context, migrate.Session) error) error {
	s := &session{Target: t, log: log, wait: wait}
	defer s.release()
	if t.dialect == Postgres {
		return t.lockPostgres(ctx, s, run)
	}
	return run(ctx, s)
}

// Check implements [migrate.Target].
func (t *Target) Check(m *migrate.Migration, d migrate.Direction) error {
	p := m.Part(d)
	switch {
	case p.Func != nil && !p.Takes(handle{}) && !p.Takes((*sql.Conn)(nil)):
		return errors.New("its functions do not take an sqldb.Tx or a *sql.Conn")
	case p.Func != nil:
		return nil
	case p.ForeignKeysOff && (t.dialect != SQLite || p.NoTransaction):
		return errors.New("foreign-keys=off is for transactional files of SQLite")
	case strings.Contains(p.SQL, "\x00"):
		return errors.New("a NUL byte")
	}
	for _, s := range t.statements(p) {
		switch {
		case !p.NoTransaction && (begins(s) || ends(s)):
			return &migrate.Error{Line: s.Line, Err: fmt.Errorf("%w: %s in a transactional file; remove it, or add the directive no-transaction", migrate.ErrCommitted, s.Words)}
		case begins(s) && s.Words != block:
			return &migrate.Error{Line: s.Line, Err: errors.New("a transaction that does not end")}
		case t.dialect == Postgres && s.Is("COPY") && fromStdin.MatchString(s.Text):
			return &migrate.Error{Line: s.Line, Err: errors.New("COPY FROM STDIN works in psql only; use INSERT, or a migration in Go")}
		}
	}
	return nil
}

var fromStdin = regexp.MustCompile(`(?i)\bfrom\s+stdin\b`)
