package gcsstore_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcp"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/gcsstore"
)

const accessID = "signer@example.iam.gserviceaccount.com"

// privateKey is made once: it takes a while.
var privateKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
})

func newBucket(t testing.TB, transport http.RoundTripper) *blob.Bucket {
	t.Helper()
	b, err := gcsblob.OpenBucket(context.Background(), gcp.NewAnonymousHTTPClient(transport), "uploads", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func newStore(t testing.TB, opts gcsstore.Options) *gcsstore.Store {
	t.Helper()
	opts.GoogleAccessID, opts.PrivateKey = accessID, privateKey()
	s, err := gcsstore.New(newBucket(t, http.DefaultTransport), "uploads", &opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGrantPut(t *testing.T) {
	tests := []struct {
		name     string
		policy   storage.Policy
		signed   string
		header   map[string]string
		enforced string
	}{
		{"size", storage.Policy{ContentType: "image/svg+xml", Size: 7},
			"content-type;host;x-goog-content-length-range;x-goog-if-generation-match",
			map[string]string{"Content-Type": "image/svg+xml", "X-Goog-Content-Length-Range": "7,7", "X-Goog-If-Generation-Match": "0"},
			"content_type expiry max_bytes method size write_once"},
		{"maximum", storage.Policy{ContentType: "a/b", MaxBytes: 7, Expires: storage.MaxExpiry},
			"content-type;host;x-goog-content-length-range;x-goog-if-generation-match",
			map[string]string{"Content-Type": "a/b", "X-Goog-Content-Length-Range": "1,7", "X-Goog-If-Generation-Match": "0"},
			"content_type expiry max_bytes method write_once"},
		{"range, digest, cache control, overwrite",
			storage.Policy{ContentType: "a/b", MinBytes: 3, MaxBytes: 7, SHA256: strings.Repeat("0", 64), CacheControl: "no-store", Overwrite: true, Expires: time.Second},
			"cache-control;content-type;host;x-goog-content-length-range",
			map[string]string{"Content-Type": "a/b", "X-Goog-Content-Length-Range": "3,7", "Cache-Control": "no-store"},
			"content_type expiry max_bytes method"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newStore(t, gcsstore.Options{}).GrantUpload(t.Context(), "a b/é+1.png", tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(g.URL)
			if err != nil {
				t.Fatal("malformed URL")
			}
			if got := u.Scheme + "://" + u.Host + u.EscapedPath(); got != "https://storage.googleapis.com/uploads/a%20b/%C3%A9%2B1.png" {
				t.Errorf("address %s", got)
			}
			if got := u.Query().Get("X-Goog-SignedHeaders"); got != tt.signed {
				t.Errorf("signs %s, want %s", got, tt.signed)
			}
			header := map[string]string{}
			for name := range g.Header {
				header[name] = g.Header.Get(name)
			}
			if !maps.Equal(header, tt.header) {
				t.Errorf("headers %v, want %v", header, tt.header)
			}
			if got := strings.Join(g.Enforced, " "); got != tt.enforced {
				t.Errorf("enforced %s, want %s", got, tt.enforced)
			}
			checkExpiry(t, g, u.Query(), tt.policy.Expires)
		})
	}
}

// checkExpiry: what the grant says must be what was signed, and never later.
func checkExpiry(t *testing.T, g *storage.Grant, q url.Values, want time.Duration) {
	t.Helper()
	if want == 0 {
		want = storage.DefaultExpiry
	}
	from, err := time.Parse("20060102T150405Z", q.Get("X-Goog-Date"))
	seconds, err2 := strconv.Atoi(q.Get("X-Goog-Expires"))
	if err != nil || err2 != nil || time.Duration(seconds)*time.Second != want {
		t.Fatalf("signed for %d s from %v, want %v", seconds, from, want)
	}
	if late := from.Add(want).Sub(g.Expires); late < 0 || late > 2*time.Second {
		t.Errorf("the signature ends %v after the grant says", late)
	}
}

func TestGrantForm(t *testing.T) {
	s := newStore(t, gcsstore.Options{Forms: true, Endpoint: "http://up.example.com:8080"})
	g, err := s.GrantUpload(t.Context(), "a/1.png", storage.Policy{ContentType: "image/png", MinBytes: 2, MaxBytes: 7, CacheControl: "no-store"})
	if err != nil {
		t.Fatal(err)
	}
	if g.Method != http.MethodPost || g.URL != "http://up.example.com:8080/uploads/" || g.Header != nil {
		t.Errorf("%s to %s", g.Method, g.URL)
	}
	if got := strings.Join(g.Enforced, " "); got != "content_type expiry max_bytes method" {
		t.Errorf("enforced %s", got)
	}
	raw, err := base64.StdEncoding.DecodeString(g.Fields["policy"])
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Expiration time.Time
		Conditions []any
	}
	if err := json.Unmarshal(raw, &policy); err != nil {
		t.Fatal(err)
	}
	if !policy.Expiration.Equal(g.Expires) {
		t.Errorf("the policy ends at %v, the grant says %v", policy.Expiration, g.Expires)
	}
	conditions := fmt.Sprint(policy.Conditions)
	for _, want := range []string{"map[key:a/1.png]", "map[bucket:uploads]", "map[content-type:image/png]", "map[cache-control:no-store]",
		"map[success_action_status:201]", "[content-length-range 2 7]"} {
		if !strings.Contains(strings.ToLower(conditions), want) {
			t.Errorf("conditions %s, want %s", conditions, want)
		}
	}
	exact, err := s.GrantUpload(t.Context(), "a/1.png", storage.Policy{ContentType: "image/png", Size: 7})
	if err != nil || exact.Method != http.MethodPut {
		t.Errorf("a known size is granted as %v, %v, want PUT", exact, err)
	}
}

func TestSigners(t *testing.T) {
	pkcs8, _ := pem.Decode(privateKey())
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(parsed.(*rsa.PrivateKey))})
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pkcs1, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9") // or the driver looks for credentials
	opened, err := gcsstore.Open(t.Context(), "gs://uploads?"+url.Values{"access_id": {accessID}, "private_key_path": {path}}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	made := func(opts gcsstore.Options) *gcsstore.Store {
		opts.GoogleAccessID = accessID
		s, err := gcsstore.New(newBucket(t, http.DefaultTransport), "uploads", &opts)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct {
		name  string
		store *gcsstore.Store
	}{
		{"PKCS #8", made(gcsstore.Options{PrivateKey: privateKey()})},
		{"PKCS #1", made(gcsstore.Options{PrivateKey: pkcs1})},
		{"function", made(gcsstore.Options{SignBytes: func([]byte) ([]byte, error) { return []byte("signed"), nil }})},
		{"named by the URL", opened},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := tt.store.GrantUpload(t.Context(), "k", storage.Policy{ContentType: "a/b", Size: 1})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(g.URL)
			if err != nil || !strings.HasPrefix(u.Query().Get("X-Goog-Credential"), accessID+"/") || u.Query().Get("X-Goog-Signature") == "" {
				t.Error("the URL is not signed by the account")
			}
		})
	}
	failing := made(gcsstore.Options{SignBytes: func([]byte) ([]byte, error) { return nil, errors.New("KMS is away") }})
	for _, p := range []storage.Policy{{ContentType: "a/b", Size: 1}, {ContentType: "a/b", MaxBytes: 1}} {
		if g, err := failing.GrantUpload(t.Context(), "k", p); g != nil || !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("got %v, %v, want ErrUnavailable", g, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	tests := []struct {
		name   string
		key    string
		policy storage.Policy
		want   error
	}{
		{"size zero", "k", storage.Policy{ContentType: "a/b"}, storage.ErrInvalidPolicy},
		{"negative size", "k", storage.Policy{ContentType: "a/b", Size: -1}, storage.ErrInvalidPolicy},
		{"expiry over seven days", "k", storage.Policy{ContentType: "a/b", Size: 1, Expires: storage.MaxExpiry + time.Second}, storage.ErrInvalidPolicy},
		{"key", "../k", storage.Policy{ContentType: "a/b", Size: 1}, storage.ErrInvalidKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newStore(t, gcsstore.Options{}).GrantUpload(t.Context(), tt.key, tt.policy)
			if g != nil || !errors.Is(err, tt.want) {
				t.Errorf("got %v, %v, want %v", g, err, tt.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	sign := func([]byte) ([]byte, error) { return nil, nil }
	secret := []byte("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
	tests := []struct {
		name string
		opts gcsstore.Options
	}{
		{"key without account", gcsstore.Options{PrivateKey: privateKey()}},
		{"account without key", gcsstore.Options{GoogleAccessID: accessID}},
		{"two signers", gcsstore.Options{GoogleAccessID: accessID, PrivateKey: privateKey(), SignBytes: sign}},
		{"key that is not PEM", gcsstore.Options{GoogleAccessID: accessID, PrivateKey: []byte("c2VjcmV0")}},
		{"key that is none", gcsstore.Options{GoogleAccessID: accessID, PrivateKey: secret}},
		{"endpoint with a path", gcsstore.Options{Endpoint: "https://up.example.com/x"}},
		{"endpoint without scheme", gcsstore.Options{Endpoint: "up.example.com"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := gcsstore.New(newBucket(t, http.DefaultTransport), "uploads", &tt.opts)
			if err == nil || strings.Contains(err.Error(), "c2VjcmV0") {
				t.Errorf("error %v, want one without the key", err)
			}
		})
	}
	for _, b := range []*blob.Bucket{nil, memblob.OpenBucket(nil)} {
		if _, err := gcsstore.New(b, "uploads", nil); err == nil {
			t.Error("a bucket of another driver is accepted")
		}
	}
}

// toServer sends every request to the server, whatever host it is for.
type toServer struct{ host string }

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", s.host
	return http.DefaultTransport.RoundTrip(r)
}

func TestWrapError(t *testing.T) {
	tests := []struct {
		status int
		want   error
	}{
		{401, storage.ErrPermission},
		{403, storage.ErrPermission},
		{404, storage.ErrNotFound},
		{412, storage.ErrExists},
		{400, storage.ErrInvalidKey}, // GCS refuses the request for what it names,
	}
	for _, tt := range tests {
		t.Run(strconv.Itoa(tt.status), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				fmt.Fprintf(w, `{"error":{"code":%d,"message":"no"}}`, tt.status)
			}))
			t.Cleanup(server.Close)
			b := newBucket(t, toServer{server.Listener.Addr().String()})
			s, err := gcsstore.New(b, "uploads", nil)
			if err != nil {
				t.Fatal(err)
			}
			_, readErr := b.Attributes(t.Context(), "k")
			writeErr := b.Upload(t.Context(), "k", strings.NewReader("x"), &blob.WriterOptions{ContentType: "a/b", IfNotExist: true})
			for _, err := range []error{readErr, writeErr} {
				if got := s.WrapError(err); !errors.Is(got, tt.want) || !errors.Is(got, err) {
					t.Errorf("%v, want %v around the original", got, tt.want)
				}
			}
		})
	}
	s := newStore(t, gcsstore.Options{})
	if s.WrapError(nil) != nil {
		t.Error("nil became an error")
	}
	if err := fmt.Errorf("read: %w", context.DeadlineExceeded); !errors.Is(s.WrapError(err), context.DeadlineExceeded) {
		t.Error("the context's error is lost")
	}
}

func ExampleNew() {
	ctx := context.Background()
	bucket, err := gcsblob.OpenBucket(ctx, gcp.NewAnonymousHTTPClient(http.DefaultTransport), "example-uploads", nil) // or with credentials
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bucket.Close()
	store, err := gcsstore.New(bucket, "example-uploads", &gcsstore.Options{
		GoogleAccessID: "granter@example.iam.gserviceaccount.com",
		PrivateKey:     privateKey(), // in PEM, from a secret store
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := store.GrantUpload(ctx, "uploads/ada/1.png", storage.Policy{ContentType: "image/png", MaxBytes: 5 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	address, _, _ := strings.Cut(grant.URL, "?")
	fmt.Println(grant.Method, address)
	fmt.Println(grant.Header)
	fmt.Println(grant.Enforced)
	// Output:
	// PUT https://storage.googleapis.com/example-uploads/uploads/ada/1.png
	// map[Content-Type:[image/png] X-Goog-Content-Length-Range:[1,5242880] X-Goog-If-Generation-Match:[0]]
	// [content_type expiry max_bytes method write_once]
}
