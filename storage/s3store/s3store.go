// Package s3store grants uploads to Amazon S3 and to servers that speak its protocol, such as MinIO, versitygw and R2.
//
// A grant for a known size is a presigned PUT. A grant for a maximum is a POST policy, since a presigned PUT cannot bound a
// length. What the store itself refuses:
//
//	                  presigned PUT (Policy.Size)                     POST policy (Policy.MaxBytes)
//	method, expiry    yes                                             yes
//	content_type      yes, signed header                              yes
//	size              yes, signed Content-Length                      not known
//	max_bytes         yes                                             yes, content-length-range
//	sha256            yes, signed x-amz-checksum-sha256               yes
//	write_once        yes, signed "If-None-Match: *"                  no: S3 has none for forms, and the grant claims none
//
// AWS, MinIO and versitygw keep to all of it. A server that knows no conditional writes lets a second upload through. R2 answers
// 501 to forms: set [Options].NoForms, and ask the uploader for the size. An uploader may add headers that are not signed, such
// as Content-Disposition: do not serve uploads to browsers.
//
// Credentials that expire end a grant early: with temporary ones keep Policy.Expires below their remaining life.
//
// The bucket needs CORS rules for the browser; package bucketconfig writes them.
package s3store

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/internal/storeerr"
	"github.com/cruddur/avatarkit/storage/internal/storeurl"
)

// Options are what has a default. Nil means all of them.
type Options struct {
	// Endpoint is the server's URL as uploaders reach it, such as "https://uploads.example.com", when it differs from the
	// client's own: a CDN, or a server behind a proxy. Scheme and host, without a path. The Host header is signed, so the
	// proxy must keep it. Empty means the client's endpoint.
	Endpoint string
	// NoForms says that the server knows no POST policies, as R2: a grant for a maximum is then [errors.ErrUnsupported].
	NoForms bool
}

// Store grants uploads to one bucket. It is safe for concurrent use.
type Store struct {
	name    string
	bucket  *blob.Bucket
	presign *s3.PresignClient
	noForms bool
}

var _ storage.Store = (*Store)(nil)

// New returns a Store for the named bucket. It does no I/O.
func New(client *s3.Client, bucket string, opts *Options) (*Store, error) {
	if client == nil {
		return nil, errors.New("s3store: client is nil")
	}
	if opts == nil {
		opts = &Options{}
	}
	signer := client
	if opts.Endpoint != "" {
		u, err := storeurl.Endpoint(opts.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("s3store: %w", err)
		}
		signer = s3.New(client.Options(), func(o *s3.Options) { o.BaseEndpoint = aws.String(u.String()) })
	}
	b, err := s3blob.OpenBucket(context.Background(), client, bucket, nil)
	if err != nil {
		return nil, fmt.Errorf("s3store: %w", err)
	}
	return &Store{name: bucket, bucket: b, presign: s3.NewPresignClient(signer), noForms: opts.NoForms}, nil
}

// Open opens "s3://bucket", with the parameters of gocloud's s3blob: region, profile, endpoint, use_path_style and the
// others. Credentials come from where the AWS SDK looks for them.
func Open(ctx context.Context, urlstr string, opts *Options) (*Store, error) {
	u, err := url.Parse(urlstr)
	if err != nil || u.Scheme != s3blob.Scheme || u.Host == "" {
		return nil, errors.New("s3store: want a URL of the form s3://bucket?region=…")
	}
	b, err := new(s3blob.URLOpener).OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("s3store: %w", storeurl.Hide(err, u))
	}
	defer b.Close()
	var client *s3.Client
	if !b.As(&client) {
		return nil, errors.New("s3store: gocloud's bucket has no S3 client")
	}
	if endpoint := u.Query().Get("endpoint"); endpoint != "" {
		// gocloud gives the client a resolver of the old kind, which the SDK does not ask for the URL of a form.
		client = s3.New(client.Options(), func(o *s3.Options) {
			o.BaseEndpoint = &endpoint
			o.EndpointResolver = nil //lint:ignore SA1019 it is there, and must go
		})
	}
	return New(client, u.Host, opts)
}

// Bucket returns the bucket of the uploads.
func (s *Store) Bucket() *blob.Bucket { return s.bucket }

// WrapError implements [storage.Store].
func (s *Store) WrapError(err error) error {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return storeerr.Wrap(err, answer.HTTPStatusCode())
	}
	return storage.Error(err)
}

