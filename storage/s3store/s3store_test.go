package s3store_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// digest is that of no bytes, in both writings.
const (
	digest       = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	digestBase64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
)

func newClient(change func(*s3.Options)) *s3.Client {
	o := s3.Options{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")}
	if change != nil {
		change(&o)
	}
	return s3.New(o)
}

func newStore(t testing.TB, client *s3.Client, opts *s3store.Options) *s3store.Store {
	t.Helper()
	s, err := s3store.New(client, "uploads", opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGrantPut(t *testing.T) {
	policy := storage.Policy{ContentType: "image/svg+xml", Size: 7, UploadID: "id"}
	all := func(p storage.Policy) storage.Policy {
		p.SHA256, p.CacheControl, p.Expires = digest, "no-store", storage.MaxExpiry
		return p
	}
	tests := []struct {
		name     string
		policy   storage.Policy
		signed   string // X-Amz-SignedHeaders
		header   map[string]string
		enforced string
	}{
		{"size", policy, "content-length;content-type;host;if-none-match",
			map[string]string{"Content-Type": "image/svg+xml", "If-None-Match": "*"},
			"content_type expiry max_bytes method size write_once"},
		{"everything", all(policy), "cache-control;content-length;content-type;host;if-none-match;x-amz-checksum-sha256",
			map[string]string{"Content-Type": "image/svg+xml", "If-None-Match": "*", "Cache-Control": "no-store", "X-Amz-Checksum-Sha256": digestBase64},
			"content_type expiry max_bytes method sha256 size write_once"},
		{"overwrite", storage.Policy{ContentType: "a/b", Size: 1, Overwrite: true}, "content-length;content-type;host",
			map[string]string{"Content-Type": "a/b"}, "content_type expiry max_bytes method size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newStore(t, newClient(nil), nil).GrantUpload(t.Context(), "a b/é+1.png", tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(g.URL)
			if err != nil {
				t.Fatal("malformed URL")
			}
			if got := u.Scheme + "://" + u.Host + u.EscapedPath(); got != "https://uploads.s3.eu-central-1.amazonaws.com/a%20b/%C3%A9%2B1.png" {
				t.Errorf("address %s", got)
			}
			if got := u.Query().Get("X-Amz-SignedHeaders"); got != tt.signed {
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
			if g.Method != http.MethodPut || g.Fields != nil || g.UploadID != tt.policy.UploadID || g.MaxBytes != tt.policy.Size {
				t.Errorf("grant %v", g)
			}
			expires := tt.policy.Expires
			if expires == 0 {
				expires = storage.DefaultExpiry
			}
			checkExpiry(t, g, u.Query(), expires)
		})
	}
}

// checkExpiry: what the grant says must be what was signed, and never later.
func checkExpiry(t *testing.T, g *storage.Grant, q url.Values, want time.Duration) {
	t.Helper()
	from, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	seconds, err2 := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || err2 != nil || time.Duration(seconds)*time.Second != want {
		t.Fatalf("signed for %d s from %v, want %v", seconds, from, want)
	}
	if late := from.Add(want).Sub(g.Expires); late < 0 || late > 2*time.Second {
		t.Errorf("the signature ends %v after the grant says", late)
	}
}

func TestGrantForm(t *testing.T) {
	g, err := newStore(t, newClient(nil), nil).GrantUpload(t.Context(), "a/1.png", storage.Policy{
		ContentType: "image/png", MinBytes: 2, MaxBytes: 7, SHA256: digest, CacheControl: "no-store",
	})
	if err != nil {
		t.Fatal(err)
	}
	if g.Method != http.MethodPost || g.URL != "https://uploads.s3.eu-central-1.amazonaws.com" || g.Header != nil || g.MaxBytes != 7 {
		t.Errorf("grant %v", g)
	}
	if got := strings.Join(g.Enforced, " "); got != "content_type expiry max_bytes method sha256" {
		t.Errorf("enforced %s", got)
	}
	expiration, exact, ranges := policyOf(t, g)
	for name, want := range map[string]string{
		"Content-Type": "image/png", "Cache-Control": "no-store", "key": "a/1.png", "success_action_status": "201",
		"x-amz-checksum-sha256": digestBase64, "x-amz-checksum-algorithm": "SHA256",
	} {
		if g.Fields[name] != want || exact[strings.ToLower(name)] != want {
			t.Errorf("%s: field %q, condition %q, want %q", name, g.Fields[name], exact[strings.ToLower(name)], want)
		}
	}
	if exact["bucket"] != "uploads" || !slices.Equal(ranges, []float64{2, 7}) {
		t.Errorf("bucket %q, range %v", exact["bucket"], ranges)
	}
	if late := expiration.Sub(g.Expires); late < 0 || late > 2*time.Second {
		t.Errorf("the policy ends %v after the grant says", late)
	}
	for name := range g.Fields {
		if _, covered := exact[strings.ToLower(name)]; !covered && name != "policy" && name != "X-Amz-Signature" {
			t.Errorf("no condition covers the field %s: S3 would refuse it", name)
		}
	}
}

// policyOf returns the policy's expiration, its conditions of equality by lower-case name, and its range of lengths.
func policyOf(t *testing.T, g *storage.Grant) (time.Time, map[string]string, []float64) {
	t.Helper()
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
	exact, ranges := map[string]string{}, []float64(nil)
	for _, c := range policy.Conditions {
		switch c := c.(type) {
		case map[string]any:
			for name, value := range c {
				exact[strings.ToLower(name)] = fmt.Sprint(value)
			}
		case []any:
			if c[0] == "content-length-range" {
				ranges = []float64{c[1].(float64), c[2].(float64)}
				continue
			}
			exact[strings.ToLower(strings.TrimPrefix(fmt.Sprint(c[1]), "$"))] = fmt.Sprint(c[2])
		}
	}
	return policy.Expiration, exact, ranges
}

func TestAddresses(t *testing.T) {
	elsewhere := func(pathStyle bool) *s3.Client {
		return newClient(func(o *s3.Options) {
			o.BaseEndpoint, o.UsePathStyle = aws.String("http://minio.internal:9000"), pathStyle
		})
	}
	tests := []struct {
		name      string
		client    *s3.Client
		endpoint  string
		put, post string
	}{
		{"AWS", newClient(nil), "", "https://uploads.s3.eu-central-1.amazonaws.com/k", "https://uploads.s3.eu-central-1.amazonaws.com"},
		{"AWS, path style", newClient(func(o *s3.Options) { o.UsePathStyle = true }), "",
			"https://s3.eu-central-1.amazonaws.com/uploads/k", "https://s3.eu-central-1.amazonaws.com/uploads"},
		{"AWS, accelerated", newClient(func(o *s3.Options) { o.UseAccelerate = true }), "",
			"https://uploads.s3-accelerate.amazonaws.com/k", "https://uploads.s3-accelerate.amazonaws.com"},
		{"MinIO", elsewhere(true), "", "http://minio.internal:9000/uploads/k", "http://minio.internal:9000/uploads"},
		{"MinIO, virtual host", elsewhere(false), "", "http://uploads.minio.internal:9000/k", "http://uploads.minio.internal:9000"},
		{"MinIO behind a proxy", elsewhere(true), "https://up.example.com/", "https://up.example.com/uploads/k", "https://up.example.com/uploads"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, tt.client, &s3store.Options{Endpoint: tt.endpoint})
			put, err := s.GrantUpload(t.Context(), "k", storage.Policy{ContentType: "a/b", Size: 1})
			if err != nil {
				t.Fatal(err)
			}
			post, err := s.GrantUpload(t.Context(), "k", storage.Policy{ContentType: "a/b", MaxBytes: 1})
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := strings.Cut(put.URL, "?"); got != tt.put {
				t.Errorf("PUT to %s, want %s", got, tt.put)
			}
			if post.URL != tt.post {
				t.Errorf("POST to %s, want %s", post.URL, tt.post)
			}
		})
	}
}

func TestSessionToken(t *testing.T) {
	const token = "temporary token"
	s := newStore(t, newClient(func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider("key", "secret", token)
	}), nil)
	put, err := s.GrantUpload(t.Context(), "k", storage.Policy{ContentType: "a/b", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(put.URL); err != nil || u.Query().Get("X-Amz-Security-Token") != token {
		t.Error("the URL lacks the session token")
	}
	post, err := s.GrantUpload(t.Context(), "k", storage.Policy{ContentType: "a/b", MaxBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, exact, _ := policyOf(t, post)
	if post.Fields["X-Amz-Security-Token"] != token || exact["x-amz-security-token"] != token {
		t.Error("the form lacks the session token, or its policy does")
	}
	if shown := fmt.Sprintf("%+v %#v", put, post); strings.Contains(shown, token) {
		t.Error("a grant shows the session token")
	}
}

func TestRefuses(t *testing.T) {
	broken := newClient(func(o *s3.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("no metadata service")
		})
	})
	tests := []struct {
		name   string
		client *s3.Client
		opts   *s3store.Options
		key    string
		policy storage.Policy
		want   error
	}{
		{"size zero", newClient(nil), nil, "k", storage.Policy{ContentType: "a/b"}, storage.ErrInvalidPolicy},
		{"negative size", newClient(nil), nil, "k", storage.Policy{ContentType: "a/b", Size: -1}, storage.ErrInvalidPolicy},
		{"expiry over seven days", newClient(nil), nil, "k", storage.Policy{ContentType: "a/b", Size: 1, Expires: storage.MaxExpiry + time.Second}, storage.ErrInvalidPolicy},
		{"key", newClient(nil), nil, "../k", storage.Policy{ContentType: "a/b", Size: 1}, storage.ErrInvalidKey},
		{"form without forms", newClient(nil), &s3store.Options{NoForms: true}, "k", storage.Policy{ContentType: "a/b", MaxBytes: 1}, errors.ErrUnsupported},
		{"no credentials", broken, nil, "k", storage.Policy{ContentType: "a/b", Size: 1}, storage.ErrUnavailable},
		{"no credentials for a form", broken, nil, "k", storage.Policy{ContentType: "a/b", MaxBytes: 1}, storage.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newStore(t, tt.client, tt.opts).GrantUpload(t.Context(), tt.key, tt.policy)
			if g != nil || !errors.Is(err, tt.want) {
				t.Errorf("got %v, %v, want %v", g, err, tt.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := s3store.New(nil, "uploads", nil); err == nil {
		t.Error("a nil client is accepted")
	}
	if _, err := s3store.New(newClient(nil), "", nil); err == nil {
		t.Error("a bucket without a name is accepted")
	}
	for _, endpoint := range []string{"up.example.com", "ftp://up.example.com", "https://", "https://up.example.com/path", "https://up.example.com?a=b", "https://user:pw@up.example.com", ":"} {
		if _, err := s3store.New(newClient(nil), "uploads", &s3store.Options{Endpoint: endpoint}); err == nil {
			t.Errorf("the endpoint %q is accepted", endpoint)
		}
	}
}

func ExampleNew() {
	client := s3.New(s3.Options{ // or s3.NewFromConfig with the credentials of the environment
		Region:      "eu-central-1",
		Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""),
	})
	store, err := s3store.New(client, "example-uploads", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Bucket().Close()
	grant, err := store.GrantUpload(context.Background(), "uploads/ada/1.png", storage.Policy{ContentType: "image/png", Size: 1024})
	if err != nil {
		fmt.Println(err)
		return
	}
	address, _, _ := strings.Cut(grant.URL, "?")
	fmt.Println(grant.Method, address)
	fmt.Println(grant.Header)
	fmt.Println(grant.Enforced)
	// Output:
	// PUT https://example-uploads.s3.eu-central-1.amazonaws.com/uploads/ada/1.png
	// map[Content-Type:[image/png] If-None-Match:[*]]
	// [content_type expiry max_bytes method size write_once]
}
