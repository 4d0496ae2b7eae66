package doctor_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"gocloud.dev/blob"
)

// cdn serves the pictures of the bucket as a well configured CDN would, and then as edit says.
func cdn(t *testing.T, assets *blob.Bucket, edit func(w http.ResponseWriter, r *http.Request) (done bool)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.URL.Path, "/")
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		reader, err := assets.NewReader(r.Context(), key, nil)
		if err != nil || !strings.HasPrefix(key, "avatars/") {
			h.Set("Cache-Control", "max-age=10")
			if !edit(w, r) {
				w.WriteHeader(http.StatusNotFound)
			}
			return
		}
		defer reader.Close()
		attrs, err := assets.Attributes(r.Context(), key)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		h.Set("Content-Type", attrs.ContentType)
		h.Set("Cache-Control", attrs.CacheControl)
		if !edit(w, r) {
			_, _ = reader.WriteTo(w) // the client went away
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func asItIs(http.ResponseWriter, *http.Request) bool { return false }

// proxy stands between the doctor and a store. The Host header stays, as it must for signatures.
func proxy(t *testing.T, target string, edit func(*http.Response) error) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host },
		ModifyResponse: edit,
	})
	t.Cleanup(srv.Close)
	return srv.URL
}
