package avatar

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/google/uuid"
)

// ErrNotUploaded is returned for an upload whose object is not there. It matches [fs.ErrNotExist]. It is transient: an event may come early.
var ErrNotUploaded = fmt.Errorf("avatar: the upload is not there: %w", fs.ErrNotExist)

// ErrBusy is returned while as many attempts at one upload are under way as may fail.
var ErrBusy = errors.New("avatar: the upload is being processed elsewhere")

// Result says what became of an upload.
type Result struct {
	Outcome  Outcome
	Subject  string
	UploadID string
	// Manifest is the published version; nil when there is none.
	Manifest *Manifest
	// Reject says why, when Outcome is OutcomeRejected.
	Reject *RejectError
}

// Process takes one upload as far as it goes: published, refused, or, as an error, to be tried again. Give it the key of every event, however often
// and in whatever order they come. A nil error means that nothing remains to be done, so that the event may be acknowledged.
//
// A key that NewUploadKey cannot have made is OutcomeRejected with ReasonInvalidKey, and nothing is written.
func (p *Processor) Process(ctx context.Context, key string) (res Result, err error) {
	ctx, end := p.tel.start(ctx, "avatar.Process")
	defer func() { end(string(res.Outcome), res.Reject, err) }()
	u, ok := p.keys.parseUpload(key)
	if !ok {
		return Result{Outcome: OutcomeRejected, Reject: &RejectError{Reason: ReasonInvalidKey}}, nil
	}
	return p.run(ctx, job{upload: u, original: u, action: "publish"})
}

// job is one version to make.
type job struct {
	upload          // whose, and under which id
	original upload // what it is made of
	crop     Crop
	action   string // for the audit
	backfill string // the name of the one that this is a part of
}

// run is the protocol. Each step can be repeated, and a crash between any two leaves what was current as it was.
func (p *Processor) run(ctx context.Context, j job) (Result, error) {
	res := Result{Subject: j.subject, UploadID: j.id}
	if erased, err := p.isErased(ctx, j); err != nil || erased {
		return p.undo(ctx, j, res, err)
	}
	rec, err := p.readRecord(ctx, j.subject, j.id)
	if err != nil {
		return res, err
	}
	if rec != nil {
		return p.repeat(ctx, j, *rec)
	}
	m, err := p.readManifest(ctx, p.keys.publicID(j.subject), j.id)
	var source *Source
	if errors.Is(err, fs.ErrNotExist) {
		m, source, err = p.make(ctx, j)
	}
	var reject *RejectError
	switch {
	case errors.As(err, &reject):
		return p.refuse(ctx, j, source, reject)
	case errors.Is(err, errHeld):
		res.Outcome = OutcomeHeld
		return res, p.audit(ctx, j, res, source)
	case errors.Is(err, errErased):
		return p.undo(ctx, j, res, nil)
	case err != nil:
		return res, err
	}
	res.Manifest = &m
	return p.finish(ctx, j, res, source)
}

// make renders, moderates and publishes.
func (p *Processor) make(ctx context.Context, j job) (Manifest, *Source, error) {
	set, err := p.attempt(ctx, j)
	if err != nil {
		return Manifest{}, nil, err
	}
	if err := p.moderate(ctx, j, set); err != nil {
		return Manifest{}, &set.Source, err
	}
	m, err := p.publish(ctx, j, set)
	return m, &set.Source, err
}

// errErased ends a job whose subject was erased meanwhile.
var errErased = errors.New("avatar: the subject was erased")

