package migrate_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/migratetest"
)

func TestSQLite(t *testing.T) {
	for name, params := range map[string]string{"rollback journal": "", "write-ahead log": "?_pragma=journal_mode(WAL)", "waiting driver": "?_pragma=busy_timeout(5000)"} {
		t.Run(name, func(t *testing.T) {
			migratetest.TestSQL(t, migrate.SQLite, func(t *testing.T) func() *sql.DB {
				dsn := "file:" + filepath.Join(t.TempDir(), "db") + params
				return func() *sql.DB { return openSQLite(t, dsn) }
			})
		})
	}
}
