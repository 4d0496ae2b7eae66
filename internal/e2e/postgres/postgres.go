//go:build unix

// Package postgres runs a real PostgreSQL server for end-to-end tests.
package postgres

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // tests open the returned DSN with sql.Open("pgx", dsn)

	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// Start returns the DSN of a new, empty database, which is dropped when the test ends.
//
// The databases of one test binary share one cluster, which the first call starts (about a second) and which ends with
// the process, however that ends. The user is a superuser without a password. It listens on the loopback address only
// and does not flush to disk: what is tested is the client. A missing server ends the test as component.Missing says.
func Start(t testing.TB) (dsn string) {
	t.Helper()
	bin := Bin(t)
	once.Do(func() { addr, startErr = startCluster(bin) })
	if startErr != nil {
		t.Fatalf("start PostgreSQL: %v", startErr)
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	admin(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { admin(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return dsnOf(name)
}

// Bin returns the folder of PostgreSQL's programs (postgres, initdb, psql), or ends the test as component.Missing says.
func Bin(t testing.TB) string {
	t.Helper()
	installed, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // Debian keeps them out of $PATH
	slices.Reverse(installed)
	return filepath.Dir(component.Program(t, "postgres", installed...))
}

// The one cluster of this test binary.
var (
	once      sync.Once
	addr      string
	startErr  error
	databases atomic.Int64
)

func dsnOf(database string) string {
	return "postgres://postgres@" + addr + "/" + database + "?sslmode=disable"
}

func admin(t testing.TB, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsnOf("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// The shell outlives a killed test binary: its read ends when the binary's end of the pipe is gone.
const guard = `
"$1/postgres" -D "$2/data" -k "$2" -h 127.0.0.1 -p "$3" -c fsync=off -c synchronous_commit=off \
	-c full_page_writes=off -c max_connections=300 >"$2/log" 2>&1 </dev/null &
read line
kill -QUIT $!
wait $!
rm -rf "$2"
`

func startCluster(bin string) (addr string, err error) {
	dir, err := os.MkdirTemp("", "avatarkit-pg") // short: a socket's path has at most 107 bytes
	if err != nil {
		return "", err
	}
	attr := &syscall.SysProcAttr{Setpgid: true} // an interrupt from the keyboard must not reach the server first
	if os.Getuid() == 0 {
		cred, err := unprivileged()
		if err != nil {
			return "", err
		}
		attr.Credential = cred
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return "", err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr = l.Addr().String()
	_ = l.Close()
	sh := exec.Command("/bin/sh", "-c", guard, "sh", bin, dir, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	sh.SysProcAttr, sh.Dir = attr, dir
	if _, err := sh.StdinPipe(); err != nil { // stays open as long as this process lives
		return "", err
	}
	if err := sh.Start(); err != nil {
		return "", err
	}
	keep.Store(sh)
	return addr, ready(addr, dir)
}

// keep holds the guard's pipe: the garbage collector would close it.
var keep atomic.Pointer[exec.Cmd]

func ready(addr, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, "postgres://postgres@"+addr+"/postgres?sslmode=disable")
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return fmt.Errorf("%w\n%s", err, log)
		}
	}
}

// unprivileged returns a user that PostgreSQL, which refuses root, can run as.
func unprivileged() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
