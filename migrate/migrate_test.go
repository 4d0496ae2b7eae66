package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func openSQLite(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func memory(t *testing.T) *sql.DB {
	t.Helper()
	db := openSQLite(t, ":memory:")
	db.SetMaxOpenConns(1)
	return db
}

func target(t testing.TB, db *sql.DB) migrate.Target {
	t.Helper()
	target, err := sqldb.New(db, sqldb.SQLite, nil)
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

func migrator(t *testing.T, db *sql.DB, fsys fstest.MapFS, opts *migrate.Options) *migrate.Migrator {
	t.Helper()
	m, err := migrate.New(target(t, db), fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func versions(steps []migrate.Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(string(s.Direction[0]) + s.Name + " ")
	}
	return strings.TrimSpace(b.String())
}

func must(t *testing.T, want string) func([]migrate.Step, error) {
	return func(got []migrate.Step, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if versions(got) != want {
			t.Fatalf("steps %q, want %q", versions(got), want)
		}
	}
}

func pending(t *testing.T, m *migrate.Migrator, want int) {
	t.Helper()
	if n, err := m.Pending(context.Background()); err != nil || n != want {
		t.Fatalf("%d pending, %v; want %d", n, err, want)
	}
}

var three = files(
	"20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);\n-- migrate:down\nDROP TABLE a;\n",
	"20240102000000_b.sql", "-- migrate:up\nCREATE TABLE b (id INTEGER);\n-- migrate:down\nDROP TABLE b;\n",
	"20240103000000_c.sql", "-- migrate:up\nCREATE TABLE c (id INTEGER);\n-- migrate:down\nDROP TABLE c;\n",
	"README.md", "not a migration",
)

func TestUpDownRedoTo(t *testing.T) {
	ctx := context.Background()
	m := migrator(t, memory(t), three, nil)
	pending(t, m, 3)
	must(t, "ua ub uc")(m.Plan().Up(ctx))
	pending(t, m, 3)
	must(t, "ua ub uc")(m.Up(ctx))
	must(t, "")(m.Up(ctx))
	pending(t, m, 0)
	must(t, "dc")(m.Down(ctx, 1))
	must(t, "uc")(m.Up(ctx))
	must(t, "dc db")(m.Down(ctx, 2))
	must(t, "ub")(m.UpTo(ctx, 20240102000000))
	must(t, "db ub")(m.Redo(ctx, 1))
	must(t, "uc")(m.To(ctx, 20240103000000))
	must(t, "dc db")(m.To(ctx, 20240101000000))
	must(t, "da")(m.To(ctx, 0))
	must(t, "")(m.Down(ctx, 1))
}

func TestFailureLeavesNothing(t *testing.T) {
	ctx := context.Background()
	db := memory(t)
	m := migrator(t, db, files(
		"20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);\n",
		"20240102000000_b.sql", "-- migrate:up\nCREATE TABLE b (id INTEGER);\n\nINSERT INTO nowhere VALUES (1);\n",
	), nil)
	steps, err := m.Up(ctx)
	if versions(steps) != "ua" {
		t.Errorf("done %q", versions(steps))
	}
	var e *migrate.Error
	if !errors.As(err, &e) || e.Version != 20240102000000 || e.Line != 4 || e.Statement != 2 || versions(e.Done) != "ua" {
		t.Fatalf("error %#v", err)
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_master WHERE name = 'b'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d tables left, %v", n, err)
	}
	pending(t, m, 1)
}

func TestConcurrentRunnersOnFiles(t *testing.T) {
	ctx := context.Background()
	dsn := "file:" + filepath.Join(t.TempDir(), "db")
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 8 {
		db := openSQLite(t, dsn)
		m := migrator(t, db, three, nil)
		wg.Go(func() {
			steps, err := m.Up(ctx)
			mu.Lock()
			defer mu.Unlock()
			total += len(steps)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if total != 3 {
		t.Errorf("%d steps were taken", total)
	}
}
