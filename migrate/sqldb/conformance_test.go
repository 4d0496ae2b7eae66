package sqldb_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/cruddur/avatarkit/migrate/migratetest"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestSQLite(t *testing.T) {
	for name, params := range map[string]string{"rollback journal": "", "write-ahead log": "?_pragma=journal_mode(WAL)", "waiting driver": "?_pragma=busy_timeout(5000)"} {
		t.Run(name, func(t *testing.T) {
			migratetest.TestSQL(t, sqldb.SQLite, func(t *testing.T) func() *sql.DB {
				dsn := "file:" + filepath.Join(t.TempDir(), "db") + params
				return func() *sql.DB { return open(t, dsn) }
			})
		})
	}
}
