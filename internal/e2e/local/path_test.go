package local_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// person is a signed-in client of the HTTP API.
type person struct {
	t     *testing.T
	url   string
	token string
}

func signIn(t *testing.T, s *server, name string) *person {
	t.Helper()
	p := &person{t: t, url: s.url}
	var login struct {
		AccessToken string `json:"access_token"`
	}
	p.json("POST", "/dev/login", map[string]string{"username": name}, 200, &login)
	p.token = login.AccessToken
	var profile map[string]any
	p.json("GET", "/api/profile", nil, 200, &profile) // makes the profile
	return p
}

// json makes a request, checks the status, and decodes the answer into out unless that is nil.
func (p *person) json(method, path string, body any, status int, out any) http.Header {
	p.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, r)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode != status {
		p.t.Fatalf("%s %s: status %d, want %d: %s", method, path, res.StatusCode, status, data)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			p.t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
	return res.Header
}

// grant is the answer of key_upload.
type grant struct {
	URL      string            `json:"url"`
	Method   string            `json:"method"`
	Headers  map[string]string `json:"headers"`
	Key      string            `json:"key"`
	UploadID string            `json:"upload_id"`
	MaxBytes int64             `json:"max_bytes"`
	Enforced []string          `json:"enforced"`
}

func (p *person) grant(contentType string, size int) grant {
	p.t.Helper()
	var g grant
	p.json("POST", "/avatars/key_upload", map[string]any{"content_type": contentType, "size": size}, 200, &g)
	return g
}

// send makes exactly the granted request, changed by edit, and returns status and problem code.
func (g grant) send(t *testing.T, data []byte, edit func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), g.Method, g.URL, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range g.Headers {
		req.Header.Set(name, value)
	}
	if edit != nil {
		edit(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.NewDecoder(res.Body).Decode(&problem) // success has no body
	return res.StatusCode, problem.Code
}

type status struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

// outcome waits until the upload is ready or rejected.
func (p *person) outcome(id string, limit time.Duration) status {
	p.t.Helper()
	var s status
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		p.json("GET", "/api/uploads/"+id, nil, 200, &s)
		if s.State == "ready" || s.State == "rejected" || time.Now().After(end) {
			return s
		}
	}
}

func (p *person) avatarURL() string {
	p.t.Helper()
	var v struct {
		URL string `json:"avatar_url"`
	}
	p.json("GET", "/api/profile", nil, 200, &v)
	return v.URL
}

func TestPhotoBecomesAvatar(t *testing.T) {
	s := start(t)
	p := signIn(t, s, "andrew")
	data := sideways(t, 4032, 3024)
	g := p.grant("image/jpeg", len(data))
	if got, code := g.send(t, data, nil); got != 201 && got != 200 {
		t.Fatalf("upload: status %d %s", got, code)
	}
	begin := time.Now()
	if got := p.outcome(g.UploadID, 20*time.Second); got.State != "ready" {
		t.Fatalf("state %q %q", got.State, got.Reason)
	}
	t.Logf("ready %v after the upload", time.Since(begin).Round(time.Millisecond))

	res, err := http.Get(s.url + p.avatarURL())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); got != "image/jpeg" {
		t.Errorf("Content-Type %q", got)
	}
	if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("Cache-Control %q", got)
	}
	for _, mark := range []string{"Exif", "http://ns.adobe.com", "ICC_PROFILE"} {
		if bytes.Contains(body, []byte(mark)) {
			t.Errorf("the avatar still has %s", mark)
		}
	}
	m, err := jpeg.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds().Size() != image.Pt(512, 512) {
		t.Fatalf("size %v", m.Bounds().Size())
	}
	for _, corner := range []struct {
		name string
		x, y int
		want string
	}{{"top", 256, 20, "red"}, {"bottom left", 60, 490, "green"}, {"bottom right", 450, 490, "blue"}} {
		if got := colorName(m.At(corner.x, corner.y)); got != corner.want {
			t.Errorf("%s is %s, want %s: the picture is not upright", corner.name, got, corner.want)
		}
	}
}

func colorName(c color.Color) string {
	r, g, b, _ := c.RGBA()
	switch max(r, g, b) {
	case r:
		return "red"
	case g:
		return "green"
	}
	return "blue"
}

func TestRefusals(t *testing.T) {
	s := start(t)
	p, other := signIn(t, s, "andrew"), signIn(t, s, "bayko")
	good := sideways(t, 640, 480)
	first := p.grant("image/jpeg", len(good))
	if got, code := first.send(t, good, nil); got != 201 {
		t.Fatalf("upload: status %d %s", got, code)
	}
	if got := p.outcome(first.UploadID, 20*time.Second); got.State != "ready" {
		t.Fatalf("state %+v", got)
	}
	old := p.avatarURL()
	theirs := other.grant("image/jpeg", len(good))

	uploads := []struct {
		name   string
		grant  grant
		data   []byte
		edit   func(*http.Request)
		status int
		code   string
	}{
		{"a second PUT", first, good, nil, 409, "exists"},
		{"one byte too many", p.grant("image/jpeg", len(good)), append(slices.Clone(good), 0), nil, 413, "too_large"},
		{"one byte too few", p.grant("image/jpeg", len(good)), good[:len(good)-1], nil, 400, "too_small"},
		{"another type", p.grant("image/jpeg", len(good)), good, func(r *http.Request) { r.Header.Set("Content-Type", "image/png") }, 415, "content_type"},
		{"another user's key", p.grant("image/jpeg", len(good)), good, func(r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, first.Key[:strings.LastIndex(first.Key, "/")], theirs.Key[:strings.LastIndex(theirs.Key, "/")], 1)
		}, 403, "bad_signature"},
		{"another method", p.grant("image/jpeg", len(good)), good, func(r *http.Request) { r.Method = "POST" }, 405, "method"},
	}
	for _, tt := range uploads {
		t.Run(tt.name, func(t *testing.T) {
			if got, code := tt.grant.send(t, tt.data, tt.edit); got != tt.status || code != tt.code {
				t.Errorf("status %d %q, want %d %q", got, code, tt.status, tt.code)
			}
		})
	}

	contents := []struct {
		name, contentType string
		data              []byte
		reason            string
	}{
		{"SVG", "image/png", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "unsupported_format"},
		{"text named jpg", "image/jpeg", []byte("this is no picture at all, only text"), "unsupported_format"},
		{"PNG of 20000x20000", "image/png", bomb(20000, 20000), "too_many_pixels"},
	}
	for _, tt := range contents {
		t.Run(tt.name, func(t *testing.T) {
			g := p.grant(tt.contentType, len(tt.data))
			if got, code := g.send(t, tt.data, nil); got != 201 {
				t.Fatalf("upload: status %d %s", got, code)
			}
			if got := p.outcome(g.UploadID, 20*time.Second); got.State != "rejected" || got.Reason != tt.reason {
				t.Errorf("%+v, want rejected %s", got, tt.reason)
			}
		})
	}

	if got := p.avatarURL(); got != old {
		t.Errorf("the old avatar went: %s, was %s", got, old)
	}
	p.json("GET", "/healthz", nil, 200, nil)
	p.json("GET", "/readyz", nil, 200, nil)
}
