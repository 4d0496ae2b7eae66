package storage_test

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/storage"
)

func TestError(t *testing.T) {
	ctx := t.Context()
	bucket := memblob.OpenBucket(nil)
	if err := bucket.WriteAll(ctx, "k", nil, nil); err != nil {
		t.Fatal(err)
	}
	closed := memblob.OpenBucket(nil)
	_ = closed.Close()
	_, missing := bucket.ReadAll(ctx, "nothing")
	_, unsupported := bucket.SignedURL(ctx, "k", nil)
	_, afterClose := closed.ReadAll(ctx, "k")
	otherSum := md5.Sum([]byte("other"))
	tests := []struct {
		name string
		err  error
		want error
		not  error
	}{
		{"no object", missing, storage.ErrNotFound, nil},
		{"no object, for io/fs", missing, fs.ErrNotExist, nil},
		{"exists", bucket.WriteAll(ctx, "k", nil, &blob.WriterOptions{IfNotExist: true}), storage.ErrExists, nil},
		{"not implemented", unsupported, errors.ErrUnsupported, nil},
		{"bucket closed", afterClose, storage.ErrUnavailable, storage.ErrExists},
		{"wrong MD5", bucket.Upload(ctx, "m", strings.NewReader("x"), &blob.WriterOptions{ContentType: "a/b", ContentMD5: otherSum[:]}), storage.ErrUnavailable, storage.ErrExists},
		{"context ended", fmt.Errorf("read: %w", context.Canceled), context.Canceled, storage.ErrUnavailable},
		{"anything else", errors.New("lightning"), storage.ErrUnavailable, nil},
		{"our own", fmt.Errorf("more: %w", storage.ErrExists), storage.ErrExists, storage.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := storage.Error(tt.err)
			if !errors.Is(got, tt.want) || !errors.Is(got, tt.err) || tt.not != nil && errors.Is(got, tt.not) {
				t.Errorf("got %v, want %v around the original", got, tt.want)
			}
		})
	}
	if storage.Error(nil) != nil {
		t.Error("nil became an error")
	}
}
