// Package profile_test runs the conformance tests of profile on PostgreSQL.
package profile_test

import (
	"database/sql"
	"io/fs"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/internal/e2e/postgres"
	"github.com/cruddur/avatarkit/profile"
	"github.com/cruddur/avatarkit/profile/profiletest"
	_ "github.com/jackc/pgx/v5/stdlib"
)

func TestPostgreSQL(t *testing.T) { profiletest.Run(t, newDB) }

// newDB returns a new PostgreSQL database with the up parts of the migrations applied in order.
func newDB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", postgres.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	names, err := fs.Glob(profile.Migrations(), "*.sql")
	if err != nil || len(names) != 2 {
		t.Fatalf("migrations = %v, %v; want two files", names, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(profile.Migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		up, _, found := strings.Cut(string(text), "-- migrate:down")
		if !found {
			t.Fatalf("%s has no down part", name)
		}
		if _, err := db.Exec(up); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return db
}
