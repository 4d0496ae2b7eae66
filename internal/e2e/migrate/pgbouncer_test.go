//go:build unix

package migrate_test

import (
	"database/sql"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/cruddur/avatarkit/internal/e2e/postgres"
	"github.com/cruddur/avatarkit/migrate/migratetest"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func TestDrivers(t *testing.T) {
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			migratetest.TestSQL(t, sqldb.Postgres, func(t *testing.T) func() *sql.DB {
				dsn := postgres.Start(t)
				return func() *sql.DB { return openWith(t, driver, dsn) }
			})
		})
	}
	t.Run("sqlite3", func(t *testing.T) {
		migratetest.TestSQL(t, sqldb.SQLite, func(t *testing.T) func() *sql.DB {
			dsn := "file:" + t.TempDir() + "/db"
			return func() *sql.DB { return openWith(t, "sqlite3", dsn) }
		})
	})
}

func openWith(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Through PgBouncer in transaction mode, with each way of pgx to send a query that works there.
func TestPgBouncer(t *testing.T) {
	for _, mode := range []string{"exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			migratetest.TestSQL(t, sqldb.Postgres, func(t *testing.T) func() *sql.DB {
				dsn := postgres.Bouncer(t, postgres.Start(t), 20) + "&default_query_exec_mode=" + mode
				return func() *sql.DB { return openWith(t, "pgx", dsn) }
			})
		})
	}
}

// Eight processes and an index that is built while seven of them wait, and no lock that is left in PgBouncer's connections.
func TestEightProcessesThroughPgBouncer(t *testing.T) {
	direct := postgres.Start(t)
	dsn := postgres.Bouncer(t, direct, 5) + "&default_query_exec_mode=exec"
	fsys := withIndex()
	for range 3 {
		eight(t, "pgx", dsn, write(t, fsys), len(fsys))
		db := open(t, direct)
		if n := count(t, db, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
			t.Errorf("%d locks leaked", n)
		}
		if n := count(t, db, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"); n != 0 {
			t.Errorf("%d invalid indexes", n)
		}
		if _, err := migrator(t, db, fsys, nil).To(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// withIndex are 22 migrations, one of which builds an index concurrently.
func withIndex() fstest.MapFS {
	fsys := files("20240101000000_t.sql", "-- migrate:up\nCREATE TABLE t (id BIGINT PRIMARY KEY, n INT); INSERT INTO t SELECT i, i FROM generate_series(1, 50000) i;\n-- migrate:down\nDROP TABLE t;",
		"20240102000000_index.sql", "-- migrate:up no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);\nINSERT INTO t VALUES (0, 0);\n-- migrate:down no-transaction\nDELETE FROM t WHERE id = 0;\nDROP INDEX CONCURRENTLY t_n;")
	for i := range 20 {
		fsys[fmt.Sprintf("2024020100%02d00_x.sql", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "-- migrate:up\nCREATE TABLE x%d (id INT);\n-- migrate:down\nDROP TABLE x%d;", i, i)}
	}
	return fsys
}
