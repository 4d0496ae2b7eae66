package path_test

import (
	"testing"

	"github.com/cruddur/avatarkit/avatar/avatartest"
	"github.com/cruddur/avatarkit/internal/e2e/servers"
)

// TestProtocol runs the conformance suite of publishing on each server: crashes at the operations, processes that overtake one another,
// and drawn histories. It takes every 101st operation, since each costs several requests. Package avatartest itself runs it on memory and files, at every operation.
func TestProtocol(t *testing.T) {
	tests := []struct {
		name  string
		start func(*testing.T) servers.Server
	}{
		{"versitygw", func(t *testing.T) servers.Server { return servers.Versitygw(t) }},
		{"minio", func(t *testing.T) servers.Server { return servers.MinIO(t) }},
		{"fake-gcs-server", func(t *testing.T) servers.Server { return servers.FakeGCS(t) }},
		{"azurite", func(t *testing.T) servers.Server { return servers.Azurite(t) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // most of the time is waiting for the servers
			server := tt.start(t)
			avatartest.TestBuckets(t, server.Store(t, "uploads").Bucket(), server.Store(t, "assets").Bucket(), &avatartest.Options{Every: 101, Seeds: 1})
		})
	}
}
