package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

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
// Two of the drivers say less than their stores do: GCS's reports a refused access (403) as not found, and Azure's knows few
// refusals. [Store].WrapError knows them, so prefer it where there is a Store.
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
	return fmt.Errorf("%w: %w", sentinelOf(err), err)
}

func sentinelOf(err error) error {
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return ErrNotFound
	case gcerrors.AlreadyExists:
		return ErrExists
	case gcerrors.FailedPrecondition:
		if gocloudsOwn(err) {
			return ErrUnavailable
		}
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

// gocloudsOwn reports whether no store said it: gocloud's portable layer uses the code of a failed condition also for a
// bucket that was closed, and for content without the announced MD5. Its own errors have no cause.
func gocloudsOwn(err error) bool {
	var coded interface{ Unwrap() []error }
	return errors.As(err, &coded) && slices.Contains(coded.Unwrap(), nil)
}
