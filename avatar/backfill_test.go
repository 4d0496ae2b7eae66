package avatar_test

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
)

// larger is a processor over the same buckets whose kind has one more variant.
func (w *world) larger(opts avatar.Options) *avatar.Processor {
	w.t.Helper()
	kind := avatar.AvatarKind()
	kind.Variants = append(kind.Variants, avatar.Variant{Name: "48", Width: 48, Height: 48})
	pipeline, err := avatar.New(avatar.Config{Kind: kind, MaxBytes: 1 << 20, MaxPixels: 1 << 20})
	if err != nil {
		w.t.Fatal(err)
	}
	opts.Now = w.opts.Now
	p, err := avatar.NewProcessor(pipeline, w.uploads, w.assets, &opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) backfill(p *avatar.Processor, o avatar.BackfillOptions, want string) avatar.BackfillReport {
	w.t.Helper()
	r, err := p.Backfill(w.t.Context(), o)
	got := fmt.Sprintf("%d subjects, %d made, %d superseded, %d skipped, %d failed", r.Subjects, r.Made, r.Superseded, r.Skipped, r.Failed)
	if err != nil || got != want || len(r.Failures) != r.Failed {
		w.t.Fatalf("backfill: %s, %v, %v; want %s", got, r.Failures, err, want)
	}
	return r
}

func variantsOf(m avatar.Manifest) int { return len(m.Variants) }

func TestBackfill(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	ids := map[string]string{}
	for _, subject := range []string{"alice", "bob", "carol"} {
		key, id := w.upload(subject, red)
		w.process(key, avatar.OutcomePublished)
		ids[subject] = id
	}
	first, err := w.Current(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	bad, _ := w.grant("dave", "image/png")
	w.put(bad, []byte("text"))
	w.process(bad, avatar.OutcomeRejected)
	if _, err := w.Recrop(t.Context(), "carol", avatar.Crop{Mode: avatar.CropRect, X: 0.5, Width: 0.5, Height: 0.75}); err != nil {
		t.Fatal(err)
	}

	var told []avatar.Published
	p := w.larger(avatar.Options{OnPublished: func(_ context.Context, e avatar.Published) error {
		told = append(told, e)
		return nil
	}})
	o := avatar.BackfillOptions{Name: "larger", Workers: 1}
	before := len(keysOf(t, w.uploads, "")) + len(keysOf(t, w.assets, ""))
	plan, err := p.PlanBackfill(t.Context(), o)
	if err != nil || plan.Subjects != 4 || plan.Pictures != 3 || plan.Skipped != 1 || plan.Bytes == 0 || plan.Estimate <= 0 || plan.Failures != nil {
		t.Fatalf("plan %+v, %v", plan, err)
	}
	dry := o
	dry.DryRun = true
	w.backfill(p, dry, "4 subjects, 3 made, 0 superseded, 1 skipped, 0 failed")
	if after := len(keysOf(t, w.uploads, "")) + len(keysOf(t, w.assets, "")); after != before {
		t.Fatalf("plan or dry run wrote: %d objects, then %d", before, after)
	}

	w.backfill(p, o, "4 subjects, 3 made, 0 superseded, 1 skipped, 0 failed")
	for subject, old := range ids {
		m, err := p.Current(t.Context(), subject)
		if err != nil || variantsOf(m) != 5 || m.UploadID <= old {
			t.Errorf("%s: %+v, %v", subject, m, err)
		}
		if s, err := p.Status(t.Context(), subject, m.UploadID); err != nil || s.State != avatar.StateReady {
			t.Errorf("%s: status %+v, %v", subject, s, err)
		}
	}
	if len(told) != 3 {
		t.Errorf("told of %d", len(told))
	}
	if m, err := p.Current(t.Context(), "alice"); err != nil || !m.Issued.Equal(first.Issued) || m.UploadID[:18] != first.UploadID[:18] {
		t.Errorf("%s is later than the version that it replaces, %s (%v)", m.UploadID, first.UploadID, err)
	}
	if m, _ := p.Current(t.Context(), "carol"); m.Largest().Width != 48 {
		t.Errorf("the crop is lost: %+v", m.Largest())
	}
	w.backfill(p, o, "4 subjects, 0 made, 0 superseded, 4 skipped, 0 failed")
	if left := keysOf(t, w.uploads, "backfills/"); left != nil {
		t.Errorf("left: %v", left)
	}
	// The old versions and nothing else go after the grace time.
	w.ahead = 50 * time.Hour
	if got, err := p.Sweep(t.Context()); err != nil || got.Superseded != 4 || got.Originals != 1 {
		t.Errorf("swept %+v, %v", got, err)
	}
	o.Name = "again"
	w.backfill(p, o, "4 subjects, 3 made, 0 superseded, 1 skipped, 0 failed")
}

// An upload that was granted before the backfill and is processed after it stays the current one.
func TestBackfillStaysBelowNewerUploads(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	time.Sleep(2 * time.Millisecond)
	late, id := w.upload("alice", blue)
	p := w.larger(avatar.Options{})
	w.backfill(p, avatar.BackfillOptions{Name: "x"}, "1 subjects, 1 made, 0 superseded, 0 skipped, 0 failed")
	w.process(late, avatar.OutcomePublished)
	if got := w.current("alice"); got != id {
		t.Errorf("current = %s, want %s", got, id)
	}
	// And one that comes up while the picture is made anew supersedes it.
	var newest string
	p = w.larger(avatar.Options{Moderate: func(_ context.Context, m avatar.Moderation) (avatar.Verdict, error) {
		time.Sleep(2 * time.Millisecond)
		key, id := w.upload("alice", red)
		w.process(key, avatar.OutcomePublished)
		newest = id
		return avatar.Verdict{SHA256: m.SHA256, Decision: avatar.Approve}, nil
	}})
	w.backfill(p, avatar.BackfillOptions{Name: "y"}, "1 subjects, 0 made, 1 superseded, 0 skipped, 0 failed")
	if got := w.current("alice"); got != newest {
		t.Errorf("current = %s, want %s", got, newest)
	}
}

func TestBackfillFailures(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	var keys []string
	for _, subject := range []string{"alice", "bob", "carol"} {
		key, _ := w.upload(subject, red)
		w.process(key, avatar.OutcomePublished)
		keys = append(keys, key)
	}
	if err := w.uploads.Delete(t.Context(), keys[0]); err != nil {
		t.Fatal(err)
	}
	w.put(keys[1], []byte("rotten since"))
	old := w.current("bob")
	p := w.larger(avatar.Options{})
	plan, err := p.PlanBackfill(t.Context(), avatar.BackfillOptions{Name: "x"})
	if err != nil || plan.Pictures != 2 || len(plan.Failures) != 1 || !errors.Is(plan.Failures[0].Err, avatar.ErrNoOriginal) {
		t.Errorf("plan %+v, %v", plan, err)
	}
	for range 2 { // a second call tries again
		r, err := p.Backfill(t.Context(), avatar.BackfillOptions{Name: "x"})
		if err != nil || r.Failed != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		slices.SortFunc(r.Failures, func(a, b avatar.BackfillFailure) int { return strings.Compare(a.Subject, b.Subject) })
		var reject *avatar.RejectError
		if f := r.Failures; f[0].Subject != "alice" || !errors.Is(f[0].Err, avatar.ErrNoOriginal) || f[1].Subject != "bob" || !errors.As(f[1].Err, &reject) {
			t.Errorf("failures %v", f)
		}
	}
	if got := w.current("bob"); got != old {
		t.Errorf("current = %s, want the old %s", got, old)
	}
	w.put(keys[1], jpegOf(t, blue))
	w.backfill(p, avatar.BackfillOptions{Name: "x"}, "3 subjects, 1 made, 0 superseded, 1 skipped, 1 failed")
}

func TestBackfillResumes(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	const people = 50
	for i := range people {
		key, _ := w.upload(fmt.Sprintf("user-%02d", i), red)
		w.process(key, avatar.OutcomePublished)
	}
	p := w.larger(avatar.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var seen []string
	o := avatar.BackfillOptions{Name: "x", Workers: 1, Progress: func(b avatar.BackfillProgress) {
		if seen = append(seen, b.Subject); len(seen) == 40 {
			cancel()
		}
		if b.Report.Subjects == 0 || b.Err != nil {
			t.Errorf("progress %+v", b)
		}
	}}
	if _, err := p.Backfill(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	if left := keysOf(t, w.uploads, "backfills/"); len(left) != 1 {
		t.Fatalf("no checkpoint: %v", left)
	}
	// What writes nothing begins at the beginning.
	if plan, err := p.PlanBackfill(t.Context(), o); err != nil || plan.Subjects != people {
		t.Errorf("planned for %d, %v", plan.Subjects, err)
	}
	r, err := p.Backfill(t.Context(), o)
	if err != nil || r.Subjects >= people || r.Resumed+r.Subjects != people || r.Made+40 < people || r.Failed != 0 {
		t.Errorf("resumed: %+v, %v", r, err)
	}
	if left := keysOf(t, w.uploads, "backfills/"); left != nil {
		t.Errorf("left: %v", left)
	}
	for i := range people {
		if m, err := p.Current(t.Context(), fmt.Sprintf("user-%02d", i)); err != nil || variantsOf(m) != 5 {
			t.Errorf("user %d: %d variants, %v", i, variantsOf(m), err)
		}
	}
}

// The checkpoint lies between two subjects, also where the later one is the beginning of the earlier one.
func TestBackfillResumesAtTheNext(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	var people []string
	for i := range 15 {
		people = append(people, fmt.Sprintf("a%02d", i))
	}
	for _, subject := range append(people, "m-", "m", "z") { // sixteen are a batch
		key, _ := w.upload(subject, red)
		w.process(key, avatar.OutcomePublished)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := w.larger(avatar.Options{Moderate: func(_ context.Context, m avatar.Moderation) (avatar.Verdict, error) {
		if m.Subject == "m" {
			cancel()
		}
		return avatar.Verdict{SHA256: m.SHA256, Decision: avatar.Approve}, ctx.Err()
	}})
	o := avatar.BackfillOptions{Name: "x", Workers: 1}
	if r, err := p.Backfill(ctx, o); !errors.Is(err, context.Canceled) || r.Made != 16 {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err := w.larger(avatar.Options{}).Backfill(t.Context(), o)
	if err != nil || r.Resumed != 16 || r.Made != 2 {
		t.Errorf("resumed: %+v, %v", r, err)
	}
}

// What a cancelled context cut short is no failure: the next call does it.
func TestBackfillCancelled(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	ctx, cancel := context.WithCancel(t.Context())
	p := w.larger(avatar.Options{OnPublished: func(context.Context, avatar.Published) error { cancel(); return context.Canceled }})
	if r, err := p.Backfill(ctx, avatar.BackfillOptions{Name: "x"}); !errors.Is(err, context.Canceled) || r.Subjects != 0 || r.Failures != nil {
		t.Errorf("%+v, %v", r, err)
	}
	w.backfill(w.larger(avatar.Options{}), avatar.BackfillOptions{Name: "x"}, "1 subjects, 1 made, 0 superseded, 0 skipped, 0 failed")
}

// At most as many pictures as there are workers are worked on at once.
func TestBackfillWorkers(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	for i := range 12 {
		key, _ := w.upload(fmt.Sprintf("user-%02d", i), red)
		w.process(key, avatar.OutcomePublished)
	}
	var now, most atomic.Int64
	p := w.larger(avatar.Options{Moderate: meanwhile(func() {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
	})})
	w.backfill(p, avatar.BackfillOptions{Name: "x", Workers: 3}, "12 subjects, 12 made, 0 superseded, 0 skipped, 0 failed")
	if n := most.Load(); n > 3 || n < 2 {
		t.Errorf("%d at once, want 2 or 3", n)
	}
}

// What is too large to be a picture is not taken in, not even a part of it.
func TestAdoptTooLarge(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	large := append(jpegOf(t, red), make([]byte, 1<<20)...)
	if err := w.assets.WriteAll(t.Context(), "avatars/alice.jpg", large, nil); err != nil {
		t.Fatal(err)
	}
	r, err := w.Backfill(t.Context(), avatar.BackfillOptions{Name: "x", Adopt: true})
	var reject *avatar.RejectError
	if err != nil || r.Failed != 1 || !errors.As(r.Failures[0].Err, &reject) || reject.Reason != avatar.ReasonTooManyBytes {
		t.Errorf("%+v, %v", r, err)
	}
	if keys := keysOf(t, w.uploads, ""); keys != nil {
		t.Errorf("left: %v", keys)
	}
}

func TestBackfillOptions(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	for _, o := range []avatar.BackfillOptions{{}, {Name: "../x"}, {Name: "A"}, {Name: "x", Workers: -1}, {Name: strings.Repeat("x", 64)}} {
		if _, err := w.Backfill(t.Context(), o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
		if _, err := w.PlanBackfill(t.Context(), o); err == nil {
			t.Errorf("%+v is accepted for a plan", o)
		}
	}
}

func TestAdopt(t *testing.T) {
	for _, secret := range [][]byte{nil, []byte("0123456789abcdef")} {
		var events []string
		w := newWorld(t, avatar.Options{PublicIDSecret: secret, Audit: func(_ context.Context, e avatar.AuditEvent) error {
			events = append(events, e.Action+" "+e.Subject)
			return nil
		}})
		old := func(subject string, data []byte) {
			// As the original system wrote them, wrong type and all.
			if err := w.assets.WriteAll(t.Context(), "avatars/"+subject+".jpg", data, &blob.WriterOptions{ContentType: "image/jpg"}); err != nil {
				t.Fatal(err)
			}
		}
		old("alice", jpegOf(t, red))
		old("bob", pngOf(t, red))
		old("carol", []byte("<svg>"))
		old("corrupt", jpegOf(t, red)[:40])
		old("not a subject", jpegOf(t, red))
		time.Sleep(2 * time.Millisecond)
		key, newer := w.upload("dave", blue)
		w.process(key, avatar.OutcomePublished)
		if secret != nil {
			old("dave", jpegOf(t, red))
			w.ahead = time.Hour
			key, newer = w.upload("dave", color.White)
			w.process(key, avatar.OutcomePublished)
		}
		w.sweep(avatar.Swept{}) // it leaves the original system's pictures alone
		events = nil
		o := avatar.BackfillOptions{Name: "adopt", Adopt: true, Workers: 1}
		plan, err := w.PlanBackfill(t.Context(), o)
		if err != nil || plan.Pictures != 4 || plan.Bytes == 0 {
			t.Errorf("plan %+v, %v", plan, err)
		}
		r, err := w.Backfill(t.Context(), o)
		if err != nil || r.Made != 2 || r.Failed != 2 || r.Failures[0].Subject != "carol" || r.Failures[1].Subject != "corrupt" {
			t.Fatalf("adopted %+v, %v", r, err)
		}
		if !slices.Equal(events, []string{"adopt alice", "adopt bob", "adopt corrupt"}) {
			t.Errorf("events %v", events)
		}
		for _, subject := range []string{"alice", "bob"} {
			id := w.current(subject)
			if s, err := w.Status(t.Context(), subject, id); err != nil || s.State != avatar.StateReady {
				t.Errorf("%s: status %+v, %v", subject, s, err)
			}
		}
		if got := w.current("dave"); got != newer {
			t.Errorf("current = %s, want the newer %s", got, newer)
		}
		again, err := w.Backfill(t.Context(), o)
		if err != nil || again.Made != 0 || again.Failed != 2 {
			t.Errorf("adopted again %+v, %v", again, err)
		}
		if plan, err := w.PlanBackfill(t.Context(), o); err != nil || plan.Pictures != 1 || len(plan.Failures) != 1 { // carol's is not taken in before it is tried
			t.Errorf("planned again %+v, %v", plan, err)
		}
		// What was adopted is made anew, cropped again and erased like any other picture.
		w.backfill(w.larger(avatar.Options{PublicIDSecret: secret}), avatar.BackfillOptions{Name: "larger"}, "4 subjects, 3 made, 0 superseded, 1 skipped, 0 failed")
		if _, err := w.Erase(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		if exists, err := w.assets.Exists(t.Context(), "avatars/alice.jpg"); err != nil || exists {
			t.Errorf("the original system's picture is left: %v, %v", exists, err)
		}
	}
}
