package lambda_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/auth/authtest"
	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage"
)

const origin = "https://app.example"

// cloud is all of it: the functions, the gateway in front, the buckets behind, and the user pool.
type cloud struct {
	api             string
	issuer          *authtest.Server
	uploads, assets *blob.Bucket
	pictures        *instance
}

func open(t *testing.T) *cloud {
	t.Helper()
	s3 := servers.Versitygw(t)
	c := &cloud{uploads: s3.Store(t, "uploads").Bucket(), assets: s3.Store(t, "assets").Bucket()}
	var err error
	if c.issuer, err = authtest.NewServer(authtest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.issuer.Close() })
	pool := c.issuer.Config().Pools[0]
	env := []string{"UPLOADS_BUCKET_NAME=uploads", "ASSETS_BUCKET_NAME=assets", "ORIGINS=" + origin, "WEBHOOK_SECRET=a secret", "S3_PATH_STYLE=true",
		"AWS_ENDPOINT_URL_S3=" + s3.Endpoint, "AWS_ACCESS_KEY_ID=" + servers.AccessKey, "AWS_SECRET_ACCESS_KEY=" + servers.SecretKey}
	authorizer := deploy(t, bootstrap(t, functions+"authorizer"), 10*time.Second, "ISSUER="+pool.Issuer, "CLIENT_ID="+c.issuer.ClientID())
	upload := deploy(t, bootstrap(t, functions+"upload"), 10*time.Second, env...)
	c.pictures = deploy(t, bootstrap(t, functions+"pictures"), 60*time.Second, env...)
	c.api = gateway(t, map[string]route{
		"POST /avatars/key_upload":  {upload, authorizer},
		"OPTIONS /{proxy...}":       {upload, nil},
		"POST /avatars/unprotected": {upload, nil}, // a route that somebody forgot to protect
		"POST /webhooks/avatar":     {deploy(t, bootstrap(t, functions+"webhook"), 60*time.Second, env...), nil},
	})
	return c
}

// do asks the gateway and returns status, headers and body.
func (c *cloud) do(t *testing.T, method, path, body string, header http.Header) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.api+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, out
}

func (c *cloud) bearer(user string) http.Header {
	return http.Header{"Authorization": {"Bearer " + c.issuer.AccessToken(user)}, "Origin": {origin}, "Content-Type": {"application/json"}}
}

// upload gets a grant through the gateway and uses it, and returns the key.
func (c *cloud) upload(t *testing.T, user string) string {
	t.Helper()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 300, 200)), nil); err != nil {
		t.Fatal(err)
	}
	status, _, body := c.do(t, "POST", "/avatars/key_upload", fmt.Sprintf(`{"content_type":"image/jpeg","size":%d}`, picture.Len()), c.bearer(user))
	var g storage.Grant
	if err := json.Unmarshal(body, &g); status != 200 || err != nil {
		t.Fatalf("grant: %d %s %v", status, body, err)
	}
	if !strings.HasPrefix(g.Key, "uploads/avatars/"+authtest.Subject(user)+"/") || len(g.Enforced) < 5 {
		t.Errorf("key %q, enforced %q", g.Key, g.Enforced)
	}
	r, err := g.NewRequest(t.Context(), &picture, int64(picture.Len()))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("upload: %s", resp.Status)
	}
	return g.Key
}

// published says whether the user's upload is in the assets bucket.
func (c *cloud) published(t *testing.T, key string) bool {
	t.Helper()
	version := strings.TrimSuffix(strings.TrimPrefix(key, "uploads/"), ".jpg")
	ok, err := c.assets.Exists(t.Context(), version+"/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestGateway: who gets a grant, and who does not, with CORS headers wherever the function answers.
func TestGateway(t *testing.T) {
	c := open(t)
	preflight := http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization,content-type"}}
	forged := c.bearer("ada")
	forged.Set("Authorization", forged.Get("Authorization")[:len(forged.Get("Authorization"))-8]+"AAAAAAAA")
	idToken := http.Header{"Authorization": {"Bearer " + c.issuer.IDToken("ada")}}
	good := `{"content_type":"image/jpeg","size":100}`
	tests := []struct {
		name, method, path, body string
		header                   http.Header
		status                   int
		code                     string
		cors                     bool
	}{
		{"preflight without a token", "OPTIONS", "/avatars/key_upload", "", preflight, 204, "", true},
		{"preflight of another page", "OPTIONS", "/avatars/key_upload", "", http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"POST"}}, 204, "", false},
		{"no token", "POST", "/avatars/key_upload", good, http.Header{"Origin": {origin}}, 401, "", false}, // the gateway answers
		{"forged token", "POST", "/avatars/key_upload", good, forged, 403, "", false},
		{"ID token", "POST", "/avatars/key_upload", good, idToken, 403, "", false},
		{"no scheme", "POST", "/avatars/key_upload", good, http.Header{"Authorization": {c.issuer.AccessToken("ada")}}, 403, "", false},
		{"route without authorizer", "POST", "/avatars/unprotected", good, c.bearer("ada"), 401, "unauthorized", true},
		{"good", "POST", "/avatars/key_upload", good, c.bearer("ada"), 200, "", true},
		{"original client", "POST", "/avatars/key_upload", `{"extension":"JPG"}`, c.bearer("ada"), 200, "", true},
		{"SVG", "POST", "/avatars/key_upload", `{"content_type":"image/svg+xml","size":100}`, c.bearer("ada"), 415, "unsupported_type", true},
		{"another's path", "POST", "/avatars/key_upload", `{"extension":"x/victim.png"}`, c.bearer("ada"), 415, "unsupported_type", true},
		{"too large", "POST", "/avatars/key_upload", `{"content_type":"image/jpeg","size":1000000000}`, c.bearer("ada"), 413, "too_large", true},
		{"no JSON", "POST", "/avatars/key_upload", `size=1`, c.bearer("ada"), 400, "malformed", true},
		{"digest", "POST", "/avatars/key_upload", `{"content_type":"image/jpeg","size":100,"sha256":"x"}`, c.bearer("ada"), 400, "malformed", true},
		{"request over the limit", "POST", "/avatars/key_upload", strings.Repeat(" ", maxPayload), c.bearer("ada"), 500, "", false},
		{"again good", "POST", "/avatars/key_upload", good, c.bearer("ada"), 200, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := c.do(t, tt.method, tt.path, tt.body, tt.header)
			var answer struct{ Code string }
			_ = json.Unmarshal(body, &answer) // not every answer is JSON
			if status != tt.status || answer.Code != tt.code {
				t.Errorf("%d %q, want %d %q: %s", status, answer.Code, tt.status, tt.code, body)
			}
			if got := header.Get("Access-Control-Allow-Origin") == origin; got != tt.cors {
				t.Errorf("CORS headers %v", header)
			}
		})
	}
	if c.issuer.Fetches() != 1 {
		t.Errorf("the keys were fetched %d times", c.issuer.Fetches())
	}
}

