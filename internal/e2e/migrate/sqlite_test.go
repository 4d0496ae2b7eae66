//go:build unix

package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func sqliteMigrator(t testing.TB, dsn string, fsys fstest.MapFS) (*migrate.Migrator, *sql.DB) {
	t.Helper()
	db := openWith(t, "sqlite", dsn)
	t.Cleanup(func() { db.Close() })
	m, err := migrate.New(target(t, db, sqldb.SQLite, nil), fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, db
}

// Eight processes on one file, with statements inside and outside transactions.
func TestEightProcessesOnOneFile(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 30 {
		text := fmt.Sprintf("-- migrate:up\nCREATE TABLE x%d (id INTEGER);\nINSERT INTO x%d VALUES (1);\n", i, i)
		if i%10 == 3 {
			text = strings.Replace(text, "up\n", "up no-transaction\n", 1) + "VACUUM;\n"
		}
		fsys[fmt.Sprintf("202402010%03d00_x.sql", i)] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, params := range []string{"", "?_pragma=journal_mode(WAL)"} {
		dir := t.TempDir()
		dsn := "file:" + filepath.Join(dir, "db") + params
		alone := time.Now()
		start(t, "sqlite", "file:"+filepath.Join(dir, "alone")+params, write(t, fsys)).steps(t)
		t.Logf("alone %v", time.Since(alone))
		t.Logf("eight %v", eight(t, "sqlite", dsn, write(t, fsys), len(fsys)))
		_, db := sqliteMigrator(t, dsn, fsys)
		for i := range 30 {
			if n := count(t, db, fmt.Sprintf("SELECT count(*) FROM x%d", i)); n != 1 {
				t.Errorf("version %d was applied %d times", i, n)
			}
		}
	}
}

// The journal of a process that was killed in a transaction is rolled back by the next.
func TestKilledInATransactionOfSQLite(t *testing.T) {
	dsn := "file:" + filepath.Join(t.TempDir(), "db")
	fsys := files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (i INTEGER);\nINSERT INTO a WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < (SELECT n FROM gate)) SELECT i FROM c;\n")
	_, db := sqliteMigrator(t, dsn, fsys)
	execute(t, db, "CREATE TABLE gate (n INTEGER); INSERT INTO gate VALUES (2000000000)")
	dir := write(t, fsys)
	p := start(t, "sqlite", dsn, dir)
	until(t, "the transaction", func() bool {
		info, err := os.Stat(strings.TrimPrefix(dsn, "file:") + "-journal")
		return err == nil && info.Size() > 0
	})
	time.Sleep(300 * time.Millisecond)
	p.kill(t)
	execute(t, db, "UPDATE gate SET n = 10")
	if n := start(t, "sqlite", dsn, dir).steps(t); n != 1 {
		t.Errorf("%d steps", n)
	}
	if n := count(t, db, "SELECT count(*) FROM a"); n != 10 {
		t.Errorf("%d rows", n)
	}
}

// A disk that is full in the middle of a file leaves nothing of it, and the next run does it.
func TestDiskFull(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "db")
	fsys := files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (b BLOB);\n", "20240102000000_b.sql", "-- migrate:up\nCREATE TABLE b (b BLOB);\nINSERT INTO b VALUES (zeroblob(4000000));\n",
		"20240103000000_c.sql", "-- migrate:up no-transaction\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (zeroblob(4000000));\n")
	full, db := sqliteMigrator(t, "file:"+path+"?_pragma=max_page_count(100)", fsys)
	steps, err := full.Up(ctx)
	var e *migrate.Error
	if !errors.As(err, &e) || len(steps) != 1 || e.Version != 20240102000000 || !strings.Contains(err.Error(), "full") {
		t.Fatal(steps, err)
	}
	if n := count(t, db, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"); n != 0 {
		t.Error("the table was left")
	}
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections in use", n)
	}
	db.Close()
	roomy, db := sqliteMigrator(t, "file:"+path, fsys)
	if steps, err := roomy.Up(ctx); err != nil || len(steps) != 2 {
		t.Fatal(steps, err)
	}
	if n := count(t, db, "SELECT count(*) FROM a"); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// The same with a limit of the operating system, which the driver meets as a failing write.
