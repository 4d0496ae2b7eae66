package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	fromStdin   = regexp.MustCompile(`(?i)\bfrom\s+stdin\b`)
	builtIndex  = regexp.MustCompile(`(?is)^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(\S+)\s+on\s`)
	indexSchema = regexp.MustCompile(`(?is)\son\s+(?:only\s+)?([^\s(]+)`)
)

func (t SQLTarget) findPostgres(ctx context.Context, q querier) (p place, err error) {
	// Tables of this name in any schema of the search path: a history elsewhere must not be begun anew here.
	rows, err := q.QueryContext(ctx, `SELECT coalesce(current_schema(), ''), n.nspname, EXISTS (
			SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'last_successful_run' AND NOT a.attisdropped)
		FROM (SELECT 1) one LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
			ON c.relname = `+literal(t.table())+` AND c.relkind IN ('r', 'p') AND (n.nspname = ANY (current_schemas(false)) OR n.nspname = `+literal(t.Schema)+`)`)
	if err != nil {
		return p, err
	}
	defer rows.Close()
	schema, elsewhere := t.Schema, ""
	for rows.Next() {
		var current string
		var found sql.NullString
		var legacy sql.NullBool
		if err := rows.Scan(&current, &found, &legacy); err != nil {
			return p, err
		}
		if t.Schema == "" {
			schema = current
		}
		if found.String == schema && found.Valid {
			p.exists, p.legacy = true, legacy.Bool
		} else {
			elsewhere = found.String
		}
	}
	switch err := rows.Err(); {
	case err != nil:
		return p, err
	case schema == "":
		return p, errors.New("the search path names no schema that exists; set SQLTarget.Schema")
	case !p.exists && elsewhere != "" && t.Schema == "":
		return p, fmt.Errorf("schema %q has no table %s but schema %q of the search path has; set SQLTarget.Schema to the one that is meant", schema, t.table(), elsewhere)
	}
	p.name = `"` + schema + `"."` + t.table() + `"`
	return p, nil
}

// lockPostgres takes the advisory lock in a transaction on a connection of its own and watches it while run runs.
func (t SQLTarget) lockPostgres(ctx context.Context, s *session, run func(context.Context, Session) error) error {
	if t.DB.Stats().MaxOpenConnections == 1 {
		return errors.New("PostgreSQL needs a second connection, which holds the lock: raise SetMaxOpenConns")
	}
	p, err := t.find(ctx, t.DB)
	if err != nil {
		return err
	}
	lock, err := t.acquire(ctx, p, s.wait)
	if err != nil {
		return err
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := lock.ExecContext(bounded, "ROLLBACK"); err != nil {
			discard(lock)
		}
		_ = lock.Close()
	}()
	defer s.release()
	ctx, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		watch(ctx, lock, cancel)
	}()
	err = run(ctx, s)
	lost := context.Cause(ctx)
	cancel(nil)
	<-stopped
	if errors.Is(lost, ErrLockLost) && err != nil && !errors.Is(err, ErrLockLost) {
		err = fmt.Errorf("%w: %w", lost, err)
	}
	return err
}

// acquire waits in slices shorter than deadlock_timeout, each a new transaction: a waiter that stood in one would be waited for by
// CREATE INDEX CONCURRENTLY of the holder. Between slices the connection goes back to the pool, where the holder may need it.
func (t SQLTarget) acquire(ctx context.Context, p place, wait time.Duration) (*sql.Conn, error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte("avatarkit/migrate " + p.name))
	query := fmt.Sprintf(`BEGIN; SET LOCAL lock_timeout = '250ms'; SELECT pg_advisory_xact_lock(%d);
		SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`, int64(h.Sum64()))
	begin := time.Now()
	for {
		conn, err := t.DB.Conn(ctx)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		_, err = conn.ExecContext(ctx, query) // without arguments: the simple protocol, which leaves no snapshot behind
		if err == nil {
			return conn, nil
		}
		if _, rollback := conn.ExecContext(ctx, "ROLLBACK"); rollback != nil {
			discard(conn)
		}
		_ = conn.Close()
		if sqlState(err) != "55P03" {
			return nil, fmt.Errorf("take the lock: %w", err)
		}
		if wait > 0 && time.Since(begin) >= wait {
			return nil, fmt.Errorf("%w for %v", ErrLocked, wait)
		}
	}
}

