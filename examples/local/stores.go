//go:build !cloud

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
)

// openURL opens a bucket in memory or in a folder. The clouds' SDKs double the time that a first build takes, so they need a tag.
func openURL(ctx context.Context, url string, local localstore.Config) (storage.Store, error) {
	store, err := localstore.Open(ctx, url, local)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("%w; for s3://, gs:// and azblob:// build with -tags cloud", err)
	}
	if err != nil {
		return nil, err
	}
	return store, nil
}
