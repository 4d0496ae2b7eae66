package localstore_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
)

const key = "uploads/ada/1.png"

var exactly5 = storage.Policy{ContentType: "image/png", Size: 5}

func grant(t testing.TB, s *localstore.Store, p storage.Policy) *storage.Grant {
	t.Helper()
	g, err := s.GrantUpload(t.Context(), key, p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func inMemory(t testing.TB, cfg localstore.Config) *localstore.Store {
	t.Helper()
	cfg.Secret, cfg.BaseURL = secret, "http://127.0.0.1:8080/up"
	s, err := localstore.New(memblob.OpenBucket(nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serveGrant answers the grant's request without a network.
func serveGrant(t testing.TB, s *localstore.Store, g *storage.Grant, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r, err := g.NewRequest(t.Context(), strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec
}

// TestAnswers has every code of the package documentation that needs no broken connection.
func TestAnswers(t *testing.T) {
	digest := strings.Repeat("0", 64)
	query := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			r.URL.RawQuery = q.Encode()
		}
	}
	tests := []struct {
		name   string
		policy storage.Policy
		body   string
		change func(*http.Request)
		status int
		code   string
	}{
		{"right", exactly5, "hello", nil, 201, ""},
		{"right, of unknown size", storage.Policy{ContentType: "image/png", MaxBytes: 5}, "hi", nil, 201, ""},
		{"no query", exactly5, "hello", func(r *http.Request) { r.URL.RawQuery = "" }, 400, "malformed"},
		{"query that does not parse", exactly5, "hello", func(r *http.Request) { r.URL.RawQuery += ";%zz" }, 400, "malformed"},
		{"very long query", exactly5, "hello", func(r *http.Request) { r.URL.RawQuery += "&a=" + strings.Repeat("a", 5000) }, 400, "malformed"},
		{"outside the base", exactly5, "hello", func(r *http.Request) { r.URL.Path = "/elsewhere/" + key }, 400, "malformed"},
		{"climbing", exactly5, "hello", func(r *http.Request) { r.URL.Path = "/up/uploads/../ada/1.png" }, 400, "malformed"},
		{"signature that is no hexadecimal", exactly5, "hello", query("signature", "xyz"), 400, "malformed"},
		{"another signature", exactly5, "hello", query("signature", strings.Repeat("ab", 32)), 403, "bad_signature"},
		{"short signature", exactly5, "hello", query("signature", "ab"), 403, "bad_signature"},
		{"another key", exactly5, "hello", func(r *http.Request) { r.URL.Path = "/up/uploads/bob/1.png" }, 403, "bad_signature"},
		{"another maximum", exactly5, "hello", query("max", "500"), 403, "bad_signature"},
		{"later expiry", exactly5, "hello", query("expires", "99999999999"), 403, "bad_signature"},
		{"overwriting", exactly5, "hello", query("overwrite", "true"), 403, "bad_signature"},
		{"one more parameter", exactly5, "hello", query("more", "1"), 403, "bad_signature"},
		{"GET", exactly5, "", func(r *http.Request) { r.Method = http.MethodGet }, 405, "method"},
		{"POST", exactly5, "hello", func(r *http.Request) { r.Method = http.MethodPost }, 405, "method"},
		{"no length", exactly5, "hello", func(r *http.Request) { r.ContentLength = -1 }, 411, "length_required"},
		{"too long", exactly5, "hello!", nil, 413, "too_large"},
		{"too short", exactly5, "hell", nil, 400, "too_small"},
		{"empty", storage.Policy{ContentType: "image/png", MaxBytes: 5}, "", nil, 400, "too_small"},
		{"another type", exactly5, "hello", func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }, 415, "content_type"},
		{"type with a parameter", exactly5, "hello", func(r *http.Request) { r.Header.Set("Content-Type", "image/png; charset=utf-8") }, 415, "content_type"},
		{"two types", exactly5, "hello", func(r *http.Request) { r.Header.Add("Content-Type", "image/png") }, 415, "content_type"},
		{"no type", exactly5, "hello", func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "content_type"},
		{"another content", storage.Policy{ContentType: "image/png", Size: 5, SHA256: digest}, "hello", nil, 422, "sha256"},
		{"cut off", exactly5, "hello", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("he")) }, 400, "incomplete"},
		{"broken", exactly5, "hello", func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(errors.New("reset"))) }, 400, "incomplete"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := inMemory(t, localstore.Config{})
			rec := serveGrant(t, s, grant(t, s, tt.policy), tt.body, tt.change)
			checkAnswer(t, rec, tt.status, tt.code)
			if stored, err := s.Bucket().Exists(t.Context(), key); err != nil || stored != (tt.status == 201) {
				t.Errorf("stored %t, %v", stored, err)
			}
		})
	}
}

