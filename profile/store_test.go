package profile_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/profile"
	"github.com/cruddur/avatarkit/profile/profiletest"
	_ "modernc.org/sqlite"
)

func TestSQLite(t *testing.T) { profiletest.Run(t, newDB) }

// newDB returns a new SQLite file with the up parts of the migrations applied in order.
func newDB(t testing.TB) *sql.DB {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "p.db") + "?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)"
	db, err := sql.Open("sqlite", dsn)
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

func TestParseUpdateFaults(t *testing.T) {
	tests := []struct{ name, body, field, code string }{
		{"number", `{"display_name":5}`, "display_name", profile.CodeWrongType},
		{"null name", `{"display_name":null}`, "display_name", profile.CodeRequired},
		{"unknown", `{"handle":"x"}`, "handle", profile.CodeUnknownField},
		{"other case", `{"Bio":"x"}`, "Bio", profile.CodeUnknownField},
		{"twice", `{"bio":"a","bio":"b"}`, "bio", profile.CodeDuplicate},
		{"array", `[]`, "", profile.CodeWrongType},
		{"empty", ``, "", profile.CodeMalformedJSON},
		{"cut", `{"bio":"a"`, "", profile.CodeMalformedJSON},
		{"trailing", `{} {}`, "", profile.CodeMalformedJSON},
		{"not utf-8", "{\"bio\":\"\xff\"}", "", profile.CodeInvalidChars},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := profile.ParseUpdate([]byte(tt.body))
			var v *profile.ValidationError
			if !errors.As(err, &v) || len(v.Fields) != 1 || v.Fields[0].Field != tt.field || v.Fields[0].Code != tt.code {
				t.Errorf("got %v; want %s %s", err, tt.field, tt.code)
			}
		})
	}
}

// TestJSON is the form that clients read: times in UTC as RFC 3339 says, and neither subject nor row id.
func TestJSON(t *testing.T) {
	store := profile.NewSQLStore(newDB(t), &profile.SQLOptions{Now: func() time.Time {
		return time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.FixedZone("", 3600))
	}})
	p, err := store.Create(t.Context(), "secret-subject", "andrew", "Andrew")
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(p)
	const want = `{"handle":"andrew","display_name":"Andrew","bio":"","cruds_count":0,"version":1,"pictures":{},` +
		`"created_at":"2026-01-02T02:04:05.678Z","updated_at":"2026-01-02T02:04:05.678Z"}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}

func ExampleNewSQLStore() {
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	store := profile.NewSQLStore(db, nil)
	_, err = store.ByHandle(context.Background(), "not a handle")
	fmt.Println(errors.Is(err, profile.ErrNotFound))
	// Output: true
}
