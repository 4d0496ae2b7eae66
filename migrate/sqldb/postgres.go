package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/internal/sqlsplit"
	"github.com/cruddur/avatarkit/migrate"
)

// builtIndex finds what CREATE INDEX CONCURRENTLY builds, and on which table. An index lives in the schema of its table.
var builtIndex = regexp.MustCompile(`(?is)^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?("[^"]+"|[^\s"]+)\s+on\s+(?:only\s+)?((?:"[^"]+"|[^\s("])+)`)

// lockPostgres takes the advisory lock in a transaction on a connection of its own and watches it while run runs.
func (t *Target) lockPostgres(ctx context.Context, s *session, run func(context.Context, migrate.Session) error) error {
	if t.db.Stats().MaxOpenConnections == 1 {
		return errors.New("PostgreSQL needs a second connection, which holds the lock: raise SetMaxOpenConns")
	}
	lock, err := t.acquire(ctx, s.wait)
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
	if err != nil && errors.Is(lost, migrate.ErrLockLost) && !errors.Is(err, migrate.ErrLockLost) {
		err = fmt.Errorf("%w: %w", lost, err)
	}
	return err
}

// acquire waits in slices much shorter than deadlock_timeout, each a new transaction: a waiter that stood in one would be waited for by
// CREATE INDEX CONCURRENTLY of the holder. Between slices the connection goes back to the pool, where the holder may need it, and
// soon for longer than a slice, so that many waiters leave a small pooler to the holder.
func (t *Target) acquire(ctx context.Context, wait time.Duration) (*sql.Conn, error) {
	// Read committed keeps no snapshot after the statement; a snapshot would hold up an index build for ever.
	query := fmt.Sprintf(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '50ms';
		SELECT pg_advisory_xact_lock(hashtextextended('avatarkit/migrate ' || coalesce(%s, '') || '.' || %s, 0));
		SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`, t.schema(), literal(t.opts.Table))
	begin := time.Now()
	for {
		conn, err := t.db.Conn(ctx)
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
			return nil, fmt.Errorf("%w for %v", migrate.ErrLocked, wait)
		}
		if err := pause(ctx, min(waited, 250*time.Millisecond)); err != nil {
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
			cancel(fmt.Errorf("%w: %w", migrate.ErrLockLost, err))
			return
		}
	}
}

// preparePostgres learns how a transaction begins: with a limit of waiting for locks and, from PostgreSQL 14 on most systems, with
// the server looking after its client, so that a killed runner's statement ends soon.
func (s *session) preparePostgres(ctx context.Context) error {
	s.begin = "BEGIN; "
	if d := s.opts.TableLockTimeout; d > 0 {
		s.begin += fmt.Sprintf("SET LOCAL lock_timeout = %d; ", d.Milliseconds())
	}
	const check = "SET LOCAL client_connection_check_interval = 500; "
	err := s.exec(ctx, "BEGIN; "+check)
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

// refused says whether the server answered with an error of the statement, not of the connection or of its own state.
func refused(err error) bool {
	state := sqlState(err)
	return state != "" && !strings.HasPrefix(state, "5") && !strings.HasPrefix(state, "08")
}

// retryable: PostgreSQL's lock not available, deadlock, serialization failure.
func retryable(err error) bool {
	switch sqlState(err) {
	case "55P03", "40P01", "40001":
		return true
	}
	return false
}
