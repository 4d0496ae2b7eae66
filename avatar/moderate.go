package avatar

import (
	"context"
	"errors"
	"fmt"
)

// Moderation is what a moderator decides about.
type Moderation struct {
	Kind, Subject, UploadID string
	// SHA256 is the digest of the source bytes. The verdict must repeat it.
	SHA256 string
	Source Source
	// Pictures are what would be published, largest first. The moderator must not change them.
	Pictures []Picture
}

// Decision is what a moderator decides.
type Decision string

// The decisions. The zero Decision is none of them and an error.
const (
	Approve Decision = "approve"
	Refuse  Decision = "refuse"
	Hold    Decision = "hold" // not decided yet: nothing is published, and the upload is handled later
)

// Verdict is a decision about certain bytes, never about whatever is newest.
type Verdict struct {
	// SHA256 is the digest of the source that was judged. A verdict on another digest is an error, and the upload is tried again.
	SHA256   string
	Decision Decision
	// Hint is shown to the person when Decision is Refuse; empty means a general one.
	Hint string
}

// errHeld ends a job that moderation has not decided about.
var errHeld = errors.New("avatar: held by moderation")

func (p *Processor) moderate(ctx context.Context, j job, set *Set) error {
	if p.opts.Moderate == nil {
		return nil
	}
	v, err := p.opts.Moderate(ctx, Moderation{p.kind.Name, j.subject, j.id, set.Source.SHA256, set.Source, set.Pictures})
	switch {
	case err != nil:
		return fmt.Errorf("avatar: moderate: %w", err)
	case v.SHA256 != set.Source.SHA256:
		return errors.New("avatar: moderate: the verdict is about other bytes")
	}
	switch v.Decision {
	case Approve:
		return nil
	case Hold:
		return errHeld
	case Refuse:
		hint := v.Hint
		if hint == "" {
			hint = "This picture cannot be used here. Please choose another one."
		}
		return &RejectError{Reason: ReasonModerated, Hint: hint}
	}
	return fmt.Errorf("avatar: moderate: unknown decision %q", v.Decision)
}
