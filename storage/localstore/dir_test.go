package localstore_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
)

func openDir(t *testing.T, dir string) *localstore.Store {
	t.Helper()
	s, err := localstore.OpenDir(dir, localstore.Config{Secret: secret, BaseURL: "http://127.0.0.1:8080/up"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Bucket().Close() })
	return s
}

// TestDirIsFileblob: what is received can be read by fileblob, also after a restart, and nothing else is left.
func TestDirIsFileblob(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uploads")
	first := openDir(t, dir)
	g := grant(t, first, storage.Policy{ContentType: "image/png", Size: 5, CacheControl: "no-store"})
	second := openDir(t, dir) // as another process would
	checkAnswer(t, serveGrant(t, second, g, "hello", nil), 201, "")
	checkAnswer(t, serveGrant(t, first, g, "HELLO", nil), 409, "exists")
	b, err := fileblob.OpenBucket(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	attrs, err := b.Attributes(t.Context(), key)
	if err != nil || attrs.ContentType != "image/png" || attrs.CacheControl != "no-store" || attrs.Size != 5 {
		t.Errorf("attributes %+v, %v", attrs, err)
	}
	if left := files(t, dir+".staging"); len(left) != 1 || left[0] != "lock" {
		t.Errorf("the staging folder holds %q, want the lock alone", left)
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestDirSweepsLeftovers: what a crash left is removed at the next start, and what may still grow is not.
func TestDirSweepsLeftovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uploads")
	openDir(t, dir)
	for name, age := range map[string]time.Duration{"old": 3 * time.Hour, "young": time.Minute, "lock": 3 * time.Hour} {
		path := filepath.Join(dir+".staging", name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	openDir(t, dir)
	if got := files(t, dir+".staging"); !slices.Equal(got, []string{"lock", "young"}) {
		t.Errorf("left %q", got)
	}
}

func TestDirKeys(t *testing.T) {
	s := openDir(t, filepath.Join(t.TempDir(), "uploads"))
	for _, key := range []string{"a.attrs", "a.attrs/b", "a<b", "a:b", "a|b", "a*b", "a/" + strings.Repeat("b", 250)} {
		if g, err := s.GrantUpload(t.Context(), key, exactly5); !errors.Is(err, storage.ErrInvalidKey) {
			t.Errorf("%q: %v, %v, want ErrInvalidKey", key, g, err)
		}
	}
	put := func(key string) int {
		g, err := s.GrantUpload(t.Context(), key, exactly5)
		if err != nil {
			t.Fatal(err)
		}
		return serveGrant(t, s, g, "hello", nil).Code
	}
	tests := []struct {
		key  string
		want int
	}{{"a/b", 201}, {"a", 409}, {"a/b/c", 409}, {"a/d", 201}}
	for _, tt := range tests {
		if got := put(tt.key); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.key, got, tt.want)
		}
	}
}

func TestDirUnavailable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uploads")
	s := openDir(t, dir)
	g := grant(t, s, exactly5)
	if err := os.RemoveAll(dir + ".staging"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+".staging", nil, 0o600); err != nil { // no folder any more
		t.Fatal(err)
	}
	rec := serveGrant(t, s, g, "hello", nil)
	checkAnswer(t, rec, 503, "unavailable")
	if rec.Header().Get("Retry-After") == "" || strings.Contains(rec.Body.String(), dir) {
		t.Errorf("answer %v %s, want Retry-After and nothing of the folder", rec.Header(), rec.Body)
	}
	if err := os.Remove(dir + ".staging"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+".staging", 0o755); err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, serveGrant(t, s, g, "hello", nil), http.StatusCreated, "")
}

func TestRefusesConfig(t *testing.T) {
	good := localstore.Config{Secret: secret, BaseURL: "https://example.com/up"}
	tests := []struct {
		name string
		edit func(*localstore.Config)
	}{
		{"short secret", func(c *localstore.Config) { c.Secret = secret[:31] }},
		{"no base", func(c *localstore.Config) { c.BaseURL = "" }},
		{"relative base", func(c *localstore.Config) { c.BaseURL = "/up" }},
		{"base with a query", func(c *localstore.Config) { c.BaseURL += "?a=b" }},
		{"base with a user", func(c *localstore.Config) { c.BaseURL = "https://a:b@example.com" }},
		{"any origin", func(c *localstore.Config) { c.Origins = []string{"*"} }},
		{"null origin", func(c *localstore.Config) { c.Origins = []string{"null"} }},
		{"origin with a slash", func(c *localstore.Config) { c.Origins = []string{"https://example.com/"} }},
		{"origin with the default port", func(c *localstore.Config) { c.Origins = []string{"https://example.com:443"} }},
		{"origin in upper case", func(c *localstore.Config) { c.Origins = []string{"https://Example.com"} }},
		{"negative timeout", func(c *localstore.Config) { c.Timeout = -1 }},
		{"negative stall", func(c *localstore.Config) { c.Stall = -1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good
			tt.edit(&cfg)
			if _, err := localstore.New(memblob.OpenBucket(nil), cfg); err == nil {
				t.Error("accepted in memory")
			}
			if _, err := localstore.OpenDir(filepath.Join(t.TempDir(), "u"), cfg); err == nil {
				t.Error("accepted for a folder")
			}
		})
	}
	folder, err := fileblob.OpenBucket(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if _, err := localstore.New(folder, good); err == nil {
		t.Error("New takes a folder, whose driver cannot write once")
	}
	if _, err := localstore.New(nil, good); err == nil {
		t.Error("New takes a nil bucket")
	}
}
