package avatar

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"strings"

	"gocloud.dev/blob"
)

// Recovered counts what [Processor.Recover] did.
type Recovered struct {
	// Scanned is how many originals were looked at.
	Scanned int
	// Handled is how many of them had been left unhandled and are handled now.
	Handled int
	// Failed is how many could not be handled; a later call tries again.
	Failed int
}

// Recover handles every upload that was received and not handled: events that were lost, and work that a crash interrupted. Call it at the
// start and from time to time; it may run beside Process and beside itself. It lists all originals and all records, one page at a time.
//
// An upload that fails does not keep the others waiting: the failures are joined in the error.
func (p *Processor) Recover(ctx context.Context) (out Recovered, err error) {
	ctx, end := p.tel.start(ctx, "avatar.Recover")
	defer func() { end("done", nil, err) }()
	var failures []error
	handle := func(subject, id string, run func() (Result, error)) error {
		res, err := run()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrNotUploaded): // taken away since it was listed
		case err != nil:
			out.Failed++
			failures = append(failures, fmt.Errorf("upload %s: %w", id, err))
		case res.Outcome != OutcomeHeld:
			out.Handled++
		}
		return nil
	}
	if err := p.recoverIntents(ctx, handle); err != nil {
		return out, err
	}
	for u, err := range p.unhandled(ctx, &out.Scanned) {
		if err == nil {
			err = handle(u.subject, u.id, func() (Result, error) { return p.Process(ctx, p.keys.uploadKey(u)) })
		}
		if err != nil {
			return out, err
		}
	}
	return out, errors.Join(failures...)
}

// unhandled yields the originals that have no record. Both listings are in the order of "<subject>/<id>", so one pass over both does it. What
// has got its record meanwhile is yielded too, and does no harm.
func (p *Processor) unhandled(ctx context.Context, scanned *int) iter.Seq2[upload, error] {
	return func(yield func(upload, error) bool) {
		next, stop := iter.Pull2(list(ctx, p.uploads, p.keys.records(), ""))
		defer stop()
		record, err, more := next()
		for obj, listErr := range list(ctx, p.uploads, p.keys.uploads, "") {
			if listErr != nil {
				yield(upload{}, fmt.Errorf("avatar: list the originals: %w", listErr))
				return
			}
			u, ok := p.keys.parseUpload(obj.Key)
			if !ok {
				continue
			}
			*scanned++
			stem := u.subject + "/" + u.id
			for more && err == nil && stemOf(record, p.keys.records()) < stem {
				record, err, more = next()
			}
			if err != nil {
				yield(upload{}, fmt.Errorf("avatar: list the records: %w", err))
				return
			}
			if more && stemOf(record, p.keys.records()) == stem {
				continue
			}
			if !yield(u, nil) {
				return
			}
		}
	}
}

// stemOf is "<subject>/<id>" of an object below prefix.
func stemOf(obj *blob.ListObject, prefix string) string {
	name := strings.TrimPrefix(obj.Key, prefix)
	return strings.TrimSuffix(name, path.Ext(name))
}

// intent promises a version that is made without an upload, so that a crash does not leave it half made.
type intent struct {
	Action   string `json:"action"`
	Original string `json:"original"`
	Crop     Crop   `json:"crop,omitzero"`
	Backfill string `json:"backfill,omitempty"`
}

// derive makes a version of an original that is already there, under the protocol of an upload.
func (p *Processor) derive(ctx context.Context, j job) (Result, error) {
	in := intent{j.action, p.keys.uploadKey(j.original), j.crop, j.backfill}
	key := p.keys.intentKey(j.subject, j.id)
	if _, err := putJSON(ctx, p.uploads, key, in, false); err != nil {
		return Result{}, fmt.Errorf("avatar: write down what to make: %w", err)
	}
	res, err := p.run(ctx, j)
	if err != nil {
		return res, err
	}
	if err := remove(ctx, p.uploads, key); err != nil {
		return res, fmt.Errorf("avatar: strike off what was made: %w", err)
	}
	return res, nil
}

// promised is the job that an intent was written for.
func (p *Processor) promised(subject, id string, in intent) (job, error) {
	original, ok := p.keys.parseUpload(in.Original)
	if !ok || !subjectPattern.MatchString(subject) || !validID(id) {
		return job{}, errors.New("avatar: a damaged intent")
	}
	return job{upload: upload{subject, id, original.ext}, original: original, crop: in.Crop, action: in.Action, backfill: in.Backfill}, nil
}

func (p *Processor) recoverIntents(ctx context.Context, handle func(subject, id string, run func() (Result, error)) error) error {
	for obj, err := range list(ctx, p.uploads, p.keys.intents(), "") {
		if err != nil {
			return fmt.Errorf("avatar: list what was to be made: %w", err)
		}
		subject, id, _ := strings.Cut(stemOf(obj, p.keys.intents()), "/")
		err := handle(subject, id, func() (Result, error) {
			var in intent
			if err := readJSON(ctx, p.uploads, obj.Key, &in); err != nil {
				return Result{}, err
			}
			j, err := p.promised(subject, id, in)
			if err != nil {
				return Result{}, err
			}
			res, err := p.derive(ctx, j)
			if errors.Is(err, ErrNotUploaded) { // its original was erased or swept: nothing will come of it
				return res, remove(ctx, p.uploads, obj.Key)
			}
			return res, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
