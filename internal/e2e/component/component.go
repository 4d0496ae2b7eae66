// Package component finds the real servers and programs that the end-to-end tests run against.
//
// .ci/components installs them below the folder that Dir returns. A test that needs one which is missing skips with
// the component's name, or fails when AVATARKIT_REQUIRE is "all" or lists that name, separated by commas.
package component

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Dir returns the folder of installed components: AVATARKIT_COMPONENTS, or avatarkit in the user's cache folder.
func Dir() string {
	if d := os.Getenv("AVATARKIT_COMPONENTS"); d != "" {
		return d
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "avatarkit")
	}
	return filepath.Join(cache, "avatarkit")
}

// Program returns the path of the named program: bin/name below Dir, then one of the extra paths, then $PATH.
// When there is none the test skips or fails as Missing says.
func Program(t testing.TB, name string, paths ...string) string {
	t.Helper()
	for _, p := range append([]string{filepath.Join(Dir(), "bin", name)}, paths...) {
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			return p
		}
	}
	p, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name, err)
	}
	return p
}

// NodePackage returns the folder of an npm package that .ci/components installed, or skips or fails as Missing says.
func NodePackage(t testing.TB, name string) string {
	t.Helper()
	p := filepath.Join(Dir(), "node", "node_modules", filepath.FromSlash(name))
	if _, err := os.Stat(filepath.Join(p, "package.json")); err != nil {
		Missing(t, name, err)
	}
	return p
}

// Missing ends the test: it fails if AVATARKIT_REQUIRE asks for the component, else it skips with the component's name.
func Missing(t testing.TB, name string, why error) {
	t.Helper()
	required := strings.Split(os.Getenv("AVATARKIT_REQUIRE"), ",")
	if slices.Contains(required, "all") || slices.Contains(required, name) {
		t.Fatalf("component %s is required and missing: %v", name, why)
	}
	t.Skipf("component %s is missing: %v", name, why)
}

// FreeAddr returns a loopback address with a port that was free a moment ago.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
