//go:build unix

package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cruddur/avatarkit/internal/e2e/postgres"
	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func execute(t testing.TB, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// inServer says whether the server runs a query that contains text, other than this one.
func inServer(t testing.TB, db *sql.DB, text string) func() bool {
	return func() bool {
		return count(t, db, "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND state = 'active' AND query LIKE '%"+text+"%'") > 0
	}
}

// gate is a table whose presence of rows makes a statement hang: SELECT passes() returns at once when it is empty.
const gate = `CREATE TABLE gate (closed INT); INSERT INTO gate VALUES (1);
CREATE FUNCTION passes() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	IF EXISTS (SELECT FROM gate) THEN PERFORM pg_sleep(300); END IF; END $$;`

// hangAfter makes a change of the history hang while the gate is closed: between the migration and its record.
const hangAfter = `CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM passes(); RETURN NEW; END $$;
CREATE TRIGGER hang BEFORE UPDATE ON schema_information FOR EACH ROW WHEN (%s) EXECUTE FUNCTION hang()`

// A runner that is killed leaves nothing that the next run does not finish, wherever it was.
func TestKilledRunner(t *testing.T) {
	const table = "CREATE TABLE a (id INT, n INT); INSERT INTO a SELECT i, i FROM generate_series(1, 1000) i;\n"
	tests := []struct {
		name, text string
		when       string // the history hangs, if not empty
	}{
		{"in a statement", "-- migrate:up\n" + table + "SELECT passes();", ""},
		{"in the middle of a transaction", "-- migrate:up\n" + table + "SELECT passes();\nINSERT INTO a VALUES (0, 0);\nDELETE FROM a WHERE id = 0;", ""},
		{"between file and history", "-- migrate:up\n" + table, "NEW.state = 'applied'"},
		{"in a statement without transaction", "-- migrate:up no-transaction\n" + table + "SELECT passes();", ""},
		{"between a statement and its progress", "-- migrate:up no-transaction\n" + table + "CREATE INDEX CONCURRENTLY a_n ON a (n);\n", "NEW.statements = 3 AND OLD.in_doubt = 1"},
		{"between the last statement and the record", "-- migrate:up no-transaction\n" + table, "NEW.state = 'applied'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := context.Background()
			dsn := postgres.Start(t)
			db := open(t, dsn)
			execute(t, db, gate)
			first := files("20240101000000_first.sql", "-- migrate:up\n")
			if _, err := migrator(t, db, first, nil).Up(ctx); err != nil {
				t.Fatal(err)
			}
			if tt.when != "" {
				execute(t, db, fmt.Sprintf(hangAfter, tt.when))
			}
			first["20240102000000_a.sql"] = &fstest.MapFile{Data: []byte(tt.text)}
			dir := write(t, first)
			p := start(t, "pgx", dsn, dir)
			until(t, "the hang", func() bool {
				return count(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") == 1
			})
			p.kill(t)
			execute(t, db, "DELETE FROM gate")
			if n := start(t, "pgx", dsn, dir).steps(t); n != 1 {
				t.Errorf("%d steps", n)
			}
			if n := count(t, db, "SELECT count(*) FROM a"); n != 1000 {
				t.Errorf("%d rows", n)
			}
			if n := count(t, db, "SELECT count(*) FROM schema_information WHERE state = 'applied'"); n != 2 {
				t.Errorf("%d applied", n)
			}
			if n := count(t, db, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"); n != 0 {
				t.Errorf("%d invalid indexes", n)
			}
		})
	}
}

// The runner dies, or loses its connection, while the server builds an index that waits for somebody's transaction.
func TestInterruptedIndexBuild(t *testing.T) {
	const text = "-- migrate:up no-transaction\nCREATE INDEX CONCURRENTLY \"A n\" ON public.a (n);\nINSERT INTO a VALUES (0);"
	tests := []struct {
		name      string
		interrupt func(*testing.T, *sql.DB, *process)
	}{
		{"killed", func(t *testing.T, _ *sql.DB, p *process) { p.kill(t) }},
		{"connection lost", func(t *testing.T, db *sql.DB, p *process) {
			execute(t, db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CREATE INDEX%'")
			if p.Wait() == nil {
				t.Error("the runner did not fail")
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dsn := postgres.Start(t)
			db := open(t, dsn)
			execute(t, db, "CREATE TABLE a (n INT); INSERT INTO a SELECT i FROM generate_series(1, 1000) i")
			writer, err := db.Begin() // the build waits for it
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = writer.Rollback() }()
			if _, err := writer.Exec("INSERT INTO a VALUES (1)"); err != nil {
				t.Fatal(err)
			}
			dir := write(t, files("20240101000000_a.sql", text))
			p := start(t, "pgx", dsn, dir)
			until(t, "the build", inServer(t, db, "CREATE INDEX CONCURRENTLY"))
			until(t, "the invalid index", func() bool { return count(t, db, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 1 })
			tt.interrupt(t, db, p)
			again := start(t, "pgx", dsn, dir)
			time.Sleep(300 * time.Millisecond)
			if err := writer.Rollback(); err != nil {
				t.Fatal(err)
			}
			if n := again.steps(t); n != 1 {
				t.Errorf("%d steps", n)
			}
			if n := count(t, db, "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid = '\"A n\"'::regclass"); n != 1 {
				t.Errorf("%d valid indexes", n)
			}
			if n := count(t, db, "SELECT count(*) FROM a WHERE n = 0"); n != 1 {
				t.Errorf("the next statement was done %d times", n)
			}
		})
	}
}

// Runners that are killed at any moment, again and again, end with every version applied once.
func TestKilledAtAnyMoment(t *testing.T) {
	const versions = 120
	fsys := fstest.MapFS{}
	for i := range versions {
		kind := ""
		if i%5 == 4 {
			kind = " no-transaction"
		}
		fsys[fmt.Sprintf("20240101%06d_m.sql", 10000*(i/60)+100*(i%60))] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- migrate:up%s\nCREATE TABLE t%d (id INTEGER);\nINSERT INTO log VALUES (%d);\n", kind, i, i)}
	}
	tests := []struct {
		name, driver string
		dsn          func(t *testing.T) string
	}{
		{"PostgreSQL", "pgx", func(t *testing.T) string { return postgres.Start(t) }},
		{"PgBouncer", "pgx", func(t *testing.T) string {
			return postgres.Bouncer(t, postgres.Start(t), 20) + "&default_query_exec_mode=exec"
		}},
		{"SQLite", "sqlite", func(t *testing.T) string { return "file:" + t.TempDir() + "/db" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dsn, dir := tt.dsn(t), write(t, fsys)
			db := openWith(t, tt.driver, dsn)
			defer db.Close()
			execute(t, db, "CREATE TABLE log (n INTEGER)")
			killed := 0
			for range 25 {
				p := start(t, tt.driver, dsn, dir)
				time.Sleep(time.Duration(20+rand.IntN(180)) * time.Millisecond)
				if p.kill(t); p.out.Len() == 0 {
					killed++
				}
			}
			start(t, tt.driver, dsn, dir).steps(t)
			t.Logf("%d runners were killed at work", killed)
			if n := count(t, db, "SELECT count(*) * 1000 + count(DISTINCT n) FROM log"); n != versions*1001 {
				t.Errorf("rows * 1000 + distinct: %d", n)
			}
			if n := count(t, db, "SELECT count(*) FROM schema_information WHERE state = 'applied'"); n != versions {
				t.Errorf("%d applied", n)
			}
		})
	}
}

func TestLostConnections(t *testing.T) {
	tests := []struct {
		name string
		kill string // which backend
		want error
	}{
		{"of the work", "state = 'active' AND query LIKE '%SELECT passes%'", nil},
		{"of the lock", "state LIKE 'idle in transaction%' AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory')", migrate.ErrLockLost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := context.Background()
			dsn := postgres.Start(t)
			db, watcher := open(t, dsn), open(t, dsn)
			execute(t, watcher, gate)
			m := migrator(t, db, files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INT);\nSELECT passes();"), nil)
			result := make(chan error)
			go func() {
				_, err := m.Up(ctx)
				result <- err
			}()
			until(t, "the hang", inServer(t, watcher, "SELECT passes"))
			execute(t, watcher, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity a WHERE datname = current_database() AND pid <> pg_backend_pid() AND "+tt.kill)
			err := <-result
			var e *migrate.Error
			if !errors.As(err, &e) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatal(err)
			}
			t.Log(err)
			if n := db.Stats().InUse; n != 0 {
				t.Errorf("%d connections in use", n)
			}
			execute(t, watcher, "DELETE FROM gate")
			until(t, "the end of the statement", func() bool { return !inServer(t, watcher, "SELECT passes")() })
			if steps, err := m.Up(ctx); err != nil || len(steps) != 1 {
				t.Fatal(steps, err)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	ctx := context.Background()
	t.Run("of the file", func(t *testing.T) {
		db := open(t, postgres.Start(t))
		_, err := migrator(t, db, files("20240101000000_a.sql", "-- migrate:up timeout=200ms\nCREATE TABLE a (id INT);\nSELECT pg_sleep(300);"), nil).Up(ctx)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		until(t, "the end of the statement", func() bool { return !inServer(t, db, "pg_sleep(300)")() })
		execute(t, db, "CREATE TABLE a (id INT)")
	})
	t.Run("of the server's statements", func(t *testing.T) {
		db := open(t, postgres.Start(t)+"&statement_timeout=200")
		_, err := migrator(t, db, files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INT);\nSELECT pg_sleep(300);"), nil).Up(ctx)
		var e *migrate.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		execute(t, db, "CREATE TABLE a (id INT)")
	})
	locked := func(t *testing.T, release bool) error {
		db := open(t, postgres.Start(t))
		execute(t, db, "CREATE TABLE a (id INT)")
		reader, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reader.Rollback() }()
		if _, err := reader.Exec("SELECT FROM a"); err != nil {
			t.Fatal(err)
		}
		m, err := migrate.New(target(t, db, sqldb.Postgres, &sqldb.Options{TableLockTimeout: 50 * time.Millisecond}), files("20240101000000_a.sql", "-- migrate:up\nALTER TABLE a ADD n INT;"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if release {
			time.AfterFunc(400*time.Millisecond, func() { _ = reader.Rollback() })
		}
		_, err = m.Up(ctx)
		return err
	}
	t.Run("of a lock that is given up", func(t *testing.T) {
		if err := locked(t, true); err != nil {
			t.Error(err)
		}
	})
	t.Run("of a lock that is kept", func(t *testing.T) {
		var state interface{ SQLState() string }
		if err := locked(t, false); !errors.As(err, &state) || state.SQLState() != "55P03" {
			t.Error(err)
		}
	})
}
