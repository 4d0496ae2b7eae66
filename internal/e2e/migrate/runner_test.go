//go:build unix

package migrate_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"
	_ "github.com/ncruces/go-sqlite3/driver"
	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

// TestMain makes the test binary a migration runner when RUNNER asks for it: a process that tests can start eightfold and kill.
func TestMain(m *testing.M) {
	if os.Getenv("RUNNER") == "" {
		os.Exit(m.Run())
	}
	if err := runner(os.Getenv("RUNNER"), os.Getenv("RUNNER_DSN"), os.Getenv("RUNNER_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runner applies the files of dir and prints the number of its steps.
func runner(driver, dsn, dir string) error {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	dialect := sqldb.Postgres
	if strings.HasPrefix(driver, "sqlite") {
		dialect = sqldb.SQLite
	}
	target, err := sqldb.New(db, dialect, nil)
	if err != nil {
		return err
	}
	m, err := migrate.New(target, os.DirFS(dir), &migrate.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	steps, err := m.Up(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(len(steps))
}

// process is a runner that was started.
type process struct {
	*exec.Cmd
	out, log bytes.Buffer
}

func start(t testing.TB, driver, dsn, dir string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := command(driver, dsn, dir, exe)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// command is a runner that args start.
func command(driver, dsn, dir string, args ...string) *process {
	p := &process{Cmd: exec.Command(args[0], args[1:]...)}
	p.Env = append(os.Environ(), "RUNNER="+driver, "RUNNER_DSN="+dsn, "RUNNER_DIR="+dir)
	p.Stdout, p.Stderr = &p.out, &p.log
	return p
}

// steps waits for the end and returns how many steps the runner took.
func (p *process) steps(t testing.TB) (n int) {
	t.Helper()
	if err := p.Wait(); err != nil {
		t.Errorf("%v: %s", err, &p.log)
		return 0
	}
	if err := json.Unmarshal(p.out.Bytes(), &n); err != nil {
		t.Errorf("%v: %q", err, &p.out)
	}
	return n
}

func (p *process) kill(t testing.TB) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
}

// eight starts eight runners at once, wants all to survive and every version to be applied once, and returns how long it took.
func eight(t testing.TB, driver, dsn, dir string, versions int) time.Duration {
	t.Helper()
	begin := time.Now()
	var all []*process
	for range 8 {
		all = append(all, start(t, driver, dsn, dir))
	}
	total := 0
	for _, p := range all {
		total += p.steps(t)
	}
	if total != versions {
		t.Errorf("%d steps were taken, want %d", total, versions)
	}
	return time.Since(begin)
}

// write makes a folder of files that is readable for every user.
func write(t testing.TB, fsys fs.FS) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "migrations")
	if err := os.CopyFS(dir, fsys); err != nil {
		t.Fatal(err)
	}
	return dir
}

// until waits for a condition, at most half a minute.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
