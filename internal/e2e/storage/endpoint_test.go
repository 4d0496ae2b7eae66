package storage_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/azurestore"
	"github.com/cruddur/avatarkit/storage/s3store"
	"github.com/cruddur/avatarkit/storage/storagetest"
)

// TestPublicEndpoint runs the suite through a reverse proxy that uploaders reach under another name than the service that
// grants. (The store of GCS is behind one in every test.)
func TestPublicEndpoint(t *testing.T) {
	s3 := func(server *servers.S3) func(*testing.T, string) storage.Store {
		return func(t *testing.T, public string) storage.Store {
			server.MakeBucket(t, "uploads")
			return opened(s3store.New(server.Client, "uploads", &s3store.Options{Endpoint: public}))(t)
		}
	}
	tests := []struct {
		name  string
		start func(*testing.T) (backend string, open func(*testing.T, string) storage.Store)
	}{
		{"versitygw", func(t *testing.T) (string, func(*testing.T, string) storage.Store) {
			server := servers.Versitygw(t)
			return server.Endpoint, s3(server)
		}},
		{"minio", func(t *testing.T) (string, func(*testing.T, string) storage.Store) {
			server := servers.MinIO(t)
			return server.Endpoint, s3(server)
		}},
		{"azurite", func(t *testing.T) (string, func(*testing.T, string) storage.Store) {
			server := servers.Azurite(t)
			return "http://" + server.Addr, func(t *testing.T, public string) storage.Store {
				server.MakeContainer(t, "uploads")
				return opened(azurestore.New(server.Client.NewContainerClient("uploads"), &azurestore.Options{Endpoint: public}))(t)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			backend, open := tt.start(t)
			public, passed := reverseProxy(t, backend)
			store := open(t, public)
			storagetest.TestGranter(t, store, &storagetest.Options{Rounds: 1})
			if passed.Load() == 0 {
				t.Error("no upload went through the proxy")
			}
			g, err := store.GrantUpload(t.Context(), "k", storage.Policy{ContentType: "image/png", Size: 1})
			if err != nil || !strings.HasPrefix(g.URL, public+"/") {
				t.Errorf("the grant leads past the proxy: %v", err)
			}
		})
	}
}

func opened[S storage.Store](s S, err error) func(*testing.T) storage.Store {
	return func(t *testing.T) storage.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Bucket().Close() })
		return s
	}
}

// reverseProxy returns the address of a proxy that keeps the Host header, which S3 signs, and counts what passes.
func reverseProxy(t *testing.T, backend string) (string, *atomic.Int64) {
	t.Helper()
	target, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	passed := new(atomic.Int64)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		passed.Add(1)
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}, ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }})
	t.Cleanup(proxy.Close)
	return proxy.URL, passed
}
