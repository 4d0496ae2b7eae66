package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func TestNewRefuses(t *testing.T) {
	_, err := sqldb.New(nil, "mysql", nil)
	for _, want := range []string{"no database", `unknown dialect "mysql"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	db := open(t, ":memory:")
	for _, opts := range []sqldb.Options{{Table: `a"b`}, {Table: `a\`}, {Table: "a\nb"}, {Table: strings.Repeat("a", 51)}, {Schema: "public"}} {
		if _, err := sqldb.New(db, sqldb.SQLite, &opts); err == nil {
			t.Errorf("%+v accepted", opts)
		}
	}
}

// What a dialect cannot run is refused with its place before anything runs.
func TestCheck(t *testing.T) {
	tests := []struct {
		name, text string
		dialect    sqldb.Dialect
		want       string // empty if it can run
	}{
		{"commit", "-- migrate:up\nSELECT 1;\nCOMMIT;", sqldb.Postgres, "_a.sql:3: "},
		{"rollback to a savepoint", "-- migrate:up\nSAVEPOINT s;\nROLLBACK TO s;", sqldb.Postgres, ""},
		{"commit in a down part", "-- migrate:up\nSELECT 1;\n-- migrate:down\nCOMMIT;", sqldb.Postgres, "_a.sql:4: "},
		{"commit in a string", "-- migrate:up\nSELECT '; COMMIT;', $$; COMMIT;$$;", sqldb.Postgres, ""},
		{"a block", "-- migrate:up no-transaction\nBEGIN;\nSELECT 1;\nCOMMIT;", sqldb.Postgres, ""},
		{"a block that does not end", "-- migrate:up no-transaction\nSELECT 1;\nBEGIN;\nSELECT 1;", sqldb.SQLite, "_a.sql:3: "},
		{"copy from stdin", "-- migrate:up\nCOPY t\nFROM STDIN;", sqldb.Postgres, "_a.sql:2: "},
		{"foreign keys of PostgreSQL", "-- migrate:up foreign-keys=off\nSELECT 1;", sqldb.Postgres, "_a.sql: "},
		{"foreign keys of SQLite", "-- migrate:up foreign-keys=off\nSELECT 1;", sqldb.SQLite, ""},
		{"NUL", "-- migrate:up\nSELECT '\x00';", sqldb.SQLite, "_a.sql: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target, err := sqldb.New(open(t, ":memory:"), tt.dialect, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, err := migrate.New(offline{target}, fstest.MapFS{"20240101000000_a.sql": {Data: []byte(tt.text)}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = m.Validate(t.Context())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	target, err := sqldb.New(open(t, ":memory:"), sqldb.SQLite, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := migrate.Go(20240101000000, "a", func(context.Context, *strings.Builder) error { return nil }, nil)
	if _, err := migrate.New(target, nil, &migrate.Options{Go: []migrate.Migration{other}}); err == nil {
		t.Error("accepted a function of something else")
	}
}

// offline has no history.
type offline struct{ *sqldb.Target }

func (offline) History(context.Context, bool) ([]migrate.Record, error) { return nil, nil }

// A run of files that meets another one's transaction waits as long as it was told to, once.
func TestLockTimeoutOfFiles(t *testing.T) {
	dsn := "file:" + t.TempDir() + "/db"
	other := open(t, dsn)
	if _, err := other.Exec("CREATE TABLE a (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	target, err := sqldb.New(open(t, dsn), sqldb.SQLite, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := migrate.New(target, fstest.MapFS{"20240101000000_a.sql": {Data: []byte("-- migrate:up\nSELECT 1;")}, "20240102000000_b.sql": {Data: []byte("-- migrate:up\nSELECT 1;")}},
		&migrate.Options{LockTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.UpTo(t.Context(), 20240101000000); err != nil {
		t.Fatal(err)
	}
	held, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec("INSERT INTO a VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	var busy interface{ Code() int }
	if steps, err := m.Up(t.Context()); !errors.Is(err, migrate.ErrLocked) || !errors.As(err, &busy) || len(steps) != 0 {
		t.Errorf("%v, %v", steps, err)
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if steps, err := m.Up(t.Context()); err != nil || len(steps) != 1 {
		t.Errorf("%v, %v", steps, err)
	}
}
