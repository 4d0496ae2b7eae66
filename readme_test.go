package avatarkit_test

import (
	"bytes"
	"go/format"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeProgram builds the program of the README, as it is there.
func TestReadmeProgram(t *testing.T) {
	_, rest, _ := strings.Cut(readme(t), "```go\n")
	program, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README has no Go program")
	}
	formatted, err := format.Source([]byte(program))
	if err != nil || !bytes.Equal(formatted, []byte(program)) {
		t.Errorf("the program is not formatted: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "service"), file).CombinedOutput(); err != nil {
		t.Errorf("the program does not build: %v\n%s", err, out)
	}
	_, body, _ := strings.Cut(program, "func main() {")
	if n := strings.Count(body, "\n"); n > 30 {
		t.Errorf("the program has %d lines below its imports, more than 30", n)
	}
}

// TestReadmeTable compares what the table says that a package imports with what it does.
func TestReadmeTable(t *testing.T) {
	base := map[string]string{ // "and …" and "the same" build on these
		"storage/localstore": "storage", "storage/s3store": "storage", "storage/gcsstore": "storage", "storage/azurestore": "storage",
		"migrate/bucket": "migrate", "migrate/sqldb": "migrate",
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| [^|]+ \\| (.+) \\|$")
	code := regexp.MustCompile("`([^`]+)`")
	claimed := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(readme(t), -1) {
		claimed[m[1]] = slices.Clone(claimed[base[m[1]]])
		for _, c := range code.FindAllStringSubmatch(m[2], -1) {
			claimed[m[1]] = append(claimed[m[1]], c[1])
		}
	}
	for _, store := range []string{"s3store", "gcsstore", "azurestore"} {
		claimed["storage/openstore"] = append(claimed["storage/openstore"], claimed["storage/"+store]...)
	}
	if len(claimed) < 10 {
		t.Fatalf("the table has only %d rows that could be read", len(claimed))
	}
	for pkg, names := range claimed {
		t.Run(pkg, func(t *testing.T) {
			modules := directModules(t, pkg)
			for _, module := range modules {
				if !slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(module, name) }) {
					t.Errorf("imports %s, and the table does not say so", module)
				}
			}
			for _, name := range names {
				if !slices.ContainsFunc(modules, func(module string) bool { return strings.HasSuffix(module, name) }) {
					t.Errorf("does not import %s, and the table says so", name)
				}
			}
		})
	}
}

// directModules returns the modules that the package imports, itself or through other packages of this module.
func directModules(t *testing.T, pkg string) []string {
	t.Helper()
	list := func(args ...string) []string {
		out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
		}
		return strings.Fields(string(out))
	}
	own := slices.DeleteFunc(list("-deps", path.Join(module, pkg)), func(p string) bool { return !strings.HasPrefix(p, module+"/") })
	imports := list(append([]string{"-f", `{{join .Imports "\n"}}`}, own...)...)
	foreign := slices.DeleteFunc(imports, func(p string) bool {
		first, _, _ := strings.Cut(p, "/")
		return strings.HasPrefix(p, module+"/") || !strings.Contains(first, ".")
	})
	if len(foreign) == 0 {
		return nil
	}
	modules := list(append([]string{"-f", "{{.Module.Path}}"}, foreign...)...)
	slices.Sort(modules)
	return slices.Compact(modules)
}
