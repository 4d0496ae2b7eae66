package avatarkit_test

import (
	"bytes"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/cruddur/avatarkit"

// islands never import one another.
var islands = []string{"auth", "storage", "avatar", "profile", "migrate"}

// packages returns each package of the module with what it imports itself and what it compiles in, tests apart.
var packages = sync.OnceValues(func() (map[string]imports, error) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{join .Imports " "}}|{{join .Deps " "}}`, "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, &listError{stderr.String()}
	}
	all := map[string]imports{}
	for line := range strings.Lines(string(out)) {
		part := strings.Split(line, "|")
		all[part[0]] = imports{strings.Fields(part[1]), strings.Fields(part[2])}
	}
	return all, nil
})

type imports struct{ direct, all []string }

type listError struct{ output string }

func (e *listError) Error() string { return "go list: " + e.output }

func every(t *testing.T) map[string]imports {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append([]string{""}, islands...) {
		if _, found := all[path.Join(module, name)]; !found {
			t.Fatalf("package %q is not there", name)
		}
	}
	return all
}

func under(dep string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return dep == p || strings.HasPrefix(dep, strings.TrimSuffix(p, "/")+"/") })
}

func TestIslandsDoNotImportOneAnother(t *testing.T) {
	for pkg, deps := range every(t) {
		own, _, _ := strings.Cut(strings.TrimPrefix(pkg, module+"/"), "/")
		for _, dep := range deps.all {
			name, inside := strings.CutPrefix(dep, module+"/")
			other, _, _ := strings.Cut(name, "/")
			if inside && other != own && slices.Contains(islands, other) {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
	}
}

// The clouds' SDKs and the database drivers.
var (
	aws     = []string{"github.com/aws", "gocloud.dev/blob/s3blob"}
	google  = []string{"cloud.google.com/go/storage", "gocloud.dev/blob/gcsblob"}
	azure   = []string{"github.com/Azure", "gocloud.dev/blob/azureblob"}
	drivers = []string{"modernc.org", "github.com/jackc", "github.com/lib/pq", "github.com/mattn/go-sqlite3"}
	codecs  = []string{"github.com/gen2brain", "github.com/tetratelabs"}
	// What registers itself with image.Decode of the whole program. Imaging, the reference in tests, brings BMP and TIFF.
	registered = []string{"golang.org/x/image/bmp", "golang.org/x/image/tiff", "golang.org/x/image/webp", "image/gif", "github.com/disintegration/imaging"}
)

// TestEachPackageLinksOnlyItsOwn names for each package what it may link of what is heavy or foreign. One that is not listed may link nothing of
// it, so a new package has to be thought of here.
func TestEachPackageLinksOnlyItsOwn(t *testing.T) {
	blob := []string{"gocloud.dev"} // what of it, the next test says
	may := map[string][]string{
		"storage": blob, "storage/localstore": blob, "storage/storagetest": blob,
		"storage/s3store": slices.Concat(blob, aws), "storage/gcsstore": slices.Concat(blob, google), "storage/azurestore": slices.Concat(blob, azure),
		"storage/openstore": slices.Concat(blob, aws, google, azure),
		"avatar":            blob, "avatar/avatartest": blob,
		"avatar/webp": codecs, "avatar/heic": slices.Concat(blob, codecs), "avatar/avif": slices.Concat(blob, codecs),
		"migrate/bucket": blob,
	}
	watched := slices.Concat(blob, aws, google, azure, drivers, codecs, registered)
	for pkg, deps := range every(t) {
		name := strings.TrimPrefix(pkg, module+"/")
		if strings.Contains(name, "internal/") {
			continue // counted with the packages that link it
		}
		for _, dep := range deps.all {
			if under(dep, watched...) && !under(dep, may[name]...) {
				t.Errorf("%s links %s", name, dep)
			}
		}
	}
	for name := range may {
		if _, found := every(t)[path.Join(module, name)]; !found {
			t.Errorf("%s is not there any more: take it off the list", name)
		}
	}
}

// TestOnlyBlob keeps storage and avatar from everything of gocloud.dev but its blob package: a driver is the caller's choice.
func TestOnlyBlob(t *testing.T) {
	for _, name := range []string{"storage", "avatar"} {
		for _, dep := range every(t)[path.Join(module, name)].all {
			if under(dep, "gocloud.dev") && !under(dep, "gocloud.dev/internal") &&
				!slices.Contains([]string{"gocloud.dev/blob", "gocloud.dev/blob/driver", "gocloud.dev/gcerrors"}, dep) {
				t.Errorf("%s links %s", name, dep)
			}
		}
	}
}

// TestOnlyTheAPIOfOpenTelemetry: the SDK is the application's. (gocloud.dev/blob itself links a part of it.)
func TestOnlyTheAPIOfOpenTelemetry(t *testing.T) {
	for pkg, deps := range every(t) {
		for _, dep := range deps.direct {
			if under(dep, "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "go.opentelemetry.io/contrib") {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
		if name := strings.TrimPrefix(pkg, module+"/"); !slices.Contains([]string{"auth", "profile", "migrate"}, name) {
			continue
		}
		for _, dep := range deps.all {
			if under(dep, "go.opentelemetry.io/otel/sdk") {
				t.Errorf("%s links %s", pkg, dep)
			}
		}
	}
}

func TestPackagesDoNotLinkTesting(t *testing.T) {
	for pkg, deps := range every(t) {
		if slices.Contains(deps.all, "testing") && !strings.HasSuffix(pkg, "test") {
			t.Errorf("%s links testing into its users' programs", pkg)
		}
	}
}
