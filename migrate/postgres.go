package migrate

import (
	"cmp"
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

	"github.com/cruddur/avatarkit/internal/sqlsplit"
)

// builtIndex finds what CREATE INDEX CONCURRENTLY builds, and on which table. An index lives in the schema of its table.
var builtIndex = regexp.MustCompile(`(?is)^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?("[^"]+"|[^\s"]+)\s+on\s+(?:only\s+)?((?:"[^"]+"|[^\s("])+)`)

func (t SQLTarget) findPostgres(ctx context.Context, q querier) (found table, err error) {
	// Tables of this name in any schema of the search path: a history elsewhere must not be begun anew here.
	rows, err := q.QueryContext(ctx, `SELECT coalesce(current_schema(), ''), n.nspname, EXISTS (
			SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'last_successful_run' AND NOT a.attisdropped)
		FROM (SELECT 1) one LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
			ON c.relname = `+literal(t.table())+` AND c.relkind IN ('r', 'p') AND (n.nspname = ANY (current_schemas(false)) OR n.nspname = `+literal(t.Schema)+`)`)
	if err != nil {
		return found, err
	}
	defer rows.Close()
	schema, elsewhere := t.Schema, ""
	for rows.Next() {
		var current string
		var in sql.NullString
		var legacy bool
		if err := rows.Scan(&current, &in, &legacy); err != nil {
			return found, err
		}
		schema = cmp.Or(t.Schema, current)
		if in.Valid && in.String == schema {
			found.exists, found.legacy = true, legacy
		} else {
			elsewhere = in.String
		}
	}
	switch err := rows.Err(); {
	case err != nil:
		return found, err
	case schema == "":
		return found, errors.New("the search path names no schema that exists; set SQLTarget.Schema")
	case !found.exists && elsewhere != "" && t.Schema == "":
		return found, fmt.Errorf("schema %q has no table %s but schema %q of the search path has; set SQLTarget.Schema to the one that is meant", schema, t.table(), elsewhere)
	}
	found.name = `"` + strings.ReplaceAll(schema, `"`, `""`) + `"."` + t.table() + `"`
	return found, nil
}

// lockPostgres takes the advisory lock in a transaction on a connection of its own and watches it while run runs.
func (t SQLTarget) lockPostgres(ctx context.Context, s *session, run func(context.Context, Session) error) error {
	if t.DB.Stats().MaxOpenConnections == 1 {
		return errors.New("PostgreSQL needs a second connection, which holds the lock: raise SetMaxOpenConns")
	}
	found, err := t.find(ctx, t.DB)
	if err != nil {
		return err
	}
	lock, err := t.acquire(ctx, found.name, s.wait)
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
	if err != nil && errors.Is(lost, ErrLockLost) && !errors.Is(err, ErrLockLost) {
		err = fmt.Errorf("%w: %w", lost, err)
	}
	return err
}

// acquire waits in slices shorter than deadlock_timeout, each a new transaction: a waiter that stood in one would be waited for by
// CREATE INDEX CONCURRENTLY of the holder. Between slices the connection goes back to the pool, where the holder may need it, and
// ever longer, so that many waiters leave a small pooler to the holder.
func (t SQLTarget) acquire(ctx context.Context, name string, wait time.Duration) (*sql.Conn, error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte("avatarkit/migrate " + name))
	// Read committed keeps no snapshot after the statement; a snapshot would hold up an index build for ever.
	query := fmt.Sprintf(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '250ms'; SELECT pg_advisory_xact_lock(%d);
		SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`, int64(h.Sum64()))
	begin := time.Now()
	for {
		conn, err := t.DB.Conn(ctx)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		_, err = conn.ExecContext(ctx, query) // without arguments: the simple protocol, which leaves no portal open either
		if err == nil {
			return conn, nil
		}
		if _, rollback := conn.ExecContext(ctx, "ROLLBACK"); rollback != nil {
			discard(conn)
		}
		_ = conn.Close()
		waited := time.Since(begin)
		switch {
		case sqlState(err) != "55P03":
			return nil, fmt.Errorf("take the lock: %w", err)
		case wait > 0 && waited >= wait:
			return nil, fmt.Errorf("%w for %v", ErrLocked, wait)
		}
		if err := pause(ctx, min(waited/5, time.Second)); err != nil {
			return nil, err
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

// preparePostgres learns how a transaction begins: with a limit of waiting for locks and, from PostgreSQL 14 on most systems, with
// the server looking after its client, so that a killed runner's statement ends soon.
func (s *session) preparePostgres(ctx context.Context) error {
	s.begin = "BEGIN"
	if d := cmp.Or(s.TableLockTimeout, 5*time.Second); d > 0 {
		s.begin += fmt.Sprintf("; SET LOCAL lock_timeout = %d", d.Milliseconds())
	}
	const check = "; SET LOCAL client_connection_check_interval = 500"
	err := s.exec(ctx, "BEGIN"+check)
	if err == nil {
		s.begin += check
	}
	if sqlState(err) != "" {
		err = nil // the server does not have it
	}
	return errors.Join(err, s.exec(ctx, "ROLLBACK"))
}

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
	built := builtIndex.FindStringSubmatch(text)
	if built == nil {
		return nil
	}
	var index string
	err := s.conn.QueryRowContext(ctx, `SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON oid = indexrelid
		WHERE NOT indisvalid AND indrelid = to_regclass($2) AND relname = (parse_ident($1))[1]`, built[1], built[2]).Scan(&index)
	if err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	}
	s.log.WarnContext(ctx, "dropping an index that an interrupted build left invalid", "index", index)
	return s.exec(ctx, "DROP INDEX CONCURRENTLY "+index)
}

// exists and absent are the errors of a repeated CREATE and a repeated DROP.
const (
	exists = " 42P07 42701 42710 42723 42P06 42P04 "
	absent = " 42P01 42704 42703 42883 3F000 "
)

// doneBefore says whether err shows that a statement in doubt had been done. An index that exists is only known to be valid if settle could read
// the statement.
func doneBefore(st sqlsplit.Statement, err error) bool {
	if st.Is("CREATE INDEX", "CREATE UNIQUE INDEX") && !builtIndex.MatchString(st.Text) {
		return false
	}
	state := " " + sqlState(err) + " "
	return len(state) > 2 && (strings.Contains(exists, state) || st.Is("DROP") && strings.Contains(absent, state))
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

// conflict makes ErrConflict of the violation of a key of the history.
func conflict(err error) error {
	if err != nil && (sqlState(err) == "23505" || sqliteCode(err) == 2067 || sqliteCode(err) == 1555 || strings.Contains(err.Error(), "UNIQUE constraint failed")) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}
