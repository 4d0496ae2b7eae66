package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"database/sql"
)

func call(t *testing.T, args ...string) (code int, out, log string) {
	t.Helper()
	var o, l bytes.Buffer
	code = run(context.Background(), args, func(string) string { return "" }, &o, &l)
	return code, o.String(), l.String()
}

func TestCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "migrations")
	db := "sqlite:" + filepath.Join(t.TempDir(), "db")
	flags := []string{"-dir", dir, "-db", db}
	with := func(args ...string) []string { return append(args, flags...) }
	for _, name := range []string{"first", "second", "third"} {
		if code, _, log := call(t, with("new", name)...); code != done {
			t.Fatal(log)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 || !strings.HasSuffix(entries[2].Name(), "_third.sql") {
		t.Fatal(entries, err)
	}
	second := entries[1].Name()[:14]
	tests := []struct {
		name string
		args []string
		code int
		out  string
	}{
		{"bad name", with("new", "Bad Name"), failed, ""},
		{"nothing yet", with("status", "-check"), pending, "pending"},
		{"plan", with("plan"), done, "_third"},
		{"up to", with("up", second), done, "_second"},
		{"up", with("up"), done, "_third"},
		{"again", with("up"), done, "nothing to do"},
		{"all applied", with("status", "-check"), done, "applied"},
		{"down", with("down"), done, "down"},
		{"redo", with("redo", "2"), done, "_first"},
		{"plan down", with("plan", "down", "1"), done, "_second"},
		{"to", with("to", "0"), done, "_first"},
		{"baseline", with("baseline", second), done, "_second"},
		{"validate", with("validate"), done, "agree"},
		{"repair", with("repair", second, "pending"), done, "_second"},
		{"no version", with("to"), usage, ""},
		{"no command", with("sideways"), usage, ""},
		{"too many", with("validate", "x"), usage, ""},
		{"no database", []string{"up", "-dir", dir}, failed, ""},
		{"not the original's table", with("adopt"), failed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, log := call(t, tt.args...)
			if code != tt.code || !strings.Contains(out, tt.out) {
				t.Errorf("exit %d, want %d: %s%s", code, tt.code, out, log)
			}
		})
	}
	code, out, _ := call(t, with("status", "-json")...)
	var list []struct{ State string }
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != done || len(list) != 3 {
		t.Errorf("exit %d, %s, %v", code, out, err)
	}
}

func TestNewTakesTheNextFreeSecond(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2024, 2, 28, 23, 59, 59, 0, time.UTC)
	for _, want := range []string{"20240228235959_a.sql", "20240229000000_a.sql"} {
		path, err := create(dir, "a", now)
		if err != nil || filepath.Base(path) != want {
			t.Errorf("%s, %v; want %s", path, err, want)
		}
	}
}

func TestAdoptShowsFirst(t *testing.T) {
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "db")
	for _, name := range []string{"20230517101412_bio.sql", "20240101000000_later.sql"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(template), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE schema_information (id INTEGER PRIMARY KEY, last_successful_run TEXT); INSERT INTO schema_information VALUES (1, '16843196527889276')"); err != nil {
		t.Fatal(err)
	}
	flags := []string{"-dir", dir, "-db", "sqlite:" + path}
	steps := []struct {
		args []string
		code int
		out  string
	}{
		{[]string{"up"}, refused, ""},
		{[]string{"adopt"}, done, "_bio"},
		{[]string{"up"}, refused, ""},
		{[]string{"adopt", "-yes"}, done, "_bio"},
		{[]string{"up"}, done, "_later"},
	}
	for _, s := range steps {
		if code, out, log := call(t, append(s.args, flags...)...); code != s.code || !strings.Contains(out, s.out) || strings.Contains(out, "_later") != (s.out == "_later") {
			t.Errorf("%v: exit %d: %s%s", s.args, code, out, log)
		}
	}
}

func TestBucketOfMigrations(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "20240101000000_a.sql"), []byte(template), 0o644); err != nil {
		t.Fatal(err)
	}
	db := "sqlite:" + filepath.Join(t.TempDir(), "db")
	for _, want := range []string{"_a", "nothing to do"} {
		if code, out, log := call(t, "up", "-dir", "file://"+dir, "-db", db); code != done || !strings.Contains(out, want) {
			t.Errorf("exit %d: %s%s", code, out, log)
		}
	}
}

func TestWaitsForAnotherRunnerOnlySoLong(t *testing.T) {
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(filepath.Join(dir, "20240101000000_a.sql"), []byte(template), 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if code, out, log := call(t, "up", "-dir", dir, "-db", "sqlite:"+path, "-wait", "100ms"); code != locked {
		t.Errorf("exit %d: %s%s", code, out, log)
	}
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if code, out, log := call(t, "up", "-dir", dir, "-db", "sqlite:"+path, "-json"); code != done || !strings.HasPrefix(out, `[{"version":20240101000000,"name":"a","direction":"up"`) || log != "" {
		t.Errorf("exit %d: %s%s", code, out, log)
	}
}
