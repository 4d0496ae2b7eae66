// Package storeerr reads the HTTP status of a store's answer where gocloud's code for it says too little or the wrong thing.
package storeerr

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cruddur/avatarkit/storage"
)

// Wrap wraps err, which came with the status, in one of package storage's errors. A status that says nothing of itself,
// such as 0, leaves the decision to [storage.Error]. Nil stays nil.
func Wrap(err error, status int) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w: %w", storage.ErrPermission, err)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: %w", storage.ErrNotFound, err)
	case status == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", storage.ErrExists, err)
	}
	return storage.Error(err)
}
