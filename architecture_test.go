package avatarkit_test

import (
	"bytes"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cruddur/avatarkit"

// islands never import one another.
var islands = []string{"auth", "storage", "avatar", "profile", "migrate"}

// links returns what the package patterns compile in, tests apart: one "importer dependency..." entry for each package found.
func links(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, pattern)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", pattern, err, &stderr)
	}
	deps := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		deps[fields[0]] = fields[1:]
	}
	return deps
}

func TestIslandsDoNotImportOneAnother(t *testing.T) {
	for pkg, deps := range links(t, "./...") {
		own, _, _ := strings.Cut(strings.TrimPrefix(pkg, module+"/"), "/")
		for _, dep := range deps {
			name, inside := strings.CutPrefix(dep, module+"/")
			other, _, _ := strings.Cut(name, "/")
			if inside && other != own && slices.Contains(islands, other) {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
	}
}

func TestPackagesLinkNoDriverAndNoCloud(t *testing.T) {
	clouds := []string{"github.com/aws/", "github.com/Azure/", "cloud.google.com/", "modernc.org/", "github.com/jackc/"}
	// What gocloud.dev/blob itself consists of.
	blob := []string{"gocloud.dev/blob", "gocloud.dev/blob/driver", "gocloud.dev/gcerrors"}
	tests := []struct {
		name string // also the folder
		blob bool   // may link gocloud.dev/blob
	}{
		{"auth", false},
		{"storage", true},
		{"avatar", true},
		{"profile", false},
		{"migrate", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := links(t, "./...")
			deps, found := all[path.Join(module, tt.name)]
			if !found {
				t.Skip("the package is not there yet")
			}
			for _, dep := range deps {
				if slices.ContainsFunc(clouds, func(c string) bool { return strings.HasPrefix(dep, c) }) {
					t.Errorf("links %s", dep)
				}
				if !strings.HasPrefix(dep, "gocloud.dev/") || strings.HasPrefix(dep, "gocloud.dev/internal/") {
					continue
				}
				if !tt.blob || !slices.Contains(blob, dep) {
					t.Errorf("links %s", dep)
				}
			}
		})
	}
}

func TestPackagesDoNotLinkTesting(t *testing.T) {
	for pkg, deps := range links(t, "./...") {
		if slices.Contains(deps, "testing") && !strings.HasSuffix(pkg, "test") {
			t.Errorf("%s links testing into its users' programs", pkg)
		}
	}
}
