package avatar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"gocloud.dev/blob"
)

// renderer is what a processor needs of a Pipeline.
type renderer interface {
	RenderCrop(ctx context.Context, r io.Reader, crop Crop) (*Set, error)
	Kind() Kind
	MaxBytes() int64
}

var _ renderer = (*Pipeline)(nil)

// Options of [NewProcessor]. The zero value, and nil, mean the defaults.
type Options struct {
	// UploadsPrefix is where originals lie in the uploads bucket, ending in "/". Empty means "uploads/<kind>s/". It must not overlap with what the
	// processor writes ("<kind>s/", "records/<kind>s/" and so on), whether or not the buckets are the same.
	UploadsPrefix string
	// PublicIDSecret, if set, makes public ids of the HMAC-SHA256 of the subject, at least 16 bytes. Nil means that the public id is the
	// subject. Pictures published under one secret are not found under another.
	PublicIDSecret []byte
	// Types are the media types that may be uploaded. Nil means JPEG, PNG, GIF and WebP. "image/heic" and "image/avif" may be
	// added when the pipeline can read them.
	Types []string
	// GrantLifetime is how long a grant to upload is valid; at least what the grants really have. No original is deleted earlier, since a
	// store keeps a key from being written twice only while the object is there. Zero means 5 minutes.
	GrantLifetime time.Duration
	// GraceTime is how long a superseded version stays. It must exceed what caches and open pages may still ask for. Zero means 48 hours.
	GraceTime time.Duration
	// OrphanAge is how old an unfinished version or a stale attempt must be for the sweep to delete it. A call of Process that takes
	// longer than a quarter of it, from its first write on, gives up. Zero means 24 hours.
	OrphanAge time.Duration
	// RecordAge is how long the record of an upload that is not current stays, for status and audit. Zero means 30 days.
	RecordAge time.Duration
	// MaxAttempts is how many times the rendering of one upload may end the process, or its deadline, before the upload is refused. Zero means 5.
	MaxAttempts int
	// AttemptTimeout is after how long a started attempt without an end counts as failed. It must exceed what one rendering may take,
	// waiting included. Zero means 2 minutes.
	AttemptTimeout time.Duration
	// Quarantine keeps refused originals below "quarantine/<kind>s/" when the sweep takes them away; else it deletes them.
	Quarantine bool
	// DiscardOriginals deletes the original of a published picture once its grant has ended. Recrop and Backfill then have nothing to work on.
	DiscardOriginals bool
	// Moderate, if set, is asked about each picture before anything of it is published.
	Moderate func(ctx context.Context, m Moderation) (Verdict, error)
	// OnPublished, if set, is called after a picture has become current and before its upload is marked as handled. An error means: not handled, try again.
	// It is called at least once for each version that is current when its work is done, and calls for two versions may come in either order: it must be
	// idempotent and heed only ids greater than the one it knows.
	OnPublished func(ctx context.Context, e Published) error
	// Audit, if set, gets an event for each decision, at least once, before the decision is recorded. An error means: not handled, try again.
	Audit func(ctx context.Context, e AuditEvent) error
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger receives what went wrong and was survived. Nil is silent.
	Logger *slog.Logger
	// MeterProvider and TracerProvider receive metrics and traces. Nil means none.
	MeterProvider  metric.MeterProvider
	TracerProvider trace.TracerProvider
}

// Published tells of a version that has become current.
type Published struct {
	Subject  string
	Manifest Manifest
	// Source describes the original; nil if another call had rendered it.
	Source *Source
}

// Processor publishes what is uploaded. It is immutable, holds no state but its buckets', and is safe for concurrent use, also by many processes at once.
type Processor struct {
	render          renderer
	kind            Kind
	uploads, assets *blob.Bucket
	keys            keyspace
	opts            Options
	tel             telemetry
}

// NewProcessor returns a processor that reads uploads and publishes to assets, which may be the same bucket. Only assets is for the public. It does no I/O
// and starts nothing. All that is wrong is told in one error.
//
// The package documentation says what stores must do. Do not hand in a [blob.PrefixedBucket] that makes the two overlap: nobody could tell.
func NewProcessor(p *Pipeline, uploads, assets *blob.Bucket, opts *Options) (*Processor, error) {
	if p == nil {
		return nil, errors.New("avatar: NewProcessor needs a pipeline")
	}
	return newProcessor(p, uploads, assets, opts)
}

