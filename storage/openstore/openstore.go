// Package openstore opens a store of any kind by its URL, for programs whose operator chooses the store:
//
//	s3://bucket?region=eu-central-1       Amazon S3, and what speaks its protocol     storage/s3store
//	gs://bucket                           Google Cloud Storage                        storage/gcsstore
//	azblob://container                    Azure Blob Storage                          storage/azurestore
//	file:///absolute/folder               a folder                                    storage/localstore
//	mem://                                memory                                      storage/localstore
//
// It links the SDKs of all three clouds, some 45 MB. A program that knows its cloud imports that store's package instead,
// which has an Open of its own.
package openstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/azurestore"
	"github.com/cruddur/avatarkit/storage/gcsstore"
	"github.com/cruddur/avatarkit/storage/localstore"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// Config is what a URL cannot say, for each kind of store; only the part of the URL's own kind is looked at. Local is
// required for file and mem, whose uploads this program receives itself. The others may be zero.
type Config struct {
	S3    s3store.Options
	GCS   gcsstore.Options
	Azure azurestore.Options
	Local localstore.Config
}

// Open opens the store that the URL names. Query parameters and credentials are those of the store's own package. The
// store of file and mem is a [*localstore.Store], an [net/http.Handler] that must be served at Config.Local.BaseURL. Close
// the store's Bucket after use.
//
// The error wraps [errors.ErrUnsupported] if the scheme is none of those above. It never repeats the URL, which may hold
// a secret.
func Open(ctx context.Context, urlstr string, cfg Config) (storage.Store, error) {
	scheme, _, _ := strings.Cut(urlstr, "://")
	switch scheme {
	case "s3":
		return opened(s3store.Open(ctx, urlstr, &cfg.S3))
	case "gs":
		return opened(gcsstore.Open(ctx, urlstr, &cfg.GCS))
	case "azblob":
		return opened(azurestore.Open(ctx, urlstr, &cfg.Azure))
	case "file", "mem":
		return opened(localstore.Open(ctx, urlstr, cfg.Local))
	}
	return nil, fmt.Errorf("openstore: %w: the URL must begin with s3://, gs://, azblob://, file:// or mem://", errors.ErrUnsupported)
}

// opened keeps a nil pointer from becoming an interface that is not nil.
func opened[S storage.Store](s S, err error) (storage.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