func checkAnswer(t *testing.T, rec *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	if rec.Code != status || rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("status %d, headers %v, want %d", rec.Code, rec.Header(), status)
	}
	if code == "" {
		return
	}
	var problem struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &problem); err != nil || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s: %v, want a problem", rec.Body, err)
	}
	if problem.Code != code || problem.Status != status || problem.Title == "" || problem.Detail == "" {
		t.Errorf("problem %+v, want the code %s", problem, code)
	}
}

func TestExpiryAndOverwrite(t *testing.T) {
	now := time.Now()
	s := inMemory(t, localstore.Config{Now: func() time.Time { return now }})
	once := grant(t, s, exactly5)
	twice := exactly5
	twice.Overwrite = true
	often := grant(t, s, twice)
	checkAnswer(t, serveGrant(t, s, once, "hello", nil), 201, "")
	checkAnswer(t, serveGrant(t, s, once, "HELLO", nil), 409, "exists")
	checkAnswer(t, serveGrant(t, s, often, "HELLO", nil), 201, "")
	if got, err := s.Bucket().ReadAll(t.Context(), key); string(got) != "HELLO" {
		t.Errorf("stored %q, %v", got, err)
	}
	now = often.Expires.Add(-time.Nanosecond)
	checkAnswer(t, serveGrant(t, s, often, "hello", nil), 201, "")
	now = often.Expires
	checkAnswer(t, serveGrant(t, s, often, "hello", nil), 403, "expired")
}

// TestSecrets: what one store signed is worth nothing at another address, or with another secret.
func TestSecrets(t *testing.T) {
	g := grant(t, inMemory(t, localstore.Config{}), exactly5)
	for _, cfg := range []localstore.Config{
		{Secret: bytes.Repeat([]byte("x"), 32), BaseURL: "http://127.0.0.1:8080/up"},
		{Secret: secret, BaseURL: "http://elsewhere.example/up"},
	} {
		other, err := localstore.New(memblob.OpenBucket(nil), cfg)
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, serveGrant(t, other, g, "hello", nil), 403, "bad_signature")
	}
}

func TestCORS(t *testing.T) {
	s := inMemory(t, localstore.Config{Origins: []string{"https://example.com", "http://localhost:3000"}})
	tests := []struct {
		origin  string
		allowed bool
	}{
		{"https://example.com", true},
		{"http://localhost:3000", true},
		{"https://good.example.com", false},
		{"https://example.com.evil.com", false},
		{"http://example.com", false},
		{"https://example.com:8443", false},
		{"http://localhost", false},
		{"null", false},
		{"", false},
	}
	for _, tt := range tests {
		t.Run(tt.origin, func(t *testing.T) {
			requests := map[string]func(*http.Request){
				"preflight": func(r *http.Request) { r.Method = http.MethodOptions; r.URL.RawQuery = "" },
				"refusal":   func(r *http.Request) { r.Header.Set("Content-Type", "text/html") },
				"success":   func(*http.Request) {},
			}
			for name, change := range requests {
				g := grant(t, s, storage.Policy{ContentType: "image/png", Size: 5, Overwrite: true})
				rec := serveGrant(t, s, g, "hello", func(r *http.Request) {
					change(r)
					if tt.origin != "" {
						r.Header.Set("Origin", tt.origin)
					}
				})
				want := ""
				if tt.allowed {
					want = tt.origin
				}
				h := rec.Header()
				if h.Get("Access-Control-Allow-Origin") != want || h.Get("Vary") != "Origin" || h.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: headers %v, want the origin %q", name, h, want)
				}
				if name == "preflight" && (rec.Code != 204 || (h.Get("Access-Control-Allow-Methods") == "PUT") != tt.allowed) {
					t.Errorf("preflight: %d %v", rec.Code, h)
				}
			}
		})
	}
}