// watch asks the lock's connection every second whether it lives. SHOW takes no snapshot: SELECT would, and a concurrent index build that met it
// would wait for the lock's transaction for ever.
func watch(ctx context.Context, lock *sql.Conn, cancel context.CancelCauseFunc) {
	for pause(ctx, time.Second) == nil {
		bounded, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		_, err := lock.ExecContext(bounded, "SHOW transaction_isolation")
		stop()
		if err != nil {
			cancel(fmt.Errorf("%w: %w", ErrLockLost, err))
			return
		}
	}
}

// prepare learns the server's version.
func (s *session) prepare(ctx context.Context) error {
	var number string
	if err := s.conn.QueryRowContext(ctx, "SHOW server_version_num").Scan(&number); err != nil {
		return err
	}
	n, _ := strconv.Atoi(number)
	s.major = n / 10000
	return nil
}

func (s *session) beginPostgres() string {
	begin := "BEGIN"
	if d := s.lockTimeout(); d > 0 {
		begin += fmt.Sprintf("; SET LOCAL lock_timeout = %d", d.Milliseconds())
	}
	if s.major >= 14 { // a killed runner's statement ends soon
		begin += "; SET LOCAL client_connection_check_interval = 500"
	}
	return begin
}

// ours matches the history row only if this transaction wrote it: not so when the file has ended its transaction.
const ours = " AND xmin = pg_current_xact_id()::xid"

// settle prepares to repeat a statement that ran outside a transaction: it waits until an earlier try is over in the server, and drops what is left of a
// failed index build.
func (s *session) settle(ctx context.Context, text string) error {
	for {
		var running bool
		err := s.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
			AND datname = current_database() AND query <> '' AND left($1, length(query)) = query)`, text).Scan(&running)
		if err != nil {
			return err
		}
		if !running {
			break
		}
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return err
		}
	}
	name := builtIndex.FindStringSubmatch(text)
	if name == nil {
		return nil
	}
	index := name[1]
	if on := indexSchema.FindStringSubmatch(text); on != nil && !strings.Contains(index, ".") {
		if i := strings.LastIndex(on[1], "."); i > 0 {
			index = on[1][:i+1] + index // an index lives in the schema of its table
		}
	}
	var invalid bool
	if err := s.conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)", index).Scan(&invalid); err != nil || !invalid {
		return err
	}
	s.log.WarnContext(ctx, "dropping an index that an interrupted build left invalid", "index", index)
	_, err := s.conn.ExecContext(ctx, "DROP INDEX CONCURRENTLY "+index)
	return err
}

// exists and absent are the errors of a repeated CREATE and a repeated DROP.
const (
	exists = " 42P07 42701 42710 42723 42P06 42P04 "
	absent = " 42P01 42704 42703 42883 3F000 "
)

// doneBefore says whether err shows that a statement in doubt had been done.
func doneBefore(word string, err error) bool {
	state := " " + sqlState(err) + " "
	return len(state) > 2 && (strings.Contains(exists, state) || strings.HasPrefix(word, "DROP") && strings.Contains(absent, state))
}

// sqlState returns the SQLSTATE of a server's error: pgx and lib/pq share the method.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// position returns the place of a server's error in the query, in characters from 1. It is a field, not a method, of both drivers' errors.
func position(err error) int {
	var e interface{ SQLState() string }
	if !errors.As(err, &e) {
		return 0
	}
	v := reflect.Indirect(reflect.ValueOf(e))
	if v.Kind() != reflect.Struct {
		return 0
	}
	switch f := v.FieldByName("Position"); {
	case !f.IsValid():
		return 0
	case f.CanInt():
		return int(f.Int())
	case f.Kind() == reflect.String:
		n, _ := strconv.Atoi(f.String())
		return n
	}
	return 0
}
