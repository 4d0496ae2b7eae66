package events_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Admiral-Piett/goaws/app/models"
	"github.com/Admiral-Piett/goaws/app/router"

	"github.com/cruddur/avatarkit/storage"
)

// began is when goaws made its certificate, which it lets end after five seconds: the webhook's clock stays there.
var began = time.Now()

const snsHost = "https://sns.us-east-1.amazonaws.com"

// asSNS makes goaws look like SNS from outside: its certificate's address, which is not signed, gets SNS's form, and
// the webhook's client finds goaws behind SNS's host.
type asSNS struct {
	goaws   string
	webhook http.Handler
	answers chan int
}

func (s *asSNS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m map[string]any
	if err := json.Unmarshal(body, &m); err == nil {
		address, _ := m["SigningCertURL"].(string)
		id := address[strings.LastIndex(address, "/")+1:]
		m["SigningCertURL"] = snsHost + "/SimpleNotificationService-" + strings.ReplaceAll(id, "-", "")
		body, _ = json.Marshal(m)
	}
	request := r.Clone(r.Context())
	request.Body = io.NopCloser(bytes.NewReader(body))
	rec := httptest.NewRecorder()
	s.webhook.ServeHTTP(rec, request)
	s.answers <- rec.Code
	w.WriteHeader(rec.Code)
}

func (s *asSNS) RoundTrip(r *http.Request) (*http.Response, error) {
	behind := r.Clone(r.Context())
	u, err := url.Parse(s.goaws + strings.Replace(r.URL.RequestURI(), "SimpleNotificationService-", "SimpleNotificationService/", 1))
	if err != nil {
		return nil, err
	}
	behind.URL, behind.Host = u, u.Host
	return http.DefaultTransport.RoundTrip(behind)
}

// TestSNS has goaws sign and deliver an S3 notification.
func TestSNS(t *testing.T) {
	goaws := serve(t, router.New())
	host, port, _ := strings.Cut(strings.TrimPrefix(goaws.URL, "http://"), ":")
	models.CurrentEnvironment = models.Environment{Host: host, Port: port, Region: "us-east-1", AccountID: "100010001000"}
	const topic = "arn:aws:sns:us-east-1:100010001000:uploads"
	in := new(inbox)
	sns := &asSNS{goaws: goaws.URL, answers: make(chan int, 10)}
	newHook := func(now time.Time) *storage.Webhook {
		hook, err := storage.NewWebhook(storage.WebhookConfig{
			Handle: in.handle, Filter: uploads, TopicARNs: []string{topic},
			Client: &http.Client{Transport: sns}, Now: func() time.Time { return now },
		})
		if err != nil {
			t.Fatal(err)
		}
		return hook
	}
	sns.webhook = newHook(began)
	call := func(values url.Values) {
		t.Helper()
		resp, err := http.PostForm(goaws.URL, values)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != 200 {
			body, _ := io.ReadAll(resp.Body)
			t.Fatalf("%s: %s %s", values.Get("Action"), resp.Status, body)
		}
	}
	call(url.Values{"Action": {"CreateTopic"}, "Name": {"uploads"}})
	call(url.Values{"Action": {"Subscribe"}, "TopicArn": {topic}, "Protocol": {"http"}, "Endpoint": {serve(t, sns).URL}})
	// goaws wants the confirmation at http://127.0.0.1, and that address is signed: the webhook must not go there.
	if got := <-sns.answers; got != 403 {
		t.Errorf("confirmation away from SNS answered %d, want 403", got)
	}
	event := `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"uploads"},"object":{"key":"uploads/avatars/u1/1.jpg","size":5}}}]}`
	publish := url.Values{"Action": {"Publish"}, "TopicArn": {topic}, "Subject": {"Amazon S3 Notification"}, "Message": {event}}
	call(publish)
	if got := <-sns.answers; got != 200 {
		t.Fatalf("notification answered %d, want 200", got)
	}
	in.wait(t, "uploads/avatars/u1/1.jpg")
	sns.webhook = newHook(began.Add(time.Minute)) // the certificate has ended
	call(publish)
	if got := <-sns.answers; got != 403 {
		t.Errorf("notification under an ended certificate answered %d, want 403", got)
	}
}
