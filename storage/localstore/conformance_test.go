package localstore_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/storage/localstore"
	"github.com/cruddur/avatarkit/storage/storagetest"
)

// stores are both kinds, each behind a real server.
var stores = []struct {
	name string
	open func(t *testing.T, cfg localstore.Config) *localstore.Store
}{
	{"memory", func(t *testing.T, cfg localstore.Config) *localstore.Store {
		s, err := localstore.New(memblob.OpenBucket(nil), cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}},
	{"folder", func(t *testing.T, cfg localstore.Config) *localstore.Store {
		s, err := localstore.OpenDir(filepath.Join(t.TempDir(), "uploads"), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Bucket().Close() })
		return s
	}},
}

var secret = []byte("0123456789abcdef0123456789abcdef")

// serve starts a server for the store that open returns.
func serve(t *testing.T, cfg localstore.Config, open func(*testing.T, localstore.Config) *localstore.Store) *localstore.Store {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	cfg.Secret = secret
	cfg.BaseURL = "http://" + server.Listener.Addr().String() + "/up"
	store := open(t, cfg)
	mux := http.NewServeMux()
	mux.Handle("/up/", store)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return store
}

func TestConformance(t *testing.T) {
	for _, tt := range stores {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rounds := 30
			if testing.Short() {
				rounds = 3
			}
			storagetest.TestGranter(t, serve(t, localstore.Config{}, tt.open), &storagetest.Options{Rounds: rounds})
		})
	}
}