// s3Event is what S3 sends of the keys.
func s3Event(keys ...string) string {
	var records []string
	for i, key := range keys {
		records = append(records, fmt.Sprintf(`{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-03-01T12:30:45.123Z","eventName":"ObjectCreated:Put",`+
			`"s3":{"s3SchemaVersion":"1.0","bucket":{"name":"uploads","arn":"arn:aws:s3:::uploads"},"object":{"key":%q,"size":1,"eTag":"e","sequencer":"00%d"}}}`,
			url.QueryEscape(key), i))
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

// TestPictures: each way in which the news reaches the function.
func TestPictures(t *testing.T) {
	c := open(t)
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	tests := []struct {
		name string
		wrap func(key string) string
	}{
		{"S3", func(key string) string { return s3Event(key) }},
		{"SNS", func(key string) string {
			return `{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","Sns":{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:us-east-1:1:t","Message":` + quote(s3Event(key)) + `}}]}`
		}},
		{"SQS", func(key string) string { return sqsEvent(s3Event(key)) }},
		{"EventBridge", func(key string) string {
			return `{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3","account":"1","time":"2026-03-01T12:30:45Z","region":"us-east-1",` +
				`"detail":{"version":"0","bucket":{"name":"uploads"},"object":{"key":` + quote(key) + `,"size":1,"etag":"e","sequencer":"0"},"reason":"PutObject"}}`
		}},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key := c.upload(t, fmt.Sprintf("user%d", i))
			out, err := c.pictures.invoke([]byte(tt.wrap(key)))
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != `{"batchItemFailures":[]}` {
				t.Errorf("answer %s", out)
			}
			if !c.published(t, key) {
				t.Error("nothing was published")
			}
		})
	}
	t.Run("one of a batch fails", func(t *testing.T) { c.batch(t) })
	t.Run("a lost upload is tried again", func(t *testing.T) {
		missing := strings.Replace(c.upload(t, "ada"), "uploads/avatars/", "uploads/avatars/x", 1)
		if _, err := c.pictures.invoke([]byte(s3Event(missing))); err == nil {
			t.Error("S3 would not invoke again")
		}
	})
	t.Run("nobody's business", func(t *testing.T) {
		out, err := c.pictures.invoke([]byte(s3Event("avatars/u1/own-output.jpg", "other/1.jpg")))
		if err != nil || string(out) != `{"batchItemFailures":[]}` {
			t.Errorf("%s, %v", out, err)
		}
	})
	if c.pictures.colds != 1 {
		t.Errorf("%d cold starts: an invocation ended the process", c.pictures.colds)
	}
}

func sqsEvent(bodies ...string) string {
	var records []string
	for i, body := range bodies {
		quoted, _ := json.Marshal(body)
		records = append(records, fmt.Sprintf(`{"messageId":"m%d","receiptHandle":"r","body":%s,"attributes":{},"messageAttributes":{},"eventSource":"aws:sqs",`+
			`"eventSourceARN":"arn:aws:sqs:us-east-1:1:uploads","awsRegion":"us-east-1"}`, i, quoted))
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`
}

// batch has a good message, one whose object is not there yet, one that is no event, and another good one.
func (c *cloud) batch(t *testing.T) {
	t.Helper()
	first, last := c.upload(t, "first"), c.upload(t, "last")
	missing := strings.Replace(first, "uploads/avatars/", "uploads/avatars/x", 1)
	out, err := c.pictures.invoke([]byte(sqsEvent(s3Event(first), s3Event(missing), "no event", s3Event(last))))
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != `{"batchItemFailures":[{"itemIdentifier":"m1"}]}` {
		t.Errorf("answer %s", out)
	}
	if !c.published(t, first) || !c.published(t, last) {
		t.Error("a good message was not handled")
	}
}

// TestWebhook: the same news, posted.
func TestWebhook(t *testing.T) {
	c := open(t)
	key := c.upload(t, "ada")
	if status, _, _ := c.do(t, "POST", "/webhooks/avatar", s3Event(key), http.Header{"Authorization": {"Bearer wrong"}}); status != 401 || c.published(t, key) {
		t.Errorf("a stranger's news: status %d, published %t", status, c.published(t, key))
	}
	if status, _, body := c.do(t, "POST", "/webhooks/avatar", s3Event(key), http.Header{"Authorization": {"Bearer a secret"}}); status != 200 || !c.published(t, key) {
		t.Errorf("status %d %s, published %t", status, body, c.published(t, key))
	}
}
