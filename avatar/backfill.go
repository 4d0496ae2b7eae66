package avatar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
)

// BackfillOptions of [Processor.Backfill] and [Processor.PlanBackfill].
type BackfillOptions struct {
	// Name tells this backfill from others, such as "2026-11-larger", and matches [a-z0-9][a-z0-9-]{0,62}. What was made under a name is
	// not made again under it.
	Name string
	// Adopt takes in the original system's pictures, <kind>s/<subject>.jpg in the assets bucket, of those who have no newer one, instead of making
	// pictures anew.
	Adopt bool
	// Workers is how many pictures are worked on at once; the pipeline's memory bounds them too. Zero means 4.
	Workers int
	// DryRun renders everything and writes nothing.
	DryRun bool
	// Progress, if set, is called after each subject, never twice at once.
	Progress func(BackfillProgress)
}

// BackfillProgress tells of one subject.
type BackfillProgress struct {
	// Subject is who it was about, and Err why it failed. They are personal data.
	Subject string
	Err     error
	// Report counts what this call has done so far. Its Failures are not filled in.
	Report BackfillReport
}

// BackfillReport counts what one call of [Processor.Backfill] did.
type BackfillReport struct {
	// Resumed is how many an earlier call had done. They are not counted below.
	Resumed int
	// Subjects is how many were looked at.
	Subjects int
	// Made is how many pictures were made and are current.
	Made int
	// Superseded is how many were made and are not current, since their owner uploaded meanwhile.
	Superseded int
	// Skipped is how many had nothing to do: made under this name already, without a picture, or erased.
	Skipped int
	// Failed is the number of Failures.
	Failed int
	// Bytes is the total size of the originals that were read.
	Bytes int64
	// Failures lists who was left as before, in no order. The error is a [*RejectError], matches [ErrNoOriginal], or is transient.
	Failures []BackfillFailure
}

// BackfillFailure is one subject whose picture stayed as it was.
type BackfillFailure struct {
	Subject string
	Err     error
}

// BackfillPlan is what a backfill would do.
type BackfillPlan struct {
	// Subjects is how many were looked at, and Pictures how many pictures would be made, of originals of Bytes in total.
	Subjects, Pictures int
	Bytes              int64
	// Skipped is how many have nothing to do.
	Skipped int
	// Failures lists who would fail for certain: their original is gone.
	Failures []BackfillFailure
	// Estimate is how long it would take with the workers asked for, from the first few pictures, which are rendered. It is rough.
	Estimate time.Duration
}

var backfillName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func (o BackfillOptions) validate() (BackfillOptions, error) {
	var errs []error
	if !backfillName.MatchString(o.Name) {
		errs = append(errs, fmt.Errorf("avatar: the name of a backfill must match %s", backfillName))
	}
	if o.Workers < 0 {
		errs = append(errs, errors.New("avatar: Workers must not be negative"))
	}
	defaultTo(&o.Workers, 4)
	return o, errors.Join(errs...)
}

// Backfill makes every current picture anew from its original, after a change of the kind's variants or of the pipeline. Deploy the change first, so that
// new uploads are made with it, and call Recover.
//
// Each picture becomes a version of its own, whose id is the one right after the version that it replaces. So it never stands above an upload
// that its owner makes later or has on the way, whoever finishes first; the old addresses work until the grace time is over; Status, OnPublished and Audit
// work as for uploads; crops are kept; and two calls at once make the same version and not two. What fails leaves the old picture, and no record, so that
// a later call tries again.
//
// How far it has come is kept in the uploads bucket, and the same call after a crash or a cancelled context goes on from there. A call after the end looks at
// everything again and makes only what is missing.
func (p *Processor) Backfill(ctx context.Context, o BackfillOptions) (report BackfillReport, err error) {
	ctx, end := p.tel.start(ctx, "avatar.Backfill")
	defer func() { end("done", nil, err) }()
	if o, err = o.validate(); err != nil {
		return report, err
	}
	b := &backfill{Processor: p, want: o}
	err = b.walk(ctx, func(ctx context.Context, subject string) { b.count(ctx, subject, b.do(ctx, subject)) })
	return b.report, err
}

// PlanBackfill tells what Backfill would do with the same options. It looks at each subject, which takes a few requests, renders a few pictures to learn
// how long that takes, and writes nothing.
func (p *Processor) PlanBackfill(ctx context.Context, o BackfillOptions) (plan BackfillPlan, err error) {
	ctx, end := p.tel.start(ctx, "avatar.PlanBackfill")
	defer func() { end("done", nil, err) }()
	if o, err = o.validate(); err != nil {
		return plan, err
	}
	o.DryRun = true
	b := &backfill{Processor: p, want: o, samples: make(chan struct{}, 8)}
	err = b.walk(ctx, func(ctx context.Context, subject string) { b.count(ctx, subject, b.look(ctx, subject)) })
	r := b.report
	plan = BackfillPlan{Subjects: r.Subjects, Pictures: r.Made, Bytes: r.Bytes, Skipped: r.Skipped, Failures: r.Failures}
	if b.sampled > 0 {
		plan.Estimate = b.sampling / time.Duration(b.sampled) * time.Duration(r.Made) / time.Duration(o.Workers)
	}
	return plan, err
}

