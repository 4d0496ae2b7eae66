// Package gcsstore grants uploads to Google Cloud Storage.
//
// A grant is a V4 signed PUT, or with [Options].Forms, where the size is not known, a POST policy for pages that upload with
// a plain form. What the store itself refuses:
//
//	                  signed PUT                                         POST policy
//	method, expiry    yes                                                yes
//	content_type      yes                                                yes
//	size              yes, x-goog-content-length-range: n,n              not known
//	max_bytes         yes, x-goog-content-length-range: min,max          yes, content-length-range
//	sha256            no: GCS has MD5 and CRC32C alone                   no
//	write_once        yes, x-goog-if-generation-match: 0                 no
//
// So the size need not be known for an upload that is bounded and write-once, other than on S3. An uploader may add headers
// that are not signed, such as Content-Disposition: do not serve uploads to browsers.
//
// The bucket needs CORS rules for the browser; package bucketconfig writes them.
package gcsstore

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	gcs "cloud.google.com/go/storage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"google.golang.org/api/googleapi"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/internal/storeerr"
	"github.com/cruddur/avatarkit/storage/internal/storeurl"
)

// Options are what has a default. Nil means all of them.
type Options struct {
	// GoogleAccessID is the service account that signs, as its e-mail address, and PrivateKey its RSA key in PEM (PKCS #8 or
	// #1). With SignBytes in place of PrivateKey something else signs, RSA-SHA256: a KMS, or IAM's signBlob. If all are empty
	// the client's own credentials sign, which on Google Cloud asks IAM over the network for every grant.
	GoogleAccessID string
	PrivateKey     []byte
	SignBytes      func([]byte) ([]byte, error)
	// Endpoint is the service's URL as uploaders reach it, when it is not https://storage.googleapis.com: scheme and host,
	// without a path. The host is signed, so a proxy must keep it.
	Endpoint string
	// Forms makes a grant whose size is not known a POST policy. The form has no write-once.
	Forms bool
}

// Store grants uploads to one bucket. It is safe for concurrent use.
type Store struct {
	name     string
	bucket   *blob.Bucket
	handle   *gcs.BucketHandle
	accessID string
	sign     func([]byte) ([]byte, error) // nil means the client's credentials
	host     string                       // empty means Google's
	insecure bool
	forms    bool
}

var _ storage.Store = (*Store)(nil)

