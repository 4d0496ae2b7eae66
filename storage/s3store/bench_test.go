//go:build unix

package s3store_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/internal/ratiotest"
)

// BenchmarkGrant compares a grant with the SDK's own presigning of the same request.
func BenchmarkGrant(b *testing.B) {
	client := newClient(nil)
	store := newStore(b, client, nil)
	presign := s3.NewPresignClient(client)
	grant := func(p storage.Policy) func() error {
		return func() error { _, err := store.GrantUpload(b.Context(), "uploads/ada/1.png", p); return err }
	}
	b.Run("put", func(b *testing.B) {
		ratiotest.Compare(b, grant(storage.Policy{ContentType: "image/png", Size: 1024}), func() error {
			_, err := presign.PresignPutObject(b.Context(), &s3.PutObjectInput{
				Bucket: aws.String("uploads"), Key: aws.String("uploads/ada/1.png"), ContentType: aws.String("image/png"),
				ContentLength: aws.Int64(1024), IfNoneMatch: aws.String("*"),
			}, s3.WithPresignExpires(storage.DefaultExpiry))
			return err
		})
	})
	b.Run("form", func(b *testing.B) {
		ratiotest.Compare(b, grant(storage.Policy{ContentType: "image/png", MaxBytes: 1024}), func() error {
			object := &s3.PutObjectInput{Bucket: aws.String("uploads"), Key: aws.String("uploads/ada/1.png")}
			_, err := presign.PresignPostObject(b.Context(), object, func(o *s3.PresignPostOptions) {
				o.Expires = storage.DefaultExpiry
				o.Conditions = []any{
					[]any{"content-length-range", 1, 1024}, []any{"eq", "$Content-Type", "image/png"}, []any{"eq", "$success_action_status", "201"},
				}
			})
			return err
		})
	})
}
