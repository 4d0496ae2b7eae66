package events_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/bucketconfig"
)

// awkward are keys that go wrong when they are decoded once too often or too rarely. Those with a percent sign come
// through the parser, but no grant can have named them: the filter drops them.
var awkward = []string{
	"uploads/avatars/u1/plain.jpg",
	"uploads/avatars/u1/a b.jpg",
	"uploads/avatars/u1/a+b.jpg",
	"uploads/avatars/u1/é✓.jpg",
	"uploads/avatars/u1/a&b=c.jpg",
}

const etagOfHello = "5d41402abc4b2a76b9719d911017c592"

func documents(t *testing.T) *bucketconfig.Documents {
	t.Helper()
	d, err := bucketconfig.New(bucketconfig.Config{
		UploadBucket: "uploads", AssetBucket: "assets", UploadPrefixes: []string{"uploads/avatars/"},
		AssetPrefixes: []string{"avatars/"}, Origins: []string{"https://app.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVersitygwWebhook(t *testing.T) {
	in := new(inbox)
	hook, err := storage.NewWebhook(storage.WebhookConfig{Handle: in.handle, Filter: uploads, Authorize: storage.QuerySecret("key", webhookSecret)})
	if err != nil {
		t.Fatal(err)
	}
	c := startVersitygw(t, "--event-webhook-url", serve(t, hook).URL+"/?key="+url.QueryEscape(webhookSecret))
	put(t, c, "avatars/u1/own-output.jpg")
	checkAwkward(t, c, in)
	multipart(t, c, in)
}

func TestMinIOWebhook(t *testing.T) {
	in := &inbox{failures: 2}
	hook, err := storage.NewWebhook(storage.WebhookConfig{Handle: in.handle, Filter: uploads, Authorize: storage.BearerSecret(webhookSecret)})
	if err != nil {
		t.Fatal(err)
	}
	c := startMinIO(t, serve(t, hook).URL)
	body, err := documents(t).S3Notification("arn:minio:sqs::hook:webhook")
	if err != nil {
		t.Fatal(err)
	}
	var notification types.NotificationConfiguration
	if err := json.Unmarshal(body, &notification); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("uploads"), NotificationConfiguration: &notification,
	}); err != nil {
		t.Fatal(err)
	}
	put(t, c, "avatars/u1/own-output.jpg")
	checkAwkward(t, c, in) // the first two answers are 503: MinIO must send again
	multipart(t, c, in)
	if in.failures != 0 {
		t.Errorf("%d failures were not asked for: nothing was sent again", in.failures)
	}
}

// checkAwkward uploads the awkward keys and expects exactly their events.
func checkAwkward(t *testing.T, c *s3.Client, in *inbox) {
	t.Helper()
	for _, key := range awkward {
		put(t, c, key)
	}
	for _, key := range awkward {
		e := in.wait(t, key)
		if e.Bucket != "uploads" || e.Size != 5 || e.ETag != etagOfHello || e.Time.IsZero() {
			t.Errorf("event %+v", e)
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.events) != len(awkward) {
		t.Errorf("handled %d events, want %d: %+v", len(in.events), len(awkward), in.events)
	}
}

// multipart uploads in parts: the event has another name, which the seed's subscription missed.
func multipart(t *testing.T, c *s3.Client, in *inbox) {
	t.Helper()
	bucket, key := aws.String("uploads"), aws.String("uploads/avatars/u1/parts.jpg")
	up, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader([]byte("hello")),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
	}); err != nil {
		t.Fatal(err)
	}
	in.wait(t, *key)
}

// TestVersitygwCORS puts the generated document and asks a real preflight.
func TestVersitygwCORS(t *testing.T) {
	c := startVersitygw(t)
	var cors types.CORSConfiguration
	if err := json.Unmarshal(documents(t).S3UploadCORS(), &cors); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: aws.String("uploads"), CORSConfiguration: &cors}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, origin, method, headers string
		allowed                       bool
	}{
		{"upload", "https://app.example", "PUT", "content-type,if-none-match,x-amz-checksum-sha256", true},
		{"form", "https://app.example", "POST", "", true},
		{"another page", "https://evil.example", "PUT", "content-type", false},
		{"suffix attack", "https://app.example.evil.example", "PUT", "content-type", false},
		{"delete", "https://app.example", "DELETE", "", false},
		{"undeclared header", "https://app.example", "PUT", "x-amz-acl", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, *c.Options().BaseEndpoint+"/uploads/uploads/avatars/u1/1.jpg", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", tt.origin)
			r.Header.Set("Access-Control-Request-Method", tt.method)
			if tt.headers != "" {
				r.Header.Set("Access-Control-Request-Headers", tt.headers)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.StatusCode == 200 && resp.Header.Get("Access-Control-Allow-Origin") == tt.origin; got != tt.allowed {
				t.Errorf("allowed %t, want %t: %s %v", got, tt.allowed, resp.Status, resp.Header)
			}
		})
	}
}

// TestMinIOLifecycle: MinIO takes the generated rules and gives the same back.
func TestMinIOLifecycle(t *testing.T) {
	c := startMinIO(t, "http://127.0.0.1:9/")
	var rules types.BucketLifecycleConfiguration
	if err := json.Unmarshal(documents(t).MinIOUploadLifecycle(), &rules); err != nil {
		t.Fatal(err)
	}
	bucket := aws.String("uploads")
	if _, err := c.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: bucket, LifecycleConfiguration: &rules}); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rules) != 1 || aws.ToInt32(got.Rules[0].Expiration.Days) != 7 || aws.ToString(got.Rules[0].Filter.Prefix) != "uploads/avatars/" {
		t.Errorf("rules %+v", got.Rules)
	}
}
