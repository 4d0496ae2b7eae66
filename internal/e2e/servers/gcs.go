package servers

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	gcs "cloud.google.com/go/storage"
	"gocloud.dev/blob/gcsblob"
	"google.golang.org/api/option"

	"github.com/cruddur/avatarkit/internal/e2e/component"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/gcsstore"
)

// GCSAccessID is the service account that signs.
const GCSAccessID = "signer@test.iam.gserviceaccount.com"

// GCS is a running fake-gcs-server. The world reaches it through a proxy that refuses what Google would.
type GCS struct {
	// Endpoint is the proxy's URL, for uploaders and strangers.
	Endpoint string
	// Admin is the URL for those who may do everything, such as the value of STORAGE_EMULATOR_HOST. It keeps the
	// bucket settings that fake-gcs-server would lose: CORS, lifecycle, IAM policy.
	Admin string
	// Client talks to Admin.
	Client *gcs.Client
	// PrivateKey is the key of GCSAccessID, in PEM.
	PrivateKey []byte
}

var _ Server = (*GCS)(nil)

// FakeGCS starts fake-gcs-server without buckets, with extra flags such as "-event.pubsub-topic", and the proxy.
func FakeGCS(t testing.TB, flags ...string) *GCS {
	t.Helper()
	program, addr := component.Program(t, "fake-gcs-server"), component.FreeAddr(t)
	host, port := splitAddr(t, addr)
	args := []string{"-scheme", "http", "-host", host, "-port", port, "-backend", "memory", "-public-host", addr, "-log-level", "warn"}
	run(t, nil, program, append(args, flags...)...)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	target := &url.URL{Scheme: "http", Host: addr}
	p := &gcsProxy{
		target: target, accessID: GCSAccessID, key: &key.PublicKey, settings: map[string]bucketSettings{},
		forward: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }},
	}
	public, admin := httptest.NewServer(http.HandlerFunc(p.public)), httptest.NewServer(http.HandlerFunc(p.admin))
	t.Cleanup(public.Close)
	t.Cleanup(admin.Close)
	g := &GCS{
		Endpoint: public.URL, Admin: admin.URL,
		PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
	}
	g.Client, err = gcs.NewClient(context.Background(), option.WithEndpoint(admin.URL+"/storage/v1/"), option.WithoutAuthentication(), gcs.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Client.Close() })
	eventually(t, "fake-gcs-server is not ready", func() error {
		resp, err := http.Get("http://" + addr + "/_internal/healthcheck")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	return g
}

// MakeBucket makes the bucket if it is missing.
func (g *GCS) MakeBucket(t testing.TB, name string) {
	t.Helper()
	if _, err := g.Client.Bucket(name).Attrs(t.Context()); err == nil {
		return
	}
	if err := g.Client.Bucket(name).Create(t.Context(), "test", nil); err != nil {
		t.Fatal(err)
	}
}

// Store implements [Server]. Grants of unknown size are PUTs; see [GCS.Open] for forms.
func (g *GCS) Store(t testing.TB, bucket string) storage.Store { return g.Open(t, bucket, false) }

// Open makes the bucket if it is missing, and opens it with or without forms.
func (g *GCS) Open(t testing.TB, bucket string, forms bool) *gcsstore.Store {
	t.Helper()
	g.MakeBucket(t, bucket)
	b, err := gcsblob.OpenBucket(t.Context(), nil, bucket, &gcsblob.Options{Client: g.Client})
	if err != nil {
		t.Fatal(err)
	}
	store, err := gcsstore.New(b, bucket, &gcsstore.Options{GoogleAccessID: GCSAccessID, PrivateKey: g.PrivateKey, Endpoint: g.Endpoint, Forms: forms})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Bucket().Close() })
	return store
}

func splitAddr(t testing.TB, addr string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}