// TestSlowUploads uses real connections: a stalled one, a slow one and one that is cut.
func TestSlowUploads(t *testing.T) {
	for _, tt := range stores {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, localstore.Config{Stall: 100 * time.Millisecond, Timeout: 400 * time.Millisecond}, tt.open)
			stalled := dial(t, grant(t, s, exactly5))
			fmt.Fprint(stalled, "he")
			if got := statusOf(t, stalled); got != 408 {
				t.Errorf("stalled: %d, want 408", got)
			}
			slow := dial(t, grant(t, s, storage.Policy{ContentType: "image/png", Size: 500}))
			go func() {
				for range 500 {
					if _, err := slow.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}()
			if got := statusOf(t, slow); got != 408 {
				t.Errorf("slow: %d, want 408", got)
			}
			cut := dial(t, grant(t, s, exactly5))
			fmt.Fprint(cut, "he")
			cut.Close()
			time.Sleep(50 * time.Millisecond)
			if stored, err := s.Bucket().Exists(t.Context(), key); err != nil || stored {
				t.Errorf("half an upload is stored: %t, %v", stored, err)
			}
			g := grant(t, s, exactly5) // none of them used the key up
			r, err := g.NewRequest(t.Context(), strings.NewReader("hello"), 5)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 201 {
				t.Errorf("afterwards: %s", resp.Status)
			}
		})
	}
}

// dial sends the head of the grant's request.
func dial(t *testing.T, g *storage.Grant) net.Conn {
	t.Helper()
	u, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal("malformed URL")
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n", u.RequestURI(), u.Host, g.MaxBytes)
	return conn
}

func statusOf(t *testing.T, conn net.Conn) int {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestOnCreated(t *testing.T) {
	var mu sync.Mutex
	var told []storage.ObjectCreated
	var log bytes.Buffer
	var failure error
	s := inMemory(t, localstore.Config{
		Name: "uploads", Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnCreated: func(ctx context.Context, e storage.ObjectCreated) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e)
			return errors.Join(ctx.Err(), failure)
		},
	})
	g := grant(t, s, exactly5)
	checkAnswer(t, serveGrant(t, s, g, "HELL", nil), 400, "too_small")
	rec := serveGrant(t, s, g, "hello", nil)
	checkAnswer(t, rec, 201, "")
	checkAnswer(t, serveGrant(t, s, g, "hello", nil), 409, "exists")
	if len(told) != 1 || told[0].Bucket != "uploads" || told[0].Key != key || told[0].Size != 5 || told[0].Time.IsZero() ||
		rec.Header().Get("ETag") != `"`+told[0].ETag+`"` {
		t.Fatalf("told %+v, want one event as the answer says: %v", told, rec.Header())
	}
	failure = errors.New("queue is full")
	again := exactly5
	again.Overwrite = true
	checkAnswer(t, serveGrant(t, s, grant(t, s, again), "hello", nil), 201, "")
	if !strings.Contains(log.String(), "queue is full") {
		t.Errorf("the failure is not in the log: %s", &log)
	}
	if strings.Contains(log.String(), "signature=") {
		t.Errorf("the log holds a signed URL: %s", &log)
	}
}

// FuzzReceive: no request panics or gets an unknown answer, and nothing is stored but by a request that was signed.
func FuzzReceive(f *testing.F) {
	s := inMemory(f, localstore.Config{Now: func() time.Time { return time.Unix(1_800_000_000, 0) }, Origins: []string{"https://example.com"}})
	g := grant(f, s, storage.Policy{ContentType: "image/png", MaxBytes: 8, Overwrite: true})
	u, err := url.Parse(g.URL)
	if err != nil {
		f.Fatal("malformed URL")
	}
	f.Add("PUT", u.Path, u.RawQuery, "image/png", "https://example.com", int64(5), []byte("hello"))
	f.Add("OPTIONS", u.Path, "", "", "null", int64(0), []byte(nil))
	f.Add("PUT", "/up/../x", "signature=00&max=9", "text/html", "", int64(-1), []byte("x"))
	f.Fuzz(func(t *testing.T, method, path, query, contentType, origin string, length int64, body []byte) {
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{"Content-Type": {contentType}, "Origin": {origin}},
			ContentLength: length, Body: io.NopCloser(bytes.NewReader(body)), Host: "127.0.0.1:8080",
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r.WithContext(t.Context()))
		signed := method == "PUT" && path == u.Path && contentType == "image/png" && length >= 1 && length <= 8 && int64(len(body)) >= length
		if rec.Code == 201 && !signed {
			t.Errorf("%s %q?%q stored %d bytes", method, path, query, length)
		}
		if rec.Code >= 400 && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%d with %q", rec.Code, rec.Body)
		}
		if got := rec.Header().Get("Access-Control-Allow-Origin"); got != "" && got != "https://example.com" {
			t.Errorf("allows the origin %q", got)
		}
	})
}
