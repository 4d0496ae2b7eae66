package servers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/internal/e2e/servers"
	"github.com/cruddur/avatarkit/storage"
)

// TestServers uploads once to each, and again with one thing wrong that every one of them refuses.
func TestServers(t *testing.T) {
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
			store := tt.start(t).Store(t, "uploads")
			g, err := store.GrantUpload(t.Context(), "a b/1.txt", storage.Policy{ContentType: "text/plain", Size: 5})
			if err != nil {
				t.Fatal(err)
			}
			if got := send(t, g, "hello"); got/100 != 2 {
				t.Fatalf("upload: status %d", got)
			}
			data, err := store.Bucket().ReadAll(t.Context(), "a b/1.txt")
			if err != nil || string(data) != "hello" {
				t.Errorf("stored %q, %v", data, err)
			}
			if !slices.Contains(g.Enforced, storage.EnforceWriteOnce) {
				t.Errorf("enforced %q", g.Enforced)
			}
			if got := send(t, g, "HELLO"); got/100 == 2 {
				t.Errorf("second upload: status %d", got)
			}
		})
	}
}

// TestGCSForm uploads by POST policy, which [servers.Server] does not reach.
func TestGCSForm(t *testing.T) {
	store := servers.FakeGCS(t).Open(t, "uploads", true)
	g, err := store.GrantUpload(t.Context(), "a/1.txt", storage.Policy{ContentType: "text/plain", MaxBytes: 5})
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, g, "too long"); got/100 == 2 {
		t.Errorf("too long: status %d", got)
	}
	if got := send(t, g, "hello"); got != 201 {
		t.Errorf("upload: status %d", got)
	}
	g.Fields["key"] = "a/2.txt"
	if got := send(t, g, "hello"); got/100 == 2 {
		t.Errorf("another key: status %d", got)
	}
}

func send(t *testing.T, g *storage.Grant, body string) int {
	t.Helper()
	r, err := g.NewRequest(t.Context(), strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
