package localstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage"
)

// Config says how a [Store] signs and receives. Secret and BaseURL are required.
type Config struct {
	// Secret is the HMAC key, at least 32 random bytes. All processes that grant or receive for one bucket share it.
	Secret []byte
	// BaseURL is where uploaders reach the Store's handler, absolute and without query, such as
	// "https://example.com/uploads". A grant's URL is BaseURL, "/", and the key. A proxy in front must keep the path.
	BaseURL string
	// Origins are the pages that may upload, each as a browser sends it: scheme, host, and the port unless it is the
	// scheme's own, such as "https://example.com" or "http://localhost:8080". Empty means none but the same origin's.
	Origins []string
	// OnCreated is called once for each upload, after it is stored and before the answer. It should only queue the work:
	// the uploader waits. The upload is accepted even if it fails; the error is logged, and a periodic search must find the
	// object. Its context outlives the request. Nil means no call.
	OnCreated func(context.Context, storage.ObjectCreated) error
	// Name is what OnCreated gets as the bucket's name; it may be empty.
	Name string
	// Timeout bounds one upload. Zero means 10 minutes.
	Timeout time.Duration
	// Stall bounds the wait for the next bytes of an upload. Zero means 30 seconds.
	Stall time.Duration
	// Now is the clock of signatures; nil means [time.Now].
	Now func() time.Time
	// Logger gets the store's failures, and refusals at debug level; nil means silence.
	Logger *slog.Logger
}

// Store grants uploads and receives them. It is safe for concurrent use.
type Store struct {
	cfg    Config
	base   *url.URL
	bucket *blob.Bucket
	sink   sink
}

var (
	_ storage.Store = (*Store)(nil)
	_ http.Handler  = (*Store)(nil)
)

// New returns a Store that receives into the bucket. An upload is as durable, and write-once as atomic, as the bucket's
// driver makes it. The driver of folders does not: New refuses it, use [OpenDir].
func New(bucket *blob.Bucket, cfg Config) (*Store, error) {
	if bucket == nil {
		return nil, errors.New("localstore: bucket is nil")
	}
	var info os.FileInfo
	if bucket.As(&info) {
		return nil, errors.New("localstore: this bucket is a folder, whose driver cannot write once; use OpenDir")
	}
	return newStore(bucket, bucketSink{bucket}, cfg)
}

func newStore(bucket *blob.Bucket, sink sink, cfg Config) (*Store, error) {
	var faults []error
	if len(cfg.Secret) < 32 {
		faults = append(faults, errors.New("localstore: Secret needs at least 32 bytes"))
	}
	base, err := parseBase(cfg.BaseURL)
	faults = append(faults, err)
	for _, o := range cfg.Origins {
		faults = append(faults, checkOrigin(o))
	}
	if cfg.Timeout < 0 || cfg.Stall < 0 {
		faults = append(faults, errors.New("localstore: Timeout or Stall is negative"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	cfg.Secret = bytes.Clone(cfg.Secret)
	cfg.Origins = slices.Clone(cfg.Origins)
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Minute
	}
	if cfg.Stall == 0 {
		cfg.Stall = 30 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Store{cfg: cfg, base: base, bucket: bucket, sink: sink}, nil
}

func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("localstore: BaseURL %q must be an absolute http or https URL without user, query and fragment", raw)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}, nil
}

// Bucket returns the bucket of the uploads.
func (s *Store) Bucket() *blob.Bucket { return s.bucket }

// WrapError implements [storage.Store].
func (s *Store) WrapError(err error) error { return storage.Error(err) }

// GrantUpload grants one PUT. It does no I/O.
func (s *Store) GrantUpload(_ context.Context, key string, p storage.Policy) (*storage.Grant, error) {
	p, err := p.Check()
	if err = errors.Join(err, storage.ValidateKey(key), s.sink.checkKey(key)); err != nil {
		return nil, err
	}
	t := ticket{key: key, policy: p, expires: s.cfg.Now().Add(p.Expires).UTC().Truncate(time.Second)}
	u := *s.base
	u.Path += "/" + key
	u.RawQuery = s.signed(t)
	return &storage.Grant{
		Method:   http.MethodPut,
		URL:      u.String(),
		Header:   http.Header{"Content-Type": {p.ContentType}},
		Key:      key,
		UploadID: p.UploadID,
		Expires:  t.expires,
		MaxBytes: p.MaxBytes,
		Enforced: enforced(p),
	}, nil
}

func enforced(p storage.Policy) []string {
	list := []string{storage.EnforceMethod, storage.EnforceType, storage.EnforceMaxBytes, storage.EnforceExpiry}
	if p.Size > 0 {
		list = append(list, storage.EnforceSize)
	}
	if p.SHA256 != "" {
		list = append(list, storage.EnforceSHA256)
	}
	if !p.Overwrite {
		list = append(list, storage.EnforceWriteOnce)
	}
	slices.Sort(list)
	return list
}
