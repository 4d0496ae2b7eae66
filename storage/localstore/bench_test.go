//go:build unix

package localstore_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/internal/ratiotest"
	"github.com/cruddur/avatarkit/storage/localstore"
)

// BenchmarkGrant compares a grant with gocloud's signing of a folder's URL, which covers method, key, type and expiry alone.
func BenchmarkGrant(b *testing.B) {
	store, err := localstore.New(memblob.OpenBucket(nil), localstore.Config{Secret: secret, BaseURL: "http://127.0.0.1:8080/up"})
	if err != nil {
		b.Fatal(err)
	}
	base, err := url.Parse("http://127.0.0.1:8080/up")
	if err != nil {
		b.Fatal(err)
	}
	folder, err := fileblob.OpenBucket(b.TempDir(), &fileblob.Options{URLSigner: fileblob.NewURLSignerHMAC(base, secret)})
	if err != nil {
		b.Fatal(err)
	}
	defer folder.Close()
	ratiotest.Compare(b, func() error {
		_, err := store.GrantUpload(b.Context(), "uploads/ada/1.png", storage.Policy{ContentType: "image/png", Size: 1024})
		return err
	}, func() error {
		_, err := folder.SignedURL(b.Context(), "uploads/ada/1.png", &blob.SignedURLOptions{Method: http.MethodPut, ContentType: "image/png", Expiry: 5 * time.Minute})
		return err
	})
}
