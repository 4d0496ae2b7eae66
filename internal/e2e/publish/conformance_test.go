// Package publish_test proves the publishing protocol of package avatar over real servers.
package publish_test

import (
	"os"
	"testing"

	"github.com/cruddur/avatarkit/avatar/avatartest"
	"github.com/cruddur/avatarkit/internal/e2e/servers"
)

// stores are all kinds. Each open starts a server of its own.
var stores = []struct {
	name string
	open func(testing.TB) servers.Server
}{
	{"versitygw", func(t testing.TB) servers.Server { return servers.Versitygw(t) }},
	{"minio", func(t testing.TB) servers.Server { return servers.MinIO(t) }},
	{"gcs", func(t testing.TB) servers.Server { return servers.FakeGCS(t) }},
	{"azurite", func(t testing.TB) servers.Server { return servers.Azurite(t) }},
}

// Every operation takes milliseconds here, so a sample of what the unit tests do on memory; a larger one with AVATARKIT_LONG.
func TestProtocol(t *testing.T) {
	for _, tt := range stores {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // most of the time is waiting for the servers
			opts := &avatartest.Options{Every: 90, Seeds: 4}
			if os.Getenv("AVATARKIT_LONG") != "" {
				opts = &avatartest.Options{Every: 20, Seeds: 10}
			}
			server := tt.open(t)
			avatartest.TestBuckets(t, server.Store(t, "uploads").Bucket(), server.Store(t, "assets").Bucket(), opts)
		})
	}
}
