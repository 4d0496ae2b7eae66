package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

func (t SQLTarget) findSQLite(ctx context.Context, q querier) (place, error) {
	p := place{name: `"` + t.table() + `"`}
	var columns, legacy int
	err := q.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(name = 'last_successful_run'), 0) FROM pragma_table_info("+literal(t.table())+")").Scan(&columns, &legacy)
	p.exists, p.legacy = columns > 0, legacy > 0
	return p, err
}

func (t SQLTarget) lockTimeout() time.Duration {
	if t.TableLockTimeout == 0 {
		return 5 * time.Second
	}
	return t.TableLockTimeout
}

// patiently repeats a statement while another connection writes.
func (s *session) patiently(ctx context.Context, query string) error {
	return patiently(ctx, s.wait, func() error {
		_, err := s.conn.ExecContext(ctx, query)
		return err
	})
}

// patiently calls f again while the database is busy, with or without a busy timeout of the driver.
func patiently(ctx context.Context, wait time.Duration, f func() error) error {
	begin := time.Now()
	for try := 0; ; try++ {
		err := f()
		if err == nil || !busy(err) {
			return err
		}
		if wait > 0 && time.Since(begin) >= wait {
			return fmt.Errorf("%w for %v: %w", ErrLocked, wait, err)
		}
		if err := pause(ctx, min(time.Millisecond<<min(try, 6), 50*time.Millisecond)); err != nil {
			return err
		}
	}
}

// busy says whether err is SQLITE_BUSY or SQLITE_LOCKED.
func busy(err error) bool {
	if code := sqliteCode(err) & 0xff; code != 0 {
		return code == 5 || code == 6
	}
	return strings.Contains(err.Error(), "database is locked") || strings.Contains(err.Error(), "table is locked")
}

// sqliteCode returns the extended result code of a driver's error, or zero.
func sqliteCode(err error) int {
	var e interface{ Code() int }
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
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
	if on {
		if _, err := s.conn.ExecContext(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
			return err
		}
		defer func() {
			if _, back := s.conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = ON"); back != nil {
				err = errors.Join(err, fmt.Errorf("turn foreign keys on again: %w", back))
			}
		}()
	}
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
