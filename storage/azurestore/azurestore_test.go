package azurestore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/azurestore"
)

func newClient(t testing.TB, address string) *container.Client {
	t.Helper()
	credential, err := container.NewSharedKeyCredential("account", "dmVyeSBzZWNyZXQ=")
	if err != nil {
		t.Fatal(err)
	}
	options := &container.ClientOptions{}
	options.Retry = policy.RetryOptions{MaxRetries: -1}
	client, err := container.NewClientWithSharedKeyCredential(address+"/uploads", credential, options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func newStore(t testing.TB, opts *azurestore.Options) *azurestore.Store {
	t.Helper()
	s, err := azurestore.New(newClient(t, "https://account.blob.core.windows.net"), opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGrant(t *testing.T) {
	tests := []struct {
		name        string
		policy      storage.Policy
		endpoint    string
		address     string
		permissions string
		header      map[string]string
		enforced    string
	}{
		{"size", storage.Policy{ContentType: "image/svg+xml", Size: 7}, "",
			"https://account.blob.core.windows.net", "c",
			map[string]string{"Content-Type": "image/svg+xml", "X-Ms-Blob-Type": "BlockBlob"}, "expiry method write_once"},
		{"everything", storage.Policy{ContentType: "a/b", Size: 7, SHA256: strings.Repeat("0", 64), CacheControl: "no-store", Expires: storage.MaxExpiry}, "",
			"https://account.blob.core.windows.net", "c",
			map[string]string{"Content-Type": "a/b", "X-Ms-Blob-Type": "BlockBlob", "X-Ms-Blob-Cache-Control": "no-store"}, "expiry method write_once"},
		{"maximum, overwrite, elsewhere", storage.Policy{ContentType: "a/b", MaxBytes: 7, Overwrite: true, Expires: time.Second}, "http://up.example.com:8080",
			"http://up.example.com:8080", "cw",
			map[string]string{"Content-Type": "a/b", "X-Ms-Blob-Type": "BlockBlob"}, "expiry method"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newStore(t, &azurestore.Options{Endpoint: tt.endpoint}).GrantUpload(t.Context(), "a b/é+1.png", tt.policy)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(g.URL)
			if err != nil {
				t.Fatal("malformed URL")
			}
			if got := u.Scheme + "://" + u.Host + u.EscapedPath(); got != tt.address+"/uploads/a%20b/%C3%A9+1.png" {
				t.Errorf("address %s", got)
			}
			q := u.Query()
			if got := q.Get("sp"); got != tt.permissions {
				t.Errorf("permissions %q, want %q", got, tt.permissions)
			}
			if q.Get("sr") != "b" || q.Get("sig") == "" {
				t.Errorf("signs the resource %q, want one blob", q.Get("sr"))
			}
			if end, err := time.Parse(time.RFC3339, q.Get("se")); err != nil || !end.Equal(g.Expires) {
				t.Errorf("signed until %q, the grant says %v", q.Get("se"), g.Expires)
			}
			header := map[string]string{}
			for name := range g.Header {
				header[name] = g.Header.Get(name)
			}
			if !maps.Equal(header, tt.header) {
				t.Errorf("headers %v, want %v", header, tt.header)
			}
			if got := strings.Join(g.Enforced, " "); got != tt.enforced {
				t.Errorf("enforced %s, want %s", got, tt.enforced)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	tests := []struct {
		name   string
		key    string
		policy storage.Policy
		want   error
	}{
		{"size zero", "k", storage.Policy{ContentType: "a/b"}, storage.ErrInvalidPolicy},
		{"negative size", "k", storage.Policy{ContentType: "a/b", Size: -1}, storage.ErrInvalidPolicy},
		{"expiry over seven days", "k", storage.Policy{ContentType: "a/b", Size: 1, Expires: storage.MaxExpiry + time.Second}, storage.ErrInvalidPolicy},
		{"key", "../k", storage.Policy{ContentType: "a/b", Size: 1}, storage.ErrInvalidKey},
		{"key that gocloud would escape", "a?b", storage.Policy{ContentType: "a/b", Size: 1}, storage.ErrInvalidKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, err := newStore(t, nil).GrantUpload(t.Context(), tt.key, tt.policy)
			if g != nil || !errors.Is(err, tt.want) {
				t.Errorf("got %v, %v, want %v", g, err, tt.want)
			}
		})
	}
	// Without a shared key nothing can sign.
	client, err := container.NewClientWithNoCredential("https://account.blob.core.windows.net/uploads", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := azurestore.New(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	if g, err := s.GrantUpload(t.Context(), "k", storage.Policy{ContentType: "a/b", Size: 1}); g != nil || !errors.Is(err, storage.ErrPermission) {
		t.Errorf("got %v, %v, want ErrPermission", g, err)
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := azurestore.New(nil, nil); err == nil {
		t.Error("a nil client is accepted")
	}
	for _, endpoint := range []string{"up.example.com", "https://", "https://up.example.com/path", "https://up.example.com?sv=1"} {
		if _, err := azurestore.New(newClient(t, "https://account.blob.core.windows.net"), &azurestore.Options{Endpoint: endpoint}); err == nil {
			t.Errorf("the endpoint %q is accepted", endpoint)
		}
	}
}

func TestWrapError(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   error
	}{
		{403, "AuthenticationFailed", storage.ErrPermission},
		{403, "AuthorizationFailure", storage.ErrPermission},
		{403, "AuthorizationPermissionMismatch", storage.ErrPermission},
		{403, "UnauthorizedBlobOverwrite", storage.ErrPermission},
		{404, "BlobNotFound", storage.ErrNotFound},
		{404, "ContainerNotFound", storage.ErrNotFound},
		{409, "BlobAlreadyExists", storage.ErrExists},
		{409, "ContainerBeingDeleted", storage.ErrUnavailable},
		{412, "ConditionNotMet", storage.ErrExists},
		{400, "Md5Mismatch", storage.ErrUnavailable},
		{500, "InternalError", storage.ErrUnavailable},
		{503, "ServerBusy", storage.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("x-ms-error-code", tt.code)
				w.WriteHeader(tt.status)
			}))
			t.Cleanup(server.Close)
			s, err := azurestore.New(newClient(t, server.URL), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, readErr := s.Bucket().ReadAll(t.Context(), "k")
			writeErr := s.Bucket().Upload(t.Context(), "k", strings.NewReader("x"), &blob.WriterOptions{ContentType: "a/b", IfNotExist: true})
			for _, err := range []error{readErr, writeErr} {
				if got := s.WrapError(err); !errors.Is(got, tt.want) || !errors.Is(got, err) {
					t.Errorf("%s: %v, want it around the original", strconv.Itoa(tt.status), tt.want)
				}
			}
		})
	}
	s := newStore(t, nil)
	if s.WrapError(nil) != nil {
		t.Error("nil became an error")
	}
	if err := fmt.Errorf("read: %w", context.DeadlineExceeded); !errors.Is(s.WrapError(err), context.DeadlineExceeded) {
		t.Error("the context's error is lost")
	}
}

func ExampleNew() {
	credential, err := container.NewSharedKeyCredential("example", "dmVyeSBzZWNyZXQ=") // from a secret store
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := container.NewClientWithSharedKeyCredential("https://example.blob.core.windows.net/uploads", credential, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := azurestore.New(client, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Bucket().Close()
	grant, err := store.GrantUpload(context.Background(), "avatars/ada/1.png", storage.Policy{ContentType: "image/png", Size: 1024})
	if err != nil {
		fmt.Println(err)
		return
	}
	address, _, _ := strings.Cut(grant.URL, "?")
	fmt.Println(grant.Method, address)
	fmt.Println(grant.Header)
	fmt.Println(grant.Enforced)
	// Output:
	// PUT https://example.blob.core.windows.net/uploads/avatars/ada/1.png
	// map[Content-Type:[image/png] X-Ms-Blob-Type:[BlockBlob]]
	// [expiry method write_once]
}