func newProcessor(r renderer, uploads, assets *blob.Bucket, opts *Options) (*Processor, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	kind := r.Kind()
	o = o.withDefaults(kind)
	p := &Processor{
		render: r, kind: kind, uploads: uploads, assets: assets, opts: o,
		keys: keyspace{uploads: o.UploadsPrefix, published: kind.Name + "s/", secret: o.PublicIDSecret},
	}
	errs := []error{o.validate(), p.keys.validate()}
	if uploads == nil || assets == nil {
		errs = append(errs, errors.New("avatar: NewProcessor needs both buckets"))
	}
	var err error
	p.tel, err = newTelemetry(o, kind.Name)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return p, nil
}

func (o Options) withDefaults(kind Kind) Options {
	if o.UploadsPrefix == "" {
		o.UploadsPrefix = "uploads/" + kind.Name + "s/"
	}
	o.PublicIDSecret = slices.Clone(o.PublicIDSecret)
	o.Types = slices.Clone(o.Types)
	if o.Types == nil {
		o.Types = []string{"image/jpeg", "image/png", "image/gif", "image/webp"}
	}
	defaultTo(&o.GrantLifetime, 5*time.Minute)
	defaultTo(&o.GraceTime, 48*time.Hour)
	defaultTo(&o.OrphanAge, 24*time.Hour)
	defaultTo(&o.RecordAge, 30*24*time.Hour)
	defaultTo(&o.MaxAttempts, 5)
	defaultTo(&o.AttemptTimeout, 2*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func defaultTo[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func (o Options) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("avatar: "+format, args...)) }
	if o.PublicIDSecret != nil && len(o.PublicIDSecret) < 16 {
		fault("PublicIDSecret has %d bytes; it needs at least 16", len(o.PublicIDSecret))
	}
	if min(o.GrantLifetime, o.GraceTime, o.OrphanAge, o.RecordAge, o.AttemptTimeout) < 0 || o.MaxAttempts < 0 {
		fault("GrantLifetime, GraceTime, OrphanAge, RecordAge, AttemptTimeout and MaxAttempts must not be negative")
	}
	for _, mediaType := range o.Types {
		if _, ok := typeOf(func(t imageType) bool { return t.mediaType == mediaType }); !ok {
			fault("unknown media type %q in Types", mediaType)
		}
	}
	return errors.Join(errs...)
}

// Kind returns the kind that the processor publishes. The caller must not change it.
func (p *Processor) Kind() Kind { return p.kind }

// PublicID returns the name under which the subject's pictures are published.
func (p *Processor) PublicID(subject string) (string, error) {
	if !subjectPattern.MatchString(subject) {
		return "", ErrInvalidSubject
	}
	return p.keys.publicID(subject), nil
}

// NewUploadKey returns the key for one new upload by subject, and its id, a UUIDv7: ids of one subject sort by the time of issue. The subject must come
// from a verified token. A content type that is not allowed is a [*RejectError].
func (p *Processor) NewUploadKey(subject, contentType string) (key, uploadID string, err error) {
	if !subjectPattern.MatchString(subject) {
		return "", "", ErrInvalidSubject
	}
	t, ok := typeOf(func(t imageType) bool { return t.mediaType == contentType })
	if !ok || !slices.Contains(p.opts.Types, contentType) {
		return "", "", &RejectError{Reason: ReasonUnsupportedFormat, Hint: "Please choose a JPEG, PNG, GIF or WebP picture."}
	}
	uploadID, err = newID(p.opts.Now())
	if err != nil {
		return "", "", err
	}
	return p.keys.uploadKey(upload{subject, uploadID, t.ext}), uploadID, nil
}

// Owns says whether key is one that NewUploadKey may have made: with a processor for each kind, it finds whose event this is.
func (p *Processor) Owns(key string) bool {
	_, ok := p.keys.parseUpload(key)
	return ok
}
