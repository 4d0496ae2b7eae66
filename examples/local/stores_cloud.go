//go:build cloud

package main

import (
	"context"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
	"github.com/cruddur/avatarkit/storage/openstore"
)

// openURL opens a bucket of any store.
func openURL(ctx context.Context, url string, local localstore.Config) (storage.Store, error) {
	return openstore.Open(ctx, url, openstore.Config{Local: local})
}
