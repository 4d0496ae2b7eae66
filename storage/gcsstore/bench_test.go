//go:build unix

package gcsstore_test

import (
	"net/http"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/gcsstore"
	"github.com/cruddur/avatarkit/storage/internal/ratiotest"
)

// BenchmarkGrant compares a grant with the SDK's own signing of the same request. Nearly all of either is one RSA signature.
func BenchmarkGrant(b *testing.B) {
	grant := func(s *gcsstore.Store) func() error {
		return func() error {
			_, err := s.GrantUpload(b.Context(), "uploads/ada/1.png", storage.Policy{ContentType: "image/png", MaxBytes: 1024})
			return err
		}
	}
	b.Run("put", func(b *testing.B) {
		ratiotest.Compare(b, grant(newStore(b, gcsstore.Options{})), func() error {
			_, err := gcs.SignedURL("uploads", "uploads/ada/1.png", &gcs.SignedURLOptions{
				Scheme: gcs.SigningSchemeV4, Method: http.MethodPut, Expires: time.Now().Add(storage.DefaultExpiry), ContentType: "image/png",
				GoogleAccessID: accessID, PrivateKey: privateKey(),
				Headers: []string{"x-goog-content-length-range:1,1024", "x-goog-if-generation-match:0"},
			})
			return err
		})
	})
	b.Run("form", func(b *testing.B) {
		ratiotest.Compare(b, grant(newStore(b, gcsstore.Options{Forms: true})), func() error {
			_, err := gcs.GenerateSignedPostPolicyV4("uploads", "uploads/ada/1.png", &gcs.PostPolicyV4Options{
				GoogleAccessID: accessID, PrivateKey: privateKey(), Expires: time.Now().Add(storage.DefaultExpiry),
				Fields:     &gcs.PolicyV4Fields{ContentType: "image/png", StatusCodeOnSuccess: http.StatusCreated},
				Conditions: []gcs.PostPolicyV4Condition{gcs.ConditionContentLengthRange(1, 1024)},
			})
			return err
		})
	})
}