// GrantUpload signs locally; it does I/O only if the credentials need to be fetched.
func (s *Store) GrantUpload(ctx context.Context, key string, p storage.Policy) (*storage.Grant, error) {
	p, err := p.Check()
	if err = errors.Join(err, storage.ValidateKey(key)); err != nil {
		return nil, err
	}
	g := &storage.Grant{
		Key: key, UploadID: p.UploadID, MaxBytes: p.MaxBytes,
		Expires: time.Now().Add(p.Expires).UTC().Truncate(time.Second),
	}
	sign := s.put
	if p.Size == 0 {
		sign = s.form
	}
	if err := sign(ctx, g, p); err != nil {
		return nil, err
	}
	if p.SHA256 != "" {
		g.Enforced = append(g.Enforced, storage.EnforceSHA256)
	}
	slices.Sort(g.Enforced)
	return g, nil
}

func (s *Store) put(ctx context.Context, g *storage.Grant, p storage.Policy) error {
	in := s.object(g.Key, p)
	in.ContentLength = aws.Int64(p.Size) // the SDK drops length and type from the signature if this is 0
	if !p.Overwrite {
		in.IfNoneMatch = aws.String("*")
	}
	r, err := s.presign.PresignPutObject(ctx, in, s3.WithPresignExpires(p.Expires))
	if err != nil {
		return fmt.Errorf("s3store: %w", s.WrapError(err))
	}
	g.Method, g.URL, g.Header = http.MethodPut, r.URL, clientHeader(r)
	g.Enforced = []string{storage.EnforceMethod, storage.EnforceType, storage.EnforceSize, storage.EnforceMaxBytes, storage.EnforceExpiry}
	if !p.Overwrite {
		g.Enforced = append(g.Enforced, storage.EnforceWriteOnce)
	}
	return nil
}

func (s *Store) object(key string, p storage.Policy) *s3.PutObjectInput {
	in := &s3.PutObjectInput{Bucket: &s.name, Key: &key, ContentType: &p.ContentType}
	if p.CacheControl != "" {
		in.CacheControl = &p.CacheControl
	}
	if p.SHA256 != "" {
		in.ChecksumSHA256 = aws.String(base64Digest(p))
	}
	return in
}

// clientHeader is what was signed, but for what every client sets itself.
func clientHeader(r *v4.PresignedHTTPRequest) http.Header {
	h := make(http.Header, len(r.SignedHeader))
	for name, values := range r.SignedHeader {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h.Del("Host")
	h.Del("Content-Length")
	return h
}

// form signs a POST policy. The SDK makes conditions of bucket and key alone, and returns no field for ours.
func (s *Store) form(ctx context.Context, g *storage.Grant, p storage.Policy) error {
	if s.noForms {
		return fmt.Errorf("s3store: %w: this server bounds no upload of unknown size; set Policy.Size", errors.ErrUnsupported)
	}
	fields := map[string]string{"Content-Type": p.ContentType, "success_action_status": "201"}
	if p.CacheControl != "" {
		fields["Cache-Control"] = p.CacheControl
	}
	if p.SHA256 != "" {
		fields["x-amz-checksum-algorithm"] = "SHA256"
		fields["x-amz-checksum-sha256"] = base64Digest(p)
	}
	conditions := []any{[]any{"content-length-range", p.MinBytes, p.MaxBytes}}
	for name, value := range fields {
		conditions = append(conditions, []any{"eq", "$" + name, value})
	}
	r, err := s.presign.PresignPostObject(ctx, &s3.PutObjectInput{Bucket: &s.name, Key: &g.Key}, func(o *s3.PresignPostOptions) {
		o.Expires = p.Expires
		o.Conditions = conditions
	})
	if err != nil {
		return fmt.Errorf("s3store: %w", s.WrapError(err))
	}
	for name, value := range r.Values {
		fields[name] = value
	}
	g.Method, g.URL, g.Fields = http.MethodPost, r.URL, fields
	g.Enforced = []string{storage.EnforceMethod, storage.EnforceType, storage.EnforceMaxBytes, storage.EnforceExpiry}
	return nil
}

func base64Digest(p storage.Policy) string {
	raw, _ := hex.DecodeString(p.SHA256) // Policy.Check saw to it
	return base64.StdEncoding.EncodeToString(raw)
}