// backfill is one call.
type backfill struct {
	*Processor
	want BackfillOptions

	samples chan struct{} // holds one for each picture that the plan has rendered

	mu       sync.Mutex
	report   BackfillReport
	sampled  int
	sampling time.Duration
}

// task is what there is to do for one subject.
type task struct {
	job
	bucket  *blob.Bucket // where the bytes are, size of them, under key
	key     string
	size    int64
	prepare func(ctx context.Context) error // makes them an original; nil when they are
}

// find returns nil when there is nothing to do.
func (b *backfill) find(ctx context.Context, subject string) (*task, error) {
	if b.want.Adopt {
		return b.findAdoption(ctx, subject)
	}
	m, err := b.Current(ctx, subject)
	if errors.Is(err, ErrNoPicture) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	original, rec, err := b.originalOf(ctx, subject, m.UploadID)
	switch {
	case errors.Is(err, errUnhandled):
		return b.findUnfinished(ctx, subject, m.UploadID)
	case rec.Backfill == b.want.Name:
		return nil, nil
	case err != nil:
		return nil, err
	}
	t := &task{bucket: b.uploads, key: rec.Original, job: job{
		upload: upload{subject, successor(m.UploadID), original.ext}, original: original, crop: rec.Crop, action: "backfill", backfill: b.want.Name,
	}}
	if rec.Source != nil {
		t.size = rec.Source.Size
	}
	return t, nil
}

// findUnfinished is what an earlier call left when it ended between the manifest and the record.
func (b *backfill) findUnfinished(ctx context.Context, subject, id string) (*task, error) {
	var in intent
	err := readJSON(ctx, b.uploads, b.keys.intentKey(subject, id), &in)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errUnhandled
	}
	if err != nil {
		return nil, fmt.Errorf("avatar: read what was to be made: %w", err)
	}
	j, err := b.promised(subject, id, in)
	return &task{job: j, bucket: b.uploads, key: in.Original}, err
}

// step is what came of one subject.
type step struct {
	outcome Outcome // empty: nothing to do
	bytes   int64
	err     error
}

// do makes the subject's picture.
func (b *backfill) do(ctx context.Context, subject string) step {
	t, err := b.find(ctx, subject)
	if err != nil || t == nil {
		return step{err: err}
	}
	if b.want.DryRun {
		return step{OutcomePublished, t.size, b.try(ctx, t)}
	}
	if t.prepare != nil {
		if err := t.prepare(ctx); err != nil {
			return step{err: err}
		}
	}
	res, err := b.derive(ctx, t.job)
	if res.Reject != nil {
		err = res.Reject
	}
	return step{res.Outcome, t.size, err}
}

// try renders and writes nothing.
func (b *backfill) try(ctx context.Context, t *task) error {
	r, err := t.bucket.NewReader(ctx, t.key, nil)
	if err != nil {
		return fmt.Errorf("avatar: open what the picture is made of: %w", notExist(err))
	}
	defer r.Close()
	_, err = b.render.RenderCrop(ctx, r, t.crop)
	return err
}

// look is do for a plan.
func (b *backfill) look(ctx context.Context, subject string) step {
	t, err := b.find(ctx, subject)
	if err != nil || t == nil {
		return step{err: err}
	}
	select {
	case b.samples <- struct{}{}:
		start := time.Now()
		if b.try(ctx, t) == nil {
			b.mu.Lock()
			b.sampled++
			b.sampling += time.Since(start)
			b.mu.Unlock()
		}
	default:
	}
	return step{OutcomePublished, t.size, nil}
}

// count adds what came of one subject, and tells of it. What a cancelled context cut short is for the next call.
func (b *backfill) count(ctx context.Context, subject string, s step) {
	if s.err != nil && ctx.Err() != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &b.report
	r.Subjects++
	r.Bytes += s.bytes
	switch {
	case s.err != nil:
		r.Failed++
		r.Failures = append(r.Failures, BackfillFailure{subject, s.err})
	case s.outcome == OutcomePublished:
		r.Made++
	case s.outcome == OutcomeSuperseded:
		r.Superseded++
	default:
		r.Skipped++
	}
	if b.want.Progress != nil {
		told := *r
		told.Failures = nil
		b.want.Progress(BackfillProgress{subject, s.err, told})
	}
}

// subjectOf is the subject of a name that walk found.
func subjectOf(name string) string { return strings.TrimSuffix(strings.TrimSuffix(name, "/"), ".jpg") }
