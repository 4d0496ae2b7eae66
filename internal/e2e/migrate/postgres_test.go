//go:build unix

package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/cruddur/avatarkit/internal/e2e/postgres"
	"github.com/cruddur/avatarkit/migrate"
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

func files(list ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(list); i += 2 {
		m[list[i]] = &fstest.MapFile{Data: []byte(list[i+1])}
	}
	return m
}

func migrator(t testing.TB, db *sql.DB, fsys fstest.MapFS, opts *migrate.Options) *migrate.Migrator {
	t.Helper()
	m, err := migrate.New(migrate.SQL(db, migrate.Postgres), fsys, opts)
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
	m, err := migrate.New(migrate.SQL(db, migrate.Postgres), profile.Migrations(), nil)
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

// Eight runners, with an index that is built concurrently while seven wait.
func TestEightRunnersAndAConcurrentIndex(t *testing.T) {
	dsn := postgres.Start(t)
	fsys := files("20240101000000_t.sql", "-- migrate:up\nCREATE TABLE t (id BIGINT PRIMARY KEY, n INT); INSERT INTO t SELECT i, i FROM generate_series(1, 50000) i;",
		"20240102000000_index.sql", "-- migrate:up no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);\nINSERT INTO t VALUES (0, 0);\n-- migrate:down no-transaction\nDELETE FROM t WHERE id = 0;\nDROP INDEX CONCURRENTLY t_n;")
	for i := range 20 {
		fsys[fmt.Sprintf("2024020100%02d00_x.sql", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- migrate:up\nCREATE TABLE x%d (id INT);", i)}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 8 {
		m := migrator(t, open(t, dsn), fsys, nil)
		wg.Go(func() {
			steps, err := m.Up(context.Background())
			mu.Lock()
			defer mu.Unlock()
			total += len(steps)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if total != 22 {
		t.Errorf("%d steps", total)
	}
	db := open(t, dsn)
	if n := count(t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
		t.Errorf("%d locks leaked", n)
	}
	m := migrator(t, db, fsys, nil)
	if steps, err := m.UpTo(context.Background(), 20240102000000); err != nil || len(steps) != 0 {
		t.Fatal(steps, err)
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
