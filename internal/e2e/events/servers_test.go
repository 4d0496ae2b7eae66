// Package events_test sends real notifications, from real servers, through package storage.
package events_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage"
)

// webhookSecret has no spaces: MinIO sends no Authorization header at all for one that has.
const webhookSecret = "only-the-store-knows"

var uploads = storage.Filter{Buckets: []string{"uploads"}, Prefixes: []string{"uploads/avatars/"}, Output: []string{"avatars/"}}

// inbox gathers what is handled, and fails the first so many times.
type inbox struct {
	mu       sync.Mutex
	failures int
	events   []storage.ObjectCreated
}

func (in *inbox) handle(_ context.Context, e storage.ObjectCreated) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.failures > 0 {
		in.failures--
		return errors.New("not yet")
	}
	in.events = append(in.events, e)
	return nil
}

// wait returns the handled event of the key, or ends the test.
func (in *inbox) wait(t *testing.T, key string) storage.ObjectCreated {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		in.mu.Lock()
		i := slices.IndexFunc(in.events, func(e storage.ObjectCreated) bool { return e.Key == key })
		if i >= 0 {
			defer in.mu.Unlock()
			return in.events[i]
		}
		in.mu.Unlock()
	}
	t.Fatalf("no event for %q; got %+v", key, in.events)
	return storage.ObjectCreated{}
}

// serve runs the handler of the notifications and remembers the statuses of its answers.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// startVersitygw starts versitygw with the extra flags and returns a client of it with the bucket uploads.
func startVersitygw(t *testing.T, flags ...string) *s3.Client {
	t.Helper()
	return withBucket(t, servers.Versitygw(t, flags...))
}

// startMinIO starts MinIO with one webhook target, which keeps undelivered events and sends them again.
func startMinIO(t *testing.T, webhook string) *s3.Client {
	t.Helper()
	return withBucket(t, servers.MinIO(t,
		"MINIO_NOTIFY_WEBHOOK_ENABLE_hook=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_hook="+webhook,
		"MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_hook=Bearer "+webhookSecret,
		"MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_hook="+t.TempDir(),
	))
}

func withBucket(t *testing.T, s *servers.S3) *s3.Client {
	t.Helper()
	s.MakeBucket(t, "uploads")
	return s.Client
}

func put(t *testing.T, c *s3.Client, key string) {
	t.Helper()
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("uploads"), Key: &key, Body: bytes.NewReader([]byte("hello")), ContentType: aws.String("image/jpeg"),
	})
	if err != nil {
		t.Fatal(err)
	}
}
