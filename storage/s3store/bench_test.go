package s3store_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cruddur/avatarkit/storage"
)

// BenchmarkGrant compares a grant with the SDK's own presigning of the same request.
func BenchmarkGrant(b *testing.B) {
	client := newClient(nil)
	store := newStore(b, client, nil)
	presign := s3.NewPresignClient(client)
	put := storage.Policy{ContentType: "image/png", Size: 1024}
	form := storage.Policy{ContentType: "image/png", MaxBytes: 1024}
	ctx := b.Context()
	benchmarks := []struct {
		name string
		run  func() error
	}{
		{"put/grant", func() error { _, err := store.GrantUpload(ctx, "uploads/ada/1.png", put); return err }},
		{"put/sdk", func() error {
			_, err := presign.PresignPutObject(ctx, &s3.PutObjectInput{
				Bucket: aws.String("uploads"), Key: aws.String("uploads/ada/1.png"), ContentType: aws.String("image/png"),
				ContentLength: aws.Int64(1024), IfNoneMatch: aws.String("*"),
			}, s3.WithPresignExpires(storage.DefaultExpiry))
			return err
		}},
		{"form/grant", func() error { _, err := store.GrantUpload(ctx, "uploads/ada/1.png", form); return err }},
		{"form/sdk", func() error {
			_, err := presign.PresignPostObject(ctx, &s3.PutObjectInput{Bucket: aws.String("uploads"), Key: aws.String("uploads/ada/1.png")},
				func(o *s3.PresignPostOptions) {
					o.Expires = storage.DefaultExpiry
					o.Conditions = []any{
						[]any{"content-length-range", 1, 1024}, []any{"eq", "$Content-Type", "image/png"}, []any{"eq", "$success_action_status", "201"},
					}
				})
			return err
		}},
	}
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bb.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
