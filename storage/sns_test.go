package storage_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

const (
	topicARN = "arn:aws:sns:eu-central-1:123456789012:uploads"
	certURL  = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
	confirm  = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + topicARN + "&Token=t0ken"
)

var snsNow = time.Date(2026, 3, 1, 12, 30, 50, 0, time.UTC)

var snsKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// snsCert makes a certificate of the key, valid around snsNow as told.
func snsCert(t testing.TB, key *rsa.PrivateKey, from, to time.Duration) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"},
		NotBefore: snsNow.Add(from), NotAfter: snsNow.Add(to),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// fakeSNS answers in the place of SNS's endpoints and remembers what was asked.
type fakeSNS struct {
	mu     sync.Mutex
	asked  []string
	cert   []byte
	status int    // 0 means 200
	to     string // with a status 3xx
	err    error
}

func (f *fakeSNS) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.String())
	if f.err != nil {
		return nil, f.err
	}
	resp := &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(f.cert)), Request: r}
	if f.status != 0 {
		resp.StatusCode, resp.Status = f.status, http.StatusText(f.status)
		resp.Header.Set("Location", f.to)
	}
	return resp, nil
}

func (f *fakeSNS) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.asked...)
}

// signSNS signs as SNS's documentation says, written independently of the code under test.
func signSNS(t testing.TB, m map[string]string) []byte {
	t.Helper()
	names := []string{"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	var text string
	for _, name := range names {
		if v, ok := m[name]; ok && !(m["Type"] == "Notification" && (name == "SubscribeURL" || name == "Token")) {
			text += name + "\n" + v + "\n"
		}
	}
	var hash crypto.Hash
	var digest []byte
	if m["SignatureVersion"] == "2" {
		sum := sha256.Sum256([]byte(text))
		hash, digest = crypto.SHA256, sum[:]
	} else {
		sum := sha1.Sum([]byte(text))
		hash, digest = crypto.SHA1, sum[:]
	}
	signature, err := rsa.SignPKCS1v15(nil, snsKey(), hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(signature)
	body, _ := json.Marshal(m)
	return body
}

func notification() map[string]string {
	return map[string]string{
		"Type": "Notification", "MessageId": "22b80b92", "TopicArn": topicARN, "Subject": "Amazon S3 Notification",
		"Message": string(s3Events("uploads:uploads/u1/1.jpg")), "Timestamp": "2026-03-01T12:30:46.001Z",
		"SignatureVersion": "2", "SigningCertURL": certURL,
	}
}

func confirmation() map[string]string {
	return map[string]string{
		"Type": "SubscriptionConfirmation", "MessageId": "165545c9", "TopicArn": topicARN, "Token": "t0ken",
		"Message": "You have chosen to subscribe.", "SubscribeURL": confirm, "Timestamp": "2026-03-01T12:30:46.001Z",
		"SignatureVersion": "1", "SigningCertURL": certURL,
	}
}

func snsWebhook(t testing.TB, in *inbox, sns http.RoundTripper, log io.Writer) *storage.Webhook {
	t.Helper()
	return newWebhook(t, storage.WebhookConfig{
		Handle: in.handle, TopicARNs: []string{topicARN}, Client: &http.Client{Transport: sns},
		Now: func() time.Time { return snsNow }, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
}

func TestWebhookSNS(t *testing.T) {
	good := snsCert(t, snsKey(), -time.Hour, time.Hour)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name, value string) func(map[string]string) { return func(m map[string]string) { m[name] = value } }
	tests := []struct {
		name    string
		before  func(map[string]string) // changes what is signed
		after   func(map[string]string) // changes what is sent
		cert    []byte
		status  int
		fetched int
	}{
		{name: "version 2", status: 200, fetched: 1},
		{name: "version 1", before: set("SignatureVersion", "1"), status: 200, fetched: 1},
		{name: "without subject", before: func(m map[string]string) { delete(m, "Subject") }, status: 200, fetched: 1},
		{name: "China", before: set("SigningCertURL", "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-00.pem"), status: 200, fetched: 1},
		{name: "GovCloud", before: set("SigningCertURL", "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-00.pem"), status: 200, fetched: 1},
		{name: "tampered message", after: set("Message", string(s3Events("uploads:uploads/u2/1.jpg"))), status: 403, fetched: 1},
		{name: "tampered time", after: set("Timestamp", "2026-03-01T12:30:47.001Z"), status: 403, fetched: 1},
		{name: "added subject", before: func(m map[string]string) { delete(m, "Subject") }, after: set("Subject", "x"), status: 403, fetched: 1},
		{name: "version 2 called 1", after: set("SignatureVersion", "1"), status: 403, fetched: 1},
		{name: "version 3", after: set("SignatureVersion", "3"), status: 403, fetched: 1},
		{name: "no signature", after: set("Signature", ""), status: 403, fetched: 1},
		{name: "signature is no base64", after: set("Signature", "%"), status: 403, fetched: 1},
		{name: "signed by another key", cert: snsCert(t, other, -time.Hour, time.Hour), status: 403, fetched: 1},
		{name: "foreign topic", before: set("TopicArn", "arn:aws:sns:eu-central-1:666666666666:uploads"), status: 403},
		{name: "unknown type", before: set("Type", "Other"), status: 403},
		{name: "too old", before: set("Timestamp", "2026-03-01T11:25:49Z"), status: 403},
		{name: "an hour old", before: set("Timestamp", "2026-03-01T11:30:50Z"), status: 200, fetched: 1},
		{name: "from the future", before: set("Timestamp", "2026-03-01T12:36:00Z"), status: 403},
		{name: "no time", before: set("Timestamp", "yesterday"), status: 403},
		{name: "expired certificate", cert: snsCert(t, snsKey(), -2*time.Hour, -time.Hour), status: 403, fetched: 1},
		{name: "certificate of tomorrow", cert: snsCert(t, snsKey(), time.Hour, 2*time.Hour), status: 403, fetched: 1},
		{name: "no certificate", cert: []byte("hello"), status: 403, fetched: 1},
		{name: "http", after: set("SigningCertURL", strings.Replace(certURL, "https", "http", 1)), status: 403},
		{name: "foreign host", after: set("SigningCertURL", "https://evil.example/SimpleNotificationService-00.pem"), status: 403},
		{name: "bucket named sns", after: set("SigningCertURL", "https://sns.s3.amazonaws.com/SimpleNotificationService-00.pem"), status: 403},
		{name: "bucket named sns, with region", after: set("SigningCertURL", "https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-00.pem"), status: 403},
		{name: "host as suffix", after: set("SigningCertURL", "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-00.pem"), status: 403},
		{name: "host as user", after: set("SigningCertURL", "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-00.pem"), status: 403},
		{name: "user at the host", after: set("SigningCertURL", "https://a@sns.eu-central-1.amazonaws.com/SimpleNotificationService-00.pem"), status: 403},
		{name: "port", after: set("SigningCertURL", "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-00.pem"), status: 403},
		{name: "another path", after: set("SigningCertURL", "https://sns.eu-central-1.amazonaws.com/?Action=Publish"), status: 403},
		{name: "query", after: set("SigningCertURL", certURL+"?x=1"), status: 403},
		{name: "climbing path", after: set("SigningCertURL", "https://sns.eu-central-1.amazonaws.com/../SimpleNotificationService-00.pem"), status: 403},
		{name: "no address", after: set("SigningCertURL", "::"), status: 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := notification()
			if tt.before != nil {
				tt.before(m)
			}
			body := signSNS(t, m)
			if tt.after != nil {
				tt.after(m)
				body, _ = json.Marshal(m)
			}
			in, sns := new(inbox), &fakeSNS{cert: tt.cert}
			if tt.cert == nil {
				sns.cert = good
			}
			rec := post(snsWebhook(t, in, sns, io.Discard), body, "X-Amz-Sns-Message-Type", m["Type"])
			if rec.Code != tt.status {
				t.Errorf("status %d, want %d: %s", rec.Code, tt.status, rec.Body)
			}
			if handled := len(in.take()); (handled == 1) != (tt.status == 200) {
				t.Errorf("handled %d", handled)
			}
			if got := sns.requests(); len(got) != tt.fetched {
				t.Errorf("fetched %q, want %d", got, tt.fetched)
			}
		})
	}
}

func TestWebhookSNSMalformed(t *testing.T) {
	in, sns := new(inbox), &fakeSNS{}
	if rec := post(snsWebhook(t, in, sns, io.Discard), []byte(`{`), "X-Amz-Sns-Message-Type", "Notification"); rec.Code != 400 {
		t.Errorf("status %d, want 400", rec.Code)
	}
}

// TestWebhookSNSUnsigned: an SNS envelope without SNS's header is not believed for its looks.
func TestWebhookSNSUnsigned(t *testing.T) {
	in, sns := new(inbox), &fakeSNS{}
	body := signSNS(t, notification())
	w := snsWebhook(t, in, sns, io.Discard)
	for _, headers := range [][]string{nil, {"X-Amz-Sns-Message-Type", "Notification", "X-Amz-Sns-Rawdelivery", "true"}} {
		if rec := post(w, body, headers...); rec.Code != 401 || len(in.take()) != 0 {
			t.Errorf("%q: status %d, want 401", headers, rec.Code)
		}
	}
}

func TestWebhookSNSConfirms(t *testing.T) {
	set := func(name, value string) func(map[string]string) { return func(m map[string]string) { m[name] = value } }
	tests := []struct {
		name      string
		change    func(map[string]string)
		status    int
		confirmed bool
	}{
		{"own topic", nil, 200, true},
		{"foreign topic", set("TopicArn", "arn:aws:sns:eu-central-1:666666666666:uploads"), 403, false},
		{"foreign host", set("SubscribeURL", "https://169.254.169.254/?Action=ConfirmSubscription&TopicArn="+topicARN), 403, false},
		{"http", set("SubscribeURL", strings.Replace(confirm, "https", "http", 1)), 403, false},
		{"another action", set("SubscribeURL", strings.Replace(confirm, "ConfirmSubscription", "DeleteTopic", 1)), 403, false},
		{"another topic in the address", set("SubscribeURL", strings.Replace(confirm, "uploads", "other", 1)), 403, false},
		{"another path", set("SubscribeURL", strings.Replace(confirm, "/?", "/x?", 1)), 403, false},
		{"no address", set("SubscribeURL", "::"), 403, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := confirmation()
			if tt.change != nil {
				tt.change(m)
			}
			in, sns := new(inbox), &fakeSNS{cert: snsCert(t, snsKey(), -time.Hour, time.Hour)}
			var log bytes.Buffer
			rec := post(snsWebhook(t, in, sns, &log), signSNS(t, m), "X-Amz-Sns-Message-Type", m["Type"])
			asked := sns.requests()
			if rec.Code != tt.status {
				t.Errorf("status %d, want %d", rec.Code, tt.status)
			}
			if got := len(asked) == 2 && asked[1] == confirm; got != tt.confirmed {
				t.Errorf("confirmed %t, want %t (asked %q)", got, tt.confirmed, asked)
			}
			if strings.Contains(log.String(), "t0ken") {
				t.Errorf("log has the token: %s", &log)
			}
		})
	}
	t.Run("end of subscription", func(t *testing.T) {
		m := confirmation()
		m["Type"] = "UnsubscribeConfirmation"
		in, sns := new(inbox), &fakeSNS{cert: snsCert(t, snsKey(), -time.Hour, time.Hour)}
		rec := post(snsWebhook(t, in, sns, io.Discard), signSNS(t, m), "X-Amz-Sns-Message-Type", m["Type"])
		if rec.Code != 200 || len(sns.requests()) != 1 {
			t.Errorf("status %d, asked %q: must not subscribe again", rec.Code, sns.requests())
		}
	})
}

// TestWebhookSNSUnreachable: what SNS can overcome by sending again is answered with 503, and leads nowhere else.
func TestWebhookSNSUnreachable(t *testing.T) {
	tests := []struct {
		name string
		sns  *fakeSNS
	}{
		{"no connection", &fakeSNS{err: errors.New("dial t0ken")}},
		{"server error", &fakeSNS{status: 500}},
		{"redirect", &fakeSNS{status: 302, to: "https://evil.example/"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := new(inbox)
			rec := post(snsWebhook(t, in, tt.sns, io.Discard), signSNS(t, notification()), "X-Amz-Sns-Message-Type", "Notification")
			if asked := tt.sns.requests(); rec.Code != 503 || len(asked) != 1 || len(in.take()) != 0 {
				t.Errorf("status %d, want 503; asked %q", rec.Code, asked)
			}
		})
	}
	t.Run("confirmation fails", func(t *testing.T) {
		in, sns := new(inbox), &fakeSNS{cert: snsCert(t, snsKey(), -time.Hour, time.Hour)}
		var log bytes.Buffer
		w := snsWebhook(t, in, sns, &log)
		post(w, signSNS(t, notification()), "X-Amz-Sns-Message-Type", "Notification") // keeps the certificate
		sns.err = errors.New("no route")
		rec := post(w, signSNS(t, confirmation()), "X-Amz-Sns-Message-Type", "SubscriptionConfirmation")
		if rec.Code != 503 || strings.Contains(log.String(), "t0ken") {
			t.Errorf("status %d, want 503; log %s", rec.Code, &log)
		}
	})
}

// TestWebhookSNSFetchesAreBounded: a stranger who invents certificate addresses can neither make the webhook fetch
// without end nor keep out those that are signed with the certificate in use.
func TestWebhookSNSFetchesAreBounded(t *testing.T) {
	in, sns := new(inbox), &fakeSNS{cert: snsCert(t, snsKey(), -time.Hour, time.Hour)}
	w := snsWebhook(t, in, sns, io.Discard)
	good := signSNS(t, notification())
	for range 3 {
		if rec := post(w, good, "X-Amz-Sns-Message-Type", "Notification"); rec.Code != 200 {
			t.Fatalf("status %d", rec.Code)
		}
	}
	if got := sns.requests(); len(got) != 1 {
		t.Fatalf("fetched %d times for three messages, want once", len(got))
	}
	for i := range 100 {
		m := notification()
		m["SigningCertURL"] = fmt.Sprintf("https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-%d.pem", i)
		m["Signature"] = "AAAA"
		body, _ := json.Marshal(m)
		post(w, body, "X-Amz-Sns-Message-Type", "Notification")
	}
	if got := sns.requests(); len(got) > 20 {
		t.Errorf("fetched %d times", len(got))
	}
	if rec := post(w, good, "X-Amz-Sns-Message-Type", "Notification"); rec.Code != 200 {
		t.Errorf("the genuine sender gets %d", rec.Code)
	}
}

// FuzzWebhookSNS: nothing unsigned is handled, confirmed, or leads to a host other than SNS's.
func FuzzWebhookSNS(f *testing.F) {
	body, _ := json.Marshal(notification())
	f.Add(body)
	body, _ = json.Marshal(confirmation())
	f.Add(body)
	cert := snsCert(f, snsKey(), -time.Hour, time.Hour)
	f.Fuzz(func(t *testing.T, body []byte) {
		in, sns := new(inbox), &fakeSNS{cert: cert}
		rec := post(snsWebhook(t, in, sns, io.Discard), body, "X-Amz-Sns-Message-Type", "Notification")
		if rec.Code < 400 || len(in.take()) != 0 {
			t.Errorf("status %d for an unsigned message", rec.Code)
		}
		for _, asked := range sns.requests() {
			host := strings.TrimPrefix(asked, "https://sns.")
			if host == asked || !strings.Contains(host, ".amazonaws.com") || !strings.HasSuffix(asked, ".pem") {
				t.Errorf("asked %q", asked)
			}
		}
	})
}
