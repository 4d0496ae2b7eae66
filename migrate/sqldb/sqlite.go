package sqldb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/migrate"
)

// prepareSQLite takes the waiting for other writers from the driver, which knows neither the context nor our limit.
func (s *session) prepareSQLite(ctx context.Context) error {
	s.begin = "BEGIN IMMEDIATE; "
	if err := s.conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&s.busy); err != nil {
		return err
	}
	return s.exec(ctx, "PRAGMA busy_timeout = 0")
}

// patiently calls f again while SQLite is busy, at most as long as wait unless that is zero.
func patiently(ctx context.Context, wait time.Duration, f func() error) error {
	begin := time.Now()
	for try := 0; ; try++ {
		err := f()
		if err == nil || !busy(err) {
			return err
		}
		if wait > 0 && time.Since(begin) >= wait {
			return fmt.Errorf("%w for %v: %w", migrate.ErrLocked, wait, err)
		}
		if err := pause(ctx, min(time.Millisecond<<min(try, 6), 50*time.Millisecond)); err != nil {
			return err
		}
	}
}

// busy says whether err is SQLITE_BUSY or SQLITE_LOCKED, by SQLite's own words: not every driver has the code.
func busy(err error) bool {
	return sqlState(err) == "" && (strings.Contains(err.Error(), "database is locked") || strings.Contains(err.Error(), "database table is locked"))
}

// withoutForeignKeys runs f, which is one transaction, with foreign keys off. The setting does nothing within a transaction.
func (s *session) withoutForeignKeys(ctx context.Context, f func() error) (err error) {
	if err := s.connect(ctx); err != nil {
		return err
	}
	var on bool
	if err := s.conn.QueryRowContext(ctx, "PRAGMA foreign_keys").Scan(&on); err != nil {
		return err
	}
	if !on {
		return f()
	}
	if err := s.exec(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
		return err
	}
	defer func() {
		if back := s.exec(context.WithoutCancel(ctx), "PRAGMA foreign_keys = ON"); back != nil {
			err = errors.Join(err, fmt.Errorf("turn foreign keys on again: %w", back))
		}
	}()
	return f()
}

func (s *session) checkForeignKeys(ctx context.Context) error {
	rows, err := s.conn.QueryContext(ctx, "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2")
	if err != nil {
		return err
	}
	defer rows.Close()
	var faults []error
	for rows.Next() {
		var table, parent string
		var n int
		if err := rows.Scan(&table, &parent, &n); err != nil {
			return err
		}
		faults = append(faults, fmt.Errorf("%d rows of %s have no row in %s", n, table, parent))
	}
	return errors.Join(append(faults, rows.Err())...)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
