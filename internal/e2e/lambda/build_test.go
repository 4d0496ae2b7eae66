package lambda_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// functions are the packages of the bootstraps.
const functions = "github.com/cruddur/avatarkit/examples/lambda/"

var (
	buildDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "lambda") })
	builds   sync.Map // package to func() (string, error)
)

// bootstrap builds the package as the documentation says, but for this machine, and once for all tests.
func bootstrap(t *testing.T, pkg string) string {
	t.Helper()
	once, _ := builds.LoadOrStore(pkg, sync.OnceValues(func() (string, error) { return compile(pkg) }))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func compile(pkg string) (string, error) {
	dir, err := buildDir()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, filepath.Base(pkg), "bootstrap")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(msg)))
	}
	return out, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := buildDir(); err == nil {
		_ = os.RemoveAll(dir) // the system's temporary folder is cleaned anyway
	}
	os.Exit(code)
}

// size is the length of a file in megabytes.
func size(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
}
