package avatar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Outcome says what became of an upload.
type Outcome string

// The outcomes of [Processor.Process]. A transient failure is an error instead: call again.
const (
	// OutcomePublished: the picture is published and current.
	OutcomePublished Outcome = "published"
	// OutcomeAlreadyPublished: an earlier call had finished this upload; nothing was done.
	OutcomeAlreadyPublished Outcome = "already_published"
	// OutcomeSuperseded: the picture is published beneath a newer one, which stays current.
	OutcomeSuperseded Outcome = "superseded"
	// OutcomeRejected: the upload will never become a picture; Result.Reject says why.
	OutcomeRejected Outcome = "rejected"
	// OutcomeHeld: moderation has not decided yet. Process the upload again when it has; Recover does so as well.
	OutcomeHeld Outcome = "held"
	// OutcomeErased: the subject was erased after the upload was granted; it was deleted.
	OutcomeErased Outcome = "erased"
)

// ReasonPoison is the reason for an upload whose rendering ended the whole process, or outlived its deadline, Options.MaxAttempts times.
const ReasonPoison Reason = "poison"

// record is the one object that every handled upload ends in: its status, its done mark and its audit entry at once. It is private.
type record struct {
	Kind     string    `json:"kind"`
	Subject  string    `json:"subject"`
	UploadID string    `json:"upload_id"`
	Outcome  Outcome   `json:"outcome"` // published, superseded or rejected
	Handled  time.Time `json:"handled"`
	// Original is the key of the object that the picture was made of; it has another id after Recrop and Backfill.
	Original string  `json:"original"`
	Crop     Crop    `json:"crop,omitzero"`
	Source   *Source `json:"source,omitempty"`
	Backfill string  `json:"backfill,omitempty"` // the one that made it
	Reason   Reason  `json:"reason,omitempty"`
	Format   string  `json:"format,omitempty"`
	Limit    int64   `json:"limit,omitempty"`
	Got      int64   `json:"got,omitempty"`
	Hint     string  `json:"hint,omitempty"`
}

func (r record) reject() *RejectError {
	if r.Outcome != OutcomeRejected {
		return nil
	}
	return &RejectError{Reason: r.Reason, Format: r.Format, Limit: r.Limit, Got: r.Got, Hint: r.Hint}
}

// readRecord returns nil without an error when the upload was not handled yet.
func (p *Processor) readRecord(ctx context.Context, subject, id string) (*record, error) {
	var r record
	err := readJSON(ctx, p.uploads, p.keys.recordKey(subject, id), &r)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("avatar: read the record: %w", err)
	}
	return &r, nil
}

// writeRecord marks the upload as handled. What is published is a fact and replaces a refusal that another worker came to (one of two may
// run out of time); a refusal replaces nothing. It returns the record that stands.
func (p *Processor) writeRecord(ctx context.Context, r record) (*record, error) {
	once := r.Outcome == OutcomeRejected
	written, err := putJSON(ctx, p.uploads, p.keys.recordKey(r.Subject, r.UploadID), r, once)
	if err != nil {
		return nil, fmt.Errorf("avatar: write the record: %w", err)
	}
	if !written {
		return p.readRecord(ctx, r.Subject, r.UploadID)
	}
	return &r, nil
}
