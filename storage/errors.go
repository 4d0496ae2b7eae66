package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"gocloud.dev/gcerrors"
)

// The errors of grants and stores. Compare with [errors.Is]; what a store's own library said stays in the chain.
var (
	// ErrInvalidPolicy is the error of a [Policy] that no store could honour: the caller's mistake.
	ErrInvalidPolicy = errors.New("invalid upload policy")
	// ErrInvalidKey is the error of an object key that [ValidateKey], or the store, refuses.
	ErrInvalidKey = errors.New("invalid object key")
	// ErrNotFound means that there is no such object, or no such bucket. It also matches [fs.ErrNotExist].
	ErrNotFound = fmt.Errorf("object not found: %w", fs.ErrNotExist)
	// ErrExists means that the key was written before and may be written only once.
	ErrExists = fmt.Errorf("object exists: %w", fs.ErrExist)
	// ErrPermission means that the store does not let us: credentials, IAM or container access. It also matches
	// [fs.ErrPermission].
	ErrPermission = fmt.Errorf("store denies access: %w", fs.ErrPermission)
	// ErrUnavailable means that the store did not do it this time, or that its answer has no known meaning. Try later.
	ErrUnavailable = errors.New("store is unavailable")
)

// Error returns err in a form that matches one of this package's errors, [errors.ErrUnsupported], or the context's
// errors, whatever gocloud driver it comes from. The original stays in the chain. Nil stays nil.
//
// Beware of GCS, whose driver reports a refused access (403) as not found.
func Error(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrInvalidPolicy, ErrInvalidKey, ErrNotFound, ErrExists, ErrPermission, ErrUnavailable,
		errors.ErrUnsupported, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", sentinelOf(gcerrors.Code(err)), err)
}

func sentinelOf(code gcerrors.ErrorCode) error {
	switch code {
	case gcerrors.NotFound:
		return ErrNotFound
	case gcerrors.AlreadyExists, gcerrors.FailedPrecondition:
		return ErrExists
	case gcerrors.PermissionDenied:
		return ErrPermission
	case gcerrors.InvalidArgument:
		return ErrInvalidKey
	case gcerrors.Unimplemented:
		return errors.ErrUnsupported
	case gcerrors.Canceled:
		return context.Canceled
	case gcerrors.DeadlineExceeded:
		return context.DeadlineExceeded
	default:
		return ErrUnavailable
	}
}
