package avatar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
)

// site is a handler behind a real server, with one picture of alice's.
type site struct {
	*world
	url, id string
	whole   []byte // the largest variant
}

func newSite(t *testing.T, opts *avatar.HandlerOptions) *site {
	t.Helper()
	s := &site{world: newWorld(t, avatar.Options{})}
	key, id := s.grant("alice", "image/jpeg")
	var large bytes.Buffer
	if err := jpeg.Encode(&large, image.NewGray(image.Rect(0, 0, 520, 520)), nil); err != nil {
		t.Fatal(err)
	}
	s.put(key, large.Bytes())
	s.process(key, avatar.OutcomePublished)
	server := httptest.NewServer(s.Handler(opts))
	t.Cleanup(server.Close)
	s.url, s.id = server.URL, id
	var err error
	if s.whole, err = s.assets.ReadAll(t.Context(), "avatars/alice/"+id+"/512.jpg"); err != nil {
		t.Fatal(err)
	}
	return s
}

// do sends the path as it is written, and follows no redirect.
func (s *site) do(method, path string, header ...string) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	path, query, _ := strings.Cut(path, "?")
	r.URL.Opaque, r.URL.RawQuery = path, query
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, body
}

func defaults(_ context.Context, publicID string, v avatar.Variant) (avatar.Picture, error) {
	return avatar.Picture{ContentType: "image/png", Data: []byte("picture of " + publicID + " at " + v.Name)}, nil
}

func TestHandlerConditional(t *testing.T) {
	s := newSite(t, &avatar.HandlerOptions{Default: defaults})
	version := "/avatars/alice/" + s.id + "/512.jpg"
	tag := `"` + s.id + `-512"`
	none, _ := s.do("GET", "/avatars/bob")
	defaultTag := none.Header.Get("ETag")
	modified, _ := s.do("GET", version)
	date := modified.Header.Get("Last-Modified")
	tests := []struct {
		name, method, path string
		header             []string
		status             int
	}{
		{"strong", "GET", version, []string{"If-None-Match", tag}, 304},
		{"weak", "GET", version, []string{"If-None-Match", "W/" + tag}, 304},
		{"list", "GET", version, []string{"If-None-Match", `"a", W/"b", ` + tag}, 304},
		{"star", "GET", version, []string{"If-None-Match", "*"}, 304},
		{"other", "GET", version, []string{"If-None-Match", `"a", "b"`}, 200},
		{"not a tag", "GET", version, []string{"If-None-Match", s.id}, 200},
		{"head", "HEAD", version, []string{"If-None-Match", tag}, 304},
		{"of another size", "GET", "/avatars/alice?size=64", []string{"If-None-Match", tag}, 200},
		{"current", "GET", "/avatars/alice.jpg", []string{"If-None-Match", tag}, 304},
		{"default", "GET", "/avatars/bob", []string{"If-None-Match", defaultTag}, 304},
		{"default of another", "GET", "/avatars/carol", []string{"If-None-Match", defaultTag}, 200},
		{"since", "GET", version, []string{"If-Modified-Since", date}, 304},
		{"since, and another tag", "GET", version, []string{"If-Modified-Since", date, "If-None-Match", `"a"`}, 200},
		{"current has no date", "GET", "/avatars/alice", []string{"If-Modified-Since", date}, 200},
		{"match", "GET", version, []string{"If-Match", tag}, 200},
		{"no match", "GET", version, []string{"If-Match", `"a"`}, 412},
		{"weak never matches strongly", "GET", version, []string{"If-Match", "W/" + tag}, 412},
		{"unmodified since", "GET", version, []string{"If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"}, 412},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, body := s.do(tt.method, tt.path, tt.header...)
			if res.StatusCode != tt.status {
				t.Fatalf("status = %d, want %d", res.StatusCode, tt.status)
			}
			if res.StatusCode != 304 {
				return
			}
			// RFC 9110, section 15.4.5: what a 200 would have said, and no content.
			h := res.Header
			if len(body) > 0 || h.Get("ETag") == "" || h.Get("Cache-Control") == "" || h.Get("Content-Type") != "" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("304 with %d bytes and %v", len(body), h)
			}
		})
	}
}

