package storage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cruddur/avatarkit/storage"
)

// inbox is a handler that remembers the keys, and fails as told.
type inbox struct {
	mu   sync.Mutex
	keys []string
	fail map[string]error
}

func (in *inbox) handle(_ context.Context, e storage.ObjectCreated) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.keys = append(in.keys, e.Key)
	return in.fail[e.Key]
}

// take returns what came since it was last asked.
func (in *inbox) take() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	keys := in.keys
	in.keys = nil
	return keys
}

var uploadsOnly = storage.Filter{Buckets: []string{"uploads"}, Prefixes: []string{"uploads/"}, Output: []string{"avatars/"}}

func newWebhook(t testing.TB, cfg storage.WebhookConfig) *storage.Webhook {
	t.Helper()
	if cfg.Filter.Buckets == nil {
		cfg.Filter = uploadsOnly
	}
	w, err := storage.NewWebhook(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// post sends the body with headers given as name, value, name, value.
func post(h http.Handler, body []byte, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/avatar", bytes.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// s3Events is a notification of several keys, as "bucket:key".
func s3Events(objects ...string) []byte {
	var records []string
	for _, o := range objects {
		bucket, key, _ := strings.Cut(o, ":")
		records = append(records, fmt.Sprintf(`{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":%q,"size":5}}}`, bucket, key))
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

func TestNewWebhookReportsAllFaults(t *testing.T) {
	_, err := storage.NewWebhook(storage.WebhookConfig{
		Filter:       storage.Filter{Prefixes: []string{"a/"}, Output: []string{"a/b/"}},
		ReplayWindow: -1,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"Handle", "loop", "Authorize", "negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not speak of %q", err, want)
		}
	}
}

func TestFilterRefused(t *testing.T) {
	tests := []struct {
		name   string
		filter storage.Filter
	}{
		{"empty", storage.Filter{}},
		{"empty prefix", storage.Filter{Prefixes: []string{""}}},
		{"empty bucket", storage.Filter{Buckets: []string{""}}},
		{"output is the prefix", storage.Filter{Prefixes: []string{"a/"}, Output: []string{"a/"}}},
		{"output within the prefix", storage.Filter{Prefixes: []string{"a/"}, Output: []string{"a/out/"}}},
		{"prefix within the output", storage.Filter{Prefixes: []string{"a/in/"}, Output: []string{"a/"}}},
		{"output beside every key", storage.Filter{Buckets: []string{"b"}, Output: []string{"a/"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := new(inbox)
			if _, err := storage.NewQueue(storage.QueueConfig{Handle: in.handle, Filter: tt.filter}); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// TestWebhookRules is regression case 3: what becomes of each kind of record, and what the sender is told.
func TestWebhookRules(t *testing.T) {
	tests := []struct {
		name    string
		body    []byte
		handled []string
		status  int
	}{
		{"two records", s3Events("uploads:uploads/u1/1.jpg", "uploads:uploads/u1/2.jpg"), []string{"uploads/u1/1.jpg", "uploads/u1/2.jpg"}, 200},
		{"key outside the prefix", s3Events("uploads:other/1.jpg", "uploads:uploads/u1/2.jpg"), []string{"uploads/u1/2.jpg"}, 200},
		{"key that climbs", s3Events("uploads:uploads/../avatars/1.jpg", "uploads:uploads/a%2500"), nil, 200},
		{"own output", s3Events("uploads:avatars/u1/1.jpg"), nil, 200},
		{"foreign bucket", s3Events("theirs:uploads/u1/1.jpg"), nil, 200},
		{"same record twice", s3Events("uploads:uploads/u1/1.jpg", "uploads:uploads/u1/1.jpg"), []string{"uploads/u1/1.jpg"}, 200},
		{"order of the message", s3Events("uploads:uploads/u1/2.jpg", "uploads:uploads/u1/1.jpg"), []string{"uploads/u1/2.jpg", "uploads/u1/1.jpg"}, 200},
		{"malformed escape beside a good key", s3Events("uploads:uploads/u1/%zz.jpg", "uploads:uploads/u1/2.jpg"), []string{"uploads/u1/2.jpg"}, 200},
		{"junk", []byte(`junk`), nil, 200},
		{"test event", []byte(`{"Event":"s3:TestEvent"}`), nil, 200},
		{"failing handler", s3Events("uploads:uploads/u1/fail.jpg", "uploads:uploads/u1/2.jpg"), []string{"uploads/u1/fail.jpg", "uploads/u1/2.jpg"}, 503},
		{"handler that cannot", s3Events("uploads:uploads/u1/never.jpg", "uploads:uploads/u1/2.jpg"), []string{"uploads/u1/never.jpg", "uploads/u1/2.jpg"}, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := &inbox{fail: map[string]error{
				"uploads/u1/fail.jpg":  errors.New("database is down"),
				"uploads/u1/never.jpg": fmt.Errorf("no picture: %w", storage.ErrPermanent),
			}}
			w := newWebhook(t, storage.WebhookConfig{Handle: in.handle, Authorize: storage.BearerSecret("s3cret")})
			rec := post(w, tt.body, "Authorization", "Bearer s3cret")
			if rec.Code != tt.status {
				t.Errorf("status %d, want %d", rec.Code, tt.status)
			}
			if got := in.take(); !slices.Equal(got, tt.handled) {
				t.Errorf("handled %q, want %q", got, tt.handled)
			}
			if tt.status == 503 && rec.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

func TestWebhookAnswersByOutcome(t *testing.T) {
	in := new(inbox)
	w := newWebhook(t, storage.WebhookConfig{Handle: in.handle, Authorize: storage.BearerSecret("s3cret")})
	rec := post(w, s3Events("uploads:uploads/1", "uploads:uploads/1", "x:uploads/1", "uploads:y", "uploads:avatars/1", "uploads:%zz"), "Authorization", "s3cret")
	var got map[string]int
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, o := range []string{"handled", "duplicate", "foreign_bucket", "foreign_key", "own_output", "malformed"} {
		if got[o] != 1 {
			t.Errorf("%s: %d, want 1 (%v)", o, got[o], got)
		}
	}
}

func TestWebhookRefusesWhomItDoesNotBelieve(t *testing.T) {
	body := s3Events("uploads:uploads/u1/1.jpg")
	bearer, query := storage.BearerSecret("s3cret"), storage.QuerySecret("key", "s3cret")
	tests := []struct {
		name      string
		authorize func(*http.Request) error
		target    string
		auth      string
		status    int
	}{
		{"no authorisation configured", nil, "/", "Bearer s3cret", 401},
		{"bearer", bearer, "/", "Bearer s3cret", 200},
		{"bearer in lower case", bearer, "/", "bearer s3cret", 200},
		{"secret alone", bearer, "/", "s3cret", 200},
		{"wrong secret", bearer, "/", "Bearer s3creT", 401},
		{"longer secret", bearer, "/", "Bearer s3crett", 401},
		{"no secret", bearer, "/", "", 401},
		{"other scheme", bearer, "/", "Basic s3cret", 401},
		{"empty secret admits nobody", storage.BearerSecret(""), "/", "", 401},
		{"query", query, "/?key=s3cret", "", 200},
		{"wrong query", query, "/?key=secret", "", 401},
		{"no query", query, "/", "", 401},
		{"empty query secret admits nobody", storage.QuerySecret("key", ""), "/?key=", "", 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := new(inbox)
			w := newWebhook(t, storage.WebhookConfig{Handle: in.handle, Authorize: tt.authorize, TopicARNs: []string{topicARN}})
			r := httptest.NewRequest(http.MethodPost, tt.target, bytes.NewReader(body))
			if tt.auth != "" {
				r.Header.Set("Authorization", tt.auth)
			}
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			if rec.Code != tt.status || (len(in.take()) == 1) != (tt.status == 200) {
				t.Errorf("status %d, want %d", rec.Code, tt.status)
			}
			if tt.status == 401 && (rec.Header().Get("Content-Type") != "application/problem+json" || rec.Header().Get("WWW-Authenticate") == "") {
				t.Errorf("headers %v are not those of a problem with a challenge", rec.Header())
			}
		})
	}
}

func TestWebhookMethodsAndLimits(t *testing.T) {
	in := new(inbox)
	w := newWebhook(t, storage.WebhookConfig{Handle: in.handle, Authorize: storage.BearerSecret("s"), MaxBody: 1000})
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if rec.Code != 405 || rec.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", rec.Code, rec.Header().Get("Allow"))
	}
	if rec := post(w, bytes.Repeat([]byte(" "), 1001), "Authorization", "s"); rec.Code != 413 {
		t.Errorf("large body: %d, want 413", rec.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("{"), brokenReader{}))
	r.Header.Set("Authorization", "s")
	rec = httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	if rec.Code != 400 {
		t.Errorf("broken body: %d, want 400", rec.Code)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWebhookEventGridHandshake(t *testing.T) {
	in := new(inbox)
	w := newWebhook(t, storage.WebhookConfig{Handle: in.handle, Authorize: storage.QuerySecret("key", "s")})
	send := func(method, target string, body []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, bytes.NewReader(body))
		r.Header.Set("WebHook-Request-Origin", "eventgrid.azure.net")
		r.Header.Set("WebHook-Request-Rate", "120")
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return rec
	}
	handshake := fixture(t, "eventgrid_handshake.json")
	rec := send(http.MethodPost, "/?key=s", handshake)
	if got := strings.TrimSpace(rec.Body.String()); rec.Code != 200 || got != `{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}` {
		t.Errorf("handshake: %d %s", rec.Code, got)
	}
	if rec := send(http.MethodPost, "/?key=x", handshake); rec.Code != 401 {
		t.Errorf("handshake without the secret: %d, want 401", rec.Code)
	}
	rec = send(http.MethodOptions, "/?key=s", nil)
	if rec.Code != 200 || rec.Header().Get("WebHook-Allowed-Origin") != "eventgrid.azure.net" || rec.Header().Get("WebHook-Allowed-Rate") == "" {
		t.Errorf("CloudEvents handshake: %d %v", rec.Code, rec.Header())
	}
	if rec := send(http.MethodOptions, "/", nil); rec.Code != 401 || rec.Header().Get("WebHook-Allowed-Origin") != "" {
		t.Errorf("CloudEvents handshake without the secret: %d %v", rec.Code, rec.Header())
	}
	if rec := send(http.MethodPost, "/?key=s", bytes.ReplaceAll(fixture(t, "eventgrid.json"), []byte("%20"), nil)); rec.Code != 200 {
		t.Errorf("event: %d", rec.Code)
	}
	if got := in.take(); !slices.Equal(got, []string{"uploads/u1/a b+c.jpg"}) {
		t.Errorf("handled %q", got)
	}
}

func TestWebhookLogsWhatItDrops(t *testing.T) {
	var log bytes.Buffer
	in := new(inbox)
	w := newWebhook(t, storage.WebhookConfig{
		Handle: in.handle, Authorize: storage.BearerSecret("s3cret"), Logger: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	post(w, s3Events("uploads:avatars/1", "x:uploads/1"), "Authorization", "s3cret")
	post(w, s3Events("uploads:uploads/1"), "Authorization", "wrong-s3cret-value")
	for _, want := range []string{`"level":"ERROR","msg":"storage event dropped","outcome":"own_output"`, `"outcome":"foreign_bucket"`, `"status":401`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %s:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("log has the secret:\n%s", log.String())
	}
}

func ExampleNewWebhook() {
	webhook, err := storage.NewWebhook(storage.WebhookConfig{
		Handle: func(_ context.Context, e storage.ObjectCreated) error {
			fmt.Println("uploaded:", e.Key)
			return nil
		},
		Filter: storage.Filter{
			Buckets:  []string{"uploads"},
			Prefixes: []string{"uploads/avatars/"},
			Output:   []string{"avatars/"},
		},
		TopicARNs: []string{"arn:aws:sns:eu-central-1:123456789012:uploads"}, // signed by SNS
		Authorize: storage.BearerSecret("only MinIO knows"),                  // everything else
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	body := `{"Records":[{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"uploads"},"object":{"key":"uploads%2Favatars%2Fu1%2F1.jpg"}}}]}`
	request := httptest.NewRequest(http.MethodPost, "/webhooks/avatar", strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer only MinIO knows")
	answer := httptest.NewRecorder()
	webhook.ServeHTTP(answer, request)
	fmt.Println(answer.Code, strings.TrimSpace(answer.Body.String()))
	// Output:
	// uploaded: uploads/avatars/u1/1.jpg
	// 200 {"handled":1}
}
