// Package servers starts the object stores that the end-to-end tests run against: versitygw, MinIO, Azurite, and
// fake-gcs-server behind a proxy that verifies what fake-gcs-server itself does not.
//
// Each start gives a server of its own with an empty disk, on a free loopback port, until the end of the test. A server
// that is not installed skips the test, as package component says.
//
// The proxy of [FakeGCS] is this project's own reading of Google's documentation. A test that passes on it says that our
// grants and this reading agree, not that Google's service would.
package servers

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

// Server is a running store.
type Server interface {
	// Store makes the bucket, or container, if it is missing, and opens it. Names have 3 letters or more.
	Store(t testing.TB, bucket string) storage.Store
}

// run starts a program until the end of the test and logs its output if the test failed.
func run(t testing.TB, env []string, program string, args ...string) {
	t.Helper()
	var out buffer
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(program), out.tail())
		}
	})
}

// eventually calls f until it succeeds: servers answer before they are ready to work.
func eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// buffer is a buffer that a process writes to while the test reads.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// tail is the end of it, where the reason is.
func (b *buffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf.Bytes()[max(0, b.buf.Len()-4096):])
}
