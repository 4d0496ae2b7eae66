// Package path_test walks the whole path of an avatar on every store: grant, upload, the event as that store sends it,
// processing, publishing, serving, superseding, refusing and erasing. Uploads and pictures lie on the same server.
package path_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/storage"
)

// secret is what every store that signs nothing shows the webhook.
const secret = "only-the-store-knows"

// filter takes uploads and nothing else, though some servers send the events of every bucket.
var filter = storage.Filter{Buckets: []string{"uploads"}, Prefixes: []string{"uploads/avatars/"}, Output: []string{"avatars/", "records/"}}

// house is a running store with the two buckets.
type house struct {
	uploads storage.Store
	// forms is the same store when it grants uploads of unknown size as forms; else it equals uploads.
	forms  storage.Store
	assets *blob.Bucket
	// announce stands in for a store that sends no events by itself; nil otherwise.
	announce func(t *testing.T, key string, size int)
	// formsUnheard says that the event of a form names no key, as versitygw 1.8.0 sends it: only Recover finds the upload.
	formsUnheard bool
}

// service is the receiving side: the same for every store.
type service struct {
	house
	processor *avatar.Processor
	pictures  http.Handler
	ready     chan struct{} // closed when processor is set
}

// handle is what every event ends in.
func (s *service) handle(ctx context.Context, e storage.ObjectCreated) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := s.processor.Process(ctx, e.Key)
	return err
}

// webhook serves the service's webhook, with the secret as a Bearer token or as the parameter "key".
func (s *service) webhook(t *testing.T) *httptest.Server {
	t.Helper()
	bearer, query := storage.BearerSecret(secret), storage.QuerySecret("key", secret)
	hook, err := storage.NewWebhook(storage.WebhookConfig{Handle: s.handle, Filter: filter, Authorize: func(r *http.Request) error {
		if bearer(r) == nil {
			return nil
		}
		return query(r)
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(hook)
	t.Cleanup(srv.Close)
	return srv
}

// open starts the store and everything behind it.
func open(t *testing.T, start func(*testing.T, *service) house, opts *avatar.Options) *service {
	t.Helper()
	s := &service{ready: make(chan struct{})}
	s.house = start(t, s)
	pipeline, err := avatar.New(avatar.Config{Kind: avatar.AvatarKind()})
	if err != nil {
		t.Fatal(err)
	}
	if s.processor, err = avatar.NewProcessor(pipeline, s.uploads.Bucket(), s.assets, opts); err != nil {
		t.Fatal(err)
	}
	s.pictures = s.processor.Handler(nil)
	close(s.ready)
	return s
}

// upload asks for a grant, uses it exactly with a plain client, and returns the upload id. size 0 asks for a maximum.
func (s *service) upload(t *testing.T, subject string, data []byte, size int64) string {
	t.Helper()
	key, id, err := s.processor.NewUploadKey(subject, "image/jpeg")
	if err != nil {
		t.Fatal(err)
	}
	store, policy := s.uploads, storage.Policy{UploadID: id, ContentType: "image/jpeg", Size: size}
	if size == 0 {
		store, policy.MaxBytes = s.forms, 8<<20
	}
	g, err := store.GrantUpload(t.Context(), key, policy)
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.NewRequest(t.Context(), strings.NewReader(string(data)), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s of %d bytes: %s %s", g.Method, len(data), resp.Status, body)
	}
	t.Logf("uploaded by %s", g.Method)
	if s.announce != nil {
		s.announce(t, key, len(data))
	}
	return id
}

// outcome waits until the upload is ready or rejected.
func (s *service) outcome(t *testing.T, subject, id string) avatar.Status {
	t.Helper()
	var status avatar.Status
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var err error
		if status, err = s.processor.Status(t.Context(), subject, id); err != nil {
			t.Fatal(err)
		}
		if status.State == avatar.StateReady || status.State == avatar.StateRejected {
			return status
		}
	}
	t.Fatalf("upload %s is still %s", id, status.State)
	return status
}

// get asks the handler for a path.
func (s *service) get(t *testing.T, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	s.pictures.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Result()
}

// list returns every key of the bucket that contains the text.
func list(t *testing.T, b *blob.Bucket, text string) []string {
	t.Helper()
	var keys []string
	for it := b.List(nil); ; {
		obj, err := it.Next(t.Context())
		if errors.Is(err, io.EOF) {
			slices.Sort(keys)
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(obj.Key, text) {
			keys = append(keys, obj.Key)
		}
	}
}
