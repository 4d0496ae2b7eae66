package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/migrate"
)

// session works on one connection, opened anew when it is lost.
type session struct {
	*Target
	log   *slog.Logger
	wait  time.Duration
	conn  *sql.Conn
	table table
	last  int64  // greatest seq that was read or written; the next row takes the next, which another runner's row would forbid
	begin string // how a transaction begins
	busy  int    // SQLite's busy_timeout, to be set again
}

func (s *session) connect(ctx context.Context) (err error) {
	if s.conn != nil {
		return nil
	}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if s.dialect == SQLite {
		return s.prepareSQLite(ctx)
	}
	return s.preparePostgres(ctx)
}

// release gives the connection back. PostgreSQL's is closed, since files may have changed its settings; SQLite's may be the database itself.
func (s *session) release() {
	switch {
	case s.conn == nil:
		return
	case s.dialect == Postgres:
		discard(s.conn)
	default:
		_, _ = s.conn.ExecContext(context.Background(), fmt.Sprintf("PRAGMA busy_timeout = %d", s.busy))
	}
	_ = s.conn.Close()
	s.conn = nil
}

func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
}

// exec executes a query that returns nothing, or whose answer does not matter.
func (s *session) exec(ctx context.Context, query string) error {
	_, err := s.conn.ExecContext(ctx, query)
	return err
}

// update changes the row of a version if the condition holds, or else returns none.
func (s *session) update(ctx context.Context, none error, version int64, set, condition string) error {
	return s.one(ctx, none, fmt.Sprintf("UPDATE %s SET %s WHERE version = %d AND %s", s.table.name, set, version, condition))
}

// one executes a query that must change one row, or else returns none.
func (s *session) one(ctx context.Context, none error, query string) error {
	result, err := s.conn.ExecContext(ctx, query)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(none, err)
	}
	return nil
}

// History implements [migrate.Session].
func (s *session) History(ctx context.Context) (history []migrate.Record, err error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	s.table, history, err = s.history(ctx, s.conn)
	if err == nil && !s.table.exists {
		if err = s.transact(ctx, "CREATE TABLE IF NOT EXISTS "+s.table.name+columns, nil); err != nil {
			return nil, fmt.Errorf("create the history %s: %w", s.table.name, err)
		}
		s.table, history, err = s.history(ctx, s.conn) // somebody else may have been first
	}
	if n := len(history); n > 0 {
		s.last = history[n-1].Order
	}
	return history, err
}

// Write implements [migrate.Session].
func (s *session) Write(ctx context.Context, remove []int64, add []migrate.Record) error {
	var queries []string
	if s.table.legacy {
		queries = append(queries, "ALTER TABLE "+s.table.name+` RENAME TO "`+s.opts.Table+`_original"`, "CREATE TABLE "+s.table.name+columns)
	}
	for _, v := range remove {
		queries = append(queries, fmt.Sprintf("DELETE FROM %s WHERE version = %d", s.table.name, v))
	}
	for i, r := range add {
		seq := r.Order
		if seq == 0 {
			seq = s.last + 1 + int64(i)
		}
		queries = append(queries, s.table.insert(r, seq))
	}
	return s.transact(ctx, strings.Join(queries, ";\n"), nil)
}

// transact runs first, if it is not empty, and f, if it is not nil, in a transaction, which ends with f. Sent with BEGIN, first costs no round trip.
func (s *session) transact(ctx context.Context, first string, f func() error) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.patiently(ctx, s.begin+first); err != nil {
		s.rollback(ctx)
		return s.conflict(err)
	}
	var err error
	if f != nil {
		err = f()
	}
	if err == nil {
		if err = s.patiently(ctx, "COMMIT"); err != nil { // SQLite: readers can hold it up
			err = fmt.Errorf("commit: %w", err)
		}
	}
	if err != nil {
		s.rollback(ctx)
	}
	return err
}

func (s *session) patiently(ctx context.Context, query string) error {
	return patiently(ctx, s.wait, func() error { return s.exec(ctx, query) })
}

// rollback ends the transaction also when ctx is over. A connection on which that fails is given up: the server rolls back then.
func (s *session) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.exec(ctx, "ROLLBACK"); err != nil && s.dialect == Postgres {
		s.release()
	}
}

// conflict makes ErrConflict of the violation of a key of the history, which PostgreSQL names, as it has named it, and SQLite by its columns. A file
// that violates a key of its own was sent with the row, so it must not be taken for that.
func (s *session) conflict(err error) error {
	t := s.opts.Table
	for _, key := range []string{`"` + t + `_pkey"`, `"` + t + `_seq_key"`, "UNIQUE constraint failed: " + t + "."} {
		if strings.Contains(err.Error(), key) {
			return fmt.Errorf("%w: %w", migrate.ErrConflict, err)
		}
	}
	return err
}
