package migrate

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
)

// Dialect is the kind of a SQL database.
type Dialect string

const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// SQLTarget is a database; make it with [SQL]. Its fields may be changed before it is given to [New].
type SQLTarget struct {
	DB      *sql.DB
	Dialect Dialect
	// Table holds the history; schema_information if empty. Programs that share a database each take their own.
	Table string
	// Schema of Table, PostgreSQL only; the current schema if empty.
	Schema string
	// TableLockTimeout bounds how long a statement of a transactional file may wait for a lock of the application (PostgreSQL's lock_timeout).
	// A file that waited in vain is rolled back and tried again, ten times, so that the application's queue behind it can drain.
	// Five seconds if zero; a negative value leaves the server's setting. SQLite has no such locks.
	TableLockTimeout time.Duration
}

// SQL returns the target for a database, opened with any driver. PostgreSQL needs a pool of at least two connections.
func SQL(db *sql.DB, dialect Dialect) SQLTarget {
	return SQLTarget{DB: db, Dialect: dialect}
}

// plainName excludes what would have to be escaped, and what PostgreSQL would cut (63 bytes, with _original).
var plainName = regexp.MustCompile(`^[^\x00-\x1f"'\\]{0,50}$`)

func (t SQLTarget) validate() error {
	var faults []error
	if t.DB == nil {
		faults = append(faults, errors.New("no database"))
	}
	if t.Dialect != Postgres && t.Dialect != SQLite {
		faults = append(faults, fmt.Errorf("unknown dialect %q", t.Dialect))
	}
	if t.Schema != "" && t.Dialect == SQLite {
		faults = append(faults, errors.New("SQLite has no schemas"))
	}
	if !plainName.MatchString(t.Table) || !plainName.MatchString(t.Schema) {
		faults = append(faults, errors.New("table or schema with quotes, backslashes or control characters, or longer than 50"))
	}
	return errors.Join(faults...)
}

func (t SQLTarget) table() string { return cmp.Or(t.Table, "schema_information") }

// Check implements [Target].
func (t SQLTarget) Check(m *Migration) error {
	for _, p := range []*Part{&m.Up, &m.Down} {
		var handle any = txHandle{}
		if p.NoTransaction {
			handle = (*sql.Conn)(nil)
		}
		switch {
		case p.Irreversible:
		case p.Func == nil:
			if err := t.checkSQL(m, p); err != nil {
				return err
			}
		case !p.Takes(handle):
			return errors.New("its functions do not take a migrate.Tx or a *sql.Conn")
		}
	}
	return nil
}

var fromStdin = regexp.MustCompile(`(?i)\bfrom\s+stdin\b`)

func (t SQLTarget) checkSQL(m *Migration, p *Part) error {
	if p.ForeignKeysOff && (t.Dialect != SQLite || p.NoTransaction) {
		return fileError(m.File, p.Line-1, "foreign-keys=off is for transactional files of SQLite")
	}
	if strings.Contains(p.SQL, "\x00") {
		return fileError(m.File, 0, "a NUL byte")
	}
	for _, s := range p.statements(t.Dialect) {
		switch {
		case !p.NoTransaction && (s.Is("BEGIN", "START TRANSACTION") || closes(s)):
			return fileError(m.File, s.Line, "%w: %s in a transactional file; remove it, or add the directive no-transaction", ErrCommitted, s.Words)
		case opens(s):
			return fileError(m.File, s.Line, "a transaction that does not end")
		case t.Dialect == Postgres && s.Is("COPY") && fromStdin.MatchString(s.Text):
			return fileError(m.File, s.Line, "COPY FROM STDIN works in psql only; use INSERT, or a migration in Go")
		}
	}
	return nil
}

// querier is a database or one of its connections.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// table is the history table as found.
type table struct {
	name           string // quoted
	exists, legacy bool
}

func (t SQLTarget) find(ctx context.Context, q querier) (table, error) {
	if t.Dialect == SQLite {
		return t.findSQLite(ctx, q)
	}
	return t.findPostgres(ctx, q)
}