func TestFileSizeLimit(t *testing.T) {
	dsn := "file:" + filepath.Join(t.TempDir(), "db")
	fsys := files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (b BLOB);\n", "20240102000000_b.sql", "-- migrate:up\nCREATE TABLE b (b BLOB);\nINSERT INTO b VALUES (zeroblob(9000000));\n")
	dir := write(t, fsys)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := command("sqlite", dsn, dir, "/bin/sh", "-c", "ulimit -f 2000; exec "+exe) // a million bytes
	if p.Run() == nil {
		t.Fatal("the runner did not fail")
	}
	t.Log(p.log.String())
	_, db := sqliteMigrator(t, dsn, fsys)
	if n := count(t, db, "SELECT count(*) FROM schema_information WHERE state = 'applied'"); n != 1 {
		t.Errorf("%d applied", n)
	}
	if n := start(t, "sqlite", dsn, dir).steps(t); n != 1 {
		t.Errorf("%d steps", n)
	}
}

// A runner without the right to write, in a process that is not root's, says so and leaves nothing; what needs no writing goes on.
func TestPermissionDenied(t *testing.T) {
	base := files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (i INTEGER);\n")
	more := maps.Clone(base)
	more["20240102000000_b.sql"] = &fstest.MapFile{Data: []byte("-- migrate:up\nCREATE TABLE b (i INTEGER);\n")}
	more["20240103000000_c.sql"] = &fstest.MapFile{Data: []byte("-- migrate:up no-transaction\nCREATE TABLE c (i INTEGER);\n")}
	tests := []struct {
		name         string
		folder, file fs.FileMode
		files        fstest.MapFS
		steps        int
		want         string // in the error, empty for none
	}{
		{"file and folder, nothing to do", 0o555, 0o444, base, 0, ""},
		{"file and folder", 0o555, 0o444, more, 0, "readonly"},
		{"file", 0o777, 0o444, more, 0, "readonly"},
		{"folder, where the journal would be", 0o555, 0o666, more, 0, "readonly database (1544)"},
		{"not even to read", 0o777, 0o000, base, 0, "unable to open database file"},
		{"none denied", 0o777, 0o666, more, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := openFolder(t)
			folder := filepath.Join(home, "data")
			if err := os.Mkdir(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, "db")
			m, db := sqliteMigrator(t, "file:"+path, base)
			if _, err := m.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			db.Close()
			dir := filepath.Join(home, "migrations")
			if err := errors.Join(os.CopyFS(dir, tt.files), os.Chmod(path, tt.file), os.Chmod(folder, tt.folder)); err != nil {
				t.Fatal(err)
			}
			p := unprivileged(t, home, "file:"+path, dir)
			failed := p.Run()
			if failed == nil != (tt.want == "") || !strings.Contains(p.log.String(), tt.want) {
				t.Errorf("%v: %s", failed, &p.log)
			}
			t.Log(p.log.String())
			if err := errors.Join(os.Chmod(folder, 0o755), os.Chmod(path, 0o644)); err != nil {
				t.Fatal(err)
			}
			if n := start(t, "sqlite", "file:"+path, dir).steps(t); n != len(tt.files)-1-tt.steps {
				t.Errorf("%d steps afterwards", n)
			}
		})
	}
}

// openFolder is one that every user may enter, unlike t.TempDir.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "avatarkit-migrate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// unprivileged is a runner that is not root, whom no mode stops. Its program is copied to home, since the one of go test lies in a closed folder.
func unprivileged(t *testing.T, home, dsn, dir string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		return command("sqlite", dsn, dir, exe)
	}
	program, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	runner := filepath.Join(home, "runner")
	if err := os.WriteFile(runner, program, 0o755); err != nil {
		t.Fatal(err)
	}
	p := command("sqlite", dsn, dir, runner)
	const nobody = 65534
	p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	p.Dir = "/"
	return p
}
