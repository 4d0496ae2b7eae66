// Package doctor_test runs examples/doctor on real stores: a healthy pair gives no problem, and each thing that is broken gives
// its own.
package doctor_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage/bucketconfig"
)

const origin = "https://app.example"

// pair is a healthy pair of buckets and how the doctor finds it.
type pair struct {
	uploadsURL, assetsURL string
	env                   []string
	uploads, assets       *blob.Bucket
	notes                 []string // what cannot be checked on this store
}

type finding struct{ Code, Detail, Fix, Document string }

type report struct {
	Problems, Notes []finding
	Passed          []string
}

func codes(list []finding) []string {
	var codes []string
	for _, f := range list {
		codes = append(codes, f.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "doctor")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "doctor")
	out, err := exec.Command("go", "build", "-o", bin, "github.com/cruddur/avatarkit/examples/doctor").CombinedOutput()
	if err != nil {
		err = errors.New(string(out))
	}
	return bin, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin)) // the system's temporary folder is cleaned anyway
	}
	os.Exit(code)
}

// run runs the doctor and returns its output and exit code.
func run(t *testing.T, env []string, args ...string) (out, logs string, code int) {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for _, secret := range []string{"Signature=", "sig=", "signature="} {
		if strings.Contains(stdout.String()+stderr.String(), secret) {
			t.Errorf("the report shows a signed URL:\n%s%s", &stdout, &stderr)
		}
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// examine runs the doctor on the pair with further flags, and expects exactly the problems.
func examine(t *testing.T, p *pair, want []string, flags ...string) report {
	t.Helper()
	before := [][]string{keys(t, p.uploads), keys(t, p.assets)}
	args := append([]string{"-json", "-origins", origin, "-uploads", p.uploadsURL, "-assets", p.assetsURL}, flags...)
	out, logs, code := run(t, p.env, args...)
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("exit code %d: %v\n%s%s", code, err, out, logs)
	}
	if got := codes(r.Problems); !slices.Equal(got, want) {
		t.Errorf("problems %q, want %q\n%s", got, want, out)
	}
	wantCode := 0
	if len(want) > 0 {
		wantCode = 1
	}
	if code != wantCode {
		t.Errorf("exit code %d, want %d", code, wantCode)
	}
	for _, f := range r.Problems {
		if f.Fix == "" {
			t.Errorf("%s has no fix", f.Code)
		}
	}
	if after := [][]string{keys(t, p.uploads), keys(t, p.assets)}; !slices.Equal(before[0], after[0]) || !slices.Equal(before[1], after[1]) {
		t.Errorf("the doctor left something: %q, was %q", after, before)
	}
	return r
}

// healthy expects no problem, and the notes that the store cannot do without.
func healthy(t *testing.T, p *pair, flags ...string) {
	t.Helper()
	r := examine(t, p, nil, flags...)
	if got := codes(r.Notes); !slices.Equal(got, p.notes) {
		t.Errorf("notes %q, want %q", got, p.notes)
	}
}

func keys(t *testing.T, b *blob.Bucket) []string {
	t.Helper()
	var keys []string
	for it := b.List(nil); ; {
		obj, err := it.Next(t.Context())
		if err != nil {
			return keys // io.EOF; any other error shows in the comparison
		}
		keys = append(keys, obj.Key)
	}
}

func documents(t *testing.T, edit func(*bucketconfig.Config)) *bucketconfig.Documents {
	t.Helper()
	cfg := bucketconfig.Config{
		UploadBucket: "uploads", AssetBucket: "assets", UploadPrefixes: []string{"uploads/avatars/"},
		AssetPrefixes: []string{"avatars/"}, Origins: []string{origin},
	}
	if edit != nil {
		edit(&cfg)
	}
	d, err := bucketconfig.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestUnable: what is wrong with the call, and not with the buckets, is told at once and gives its own exit code.
func TestUnable(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"nothing", nil, []string{"-uploads is required", "-assets is required", "-origins is required"}},
		{"origin with a path", []string{"-uploads", "mem://", "-assets", "mem://", "-origins", "https://a.example/x"}, []string{"not scheme://host"}},
		{"store", []string{"-uploads", "ftp://x", "-assets", "mem://", "-origins", origin}, []string{"s3://"}},
		{"prefix", []string{"-uploads", "mem://", "-assets", "mem://", "-origins", origin, "-asset-prefix", "x"}, []string{"slash"}},
		{"unreachable", []string{"-uploads", "s3://uploads?region=us-east-1&endpoint=http://127.0.0.1:9&use_path_style=true", "-assets", "mem://", "-origins", origin},
			[]string{"-uploads cannot be reached"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, logs, code := run(t, []string{"AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_MAX_ATTEMPTS=1"}, tt.args...)
			if code != 2 || out != "" {
				t.Errorf("exit code %d, output %q", code, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(logs, want) {
					t.Errorf("%q does not say %q", logs, want)
				}
			}
		})
	}
}

// TestText: the report for people has the same findings, with the document to apply.
func TestText(t *testing.T) {
	p := versitygw(t)
	deleteCORS(t, p)
	out, _, code := run(t, p.env, "-origins", origin, "-uploads", p.uploadsURL, "-assets", p.assetsURL)
	for _, want := range []string{"PROBLEM  cors_origin", "put-bucket-cors --bucket uploads", `"AllowedOrigins"`, "ok       uploads are private", "problems,"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
}
