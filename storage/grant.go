package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"gocloud.dev/blob"
)

// Granter issues permission to upload exactly one object. Implementations are safe for concurrent use.
type Granter interface {
	// GrantUpload returns the request that the uploader must make, whole: method, URL, and every header or form field.
	// The error wraps [ErrInvalidKey] or [ErrInvalidPolicy] when the caller asked for the impossible,
	// [errors.ErrUnsupported] when this store cannot grant it, else one of the package's other errors.
	GrantUpload(ctx context.Context, key string, p Policy) (*Grant, error)
}

// Store grants uploads to a bucket and reads it. Every package below storage has one.
type Store interface {
	Granter
	// Bucket is where the granted uploads arrive, under the keys of their grants.
	Bucket() *blob.Bucket
	// WrapError returns an error of the Bucket in a form that matches one of this package's errors, as [Error] does, with
	// what only the store's own package knows. Nil stays nil.
	WrapError(err error) error
}

// Grant is permission to upload one object. Its URL, headers and fields are secrets until it expires, so it formats and
// logs without them. JSON holds everything, for the uploader.
type Grant struct {
	// Method is PUT, with the content as the body, or POST, with a multipart form of Fields and then the content as "file".
	Method string
	// URL is absolute.
	URL string
	// Header is what a PUT must send, exactly. Host and Content-Length are left out: every HTTP client sets them itself,
	// and browsers let nobody else do it.
	Header http.Header
	// Fields are what a POST must send as form fields before the file. Nil for PUT.
	Fields map[string]string
	// Key is where the object will be.
	Key string
	// UploadID is the policy's.
	UploadID string
	// Expires is when the grant ends, in UTC and whole seconds.
	Expires time.Time
	// MaxBytes is the largest length in bytes that was asked for; whether the store refuses more, Enforced tells.
	MaxBytes int64
	// Enforced is what the store itself refuses: the Enforce constants, sorted.
	Enforced []string
}

// What a store can enforce by itself. Whatever a grant does not list must be checked after the upload.
const (
	EnforceMethod    = "method"       // no other use of the URL, such as reading or deleting
	EnforceType      = "content_type" // the Content-Type that is stored; nobody but a decoder knows the content's true type
	EnforceSize      = "size"         // the exact length
	EnforceMaxBytes  = "max_bytes"    // the policy's bounds: MaxBytes, and MinBytes below
	EnforceSHA256    = "sha256"       // the content's digest
	EnforceExpiry    = "expiry"
	EnforceWriteOnce = "write_once" // a second upload to the key is refused
)

type grantJSON struct {
	Method   string            `json:"method"`
	URL      string            `json:"url"`
	Headers  map[string]string `json:"headers"`
	Fields   map[string]string `json:"fields"`
	Key      string            `json:"key"`
	UploadID string            `json:"upload_id"`
	Expires  time.Time         `json:"expires"`
	MaxBytes int64             `json:"max_bytes"`
	Enforced []string          `json:"enforced"`
}

// MarshalJSON returns an object with url, method, headers and fields (objects of strings, perhaps empty), key,
// upload_id, expires (RFC 3339), max_bytes and enforced.
func (g Grant) MarshalJSON() ([]byte, error) {
	j := grantJSON{g.Method, g.URL, map[string]string{}, g.Fields, g.Key, g.UploadID, g.Expires, g.MaxBytes, g.Enforced}
	for name := range g.Header {
		j.Headers[name] = g.Header.Get(name)
	}
	if j.Fields == nil {
		j.Fields = map[string]string{}
	}
	if j.Enforced == nil {
		j.Enforced = []string{}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what [Grant.MarshalJSON] writes.
func (g *Grant) UnmarshalJSON(data []byte) error {
	var j grantJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("storage: grant: %w", err)
	}
	*g = Grant{Method: j.Method, URL: j.URL, Header: http.Header{}, Key: j.Key, UploadID: j.UploadID,
		Expires: j.Expires, MaxBytes: j.MaxBytes, Enforced: j.Enforced}
	for name, value := range j.Headers {
		g.Header.Set(name, value)
	}
	if len(j.Fields) > 0 {
		g.Fields = j.Fields
	}
	return nil
}

// LogValue leaves out what would let a reader of the log upload.
func (g Grant) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("method", g.Method),
		slog.String("key", g.Key),
		slog.String("upload_id", g.UploadID),
		slog.Time("expires", g.Expires),
		slog.Int64("max_bytes", g.MaxBytes),
		slog.Any("enforced", g.Enforced),
	)
}

// String is as discreet as LogValue.
func (g Grant) String() string {
	return fmt.Sprintf("grant{%s %s, upload %s, until %s}", g.Method, g.Key, g.UploadID, g.Expires.Format(time.RFC3339))
}

// Format is String for every verb: without it fmt would print the fields for those that are not meant for strings.
func (g Grant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, g.String()) }