func TestHandlerRanges(t *testing.T) {
	s := newSite(t, &avatar.HandlerOptions{Default: defaults})
	version := "/avatars/alice/" + s.id + "/512.jpg"
	tag := `"` + s.id + `-512"`
	n := len(s.whole)
	tests := []struct {
		name   string
		path   string
		header []string
		status int
		body   []byte
	}{
		{"first", version, []string{"Range", "bytes=0-3"}, 206, s.whole[:4]},
		{"open end", version, []string{"Range", "bytes=10-"}, 206, s.whole[10:]},
		{"suffix", version, []string{"Range", "bytes=-5"}, 206, s.whole[n-5:]},
		{"longer than it is", version, []string{"Range", "bytes=5-99999999"}, 206, s.whole[5:]},
		{"of the current one", "/avatars/alice", []string{"Range", "bytes=2-3"}, 206, s.whole[2:4]},
		{"of a default", "/avatars/bob", []string{"Range", "bytes=11-13"}, 206, []byte("bob")},
		{"other unit", version, []string{"Range", "pages=1-2"}, 200, s.whole},
		{"several", version, []string{"Range", "bytes=0-1,10-12"}, 200, s.whole},
		{"behind the end", version, []string{"Range", "bytes=99999999-"}, 416, nil},
		{"reversed", version, []string{"Range", "bytes=5-2"}, 416, nil},
		{"same version", version, []string{"Range", "bytes=0-3", "If-Range", tag}, 206, s.whole[:4]},
		{"other version", version, []string{"Range", "bytes=0-3", "If-Range", `"a"`}, 200, s.whole},
		{"weak If-Range", version, []string{"Range", "bytes=0-3", "If-Range", "W/" + tag}, 200, s.whole},
		{"date for what has none", "/avatars/alice", []string{"Range", "bytes=0-3", "If-Range", "Mon, 01 Jan 2001 00:00:00 GMT"}, 200, s.whole},
		{"not changed", version, []string{"Range", "bytes=0-3", "If-None-Match", tag}, 304, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, body := s.do("GET", tt.path, tt.header...)
			if res.StatusCode != tt.status {
				t.Fatalf("status = %d, want %d", res.StatusCode, tt.status)
			}
			if tt.body != nil && !bytes.Equal(body, tt.body) {
				t.Errorf("%d bytes %.20q, want %d bytes %.20q", len(body), body, len(tt.body), tt.body)
			}
			if tt.status == 416 && strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
				t.Error("the refusal may be kept for ever")
			}
		})
	}
}

func TestHandlerHead(t *testing.T) {
	s := newSite(t, &avatar.HandlerOptions{Default: defaults})
	for _, path := range []string{"/avatars/alice", "/avatars/alice.jpg?size=64", "/avatars/alice/" + s.id + "/64.jpg", "/avatars/bob", "/avatars/alice/" + s.id + "/none.jpg", "/x"} {
		get, body := s.do("GET", path)
		head, none := s.do("HEAD", path)
		if len(none) > 0 || head.StatusCode != get.StatusCode {
			t.Errorf("%s: HEAD %d with %d bytes, GET %d", path, head.StatusCode, len(none), get.StatusCode)
		}
		if get.StatusCode == 200 && head.ContentLength != int64(len(body)) {
			t.Errorf("%s: HEAD says %d bytes, GET has %d", path, head.ContentLength, len(body))
		}
		for _, name := range []string{"ETag", "Content-Type", "Cache-Control", "Content-Location"} {
			if get.Header.Get(name) != head.Header.Get(name) {
				t.Errorf("%s: %s is %q, and %q for HEAD", path, name, get.Header.Get(name), head.Header.Get(name))
			}
		}
	}
}

// What is not exactly one of the three forms is not there, whatever the bucket holds.
func TestHandlerPaths(t *testing.T) {
	s := newSite(t, nil)
	secret := "records/avatars/alice/" + s.id + ".json"
	for _, key := range []string{secret, "avatars/secret.txt", "avatars/alice/x.jpg", "other/alice.jpg"} {
		if err := s.assets.WriteAll(t.Context(), key, []byte("secret"), nil); err != nil {
			t.Fatal(err)
		}
	}
	version := "/avatars/alice/" + s.id + "/512.jpg"
	tests := []struct {
		path   string
		status int
	}{
		{"/avatars/alice", 200},
		{"/avatars/%61lice", 200},
		{"/avatars/alice.jpg.jpg", 404},
		{"/avatars/.jpg", 404},
		{"/avatars/", 404},
		{"/avatars", 404},
		{"/avatars/alice/", 404},
		{"//avatars/alice", 404},
		{"/avatars//alice", 404},
		{"/avatars/alice.png", 404},
		{"/avatars/alice%00", 404},
		{"/avatars/alice%0a.jpg", 404},
		{"/avatars/../" + secret, 404},
		{"/avatars/%2e%2e/" + secret, 404},
		{"/avatars/alice/..%2f..%2f..%2f" + secret, 404},
		{"/avatars/alice/../alice.jpg", 404},
		{"/avatars/secret.txt", 404},
		{"/avatars/alice/x.jpg", 404},
		{"/" + secret, 404},
		{"/other/alice.jpg", 404},
		{version + "/", 404},
		{version + ".jpg", 404},
		{strings.ToUpper(version), 404},
		{"/avatars/alice/" + strings.ToUpper(s.id) + "/512.jpg", 404},
		{"/avatars/alice/" + s.id + "/manifest.json", 404},
		{"/avatars/alice/" + s.id + "/512.svg", 404},
		{"/avatars/alice/6ba7b810-9dad-11d1-80b4-00c04fd430c8/512.jpg", 404},
		{"/avatars/" + strings.Repeat("a", 129), 404},
		{"/avatars/alice?size=0", 400},
		{"/avatars/alice?size=16385", 400},
		{"/avatars/alice?size=1e3", 400},
		{"/avatars/alice?size=64&size=x", 200},
		{"/avatars/alice?size=", 200},
	}
	for _, tt := range tests {
		res, body := s.do("GET", tt.path)
		if res.StatusCode != tt.status || bytes.Contains(body, []byte("secret")) {
			t.Errorf("%s: %d, want %d: %.60q", tt.path, res.StatusCode, tt.status, body)
		}
		if res.StatusCode >= 400 {
			var problem struct{ Code string }
			if err := json.Unmarshal(body, &problem); err != nil || problem.Code == "" || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: answered %q, %v, %v", tt.path, body, err, res.Header)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		if res, _ := s.do(method, "/avatars/alice"); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, res.StatusCode, res.Header.Get("Allow"))
		}
	}
}

