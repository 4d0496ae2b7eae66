package migrate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// session works on one connection, opened anew when it is lost.
type session struct {
	SQLTarget
	log   *slog.Logger
	wait  time.Duration
	conn  *sql.Conn
	found table
	begin string // how a transaction begins
	busy  int    // SQLite's busy_timeout, to be set again
}

func (s *session) connect(ctx context.Context) (err error) {
	if s.conn != nil {
		return nil
	}
	if s.conn, err = s.DB.Conn(ctx); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if s.Dialect == SQLite {
		return s.prepareSQLite(ctx)
	}
	return s.preparePostgres(ctx)
}

// release gives the connection back. PostgreSQL's is closed, since files may have changed its settings; SQLite's may be the database itself.
func (s *session) release() {
	switch {
	case s.conn == nil:
		return
	case s.Dialect == Postgres:
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

// History implements [Session].
func (s *session) History(ctx context.Context) (history []Record, err error) {
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	s.found, history, err = s.history(ctx, s.conn)
	if err != nil || s.found.exists {
		return history, err
	}
	err = s.transact(ctx, "CREATE TABLE IF NOT EXISTS "+s.found.name+historyColumns, func() error { return nil })
	if err != nil {
		return nil, fmt.Errorf("create the history %s: %w", s.found.name, err)
	}
	_, history, err = s.history(ctx, s.conn) // somebody else may have been first
	return history, err
}

// Write implements [Session].
func (s *session) Write(ctx context.Context, remove []int64, add []Record) error {
	return s.transact(ctx, "", func() error {
		for _, v := range remove {
			if err := s.exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE version = %d", s.found.name, v)); err != nil {
				return err
			}
		}
		for _, r := range add {
			if err := s.exec(ctx, s.found.insert(r)); err != nil {
				return conflict(err)
			}
		}
		return nil
	})
}

// transact runs first, if it is not empty, and f in a transaction, which ends with f. Sent with BEGIN, first costs no round trip.
func (s *session) transact(ctx context.Context, first string, f func() error) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := s.patiently(ctx, s.begin+"; "+first); err != nil {
		s.rollback(ctx)
		return conflict(err)
	}
	err := f()
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
	if err := s.exec(ctx, "ROLLBACK"); err != nil && s.Dialect == Postgres {
		s.release()
	}
}
