//go:build unix

package azurestore_test

import (
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/internal/ratiotest"
)

// BenchmarkGrant compares a grant with the SDK's own signing of the same request.
func BenchmarkGrant(b *testing.B) {
	store, client := newStore(b, nil), newClient(b, "https://account.blob.core.windows.net")
	ratiotest.Compare(b, func() error {
		_, err := store.GrantUpload(b.Context(), "uploads/ada/1.png", storage.Policy{ContentType: "image/png", Size: 1024})
		return err
	}, func() error {
		_, err := client.NewBlockBlobClient("uploads/ada/1.png").GetSASURL(sas.BlobPermissions{Create: true}, time.Now().Add(storage.DefaultExpiry), nil)
		return err
	})
}