// New returns a Store for the named bucket, which must be the one that gocloud's gcsblob opened. It does no I/O.
func New(bucket *blob.Bucket, name string, opts *Options) (*Store, error) {
	var client *gcs.Client
	if bucket == nil || !bucket.As(&client) {
		return nil, errors.New("gcsstore: the bucket was not opened by gcsblob")
	}
	if opts == nil {
		opts = new(Options)
	}
	s := &Store{name: name, bucket: bucket, handle: client.Bucket(name), forms: opts.Forms}
	var faults []error
	if err := s.setSigner(opts); err != nil {
		faults = append(faults, fmt.Errorf("gcsstore: %w", err))
	}
	if opts.Endpoint != "" {
		u, err := storeurl.Endpoint(opts.Endpoint)
		if err != nil {
			faults = append(faults, fmt.Errorf("gcsstore: %w", err))
		} else {
			s.host, s.insecure = u.Host, u.Scheme == "http"
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return s, nil
}

// setSigner reads the private key once: Google's library would read it again for each grant.
func (s *Store) setSigner(opts *Options) error {
	byKey, byFunc := len(opts.PrivateKey) > 0, opts.SignBytes != nil
	if byKey && byFunc || (byKey || byFunc) != (opts.GoogleAccessID != "") {
		return errors.New("set GoogleAccessID and one of PrivateKey and SignBytes, or none of them")
	}
	s.accessID, s.sign = opts.GoogleAccessID, opts.SignBytes
	if !byKey {
		return nil
	}
	key, err := parseKey(opts.PrivateKey)
	if err != nil {
		return err
	}
	s.sign = func(text []byte) ([]byte, error) {
		digest := sha256.Sum256(text)
		return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
	return nil
}

// Open opens "gs://bucket", with the parameters of gocloud's gcsblob and Google's default credentials. The parameters
// access_id and private_key_path (a PEM file) name who signs, unless the Options do.
func Open(ctx context.Context, urlstr string, opts *Options) (*Store, error) {
	u, err := url.Parse(urlstr)
	if err != nil || u.Scheme != gcsblob.Scheme || u.Host == "" {
		return nil, errors.New("gcsstore: want a URL of the form gs://bucket")
	}
	if q := u.Query(); q.Has("prefix") || q.Has("key") {
		return nil, errors.New("gcsstore: the URL must name a whole bucket, without prefix and key: a grant's key is the object's")
	}
	o, err := signerOf(u.Query(), opts)
	if err != nil {
		return nil, err
	}
	b, err := blob.OpenBucket(ctx, urlstr)
	if err != nil {
		return nil, fmt.Errorf("gcsstore: %w", storeurl.Hide(err, u))
	}
	s, err := New(b, u.Host, o)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return s, nil
}

// signerOf returns the options with the signer that the URL names, if they name none.
func signerOf(q url.Values, opts *Options) (*Options, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	id, path := q.Get("access_id"), q.Get("private_key_path")
	if o.GoogleAccessID != "" || id == "" || id == "-" || path == "" {
		return &o, nil
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gcsstore: private_key_path: %w", err)
	}
	o.GoogleAccessID, o.PrivateKey = id, key
	return &o, nil
}

// Bucket returns the bucket of the uploads.
func (s *Store) Bucket() *blob.Bucket { return s.bucket }

// WrapError implements [storage.Store].
func (s *Store) WrapError(err error) error {
	var answer *googleapi.Error
	if errors.As(err, &answer) || s.bucket.ErrorAs(err, &answer) {
		return storeerr.Wrap(err, answer.Code)
	}
	return storage.Error(err)
}

// GrantUpload signs locally if Options hold a key.
func (s *Store) GrantUpload(_ context.Context, key string, p storage.Policy) (*storage.Grant, error) {
	p, err := p.Check()
	if err = errors.Join(err, storage.ValidateKey(key)); err != nil {
		return nil, err
	}
	now := time.Now()
	g := &storage.Grant{
		Key: key, UploadID: p.UploadID, MaxBytes: p.MaxBytes,
		Expires:  now.Add(p.Expires).UTC().Truncate(time.Second),
		Enforced: []string{storage.EnforceMethod, storage.EnforceType, storage.EnforceMaxBytes, storage.EnforceExpiry},
	}
	if p.Size == 0 && s.forms {
		err = s.form(g, p)
	} else {
		// The library signs a duration, rounded down, from its own reading of the clock.
		err = s.put(g, p, now.Add(p.Expires+time.Second/2))
	}
	if err != nil {
		return nil, fmt.Errorf("gcsstore: sign: %w", s.WrapError(err))
	}
	slices.Sort(g.Enforced)
	return g, nil
}

func (s *Store) put(g *storage.Grant, p storage.Policy, expires time.Time) error {
	h := http.Header{
		"Content-Type":                {p.ContentType},
		"X-Goog-Content-Length-Range": {fmt.Sprintf("%d,%d", p.MinBytes, p.MaxBytes)},
	}
	if !p.Overwrite {
		h.Set("X-Goog-If-Generation-Match", "0")
		g.Enforced = append(g.Enforced, storage.EnforceWriteOnce)
	}
	if p.CacheControl != "" {
		h.Set("Cache-Control", p.CacheControl)
	}
	if p.Size > 0 {
		g.Enforced = append(g.Enforced, storage.EnforceSize)
	}
	opts := &gcs.SignedURLOptions{
		Scheme: gcs.SigningSchemeV4, Method: http.MethodPut, Expires: expires, ContentType: p.ContentType,
		GoogleAccessID: s.accessID, SignBytes: s.sign, Hostname: s.host, Insecure: s.insecure,
	}
	for name, values := range h {
		if name != "Content-Type" {
			opts.Headers = append(opts.Headers, name+":"+values[0])
		}
	}
	var err error
	g.Method, g.Header = http.MethodPut, h
	if s.sign != nil {
		g.URL, err = gcs.SignedURL(s.name, g.Key, opts)
	} else {
		g.URL, err = s.handle.SignedURL(g.Key, opts)
	}
	return err
}

func (s *Store) form(g *storage.Grant, p storage.Policy) error {
	opts := &gcs.PostPolicyV4Options{
		GoogleAccessID: s.accessID, SignRawBytes: s.sign,
		Expires: g.Expires, Hostname: s.host, Insecure: s.insecure,
		Fields:     &gcs.PolicyV4Fields{ContentType: p.ContentType, CacheControl: p.CacheControl, StatusCodeOnSuccess: http.StatusCreated},
		Conditions: []gcs.PostPolicyV4Condition{gcs.ConditionContentLengthRange(uint64(p.MinBytes), uint64(p.MaxBytes))},
	}
	var policy *gcs.PostPolicyV4
	var err error
	if s.sign != nil {
		policy, err = gcs.GenerateSignedPostPolicyV4(s.name, g.Key, opts)
	} else {
		policy, err = s.handle.GenerateSignedPostPolicyV4(g.Key, opts)
	}
	if err != nil {
		return err
	}
	g.Method, g.URL, g.Fields = http.MethodPost, policy.URL, policy.Fields
	return nil
}
