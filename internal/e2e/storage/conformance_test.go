// Package storage_test runs the conformance suite of package storage on every store, against real servers.
package storage_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
	"github.com/cruddur/avatarkit/storage/storagetest"
)

// stores are all kinds. Each open starts a server of its own.
var stores = []struct {
	name   string
	open   func(*testing.T) storage.Store
	rounds int // of the race for one key
}{
	{"versitygw", func(t *testing.T) storage.Store { return servers.Versitygw(t).Store(t, "uploads") }, 10},
	{"minio", func(t *testing.T) storage.Store { return servers.MinIO(t).Store(t, "uploads") }, 10},
	{"gcs", func(t *testing.T) storage.Store { return servers.FakeGCS(t).Store(t, "uploads") }, 10},
	{"gcs with forms", func(t *testing.T) storage.Store { return servers.FakeGCS(t).Open(t, "uploads", true) }, 10},
	{"azurite", func(t *testing.T) storage.Store { return servers.Azurite(t).Store(t, "uploads") }, 10},
	{"folder", func(t *testing.T) storage.Store {
		return receive(t, func(cfg localstore.Config) (*localstore.Store, error) {
			return localstore.OpenDir(t.TempDir()+"/uploads", cfg)
		})
	}, 300},
	{"memory", func(t *testing.T) storage.Store { return receiveInto(t, memblob.OpenBucket(nil)) }, 300},
	// Our receiver in front of a cloud's bucket, as for a cloud that no browser reaches. gocloud's Azure driver panics when a
	// write fails, unless it is made as the receiver makes it.
	{"receiver before minio", func(t *testing.T) storage.Store { return receiveInto(t, servers.MinIO(t).Store(t, "uploads").Bucket()) }, 10},
	{"receiver before gcs", func(t *testing.T) storage.Store {
		return receiveInto(t, servers.FakeGCS(t).Store(t, "uploads").Bucket())
	}, 10},
	{"receiver before azurite", func(t *testing.T) storage.Store {
		return receiveInto(t, servers.Azurite(t).Store(t, "uploads").Bucket())
	}, 10},
}

func TestConformance(t *testing.T) {
	for _, tt := range stores {
		t.Run(tt.name, func(t *testing.T) {
			rounds := tt.rounds
			if testing.Short() {
				rounds = 3
			}
			storagetest.TestGranter(t, tt.open(t), &storagetest.Options{Rounds: rounds})
		})
	}
}

// receiveInto serves a receiver that writes to the bucket.
func receiveInto(t *testing.T, bucket *blob.Bucket) storage.Store {
	t.Helper()
	return receive(t, func(cfg localstore.Config) (*localstore.Store, error) { return localstore.New(bucket, cfg) })
}

func receive(t *testing.T, open func(localstore.Config) (*localstore.Store, error)) storage.Store {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	store, err := open(localstore.Config{
		Secret: []byte("0123456789abcdef0123456789abcdef"), BaseURL: "http://" + server.Listener.Addr().String() + "/up",
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/up/", store)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(func() { server.Close(); _ = store.Bucket().Close() })
	return store
}
