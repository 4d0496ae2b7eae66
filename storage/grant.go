package storage

import (
	"context"
	"net/http"
	"time"
)

// Granter issues permission to upload exactly one object. Implementations are safe for concurrent use.
type Granter interface {
	// GrantUpload returns the request that the uploader must make, whole: method, URL, and every header or form field.
	GrantUpload(ctx context.Context, key string, p Policy) (*Grant, error)
}

// Policy is what an upload must satisfy.
type Policy struct {
	// UploadID names the upload; it is copied to the grant.
	UploadID string
	// ContentType is the exact media type of the upload, such as "image/jpeg". Required.
	ContentType string
	// Size is the exact length in bytes; 0 when it is not known, and then MaxBytes bounds it.
	Size int64
	// MaxBytes is the largest length in bytes. Required when Size is 0; otherwise Size must not exceed it if it is set.
	MaxBytes int64
	// SHA256 is the lower-case hexadecimal digest of the content; empty when it is not known.
	SHA256 string
	// CacheControl is the Cache-Control to store with the object; empty for none.
	CacheControl string
	// Expires is how long the grant is valid. Zero means 5 minutes; at most 7 days.
	Expires time.Duration
}

// Grant is permission to upload one object. Its URL, headers and fields are secrets until it expires: it logs redacted.
type Grant struct {
	Method   string
	URL      string
	Header   http.Header       // for PUT: send exactly these
	Fields   map[string]string // for POST: multipart form fields, before the file
	Key      string
	UploadID string
	Expires  time.Time
	MaxBytes int64
	Enforced []string // what the store itself refuses: see the Enforce constants
}

// What a store can enforce by itself. Whatever a grant does not list is checked after the upload.
const (
	EnforceMethod    = "method"
	EnforceType      = "content_type"
	EnforceSize      = "size"      // the exact length
	EnforceMaxBytes  = "max_bytes" // an upper bound
	EnforceSHA256    = "sha256"    // the content's digest
	EnforceExpiry    = "expiry"
	EnforceWriteOnce = "write_once" // a second upload to the key is refused
)
