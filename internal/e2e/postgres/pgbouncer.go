//go:build unix

package postgres

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// Bouncer starts PgBouncer in transaction mode before the database of dsn, with at most pool connections to it, and returns
// the DSN through it. It ends with the test. A missing program ends the test as component.Missing says.
func Bouncer(t testing.TB, dsn string, pool int) string {
	t.Helper()
	program := component.Program(t, "pgbouncer", "/usr/sbin/pgbouncer")
	server, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "avatarkit-pgbouncer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	addr := component.FreeAddr(t)
	host, port, _ := net.SplitHostPort(addr)
	config := fmt.Sprintf(`[databases]
* = host=%s port=%s user=postgres
[pgbouncer]
listen_addr = %s
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
max_client_conn = 500
`, server.Hostname(), server.Port(), host, port, pool)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-q", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 { // which it refuses
		if cmd.SysProcAttr.Credential, err = unprivileged(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	server.Host = addr
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, server.String()+"&default_query_exec_mode=simple_protocol")
		if err == nil {
			_ = conn.Close(ctx)
			return server.String()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("start PgBouncer: %v", err)
		}
	}
}