// finish makes the rest of the world agree with the manifest, and then marks the upload as handled.
func (p *Processor) finish(ctx context.Context, j job, res Result, source *Source) (Result, error) {
	// Erase may have passed while this call was between its last look and the manifest.
	if erased, err := p.isErased(ctx, j); err != nil || erased {
		return p.undo(ctx, j, res, err)
	}
	current, err := p.syncAlias(ctx, p.keys.publicID(j.subject))
	if err != nil {
		return res, err
	}
	res.Outcome = OutcomeSuperseded
	if current == j.id {
		res.Outcome = OutcomePublished
		if p.opts.OnPublished != nil {
			if err := p.opts.OnPublished(ctx, Published{j.subject, *res.Manifest, source}); err != nil {
				return res, fmt.Errorf("avatar: tell that %s is published: %w", j.id, err)
			}
		}
	}
	if source == nil {
		if source, err = p.digest(ctx, j); err != nil {
			return res, err
		}
	}
	if err := p.audit(ctx, j, res, source); err != nil {
		return res, err
	}
	rec := p.recordOf(j, res, source)
	if _, err := p.writeRecord(ctx, rec); err != nil {
		return res, err
	}
	return p.unlessErased(ctx, j, res)
}

// digest tells what is to be known of the original when another call has rendered it and not come to its end: only SHA256 and Size. It is nil when the
// original is gone.
func (p *Processor) digest(ctx context.Context, j job) (*Source, error) {
	r, err := p.uploads.NewReader(ctx, p.keys.uploadKey(j.original), nil)
	if err = notExist(err); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("avatar: open the upload: %w", err)
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errReading, err)
	}
	return &Source{SHA256: hex.EncodeToString(sum.Sum(nil)), Size: n}, nil
}

// recordOf is what remains of a handled job.
func (p *Processor) recordOf(j job, res Result, source *Source) record {
	rec := record{
		Kind: p.kind.Name, Subject: j.subject, UploadID: j.id, Outcome: res.Outcome, Handled: p.opts.Now().UTC(),
		Original: p.keys.uploadKey(j.original), Crop: j.crop, Source: source, Backfill: j.backfill,
	}
	if r := res.Reject; r != nil {
		rec.Reason, rec.Format, rec.Limit, rec.Got, rec.Hint = r.Reason, r.Format, r.Limit, r.Got, r.Hint
	}
	return rec
}

// unlessErased returns res, unless Erase has passed before the record was written: it has not seen that then.
func (p *Processor) unlessErased(ctx context.Context, j job, res Result) (Result, error) {
	if erased, err := p.isErased(ctx, j); err != nil || erased {
		return p.undo(ctx, j, res, err)
	}
	return res, nil
}

// repeat answers from the record.
func (p *Processor) repeat(ctx context.Context, j job, rec record) (Result, error) {
	res := Result{Outcome: rec.Outcome, Subject: rec.Subject, UploadID: rec.UploadID, Reject: rec.reject()}
	m, err := p.readManifest(ctx, p.keys.publicID(rec.Subject), rec.UploadID)
	switch {
	case errors.Is(err, fs.ErrNotExist): // refused, or swept
	case err != nil:
		return res, err
	case rec.Outcome == OutcomeRejected: // by one worker, while another made a picture of it and crashed
		return p.finish(ctx, j, Result{Subject: rec.Subject, UploadID: rec.UploadID, Manifest: &m}, rec.Source)
	default:
		res.Manifest = &m
	}
	if rec.Outcome == OutcomePublished {
		res.Outcome = OutcomeAlreadyPublished
	}
	return res, nil
}

// refuse records that the upload will never become a picture. The original is taken away by the sweep: until the grant has ended, it keeps
// its key from being written again.
func (p *Processor) refuse(ctx context.Context, j job, source *Source, reject *RejectError) (Result, error) {
	res := Result{Outcome: OutcomeRejected, Subject: j.subject, UploadID: j.id, Reject: reject}
	if err := p.audit(ctx, j, res, source); err != nil {
		return res, err
	}
	if j.backfill != "" {
		return res, nil // nobody uploaded it, and another configuration may succeed
	}
	rec, err := p.writeRecord(ctx, p.recordOf(j, res, source))
	switch {
	case err != nil:
		return res, err
	case rec != nil && rec.Outcome != OutcomeRejected: // another worker made a picture of it
		return p.repeat(ctx, j, *rec)
	}
	return p.unlessErased(ctx, j, res)
}

