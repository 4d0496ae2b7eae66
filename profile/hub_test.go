package profile_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/profile"
)

// listen opens a stream and returns its messages, each as its fields joined by "|", without id and retry; and the last id seen.
func listen(t *testing.T, url, lastID string) (next func() string, last func() string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", lastID)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if ct := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || ct != "text/event-stream" {
		t.Fatalf("status %d, type %q", res.StatusCode, ct)
	}
	stop = func() { cancel(); res.Body.Close() }
	t.Cleanup(stop)
	lines := bufio.NewScanner(res.Body)
	id := ""
	next = func() string {
		t.Helper()
		var fields []string
		for lines.Scan() {
			line := lines.Text()
			switch {
			case line == "" && len(fields) > 0:
				return strings.Join(fields, "|")
			case strings.HasPrefix(line, "id: "):
				id = line[4:]
			case line != "" && !strings.HasPrefix(line, "retry:"):
				fields = append(fields, line)
			}
		}
		return "end"
	}
	return next, func() string { return id }, stop
}

func expect(t *testing.T, next func() string, want string) {
	t.Helper()
	if got := next(); got != want {
		t.Fatalf("message = %q; want %q", got, want)
	}
}

func TestHubReplay(t *testing.T) {
	hub := profile.NewHub(profile.HubConfig{Replay: 4})
	srv := httptest.NewServer(hub.Stream("a", "b"))
	defer srv.Close()
	defer hub.Close()
	next, last, stop := listen(t, srv.URL, "")
	expect(t, next, "event: hello|data: {}")
	hub.Publish(profile.Event{Topic: "a", Name: "profile", Data: []byte("1\n2")})
	hub.Publish(profile.Event{Topic: "other", Name: "profile", Data: []byte("never")})
	hub.Publish(profile.Event{Topic: "b", Name: "pro\nfile", Data: []byte("3")})
	expect(t, next, "event: profile|data: 1|data: 2")
	expect(t, next, "event: profile|data: 3")
	id := last()
	stop()
	hub.Publish(profile.Event{Topic: "a", Name: "profile", Data: []byte("missed")})
	next, _, stop = listen(t, srv.URL, id)
	expect(t, next, "event: profile|data: missed")
	expect(t, next, "event: hello|data: {}")
	stop()
	for range 4 {
		hub.Publish(profile.Event{Topic: "a", Name: "profile"})
	}
	for _, stale := range []string{id, "0123-1", "junk", strings.Split(id, "-")[0] + "-999"} {
		next, _, stop = listen(t, srv.URL, stale)
		expect(t, next, "event: resync|data: {}")
		stop()
	}
}

func TestHubHeartbeatAndClose(t *testing.T) {
	hub := profile.NewHub(profile.HubConfig{Heartbeat: 5 * time.Millisecond})
	srv := httptest.NewServer(hub)
	defer srv.Close()
	next, _, _ := listen(t, srv.URL, "")
	expect(t, next, "event: hello|data: {}")
	expect(t, next, ":")
	hub.Close()
	for msg := next(); msg != "end"; msg = next() {
		if msg != ":" {
			t.Fatalf("after Close: %q", msg)
		}
	}
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("after Close: status %d", res.StatusCode)
	}
}

// stuck is a page that takes the first write and then no more.
type stuck struct {
	http.ResponseWriter
	wrote chan struct{}
	free  chan struct{}
	n     int
}

func (w *stuck) Write(b []byte) (int, error) {
	if w.n++; w.n > 1 {
		<-w.free
	}
	defer func() {
		if w.n == 1 {
			close(w.wrote)
		}
	}()
	return w.ResponseWriter.Write(b)
}

func (w *stuck) Flush() {}

func TestHubNeverWaitsForASlowPage(t *testing.T) {
	hub := profile.NewHub(profile.HubConfig{Queue: 2})
	w := &stuck{ResponseWriter: httptest.NewRecorder(), wrote: make(chan struct{}), free: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		hub.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/events", nil))
	}()
	<-w.wrote
	published := make(chan struct{})
	go func() {
		defer close(published)
		for i := range 100 {
			hub.Publish(profile.Event{Topic: "a", Name: "n", Data: fmt.Append(nil, i)})
		}
	}()
	select {
	case <-published:
	case <-time.After(10 * time.Second):
		t.Fatal("Publish waits for a page that does not read")
	}
	close(w.free)
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the slow page was not disconnected")
	}
}

// TestHubLeavesNothing opens many streams and ends them in every way; none stays, and no goroutine.
func TestHubLeavesNothing(t *testing.T) {
	hub := profile.NewHub(profile.HubConfig{MaxStreams: 30})
	srv := httptest.NewServer(hub)
	before := runtime.NumGoroutine()
	var stops []func()
	for range 30 {
		next, _, stop := listen(t, srv.URL, "")
		expect(t, next, "event: hello|data: {}")
		stops = append(stops, stop)
	}
	if res, err := http.Get(srv.URL); err != nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one stream too many: %v, %v", res, err)
	}
	for _, stop := range stops[:15] { // the page goes; the others end with the hub
		stop()
	}
	hub.Close()
	hub.Publish(profile.Event{Topic: "a", Name: "n"})
	for _, stop := range stops {
		stop()
	}
	http.DefaultClient.CloseIdleConnections()
	srv.Close()
	left := 0
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = runtime.NumGoroutine() - before; left <= 0 {
			return
		}
	}
	t.Errorf("%d goroutines are left", left)
}

func ExampleNewHub() {
	hub := profile.NewHub(profile.HubConfig{})
	defer hub.Close()
	mux := http.NewServeMux()
	mux.Handle("GET /events", hub) // check the session before it
	hub.Publish(profile.Event{Topic: "andrew", Name: "profile", Data: []byte(`{"version":2}`)})
	fmt.Println("published")
	// Output: published
}
