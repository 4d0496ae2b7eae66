package migrate

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
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
	// TableLockTimeout bounds how long a statement of a transactional file may wait for a lock of the application (PostgreSQL's lock_timeout; SQLite:
	// for other writers). A file that waited in vain is rolled back and tried again, ten times, so that the application's queue
	// behind it can drain. Five seconds if zero; a negative value leaves the server's setting.
	TableLockTimeout time.Duration
}

// SQL returns the target for a database, opened with any driver. PostgreSQL needs a pool of at least two connections.
func SQL(db *sql.DB, dialect Dialect) SQLTarget {
	return SQLTarget{DB: db, Dialect: dialect}
}

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
	if strings.ContainsAny(t.Table+t.Schema, "\x00\"") {
		faults = append(faults, errors.New("table or schema with a quote or a NUL"))
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
		case p.Func != nil:
			if !p.Takes(handle) {
				return errors.New("its functions do not take a migrate.Tx or a *sql.Conn")
			}
		default:
			if err := t.checkSQL(m, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t SQLTarget) checkSQL(m *Migration, p *Part) error {
	if p.ForeignKeysOff && (t.Dialect != SQLite || p.NoTransaction) {
		return fileError(m.File, p.Line-1, "foreign-keys=off is for transactional files of SQLite")
	}
	if strings.Contains(p.SQL, "\x00") {
		return fileError(m.File, 0, "a NUL byte")
	}
	for _, s := range p.statements(t.Dialect) {
		if !p.NoTransaction && (opens(s) || closes(s) || s.Words == "BEGIN … COMMIT") {
			return fileError(m.File, s.Line, "%w: %s in a transactional file; remove it, or add the directive no-transaction", ErrCommitted, s.Words)
		}
		if opens(s) {
			return fileError(m.File, s.Line, "a transaction that does not end")
		}
		if t.Dialect == Postgres && s.Is("COPY") && fromStdin.MatchString(s.Text) {
			return fileError(m.File, s.Line, "COPY FROM STDIN works in psql only; use INSERT, or a migration in Go")
		}
	}
	return nil
}

// querier is a database or one of its connections.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

// History implements [Target].
func (t SQLTarget) History(ctx context.Context) ([]Record, error) {
	_, history, err := t.look(ctx, t.DB, 0)
	return history, err
}

// place is the history table as found: its quoted name, and what it is.
type place struct {
	name           string
	exists, legacy bool
}

func (t SQLTarget) look(ctx context.Context, q querier, wait time.Duration) (p place, history []Record, err error) {
	if t.Dialect == Postgres {
		return t.lookOnce(ctx, q)
	}
	err = patiently(ctx, wait, func() error {
		p, history, err = t.lookOnce(ctx, q)
		return err
	})
	return p, history, err
}

func (t SQLTarget) lookOnce(ctx context.Context, q querier) (place, []Record, error) {
	p, err := t.find(ctx, q)
	switch {
	case err != nil:
		return p, nil, fmt.Errorf("look for the history table: %w", err)
	case p.legacy:
		return p, nil, fmt.Errorf("table %s: %w", p.name, ErrLegacy)
	case !p.exists:
		return p, nil, nil
	}
	rows, err := q.QueryContext(ctx, "SELECT version, name, checksum, bytes, seq, state, in_doubt, statements, applied_at, duration_us, applied_by FROM "+p.name+" ORDER BY seq")
	if err != nil {
		return p, nil, fmt.Errorf("read the history %s: %w", p.name, err)
	}
	defer rows.Close()
	var all []Record
	for rows.Next() {
		var r Record
		var at string
		var us int64
		if err := rows.Scan(&r.Version, &r.Name, &r.Checksum, &r.Size, &r.Order, &r.State, &r.InDoubt, &r.Statements, &at, &us, &r.By); err != nil {
			return p, nil, fmt.Errorf("read the history %s: %w", p.name, err)
		}
		r.AppliedAt, _ = time.Parse(timeForm, at)
		r.Duration = time.Duration(us) * time.Microsecond
		all = append(all, r)
	}
	return p, all, rows.Err()
}

// timeForm is readable, sorts as text, and is the same in every database.
const timeForm = "2006-01-02T15:04:05.000000Z07:00"

func (t SQLTarget) find(ctx context.Context, q querier) (place, error) {
	if t.Dialect == SQLite {
		return t.findSQLite(ctx, q)
	}
	return t.findPostgres(ctx, q)
}

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
func (p place) insert(r Record) string {
	seq := fmt.Sprint(r.Order)
	if r.Order == 0 {
		seq = "(SELECT coalesce(max(seq), 0) + 1 FROM " + p.name + ")"
	}
	return fmt.Sprintf("INSERT INTO %s (version, name, checksum, bytes, seq, state, in_doubt, statements, applied_at, duration_us, applied_by) VALUES (%d, %s, %s, %d, %s, %s, 0, %d, %s, %d, %s)",
		p.name, r.Version, literal(r.Name), literal(r.Checksum), r.Size, seq, literal(string(r.State)), r.Statements,
		literal(r.AppliedAt.UTC().Format(timeForm)), r.Duration.Microseconds(), literal(r.By))
}

// literal quotes s. Control characters and backslashes, which some servers take as escapes, become question marks.
func literal(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\\' {
			return '?'
		}
		return r
	}, s)
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