// Defaults have the same paths, sizes and caching as pictures, and give way to them.
func TestHandlerDefaults(t *testing.T) {
	s := newSite(t, &avatar.HandlerOptions{Default: defaults, Redirect: true})
	tests := []struct{ path, body string }{
		{"/avatars/bob", "picture of bob at 512"},
		{"/avatars/bob.jpg", "picture of bob at 512"},
		{"/avatars/bob?size=64", "picture of bob at 64"},
		{"/avatars/bob?size=65", "picture of bob at 128"},
		{"/avatars/bob?size=9999", "picture of bob at 512"},
	}
	for _, tt := range tests {
		res, body := s.do("GET", tt.path)
		if res.StatusCode != 200 || string(body) != tt.body || !strings.Contains(res.Header.Get("Cache-Control"), "max-age=60") {
			t.Errorf("%s: %d %q %v", tt.path, res.StatusCode, body, res.Header)
		}
	}
	if res, _ := s.do("GET", "/avatars/bob/"+s.id+"/512.jpg"); res.StatusCode != 404 {
		t.Errorf("a version of nobody: %d", res.StatusCode)
	}
	key, id := s.upload("bob", blue)
	s.process(key, avatar.OutcomePublished)
	if res, _ := s.do("GET", "/avatars/bob"); res.StatusCode != 302 || res.Header.Get("Location") != "/avatars/bob/"+id+"/512.jpg" {
		t.Errorf("%d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestHandlerRedirectsToTheCDN(t *testing.T) {
	urls, err := avatar.NewURLs("https://cdn.example.com/pictures/")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, &avatar.HandlerOptions{Redirect: true, URLs: urls})
	for _, method := range []string{"GET", "HEAD"} {
		res, body := s.do(method, "/avatars/alice.jpg?size=100")
		want := "https://cdn.example.com/pictures/avatars/alice/" + s.id + "/128.jpg"
		if res.StatusCode != 302 || res.Header.Get("Location") != want || len(body) > 0 || !strings.Contains(res.Header.Get("Cache-Control"), "max-age=60") {
			t.Errorf("%s: %d to %q, %v", method, res.StatusCode, res.Header.Get("Location"), res.Header)
		}
	}
}

// A request that runs out of time must not be answered with an empty 200 that a cache keeps.
func TestHandlerOutOfTime(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	w.assets.Close() // memory heeds no deadline; a closed bucket fails
	for _, path := range []string{"/avatars/alice", "/avatars/alice/" + id + "/512.jpg"} {
		ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
		rec := httptest.NewRecorder()
		w.Handler(nil).ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", path, nil))
		cancel()
		if rec.Code != 503 || rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %v", path, rec.Code, rec.Header())
		}
	}
}

// A manifest whose picture is gone, as the sweep and Erase leave it for a moment in a reader's hands.
func TestHandlerMissingObject(t *testing.T) {
	s := newSite(t, nil)
	if err := s.assets.Delete(t.Context(), "avatars/alice/"+s.id+"/512.jpg"); err != nil {
		t.Fatal(err)
	}
	for _, header := range [][]string{nil, {"If-None-Match", `"older"`}} {
		if res, _ := s.do("GET", "/avatars/alice", header...); res.StatusCode != 404 || res.Header.Get("Content-Location") != "" {
			t.Errorf("%v: %d %v", header, res.StatusCode, res.Header)
		}
	}
}

// A forged manifest cannot make the handler serve another object.
func TestHandlerServesPicturesOnly(t *testing.T) {
	s := newSite(t, nil)
	_, id := s.grant("mallory", "image/jpeg")
	forged := `{"upload_id":"` + id + `","variants":[{"key":"records/secret.json","width":1,"size":6}]}`
	for key, data := range map[string]string{"records/secret.json": "secret", "avatars/mallory/" + id + "/manifest.json": forged} {
		if err := s.assets.WriteAll(t.Context(), key, []byte(data), &blob.WriterOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if res, body := s.do("GET", "/avatars/mallory"); res.StatusCode != 503 || bytes.Contains(body, []byte("secret")) {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}
