//go:build unix

package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cruddur/avatarkit/internal/e2e/postgres"
	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
	"github.com/cruddur/avatarkit/profile"
)

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func target(t testing.TB, db *sql.DB, dialect sqldb.Dialect, opts *sqldb.Options) migrate.Target {
	t.Helper()
	target, err := sqldb.New(db, dialect, opts)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func files(list ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(list); i += 2 {
		m[list[i]] = &fstest.MapFile{Data: []byte(list[i+1])}
	}
	return m
}

func migrator(t testing.TB, db *sql.DB, fsys fstest.MapFS, opts *migrate.Options) *migrate.Migrator {
	t.Helper()
	m, err := migrate.New(target(t, db, sqldb.Postgres, nil), fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func count(t testing.TB, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestProfileUpAndDown(t *testing.T) {
	ctx := context.Background()
	db := open(t, postgres.Start(t))
	m, err := migrate.New(target(t, db, sqldb.Postgres, nil), profile.Migrations(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if steps, err := m.Up(ctx); err != nil || len(steps) != 2 {
		t.Fatal(steps, err)
	}
	if steps, err := m.Up(ctx); err != nil || len(steps) != 0 {
		t.Fatal(steps, err)
	}
	if steps, err := m.To(ctx, 0); err != nil || len(steps) != 2 {
		t.Fatal(steps, err)
	}
	if n := count(t, db, "SELECT count(*) FROM pg_class WHERE relname LIKE 'avatarkit%'"); n != 0 {
		t.Errorf("%d relations left", n)
	}
}

// Eight processes, with an index that is built concurrently while seven of them wait. The database's default isolation would keep a snapshot
// in each transaction that does not say otherwise.
func TestEightProcesses(t *testing.T) {
	for _, isolation := range []string{"read committed", "repeatable read"} {
		t.Run(isolation, func(t *testing.T) {
			dsn := postgres.Start(t)
			db := open(t, dsn)
			var name string
			if err := db.QueryRow("SELECT current_database()").Scan(&name); err != nil {
				t.Fatal(err)
			}
			execute(t, db, "ALTER DATABASE "+name+" SET default_transaction_isolation = '"+isolation+"'")
			fsys := withIndex()
			dir := write(t, fsys)
			alone := time.Now()
			if n := start(t, "pgx", dsn, dir).steps(t); n != len(fsys) {
				t.Fatalf("%d steps", n)
			}
			t.Logf("one process %v", time.Since(alone))
			if _, err := migrator(t, open(t, dsn), fsys, nil).To(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			t.Logf("eight processes %v", eight(t, "pgx", dsn, dir, len(fsys)))
			if n := count(t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
				t.Errorf("%d locks leaked", n)
			}
			if n := count(t, db, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"); n != 0 {
				t.Errorf("%d invalid indexes", n)
			}
		})
	}
}

// Four runners share a pool of two connections: its limit is met by the lock and the work of one.
func TestSmallPool(t *testing.T) {
	dsn := postgres.Start(t)
	db := open(t, dsn)
	db.SetMaxOpenConns(2)
	fsys := withIndex()
	var wg sync.WaitGroup
	for range 4 {
		m := migrator(t, db, fsys, nil)
		wg.Go(func() {
			if _, err := m.Up(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// One that the pool is still opening, for a runner that was served by another meanwhile, counts as in use until it is there.
	for end := time.Now().Add(5 * time.Second); db.Stats().InUse != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d connections in use", db.Stats().InUse)
		}
	}
	db.SetMaxOpenConns(1)
	if _, err := migrator(t, db, fsys, nil).Down(context.Background(), 1); err == nil || !strings.Contains(err.Error(), "SetMaxOpenConns") {
		t.Errorf("a pool of one: %v", err)
	}
}

// What a file sets, as a dump does, reaches neither the next file nor the application's connections.
func TestSettingsDoNotLeak(t *testing.T) {
	ctx := context.Background()
	db := open(t, postgres.Start(t))
	m := migrator(t, db, files(
		"20240101000000_dump.sql", "-- migrate:up\nSET statement_timeout = 77;\nSELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.a (id INT);",
		"20240102000000_next.sql", "-- migrate:up\nCREATE TABLE b (id INT);\nSELECT pg_sleep(0.2);",
		"20240103000000_session.sql", "-- migrate:up no-transaction\nSET work_mem = '77MB';\nCREATE TABLE c AS SELECT current_setting('work_mem') AS w;",
	), nil)
	if _, err := m.Up(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT count(*) FROM c WHERE w = '77MB'"); n != 1 {
		t.Error("a setting did not reach the next statement of its file")
	}
	for _, name := range []string{"statement_timeout", "lock_timeout", "client_connection_check_interval"} {
		var value string
		if err := db.QueryRow("SHOW " + name).Scan(&value); err != nil || value != "0" {
			t.Errorf("%s = %s, %v", name, value, err)
		}
	}
}

// The history is found again whatever the search path, or the run is refused: it must never begin anew.
func TestHistoryInAnotherSchema(t *testing.T) {
	ctx := context.Background()
	dsn := postgres.Start(t)
	db := open(t, dsn)
	execute(t, db, `CREATE SCHEMA app; CREATE SCHEMA "we""ird"`)
	fsys := files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE public.a (id INT);")
	up := func(dsn, schema string) error {
		m, err := migrate.New(target(t, open(t, dsn), sqldb.Postgres, &sqldb.Options{Schema: schema}), fsys, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Up(ctx)
		return err
	}
	if err := up(dsn, ""); err != nil {
		t.Fatal(err)
	}
	if err := up(dsn+"&search_path=app,public", ""); err == nil || !strings.Contains(err.Error(), "set Options.Schema") {
		t.Errorf("the history is in another schema of the path: %v", err)
	}
	if err := up(dsn+"&search_path=app", "public"); err != nil {
		t.Errorf("the schema is given: %v", err)
	}
	if err := up(dsn+"&search_path=nowhere", ""); err == nil {
		t.Error("no schema exists, and no error")
	}
	if err := up(dsn+"&search_path=%22we%22%22ird%22", ""); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a name with a quote: %v", err)
	}
	if n := count(t, db, `SELECT count(*) FROM "we""ird".schema_information`); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestErrorHasPlace(t *testing.T) {
	tests := []struct {
		name, sql               string
		line, column, statement int
	}{
		{"with position", "CREATE TABLE a (id INT);\n\nSELECT 'ä', nope;", 4, 14, 2},
		{"without position", "CREATE TABLE a (id INT);\n\n\nCREATE TABLE a (id INT);", 5, 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t, postgres.Start(t))
			_, err := migrator(t, db, files("20240101000000_a.sql", "-- migrate:up\n"+tt.sql), nil).Up(context.Background())
			var e *migrate.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			if e.Line != tt.line || e.Column != tt.column || e.Statement != tt.statement {
				t.Errorf("line %d column %d statement %d: %v", e.Line, e.Column, e.Statement, err)
			}
			if n := count(t, db, "SELECT count(*) FROM schema_information"); n != 0 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// A file's own violation of a key is no conflict of the history, which is sent in the same message.
func TestUniqueViolation(t *testing.T) {
	db := open(t, postgres.Start(t))
	_, err := migrator(t, db, files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE schema_information_x (id INT UNIQUE);\nINSERT INTO schema_information_x VALUES (1), (1);"), nil).Up(t.Context())
	var e *migrate.Error
	if !errors.As(err, &e) || errors.Is(err, migrate.ErrConflict) || e.Line != 3 || e.Statement != 2 {
		t.Fatal(err)
	}
}

// Another runner's row, which only a lost lock lets in, stops a run before it has done anything.
func TestConflict(t *testing.T) {
	db := open(t, postgres.Start(t))
	target := target(t, db, sqldb.Postgres, nil)
	at := migrate.Record{Version: 20240101000000, Name: "a", State: migrate.Applied}
	for name, version := range map[string]int64{"the same version": at.Version, "another version": at.Version + 1} {
		t.Run(name, func(t *testing.T) {
			err := target.Locked(t.Context(), 0, slog.New(slog.DiscardHandler), func(ctx context.Context, s migrate.Session) error {
				if _, err := s.History(ctx); err != nil {
					return err
				}
				execute(t, db, fmt.Sprintf("INSERT INTO schema_information VALUES (%d, 'a', '', 0, 1, 'applied', 0, 0, '', 0, '')", version))
				defer execute(t, db, "DELETE FROM schema_information")
				part := migrate.Part{SQL: "CREATE TABLE a (id INT)", Line: 2}
				return s.Apply(ctx, migrate.Job{Migration: &migrate.Migration{Version: at.Version, Name: at.Name, File: "a.sql", Up: part}, Direction: migrate.Up, Record: at})
			})
			if !errors.Is(err, migrate.ErrConflict) {
				t.Error(err)
			}
			if n := count(t, db, "SELECT count(*) FROM pg_class WHERE relname = 'a'"); n != 0 {
				t.Error("the file was run")
			}
		})
	}
}

// A COMMIT or ROLLBACK that the check of files did not see is found out by the row, which says that the version is half way.
func TestCommittedUnseen(t *testing.T) {
	for _, end := range []string{"COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "COMMIT; BEGIN"} {
		t.Run(end, func(t *testing.T) {
			db := open(t, postgres.Start(t))
			target := target(t, db, sqldb.Postgres, nil)
			at := migrate.Record{Version: 20240101000000, Name: "a", State: migrate.Applied}
			var history []migrate.Record
			err := target.Locked(t.Context(), 0, slog.New(slog.DiscardHandler), func(ctx context.Context, s migrate.Session) error {
				if _, err := s.History(ctx); err != nil {
					return err
				}
				part := migrate.Part{SQL: "CREATE TABLE a (id INT);\n" + end + ";\nSELECT 1;", Line: 2}
				err := s.Apply(ctx, migrate.Job{Migration: &migrate.Migration{Version: at.Version, Name: at.Name, File: "a.sql", Up: part}, Direction: migrate.Up, Record: at})
				history, _ = s.History(ctx)
				return err
			})
			if !errors.Is(err, migrate.ErrCommitted) {
				t.Error(err)
			}
			if end == "ROLLBACK" {
				if len(history) != 0 {
					t.Errorf("%+v", history)
				}
			} else if len(history) != 1 || history[0].State != migrate.Applying {
				t.Errorf("%+v", history)
			}
		})
	}
}

// What a file leaves open does not swallow the completion of its row, which is sent behind it.
func TestUnclosed(t *testing.T) {
	for _, end := range []string{"SELECT 'x", "SELECT E'x\\'", `SELECT 1 AS "x`, "SELECT $$x", "SELECT $a$x", "/* x", "SELECT (1", "COMMENT ON TABLE a IS 'x", "SELECT U&'x", "SELECT 1 AS x --", ""} {
		t.Run(end, func(t *testing.T) {
			db := open(t, postgres.Start(t))
			_, err := migrator(t, db, files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INT);\n"+end), nil).Up(t.Context())
			closed := end == "" || strings.HasSuffix(end, "--")
			var e *migrate.Error
			if errors.As(err, &e) == closed {
				t.Fatal(err)
			}
			n := count(t, db, "SELECT count(*) FROM pg_class WHERE relname = 'a'") + count(t, db, "SELECT count(*) FROM schema_information WHERE state = 'applied' AND duration_us > 0")
			if closed && n != 2 || !closed && n != 0 {
				t.Errorf("%d of the table and its row", n)
			}
		})
	}
}
