package migrate_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Engine and SQL target link the standard library and what is their own, and of OpenTelemetry the API, not an SDK.
func TestLinksLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./sqldb").Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"github.com/cruddur/avatarkit/migrate", "github.com/cruddur/avatarkit/internal/sqlsplit", "go.opentelemetry.io/otel", "go.opentelemetry.io/auto/sdk",
		"github.com/go-logr/", "github.com/cespare/xxhash"} // the last three come with the API
	for _, pkg := range strings.Fields(string(out)) {
		ok := !strings.HasPrefix(pkg, "go.opentelemetry.io/otel/sdk")
		found := false
		for _, a := range allowed {
			found = found || strings.HasPrefix(pkg, a)
		}
		if !ok || !found {
			t.Errorf("links %s", pkg)
		}
	}
}
