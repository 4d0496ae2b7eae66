package local_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stream reads server-sent events, each as "name data".
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	id    string // last seen
	stop  func()
}

func (p *person) listen(query, cookie, lastID string) *stream {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", p.url+"/events?"+query, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		p.t.Fatalf("status %d, %v", res.StatusCode, res.Header)
	}
	stop := func() { cancel(); res.Body.Close() }
	p.t.Cleanup(stop)
	return &stream{t: p.t, lines: bufio.NewScanner(res.Body), stop: stop}
}

// next returns the next event, or "end".
func (s *stream) next() string {
	name, data := "", ""
	for s.lines.Scan() {
		key, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch {
		case key == "id":
			s.id = value
		case key == "event":
			name = value
		case key == "data":
			data = value
		case key == "" && name != "":
			return name + " " + data
		}
	}
	return "end"
}

func (s *stream) want(event string) {
	s.t.Helper()
	if got := s.next(); got != event {
		s.t.Fatalf("event %q, want %q", got, event)
	}
}

func TestEvents(t *testing.T) {
	s := start(t)
	p := signIn(t, s, "andrew")
	var pass struct {
		Ticket string `json:"ticket"`
	}
	header := p.json("POST", "/api/events/ticket", map[string]any{}, 200, &pass)
	cookie := header.Get("Set-Cookie")
	for _, attribute := range []string{"HttpOnly", "SameSite=Strict", "Path=/events"} {
		if !strings.Contains(cookie, attribute) {
			t.Errorf("the cookie is not %s", attribute)
		}
	}
	byTicket := p.listen("handle=andrew&ticket="+pass.Ticket, "", "")
	byTicket.want("hello {}")
	if res, _ := request(t, "GET", s.url+"/events?handle=andrew&ticket="+pass.Ticket, "", "", nil); res.StatusCode != 401 {
		t.Errorf("a ticket works twice: status %d", res.StatusCode)
	}
	byCookie := p.listen("handle=Andrew", strings.Split(cookie, ";")[0], "")
	byCookie.want("hello {}")

	p.json("POST", "/api/activities", map[string]string{"message": "one"}, 201, nil)
	byTicket.want(`activity {"handle":"andrew"}`)
	byCookie.want(`activity {"handle":"andrew"}`)
	byCookie.stop()
	p.json("PATCH", "/api/profile/update", map[string]string{"bio": "two"}, 200, nil)
	signIn(t, s, "bayko").json("PATCH", "/api/profile/update", map[string]string{"bio": "of somebody else"}, 200, nil)
	again := p.listen("handle=andrew", strings.Split(cookie, ";")[0], byCookie.id)
	again.want(`profile {"handle":"andrew"}`)
	again.want("hello {}")
	p.listen("handle=andrew", strings.Split(cookie, ";")[0], "unknown-7").want("resync {}")

	data := smallPhoto(t)
	g := p.grant("image/jpeg", len(data))
	if status, code := g.send(t, data, nil); status != 201 {
		t.Fatalf("status %d %s", status, code)
	}
	again.want(`picture {"handle":"andrew"}`)
}

// TestWebhook announces an upload that no receiver told of, as a store does.
func TestWebhook(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "-data", dir, "-webhook-secret", "s3cret", "-topics", "arn:aws:sns:eu-west-1:123456789012:uploads")
	p := signIn(t, s, "andrew")
	data := smallPhoto(t)
	g := p.grant("image/jpeg", len(data))
	path := filepath.Join(dir, "uploads", filepath.FromSlash(g.Key))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	event := `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"in"},"object":{"key":"` +
		g.Key + `","size":1}}}]}`
	sns := func(r *http.Request) { r.Header.Set("X-Amz-Sns-Message-Type", "Notification") }
	tests := []struct {
		name, method, authorization, body string
		edit                              func(*http.Request)
		status                            int
	}{
		{"without a secret", "POST", "", event, nil, 401},
		{"with another secret", "POST", "Bearer guess", event, nil, 401},
		{"SNS of another topic", "POST", "", `{"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-1:123456789012:other"}`, sns, 403},
		{"SNS without a signature", "POST", "", `{"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-1:123456789012:uploads"}`, sns, 403},
		{"GET", "GET", "Bearer s3cret", "", nil, 405},
		{"handshake", "OPTIONS", "Bearer s3cret", "", func(r *http.Request) { r.Header.Set("WebHook-Request-Origin", "eventgrid.azure.net") }, 200},
		{"a loop", "POST", "Bearer s3cret", strings.ReplaceAll(event, "uploads/avatars", "avatars"), nil, 200},
		{"a test event", "POST", "Bearer s3cret", `{"Service":"Amazon S3","Event":"s3:TestEvent"}`, nil, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if res, body := request(t, tt.method, s.url+"/webhooks/avatar", tt.authorization, tt.body, tt.edit); res.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, tt.status, body)
			}
		})
	}
	if got := p.avatarURL(); got != "" {
		t.Fatalf("the upload was handled without a believed event: %s", got)
	}
	for range 2 { // notifications come twice
		if res, body := request(t, "POST", s.url+"/webhooks/avatar", "Bearer s3cret", event, nil); res.StatusCode != 200 {
			t.Fatalf("status %d: %s", res.StatusCode, body)
		}
	}
	for end := time.Now().Add(20 * time.Second); p.avatarURL() == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	if !strings.Contains(p.avatarURL(), g.UploadID) {
		t.Errorf("the avatar is %q", p.avatarURL())
	}
}

