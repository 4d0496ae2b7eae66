package storage

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultExpiry and MaxExpiry bound how long a grant is valid. The maximum is that of S3 and GCS signatures (version 4).
const (
	DefaultExpiry = 5 * time.Minute
	MaxExpiry     = 7 * 24 * time.Hour
)

// MaxUploadBytes is the largest size that a policy may allow: what S3 takes in one PUT or POST.
const MaxUploadBytes int64 = 5 << 30

// Policy is what an upload must satisfy. The zero Policy is invalid: ContentType, and Size or MaxBytes, are required.
type Policy struct {
	// UploadID names the upload; it is copied to the grant.
	UploadID string
	// ContentType is the exact media type of the upload, such as "image/jpeg", in lower case and without parameters.
	// Required.
	ContentType string
	// Size is the exact length in bytes; 0 when it is not known, and then MaxBytes bounds it.
	Size int64
	// MaxBytes is the largest length in bytes. Required when Size is 0; otherwise Size must not exceed it if it is set.
	MaxBytes int64
	// MinBytes is the smallest length in bytes when Size is 0. Zero means 1: an empty upload is never wanted.
	MinBytes int64
	// SHA256 is the lower-case hexadecimal digest of the content; empty when it is not known.
	SHA256 string
	// CacheControl is the Cache-Control to store with the object; empty for none.
	CacheControl string
	// Expires is how long the grant is valid, in whole seconds. Zero means [DefaultExpiry]; at most [MaxExpiry].
	Expires time.Duration
	// Overwrite lets the upload replace what is at the key, as often as wanted while the grant is valid. The default is
	// one upload to a key that does not exist.
	Overwrite bool
}

// Check returns the policy with its defaults filled in: afterwards Expires, MinBytes and MaxBytes are set, and both
// bounds equal Size where that is known. An error wraps [ErrInvalidPolicy] and names all faults. Granters call it first.
func (p Policy) Check() (Policy, error) {
	var faults []error
	fault := func(wrong bool, what string) { // no formatting: this runs for every grant
		if wrong {
			faults = append(faults, fmt.Errorf("%w: %s", ErrInvalidPolicy, what))
		}
	}
	largest := max(p.Size, p.MaxBytes)
	fault(!isMediaType(p.ContentType), "ContentType must be one lower-case media type without parameters")
	fault(p.Size < 0 || p.MaxBytes < 0 || p.MinBytes < 0, "a size is negative")
	fault(p.Size == 0 && p.MaxBytes == 0, "set Size or MaxBytes: an upload without a bound is not granted")
	fault(p.MaxBytes > 0 && p.Size > p.MaxBytes, "Size exceeds MaxBytes")
	fault(largest > MaxUploadBytes, "more than MaxUploadBytes, 5 GiB")
	fault(p.MinBytes > largest || p.Size > 0 && p.MinBytes > p.Size, "MinBytes exceeds the largest size")
	fault(p.SHA256 != "" && !isHexDigest(p.SHA256), "SHA256 must be 64 lower-case hexadecimal digits")
	fault(strings.ContainsFunc(p.CacheControl, notVisible), "CacheControl must be visible ASCII")
	fault(len(p.CacheControl) > 256, "CacheControl is longer than 256 bytes")
	fault(len(p.UploadID) > 128 || strings.ContainsFunc(p.UploadID, notVisible), "UploadID must be at most 128 bytes of visible ASCII")
	fault(p.Expires < 0 || p.Expires > MaxExpiry, "Expires must be between 1 second and MaxExpiry, 7 days")
	fault(p.Expires%time.Second != 0, "Expires must be in whole seconds")
	if faults != nil {
		return Policy{}, errors.Join(faults...)
	}
	if p.Expires == 0 {
		p.Expires = DefaultExpiry
	}
	if p.Size > 0 {
		p.MinBytes, p.MaxBytes = p.Size, p.Size
	}
	p.MinBytes = max(p.MinBytes, 1)
	return p, nil
}

// isMediaType reports whether s is "type/subtype", each a restricted name in lower case (RFC 6838, 4.2).
func isMediaType(s string) bool {
	kind, subtype, ok := strings.Cut(s, "/")
	return ok && isRestrictedName(kind) && isRestrictedName(subtype)
}

func isRestrictedName(s string) bool {
	if s == "" || len(s) > 127 || !isLowerOrDigit(rune(s[0])) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !isLowerOrDigit(r) && !strings.ContainsRune("!#$&^_.+-", r) })
}

func isLowerOrDigit(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

func isHexDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

func notVisible(r rune) bool { return r < ' ' || r > '~' }
