// Package gcsstore grants uploads to Google Cloud Storage.
//
// A grant is a V4 signed PUT that binds method, key, type and a true range of lengths, also when only a maximum is known,
// and with x-goog-if-generation-match: 0 that the object does not exist. GCS checks no SHA-256: the grant does not list it.
// Options.Forms makes grants of unknown size POST policies instead, for pages that upload with a plain form.
package gcsstore

import (
	"context"
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

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/internal/storeurl"
)

// Options are what has a default. Nil means all of them.
type Options struct {
	// GoogleAccessID is the service account that signs, as its e-mail address, and PrivateKey its key in PEM. With SignBytes
	// in place of PrivateKey something else signs: a KMS, or IAM's signBlob. If all are empty the client's own credentials
	// sign, which on Google Cloud asks IAM over the network for every grant.
	GoogleAccessID string
	PrivateKey     []byte
	SignBytes      func([]byte) ([]byte, error)
	// Endpoint is the service's URL as uploaders reach it, when it is not https://storage.googleapis.com. Only scheme and
	// host are used.
	Endpoint string
	// Forms makes a grant whose size is not known a POST policy. The form has no write-once.
	Forms bool
}

// Store grants uploads to one bucket. It is safe for concurrent use.
type Store struct {
	name     string
	bucket   *blob.Bucket
	handle   *gcs.BucketHandle
	opts     Options
	host     string // empty means Google's
	insecure bool
}

var _ storage.Store = (*Store)(nil)

// New returns a Store for the named bucket, which must be the one that gocloud's gcsblob opened. It does no I/O.
func New(bucket *blob.Bucket, name string, opts *Options) (*Store, error) {
	var client *gcs.Client
	if bucket == nil || !bucket.As(&client) {
		return nil, errors.New("gcsstore: the bucket was not opened by gcsblob")
	}
	s := &Store{name: name, bucket: bucket, handle: client.Bucket(name)}
	if opts != nil {
		s.opts = *opts
	}
	o := s.opts
	signers := 0
	if len(o.PrivateKey) > 0 {
		signers++
	}
	if o.SignBytes != nil {
		signers++
	}
	if signers > 1 || (signers == 1) != (o.GoogleAccessID != "") {
		return nil, errors.New("gcsstore: set GoogleAccessID and one of PrivateKey and SignBytes, or none")
	}
	s.opts.PrivateKey = slices.Clone(o.PrivateKey)
	if o.Endpoint != "" {
		u, err := storeurl.Endpoint(o.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("gcsstore: %w", err)
		}
		s.host, s.insecure = u.Host, u.Scheme == "http"
	}
	return s, nil
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
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gcsstore: private_key_path: %w", err)
	}
	o.GoogleAccessID, o.PrivateKey = id, pem
	return &o, nil
}

// Bucket returns the bucket of the uploads.
func (s *Store) Bucket() *blob.Bucket { return s.bucket }

// GrantUpload signs locally if Options hold a key.
func (s *Store) GrantUpload(_ context.Context, key string, p storage.Policy) (*storage.Grant, error) {
	p, err := p.Check()
	if err = errors.Join(err, storage.ValidateKey(key)); err != nil {
		return nil, err
	}
	g := &storage.Grant{
		Key: key, UploadID: p.UploadID, MaxBytes: p.MaxBytes,
		Expires:  time.Now().Add(p.Expires).UTC().Truncate(time.Second),
		Enforced: []string{storage.EnforceMethod, storage.EnforceType, storage.EnforceMaxBytes, storage.EnforceExpiry},
	}
	sign := s.put
	if p.Size == 0 && s.opts.Forms {
		sign = s.form
	}
	if err := sign(g, p); err != nil {
		return nil, fmt.Errorf("gcsstore: %w", storage.Error(err))
	}
	slices.Sort(g.Enforced)
	return g, nil
}

func (s *Store) put(g *storage.Grant, p storage.Policy) error {
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
		Scheme: gcs.SigningSchemeV4, Method: http.MethodPut, Expires: g.Expires, ContentType: p.ContentType,
		GoogleAccessID: s.opts.GoogleAccessID, PrivateKey: s.opts.PrivateKey, SignBytes: s.opts.SignBytes,
		Hostname: s.host, Insecure: s.insecure,
	}
	for name, values := range h {
		if name != "Content-Type" {
			opts.Headers = append(opts.Headers, name+":"+values[0])
		}
	}
	var err error
	g.Method, g.Header = http.MethodPut, h
	if s.opts.GoogleAccessID != "" {
		g.URL, err = gcs.SignedURL(s.name, g.Key, opts)
	} else {
		g.URL, err = s.handle.SignedURL(g.Key, opts)
	}
	return err
}

func (s *Store) form(g *storage.Grant, p storage.Policy) error {
	opts := &gcs.PostPolicyV4Options{
		GoogleAccessID: s.opts.GoogleAccessID, PrivateKey: s.opts.PrivateKey, SignRawBytes: s.opts.SignBytes,
		Expires: g.Expires, Hostname: s.host, Insecure: s.insecure,
		Fields:     &gcs.PolicyV4Fields{ContentType: p.ContentType, CacheControl: p.CacheControl, StatusCodeOnSuccess: http.StatusCreated},
		Conditions: []gcs.PostPolicyV4Condition{gcs.ConditionContentLengthRange(uint64(p.MinBytes), uint64(p.MaxBytes))},
	}
	var policy *gcs.PostPolicyV4
	var err error
	if s.opts.GoogleAccessID != "" {
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