// TestShutdown ends the process while a page listens and an upload is under way: the upload is finished and acknowledged.
func TestShutdown(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "-data", dir)
	p := signIn(t, s, "andrew")
	var pass struct {
		Ticket string `json:"ticket"`
	}
	p.json("POST", "/api/events/ticket", map[string]any{}, 200, &pass)
	events := p.listen("handle=andrew&ticket="+pass.Ticket, "", "")
	events.want("hello {}")

	data := smallPhoto(t)
	g := p.grant("image/jpeg", len(data))
	r, w := io.Pipe()
	uploaded := make(chan int, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), g.Method, g.URL, r)
		if err != nil {
			uploaded <- 0
			return
		}
		req.ContentLength = int64(len(data))
		for name, value := range g.Headers {
			req.Header.Set(name, value)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			uploaded <- 0
			return
		}
		res.Body.Close()
		uploaded <- res.StatusCode
	}()
	if _, err := w.Write(data[:1000]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // until the server has the first part
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := events.next(); got != "end" {
		t.Errorf("the stream goes on with %q", got)
	}
	if _, err := w.Write(data[1000:]); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if status := <-uploaded; status != 201 {
		t.Errorf("the upload that was under way got status %d", status)
	}
	exited := make(chan error, 1)
	go func() { exited <- s.cmd.Wait() }()
	select {
	case err := <-exited:
		if err != nil {
			t.Errorf("exit: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the process does not end")
	}
	// What was acknowledged last was still processed before the end.
	if _, err := os.Stat(filepath.Join(dir, "assets", "avatars", strings.Split(g.Key, "/")[2], g.UploadID, "manifest.json")); err != nil {
		t.Error(err)
	}
}

// TestLog reads the log of a whole path: structured, and without anything that is a secret or a person.
func TestLog(t *testing.T) {
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	s := run(t, bin, []string{"AVATARKIT_JSON=true", "AVATARKIT_ORIGINS=https://good.example, https://other.example"})
	p := signIn(t, s, "andrew")
	data := smallPhoto(t)
	g := p.grant("image/jpeg", len(data))
	if status, code := g.send(t, data, nil); status != 201 {
		t.Fatalf("status %d %s", status, code)
	}
	p.outcome(g.UploadID, 20*time.Second)
	p.json("PATCH", "/api/profile/update", map[string]string{"display_name": "Surname"}, 200, nil)
	request(t, "GET", s.url+"/api/profile", "Bearer "+p.token[:len(p.token)-3], "", nil)
	res, _ := request(t, "GET", s.url+"/nothing?token="+p.token, "", "", func(r *http.Request) { r.Header.Set("Origin", "https://other.example") })
	if res.Header.Get("Access-Control-Allow-Origin") != "https://other.example" {
		t.Error("the origins of the environment are not used")
	}
	log := s.log.String()
	_, signature, found := strings.Cut(g.URL, "signature=")
	if !found {
		t.Fatal("the grant's URL has no signature")
	}
	for _, secret := range []string{p.token, p.token[len(p.token)-40:], signature, "Bearer", "andrew", "Surname"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %.20s", secret)
		}
	}
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if !strings.Contains(log, `"route":"POST /avatars/key_upload","status":200`) {
		t.Errorf("the request is not in the log")
	}
}
