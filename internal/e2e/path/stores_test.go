package path_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage/bucketconfig"
	"github.com/cruddur/avatarkit/storage/localstore"
)

// stores are all that the path must work on.
var stores = []struct {
	name  string
	start func(*testing.T, *service) house
}{
	{"memory", memory},
	{"files", files},
	{"versitygw", versitygw},
	{"minio", minio},
	{"fake-gcs-server", fakeGCS},
	{"azurite", azurite},
}

// receiver serves a local store, whose callback is the event.
func receiver(t *testing.T, s *service, open func(localstore.Config) (*localstore.Store, error)) *localstore.Store {
	t.Helper()
	var store atomic.Pointer[localstore.Store]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { store.Load().ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	local, err := open(localstore.Config{Secret: key, BaseURL: srv.URL + "/uploads", OnCreated: s.handle, Name: "uploads"})
	if err != nil {
		t.Fatal(err)
	}
	store.Store(local)
	t.Cleanup(func() { _ = local.Bucket().Close() })
	return local
}

func memory(t *testing.T, s *service) house {
	store := receiver(t, s, func(c localstore.Config) (*localstore.Store, error) { return localstore.Open(t.Context(), "mem://", c) })
	assets := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = assets.Close() })
	return house{uploads: store, forms: store, assets: assets}
}

func files(t *testing.T, s *service) house {
	dir := t.TempDir()
	store := receiver(t, s, func(c localstore.Config) (*localstore.Store, error) {
		return localstore.OpenDir(filepath.Join(dir, "uploads"), c)
	})
	assets, err := fileblob.OpenBucket(filepath.Join(dir, "assets"), &fileblob.Options{CreateDir: true, NoTempDir: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = assets.Close() })
	return house{uploads: store, forms: store, assets: assets}
}

// versitygw sends the events of every bucket to one webhook, with the secret in the URL.
func versitygw(t *testing.T, s *service) house {
	server := servers.Versitygw(t, "--event-webhook-url", s.webhook(t).URL+"/?key="+url.QueryEscape(secret))
	uploads := server.Store(t, "uploads")
	return house{uploads: uploads, forms: uploads, assets: server.Store(t, "assets").Bucket(), formsUnheard: true}
}

// minio sends what the bucket's notification configuration asks for: the document that bucketconfig writes.
func minio(t *testing.T, s *service) house {
	server := servers.MinIO(t,
		"MINIO_NOTIFY_WEBHOOK_ENABLE_hook=on", "MINIO_NOTIFY_WEBHOOK_ENDPOINT_hook="+s.webhook(t).URL,
		"MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_hook=Bearer "+secret, "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_hook="+t.TempDir())
	uploads := server.Store(t, "uploads")
	documents, err := bucketconfig.New(bucketconfig.Config{
		UploadBucket: "uploads", AssetBucket: "assets", UploadPrefixes: []string{"uploads/avatars/"},
		AssetPrefixes: []string{"avatars/"}, Origins: []string{"https://app.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := documents.S3Notification("arn:minio:sqs::hook:webhook")
	if err != nil {
		t.Fatal(err)
	}
	var notification types.NotificationConfiguration
	if err := json.Unmarshal(body, &notification); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Client.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("uploads"), NotificationConfiguration: &notification,
	}); err != nil {
		t.Fatal(err)
	}
	return house{uploads: uploads, forms: uploads, assets: server.Store(t, "assets").Bucket()}
}

// fakeGCS publishes to Pub/Sub, from where a relay pushes to the webhook as Pub/Sub does.
func fakeGCS(t *testing.T, s *service) house {
	addr := pushFromPubSub(t, "projects/p/topics/uploads", s.webhook(t).URL)
	t.Setenv("PUBSUB_EMULATOR_HOST", addr)
	server := servers.FakeGCS(t, "-event.pubsub-project-id", "p", "-event.pubsub-topic", "uploads", "-event.list", "finalize")
	return house{uploads: server.Store(t, "uploads"), forms: server.Open(t, "uploads", true), assets: server.Store(t, "assets").Bucket()}
}

// azurite sends no events. The test posts what Event Grid would, made from the golden event of package storage.
func azurite(t *testing.T, s *service) house {
	server := servers.Azurite(t)
	hook := s.webhook(t).URL + "/?key=" + url.QueryEscape(secret)
	uploads := server.Store(t, "uploads")
	return house{uploads: uploads, forms: uploads, assets: server.Store(t, "assets").Bucket(), announce: func(t *testing.T, key string, size int) {
		t.Helper()
		resp, err := http.Post(hook, "application/json", bytes.NewReader(eventGrid(t, server.Endpoint, "uploads", key, size)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("webhook: %s", resp.Status)
		}
	}}
}

// eventGrid is the first event of the golden file, about another blob.
func eventGrid(t *testing.T, endpoint, container, key string, size int) []byte {
	t.Helper()
	golden, err := os.ReadFile(filepath.Join("..", "..", "..", "storage", "testdata", "events", "eventgrid.json"))
	if err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	if err := json.Unmarshal(golden, &events); err != nil {
		t.Fatal(err)
	}
	event := events[0]
	event["subject"] = fmt.Sprintf("/blobServices/default/containers/%s/blobs/%s", container, key)
	event["eventTime"] = time.Now().UTC().Format("2006-01-02T15:04:05.0000000Z")
	data, ok := event["data"].(map[string]any)
	if !ok {
		t.Fatal("the golden event has no data")
	}
	data["url"], data["contentLength"] = endpoint+"/"+container+"/"+key, size
	body, err := json.Marshal(events[:1])
	if err != nil {
		t.Fatal(err)
	}
	return body
}
