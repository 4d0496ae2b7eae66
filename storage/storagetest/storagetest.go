package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage"
)

// Options adapts [TestGranter] to a store. Nil means the defaults.
type Options struct {
	// Client makes the uploads; nil means [http.DefaultClient].
	Client *http.Client
	// Prefix begins every key, and ends in "/". Empty means "storagetest/".
	Prefix string
	// Writers and Rounds size the race for one key. Zero means 32 and 3.
	Writers, Rounds int
	// Skew is how much longer than Expires the store accepts a grant. Zero means one second.
	Skew time.Duration
}

// suite is one run.
type suite struct {
	store storage.Store
	opts  Options
}

// TestGranter runs the suite against an empty part of the store's bucket. Each run uses fresh keys and leaves its objects.
func TestGranter(t *testing.T, store storage.Store, opts *Options) {
	s := suite{store: store}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Client == nil {
		s.opts.Client = http.DefaultClient
	}
	if s.opts.Prefix == "" {
		s.opts.Prefix = "storagetest/"
	}
	if s.opts.Writers == 0 {
		s.opts.Writers = 32
	}
	if s.opts.Rounds == 0 {
		s.opts.Rounds = 3
	}
	if s.opts.Skew == 0 {
		s.opts.Skew = time.Second
	}
	t.Run("upload", s.testUpload)
	t.Run("keys", s.testKeys)
	t.Run("refusals", s.testRefusals)
	t.Run("overwrite", s.testOverwrite)
	t.Run("race", s.testRace)
	t.Run("expiry", s.testExpiry)
	t.Run("impossible", s.testImpossible)
	t.Run("secrecy", s.testSecrecy)
}

// content is what the suite uploads.
var content = []byte("thirty-two bytes of test content")

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (s suite) key() string { return s.opts.Prefix + uuid.NewString() + ".bin" }

// policies are the shapes that an application asks for.
func policies() []struct {
	name   string
	policy storage.Policy
} {
	return []struct {
		name   string
		policy storage.Policy
	}{
		{"exact size", storage.Policy{ContentType: "image/png", Size: int64(len(content))}},
		{"exact size and digest", storage.Policy{ContentType: "image/png", Size: int64(len(content)), SHA256: digest(content), CacheControl: "no-store"}},
		{"maximum", storage.Policy{ContentType: "image/png", MaxBytes: int64(len(content)) + 8}},
		{"maximum and digest", storage.Policy{ContentType: "image/png", MaxBytes: int64(len(content)) + 8, SHA256: digest(content)}},
		{"range", storage.Policy{ContentType: "image/png", MinBytes: 8, MaxBytes: int64(len(content))}},
	}
}

func (s suite) grant(t *testing.T, key string, p storage.Policy) *storage.Grant {
	t.Helper()
	g, err := s.store.GrantUpload(t.Context(), key, p)
	if err != nil {
		t.Fatalf("GrantUpload: %v", err)
	}
	return g
}

// send uses the grant and returns the status. What the store says beside it is logged only if the test fails.
func (s suite) send(t *testing.T, g *storage.Grant, body []byte, change func(*http.Request)) int {
	t.Helper()
	r, err := g.NewRequest(t.Context(), bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("NewRequest: %v", err)
	}
	if change != nil {
		change(r)
	}
	return s.do(t, r)
}

func (s suite) do(t *testing.T, r *http.Request) int {
	t.Helper()
	resp, err := s.opts.Client.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", r.Method, withoutURL(err))
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	t.Logf("%s: %s %s", r.Method, resp.Status, answer)
	return resp.StatusCode
}

