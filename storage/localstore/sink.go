package localstore

import (
	"context"
	"io"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage"
)

// sink stores what was received. put reads content to its end; if that is not io.EOF it stores nothing.
type sink interface {
	checkKey(key string) error
	put(ctx context.Context, t ticket, content io.Reader) error
}

// bucketSink leaves write-once to the bucket's driver.
type bucketSink struct{ bucket *blob.Bucket }

func (bucketSink) checkKey(string) error { return nil }

func (s bucketSink) put(ctx context.Context, t ticket, content io.Reader) error {
	err := s.bucket.Upload(ctx, t.key, content, &blob.WriterOptions{
		ContentType:  t.policy.ContentType,
		CacheControl: t.policy.CacheControl,
		IfNotExist:   !t.policy.Overwrite,
	})
	return storage.Error(err)
}