// undo removes all of an upload that Erase has made void, its original last, so that a crash leaves it to be undone again. It passes a
// failure of the look-up on.
func (p *Processor) undo(ctx context.Context, j job, res Result, err error) (Result, error) {
	if err != nil {
		return res, err
	}
	res.Manifest, res.Reject, res.Outcome = nil, nil, OutcomeErased
	publicID := p.keys.publicID(j.subject)
	if err := p.removeVersion(ctx, publicID, j.id); err != nil {
		return res, err
	}
	if _, err := p.syncAlias(ctx, publicID); err != nil {
		return res, err
	}
	if err := p.audit(ctx, j, res, nil); err != nil {
		return res, err
	}
	if err := remove(ctx, p.uploads, p.keys.recordKey(j.subject, j.id)); err != nil {
		return res, fmt.Errorf("avatar: delete the record of an erased upload: %w", err)
	}
	if err := remove(ctx, p.uploads, p.keys.uploadKey(j.upload)); err != nil {
		return res, fmt.Errorf("avatar: delete an erased upload: %w", err)
	}
	return res, nil
}

// attempt checks what the store knows of the original before a byte is read, and renders it under a mark that outlives a crash.
func (p *Processor) attempt(ctx context.Context, j job) (*Set, error) {
	key := p.keys.uploadKey(j.original)
	r, err := p.uploads.NewReader(ctx, key, nil)
	if err = notExist(err); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%w)", ErrNotUploaded, err)
	}
	if err != nil {
		return nil, fmt.Errorf("avatar: open the upload: %w", err)
	}
	defer r.Close()
	if limit := p.render.MaxBytes(); r.Size() > limit {
		return nil, &RejectError{Reason: ReasonTooManyBytes, Limit: limit, Got: r.Size(), Hint: fmt.Sprintf("The file is too large. Please choose one of at most %s.", byteCount(limit))}
	}
	done, err := p.beginAttempt(ctx, j)
	if err != nil {
		return nil, err
	}
	set, err := p.render.RenderCrop(ctx, r, j.crop)
	done(ctx, err)
	if err != nil {
		return nil, err
	}
	if t, _ := typeOf(func(t imageType) bool { return t.ext == j.original.ext }); t.format != set.Source.Format {
		return nil, &RejectError{Reason: ReasonTypeMismatch, Format: set.Source.Format,
			Hint: fmt.Sprintf("The file is not what its name says: it is %s inside. Please save or export it again.", set.Source.Format)}
	}
	return set, nil
}

// beginAttempt leaves the mark, and returns what removes it. When enough marks were left behind, the upload is poison.
func (p *Processor) beginAttempt(ctx context.Context, j job) (done func(context.Context, error), err error) {
	prefix := p.keys.attemptPrefix(j.subject, j.id)
	started, failed := 0, 0
	for obj, err := range list(ctx, p.uploads, prefix, "") {
		if err != nil {
			return nil, fmt.Errorf("avatar: list attempts: %w", err)
		}
		started++
		if p.opts.Now().Sub(obj.ModTime) > p.opts.AttemptTimeout {
			failed++
		}
	}
	switch {
	case failed >= p.opts.MaxAttempts:
		return nil, &RejectError{Reason: ReasonPoison, Limit: int64(p.opts.MaxAttempts), Got: int64(failed),
			Hint: "The picture cannot be processed. Please save it again in a simpler form, such as JPEG."}
	case started >= p.opts.MaxAttempts:
		return nil, ErrBusy
	}
	mark := prefix + uuid.NewString()
	done = func(ctx context.Context, err error) {
		if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, errWaiting) && !errors.Is(err, errReading) {
			return // it took longer than the caller had time: that counts, and waiting for other pictures or a slow store does not
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := remove(ctx, p.uploads, mark); err != nil {
			p.opts.Logger.WarnContext(ctx, "avatar: remove the mark of an attempt; the sweep will", "error", err)
		}
	}
	if _, err := putJSON(ctx, p.uploads, mark, struct{}{}, false); err != nil {
		done(ctx, nil) // it may be there all the same, and nothing was attempted
		return nil, fmt.Errorf("avatar: mark an attempt: %w", err)
	}
	return done, nil
}
