package avatar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// State is how far an upload has come, as its owner may see it.
type State string

// The states of an upload.
const (
	StateIssued   State = "issued"   // the grant is valid and nothing has arrived
	StateReceived State = "received" // the original is there
	StateReady    State = "ready"    // published; it may be superseded since
	StateRejected State = "rejected" // Status.Reject says why
	StateExpired  State = "expired"  // the grant has ended and nothing has arrived
)

// Status is how far an upload has come.
type Status struct {
	State State
	// Key is the original's, when State is StateReceived: Process takes it, should no event have told of it.
	Key string
	// Outcome is set when State is StateReady or StateRejected.
	Outcome Outcome
	// Manifest is the published version; nil when there is none, or none any more.
	Manifest *Manifest
	// Reject says why, when State is StateRejected.
	Reject *RejectError
}

// lateness is how long after the end of a grant an upload that began in time may still arrive.
const lateness = 15 * time.Minute

// Status returns how far the upload has come. The error is ErrNoPicture for an id that NewUploadKey cannot have made.
func (p *Processor) Status(ctx context.Context, subject, uploadID string) (Status, error) {
	if !subjectPattern.MatchString(subject) {
		return Status{}, ErrInvalidSubject
	}
	if !validID(uploadID) {
		return Status{}, fmt.Errorf("avatar: not an upload id: %w", fs.ErrNotExist)
	}
	rec, err := p.readRecord(ctx, subject, uploadID)
	if err != nil {
		return Status{}, err
	}
	if rec != nil {
		return p.handled(ctx, *rec)
	}
	for obj, err := range list(ctx, p.uploads, p.keys.uploads+subject+"/"+uploadID+".", "") {
		if err != nil {
			return Status{}, fmt.Errorf("avatar: look for the upload: %w", err)
		}
		return Status{State: StateReceived, Key: obj.Key}, nil
	}
	if p.opts.Now().Before(idTime(uploadID).Add(p.opts.GrantLifetime)) {
		return Status{State: StateIssued}, nil
	}
	return Status{State: StateExpired}, nil
}

func (p *Processor) handled(ctx context.Context, rec record) (Status, error) {
	s := Status{State: StateReady, Outcome: rec.Outcome, Reject: rec.reject()}
	if s.Reject != nil {
		s.State = StateRejected
		return s, nil
	}
	m, err := p.readManifest(ctx, p.keys.publicID(rec.Subject), rec.UploadID)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	s.Manifest = &m
	return s, err
}

// Current returns what is published for subject now: the version with the greatest upload id of those that are whole. The error is
// [ErrNoPicture] when there is none.
func (p *Processor) Current(ctx context.Context, subject string) (Manifest, error) {
	publicID, err := p.PublicID(subject)
	if err != nil {
		return Manifest{}, err
	}
	return p.current(ctx, publicID)
}