// withoutURL drops what http.Client puts in front of an error.
func withoutURL(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func accepted(status int) bool { return status/100 == 2 }

// exists reports whether the bucket has the key.
func (s suite) exists(t *testing.T, key string) bool {
	t.Helper()
	ok, err := s.store.Bucket().Exists(context.WithoutCancel(t.Context()), key)
	if err != nil {
		t.Fatalf("Exists: %v", err)
	}
	return ok
}

func (s suite) read(t *testing.T, key string) []byte {
	t.Helper()
	b, err := s.store.Bucket().ReadAll(t.Context(), key)
	if err != nil {
		t.Fatalf("ReadAll: %v", err)
	}
	return b
}

func (s suite) testUpload(t *testing.T) {
	for _, tt := range policies() {
		t.Run(tt.name, func(t *testing.T) {
			p := tt.policy
			p.UploadID = "id-1"
			key := s.key()
			g := s.grant(t, key, p)
			checkGrant(t, g, key, p)
			if status := s.send(t, g, content, nil); !accepted(status) {
				t.Fatalf("a right upload was refused: %d", status)
			}
			if got := s.read(t, key); !bytes.Equal(got, content) {
				t.Fatalf("stored %q, want %q", got, content)
			}
			attrs, err := s.store.Bucket().Attributes(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if attrs.ContentType != p.ContentType {
				t.Errorf("stored content type %q, want %q", attrs.ContentType, p.ContentType)
			}
			if attrs.CacheControl != p.CacheControl {
				t.Errorf("stored cache control %q, want %q", attrs.CacheControl, p.CacheControl)
			}
		})
	}
}

// checkGrant checks what must hold for a grant of any store.
func checkGrant(t *testing.T, g *storage.Grant, key string, p storage.Policy) {
	t.Helper()
	if g.Method != http.MethodPut && g.Method != http.MethodPost {
		t.Errorf("Method %q, want PUT or POST", g.Method)
	}
	if g.Method == http.MethodPut && g.Fields != nil || g.Method == http.MethodPost && len(g.Fields) == 0 {
		t.Errorf("%s with %d fields", g.Method, len(g.Fields))
	}
	for _, name := range []string{"Host", "Content-Length"} {
		if g.Header.Get(name) != "" {
			t.Errorf("Header has %s, which a browser cannot set", name)
		}
	}
	if g.Key != key || g.UploadID != p.UploadID {
		t.Errorf("Key %q, UploadID %q; want %q, %q", g.Key, g.UploadID, key, p.UploadID)
	}
	if want := max(p.Size, p.MaxBytes); g.MaxBytes != want {
		t.Errorf("MaxBytes %d, want %d", g.MaxBytes, want)
	}
	if left := time.Until(g.Expires); left <= 0 || left > storage.DefaultExpiry+2*time.Second || g.Expires.Location() != time.UTC {
		t.Errorf("Expires %v, want UTC and in about %v", g.Expires, storage.DefaultExpiry)
	}
	if !slices.IsSorted(g.Enforced) || !slices.Contains(g.Enforced, storage.EnforceExpiry) {
		t.Errorf("Enforced %q, want it sorted and with %q", g.Enforced, storage.EnforceExpiry)
	}
	for _, forbidden := range []struct {
		what string
		not  bool
	}{
		{storage.EnforceSize, p.Size == 0}, {storage.EnforceSHA256, p.SHA256 == ""}, {storage.EnforceWriteOnce, p.Overwrite},
	} {
		if forbidden.not && slices.Contains(g.Enforced, forbidden.what) {
			t.Errorf("Enforced has %q, which the policy did not ask for", forbidden.what)
		}
	}
}

// testKeys uploads to keys that are written in one way in a URL, in another in a signature and in a third in a form.
func (s suite) testKeys(t *testing.T) {
	folder := s.opts.Prefix + uuid.NewString() + "/"
	for _, name := range []string{"a b", "a+b", "a&b=c", "a;b,c", "a(b)", "a!b'c", "a$b", "a~b-c_d.e", "a@b", "a=b", "é✓", "日本", "a:b", "a*b", "A/b.JPG"} {
		t.Run(name, func(t *testing.T) {
			key := folder + name
			for _, p := range []storage.Policy{
				{ContentType: "image/png", Size: int64(len(content))},
				{ContentType: "image/svg+xml", MaxBytes: int64(len(content)), Overwrite: true},
			} {
				g, err := s.store.GrantUpload(t.Context(), key, p)
				if errors.Is(err, storage.ErrInvalidKey) {
					t.Skip("the store refuses such a key")
				}
				if err != nil {
					t.Fatal(err)
				}
				if status := s.send(t, g, content, nil); !accepted(status) {
					t.Fatalf("a right upload was refused: %d", status)
				}
			}
			if got := s.read(t, key); !bytes.Equal(got, content) {
				t.Errorf("stored %q, want %q", got, content)
			}
			listed := s.store.Bucket().List(&blob.ListOptions{Prefix: key})
			if o, err := listed.Next(t.Context()); err != nil || o.Key != key {
				t.Errorf("listed as %v, %v", o, err)
			}
		})
	}
}

func (s suite) testOverwrite(t *testing.T) {
	key := s.key()
	g := s.grant(t, key, storage.Policy{ContentType: "image/png", Size: int64(len(content)), Overwrite: true})
	second := bytes.ToUpper(content)
	for _, body := range [][]byte{content, second} {
		if status := s.send(t, g, body, nil); !accepted(status) {
			t.Fatalf("an upload with Overwrite was refused: %d", status)
		}
	}
	if got := s.read(t, key); !bytes.Equal(got, second) {
		t.Errorf("stored %q, want the second upload", got)
	}
}

// testExpiry is the only test that waits.
func (s suite) testExpiry(t *testing.T) {
	longest := s.grant(t, s.key(), storage.Policy{ContentType: "image/png", Size: int64(len(content)), Expires: storage.MaxExpiry})
	if status := s.send(t, longest, content, nil); !accepted(status) {
		t.Errorf("a grant for the longest time was refused: %d", status)
	}
	key := s.key()
	g := s.grant(t, key, storage.Policy{ContentType: "image/png", Size: int64(len(content)), Expires: time.Second})
	time.Sleep(time.Until(g.Expires) + s.opts.Skew)
	if status := s.send(t, g, content, nil); accepted(status) {
		t.Errorf("a grant was accepted after its expiry: %d", status)
	}
	if s.exists(t, key) {
		t.Error("an expired grant stored an object")
	}
}

func (s suite) testImpossible(t *testing.T) {
	good := storage.Policy{ContentType: "image/png", Size: 10}
	tests := []struct {
		name string
		key  string
		edit func(*storage.Policy)
		want error
	}{
		{"size zero", "a/b", func(p *storage.Policy) { p.Size = 0 }, storage.ErrInvalidPolicy},
		{"size negative", "a/b", func(p *storage.Policy) { p.Size = -1 }, storage.ErrInvalidPolicy},
		{"maximum negative", "a/b", func(p *storage.Policy) { p.MaxBytes = -1 }, storage.ErrInvalidPolicy},
		{"over the maximum", "a/b", func(p *storage.Policy) { p.MaxBytes = 9 }, storage.ErrInvalidPolicy},
		{"no type", "a/b", func(p *storage.Policy) { p.ContentType = "" }, storage.ErrInvalidPolicy},
		{"type of two lines", "a/b", func(p *storage.Policy) { p.ContentType = "image/png\r\nx: y" }, storage.ErrInvalidPolicy},
		{"digest", "a/b", func(p *storage.Policy) { p.SHA256 = "abc" }, storage.ErrInvalidPolicy},
		{"expiry over seven days", "a/b", func(p *storage.Policy) { p.Expires = storage.MaxExpiry + time.Second }, storage.ErrInvalidPolicy},
		{"expiry negative", "a/b", func(p *storage.Policy) { p.Expires = -time.Second }, storage.ErrInvalidPolicy},
		{"key empty", "", nil, storage.ErrInvalidKey},
		{"key with a slash in front", "/a", nil, storage.ErrInvalidKey},
		{"key climbing", "a/../b", nil, storage.ErrInvalidKey},
		{"key escaped", "a/%2e%2e/b", nil, storage.ErrInvalidKey},
		{"key too long", strings.Repeat("a/", 513) + "b", nil, storage.ErrInvalidKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := good
			if tt.edit != nil {
				tt.edit(&p)
			}
			g, err := s.store.GrantUpload(t.Context(), tt.key, p)
			if !isError(err, tt.want) {
				t.Errorf("GrantUpload = %v, %v; want %v", g, err, tt.want)
			}
		})
	}
}

func (s suite) testSecrecy(t *testing.T) {
	g := s.grant(t, s.key(), storage.Policy{ContentType: "image/png", Size: 10})
	for _, secret := range append(secretsOf(g), g.URL) {
		for _, shown := range []string{fmt.Sprint(g), fmt.Sprintf("%v %+v %#v %s", *g, *g, *g, *g), fmt.Sprintf("%#v", g), g.LogValue().String()} {
			if strings.Contains(shown, secret) {
				t.Errorf("a grant shows its secrets: %s", shown)
			}
		}
	}
}