// History implements [Target].
func (t SQLTarget) History(ctx context.Context) ([]Record, error) {
	_, history, err := t.history(ctx, t.DB)
	return history, err
}

func (t SQLTarget) history(ctx context.Context, q querier) (found table, all []Record, err error) {
	err = patiently(ctx, 0, func() error {
		found, all, err = t.read(ctx, q)
		return err
	})
	return found, all, err
}

func (t SQLTarget) read(ctx context.Context, q querier) (table, []Record, error) {
	found, err := t.find(ctx, q)
	switch {
	case err != nil:
		return found, nil, fmt.Errorf("look for the history table: %w", err)
	case found.legacy:
		return found, nil, fmt.Errorf("table %s: %w", found.name, ErrLegacy)
	case !found.exists:
		return found, nil, nil
	}
	rows, err := q.QueryContext(ctx, "SELECT version, name, checksum, bytes, seq, state, in_doubt, statements, applied_at, duration_us, applied_by FROM "+found.name+" ORDER BY seq")
	if err != nil {
		return found, nil, fmt.Errorf("read the history %s: %w", found.name, err)
	}
	defer rows.Close()
	var all []Record
	for rows.Next() {
		var r Record
		var at string
		var us int64
		if err := rows.Scan(&r.Version, &r.Name, &r.Checksum, &r.Size, &r.Order, &r.State, &r.InDoubt, &r.Statements, &at, &us, &r.By); err != nil {
			return found, nil, fmt.Errorf("read the history %s: %w", found.name, err)
		}
		r.AppliedAt, _ = time.Parse(timeForm, at)
		r.Duration = time.Duration(us) * time.Microsecond
		all = append(all, r)
	}
	return found, all, rows.Err()
}

// timeForm is readable, sorts as text, and is the same in every database.
const timeForm = "2006-01-02T15:04:05.000000Z07:00"

const historyColumns = ` (
	version     BIGINT   NOT NULL PRIMARY KEY,
	name        TEXT     NOT NULL,
	checksum    TEXT     NOT NULL, -- SHA-256 in hex
	bytes       BIGINT   NOT NULL,
	seq         BIGINT   NOT NULL UNIQUE, -- order of application
	state       TEXT     NOT NULL, -- applied, applying, reverting
	in_doubt    SMALLINT NOT NULL, -- 1 while a statement runs outside a transaction
	statements  BIGINT   NOT NULL, -- done, of a no-transaction part
	applied_at  TEXT     NOT NULL, -- UTC
	duration_us BIGINT   NOT NULL,
	applied_by  TEXT     NOT NULL
)`

// insert is the statement that adds r. It holds its values as literals, since the simple protocol is the only one that works
// behind every pooler and leaves no portal open.
func (t table) insert(r Record) string {
	seq := fmt.Sprint(r.Order)
	if r.Order == 0 {
		seq = "(SELECT coalesce(max(seq), 0) + 1 FROM " + t.name + ")"
	}
	return fmt.Sprintf("INSERT INTO %s (version, name, checksum, bytes, seq, state, in_doubt, statements, applied_at, duration_us, applied_by) VALUES (%d, %s, %s, %d, %s, %s, 0, %d, %s, %d, %s)",
		t.name, r.Version, literal(r.Name), literal(r.Checksum), r.Size, seq, literal(string(r.State)), r.Statements,
		literal(r.AppliedAt.UTC().Format(timeForm)), r.Duration.Microseconds(), literal(r.By))
}

// literal quotes s. Control characters and backslashes, which some servers take as escapes, become question marks.
func literal(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\\' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// Locked implements [Target].
func (t SQLTarget) Locked(ctx context.Context, wait time.Duration, log *slog.Logger, run func(context.Context, Session) error) error {
	s := &session{SQLTarget: t, log: log, wait: wait}
	defer s.release()
	if t.Dialect == Postgres {
		return t.lockPostgres(ctx, s, run)
	}
	return run(ctx, s)
}

// txHandle is the Tx that Go functions get: the connection without what would end its transaction.
type txHandle struct{ Tx }