// session works on one connection, opened anew when it is lost.
type session struct {
	SQLTarget
	log   *slog.Logger
	wait  time.Duration
	conn  *sql.Conn
	place place
	major int // PostgreSQL's version
}

func (s *session) connect(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	conn, err := s.DB.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.conn = conn
	if s.Dialect == Postgres {
		return s.prepare(ctx)
	}
	return nil
}

// release gives the connection back. PostgreSQL's is closed, since files may have changed its settings; SQLite's may be the database itself.
func (s *session) release() {
	if s.conn == nil {
		return
	}
	if s.Dialect == Postgres {
		discard(s.conn)
	}
	_ = s.conn.Close()
	s.conn = nil
}

func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
}

// History implements [Session].
func (s *session) History(ctx context.Context) ([]Record, error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	p, history, err := s.look(ctx, s.conn, s.wait)
	if err == nil && !p.exists {
		err = s.transact(ctx, func() error {
			_, err := s.conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+p.name+historyColumns)
			return err
		})
		if err != nil {
			err = fmt.Errorf("create the history %s: %w", p.name, err)
		} else if s.Dialect == SQLite {
			p, history, err = s.look(ctx, s.conn, s.wait) // somebody else may have been first
		}
	}
	s.place = p
	return history, err
}

// Write implements [Session].
func (s *session) Write(ctx context.Context, remove []int64, add []Record) error {
	return s.transact(ctx, func() error {
		for _, v := range remove {
			if _, err := s.conn.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE version = %d", s.place.name, v)); err != nil {
				return err
			}
		}
		for _, r := range add {
			if _, err := s.conn.ExecContext(ctx, s.place.insert(r)); err != nil {
				return conflict(err)
			}
		}
		return nil
	})
}

// transact runs f in a transaction, which ends with it. On SQLite it waits for other writers.
func (s *session) transact(ctx context.Context, f func() error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := f(); err != nil {
		s.rollback(ctx)
		return err
	}
	if err := s.commit(ctx); err != nil {
		s.rollback(ctx)
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *session) begin(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if s.Dialect == SQLite {
		return s.patiently(ctx, "BEGIN IMMEDIATE")
	}
	_, err := s.conn.ExecContext(ctx, s.beginPostgres())
	return err
}

func (s *session) commit(ctx context.Context) error {
	if s.Dialect == SQLite {
		return s.patiently(ctx, "COMMIT") // readers can hold it up
	}
	_, err := s.conn.ExecContext(ctx, "COMMIT")
	return err
}

// rollback ends the transaction also when ctx is over. A connection on which that fails is given up: the server rolls back then.
func (s *session) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := s.conn.ExecContext(ctx, "ROLLBACK")
	if err != nil && s.Dialect == Postgres {
		discard(s.conn)
		_ = s.conn.Close()
		s.conn = nil
	}
}

// txHandle is the Tx that Go functions get: the connection without what would end its transaction.
type txHandle struct{ Tx }

// conflict makes ErrConflict of the violation of a key of the history.
func conflict(err error) error {
	if state := sqlState(err); state == "23505" || sqliteCode(err) == 2067 || sqliteCode(err) == 1555 ||
		strings.Contains(err.Error(), "UNIQUE constraint failed") {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}
