package avatar

import (
	"context"
	"fmt"
	"time"
)

// AuditEvent tells of one decision: who, when, which bytes, what came of it. It is personal data.
type AuditEvent struct {
	Time time.Time `json:"time"`
	// Action is "publish", "recrop", "backfill", "adopt", "erase" or "sweep".
	Action   string `json:"action"`
	Kind     string `json:"kind"`
	Subject  string `json:"subject"`
	UploadID string `json:"upload_id,omitempty"`
	// SHA256 is the digest of the source; empty when it was not read.
	SHA256  string  `json:"sha256,omitempty"`
	Outcome Outcome `json:"outcome"`
	Reason  Reason  `json:"reason,omitempty"`
}

// audit tells of a decision about j.
func (p *Processor) audit(ctx context.Context, j job, res Result, source *Source) error {
	e := AuditEvent{Action: j.action, Subject: j.subject, UploadID: j.id, Outcome: res.Outcome}
	if source != nil {
		e.SHA256 = source.SHA256
	}
	if res.Reject != nil {
		e.Reason = res.Reject.Reason
	}
	return p.auditEvent(ctx, e)
}

func (p *Processor) auditEvent(ctx context.Context, e AuditEvent) error {
	if p.opts.Audit == nil {
		return nil
	}
	e.Time, e.Kind = p.opts.Now().UTC(), p.kind.Name
	if err := p.opts.Audit(ctx, e); err != nil {
		return fmt.Errorf("avatar: write the audit event: %w", err)
	}
	return nil
}
