package openstore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
	"github.com/cruddur/avatarkit/storage/openstore"
)

var local = localstore.Config{Secret: []byte("0123456789abcdef0123456789abcdef"), BaseURL: "http://127.0.0.1:8080/up"}

// keys are credentials of no account: opening and signing do no I/O.
func keys(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "very secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "account")
	t.Setenv("AZURE_STORAGE_KEY", "dmVyeSBzZWNyZXQ=")
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9") // or the driver looks for credentials
}

func TestOpen(t *testing.T) {
	keys(t)
	tests := []struct {
		name, url, want string // want begins the URL of a grant
	}{
		{"s3", "s3://uploads?region=eu-central-1", "https://uploads.s3.eu-central-1.amazonaws.com/"},
		{"s3 elsewhere", "s3://uploads?region=us-east-1&endpoint=http://127.0.0.1:9000&use_path_style=true", "http://127.0.0.1:9000/uploads/"},
		{"azure", "azblob://uploads", "https://account.blob.core.windows.net/uploads/"},
		{"folder", "file://" + filepath.ToSlash(t.TempDir()) + "/uploads", local.BaseURL + "/"},
		{"memory", "mem://", local.BaseURL + "/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store, err := openstore.Open(t.Context(), tt.url, openstore.Config{Local: local})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Bucket().Close()
			g, err := store.GrantUpload(t.Context(), "a/b.png", storage.Policy{ContentType: "image/png", Size: 3})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(g.URL, tt.want+"a/b.png?") {
				t.Errorf("the grant's URL does not begin with %s", tt.want)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	keys(t)
	const secret = "s3cr3t"
	tests := []struct {
		name, url string
		want      error // nil means any
	}{
		{"nothing", "", errors.ErrUnsupported},
		{"no scheme", "uploads", errors.ErrUnsupported},
		{"unknown scheme", "ftp://user:" + secret + "@host/", errors.ErrUnsupported},
		{"upper case", "S3://uploads", errors.ErrUnsupported},
		{"malformed", "s3://" + secret + "\x7f", nil},
		{"s3 without bucket", "s3://?region=eu-central-1", nil},
		{"s3 with an unknown parameter", "s3://uploads?key=" + secret, nil},
		{"gs without bucket", "gs://", nil},
		{"gs with an unknown parameter", "gs://uploads?token=" + secret, nil},
		{"gs with a prefix", "gs://uploads?prefix=" + secret, nil},
		{"gs with a key file that is not there", "gs://uploads?access_id=a@b&private_key_path=/nowhere/key.pem", fs.ErrNotExist},
		{"azure without container", "azblob://", nil},
		{"azure with an unknown parameter", "azblob://uploads?key=" + secret, nil},
		{"memory with a name", "mem://" + secret, errors.ErrUnsupported},
		{"folder without a path", "file://", errors.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store, err := openstore.Open(t.Context(), tt.url, openstore.Config{Local: local})
			if err == nil || store != nil {
				t.Fatalf("got %v, %v, want an error alone", store, err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error repeats the URL: %v", err)
			}
		})
	}
}

func ExampleOpen() {
	ctx := context.Background()
	server := httptest.NewUnstartedServer(nil)
	store, err := openstore.Open(ctx, "mem://", openstore.Config{ // or the operator's s3://…, and nothing below changes
		Local: localstore.Config{
			Secret:  []byte("0123456789abcdef0123456789abcdef"), // from a secret store, not from the code
			BaseURL: "http://" + server.Listener.Addr().String() + "/uploads",
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Bucket().Close()
	if receiver, ok := store.(http.Handler); ok {
		server.Config.Handler = receiver
	}
	server.Start()
	defer server.Close()

	grant, err := store.GrantUpload(ctx, "uploads/ada/1.png", storage.Policy{ContentType: "image/png", Size: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	request, err := grant.NewRequest(ctx, strings.NewReader("png"), 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer.Body.Close()
	stored, err := store.Bucket().ReadAll(ctx, grant.Key)
	fmt.Println(answer.Status, string(stored), err)
	// Output: 201 Created png <nil>
}
