package avatar_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/avatar"
)

func (w *world) sweep(want avatar.Swept) {
	w.t.Helper()
	got, err := w.Sweep(w.t.Context())
	if err != nil || got != want {
		w.t.Fatalf("swept %+v, %v; want %+v", got, err, want)
	}
}

func TestSweepSuperseded(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	first, old := w.upload("alice", red)
	w.process(first, avatar.OutcomePublished)
	second, id := w.upload("alice", blue)
	w.process(second, avatar.OutcomePublished)
	w.sweep(avatar.Swept{})
	w.ahead = 47 * time.Hour
	w.sweep(avatar.Swept{})
	w.ahead = 49 * time.Hour
	w.sweep(avatar.Swept{Superseded: 1, Originals: 1})
	if got := w.current("alice"); got != id {
		t.Errorf("current = %s, want %s", got, id)
	}
	if keys := keysOf(t, w.assets, "avatars/alice/"+old); keys != nil {
		t.Errorf("left: %v", keys)
	}
	if keys := keysOf(t, w.uploads, "uploads/"); len(keys) != 1 || keys[0] != second {
		t.Errorf("originals: %v", keys)
	}
	w.process(first, avatar.OutcomeAlreadyPublished) // a very late duplicate
	w.ahead = 31 * 24 * time.Hour
	w.sweep(avatar.Swept{Records: 1})
	w.sweep(avatar.Swept{})
}

func TestSweepRefused(t *testing.T) {
	for _, quarantine := range []bool{false, true} {
		w := newWorld(t, avatar.Options{Quarantine: quarantine})
		key, id := w.grant("alice", "image/png")
		w.put(key, []byte("not a picture"))
		w.process(key, avatar.OutcomeRejected)
		w.sweep(avatar.Swept{}) // the grant is still valid: the object keeps its key from being written again
		w.ahead = time.Hour
		w.sweep(avatar.Swept{Originals: 1})
		if got := keysOf(t, w.uploads, "quarantine/"); (len(got) == 1) != quarantine {
			t.Errorf("quarantine = %v", got)
		}
		if s, _ := w.Status(t.Context(), "alice", id); s.State != avatar.StateRejected {
			t.Errorf("state = %s", s.State)
		}
	}
}

func TestSweepOrphans(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	_, orphan := w.grant("alice", "image/png")
	key, pending := w.upload("alice", red)
	for _, id := range []string{orphan, pending} {
		if err := w.assets.WriteAll(t.Context(), "avatars/alice/"+id+"/512.jpg", jpegOf(t, blue), nil); err != nil {
			t.Fatal(err)
		}
	}
	w.sweep(avatar.Swept{})
	w.ahead = 25 * time.Hour
	w.sweep(avatar.Swept{Orphans: 1})
	// What waits for its original's turn is none, and is made young and right when its turn comes.
	res := w.process(key, avatar.OutcomePublished)
	w.whole(*res.Manifest)
	data, err := w.assets.ReadAll(t.Context(), res.Manifest.Largest().Key)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil || !isRed(m.At(10, 10)) {
		t.Errorf("what was left so long ago is published: %v", err)
	}
}

func TestEraseLeavesNothing(t *testing.T) {
	for _, secret := range [][]byte{nil, []byte("0123456789abcdef")} {
		w := newWorld(t, avatar.Options{PublicIDSecret: secret})
		for _, subject := range []string{"alice", "alice-2", "al"} {
			for _, c := range []color.Color{red, blue} {
				key, _ := w.upload(subject, c)
				w.process(key, avatar.OutcomePublished)
			}
		}
		bad, _ := w.grant("alice", "image/png")
		w.put(bad, []byte("text"))
		w.process(bad, avatar.OutcomeRejected)
		late, _ := w.grant("alice", "image/jpeg")
		time.Sleep(2 * time.Millisecond)

		receipt, err := w.Erase(t.Context(), "alice")
		if err != nil || receipt.VerifiedAt.IsZero() || len(receipt.Uploads) != 6 || len(receipt.Assets) != 11 {
			t.Fatalf("receipt: %d uploads, %d assets, %+v, %v", len(receipt.Uploads), len(receipt.Assets), receipt, err)
		}
		publicID, _ := w.PublicID("alice")
		if keys := keysOf(t, w.assets, "avatars/"+publicID+"/"); keys != nil {
			t.Errorf("left: %v", keys)
		}
		for _, key := range keysOf(t, w.uploads, "") {
			if strings.Contains(key, "/alice/") {
				t.Errorf("left: %s", key)
			}
		}
		if w.current("alice") != "" || w.current("alice-2") == "" || w.current("al") == "" {
			t.Error("the wrong pictures are gone")
		}
		// A grant from before is void, one from after is not.
		w.put(late, jpegOf(t, red))
		w.process(late, avatar.OutcomeErased)
		if keys := keysOf(t, w.uploads, "uploads/avatars/alice/"); keys != nil {
			t.Errorf("the late upload is left: %v", keys)
		}
		time.Sleep(2 * time.Millisecond)
		key, id := w.upload("alice", blue)
		w.process(key, avatar.OutcomePublished)
		if w.current("alice") != id {
			t.Error("a new beginning is not possible")
		}
		w.ahead = 40 * 24 * time.Hour
		got, err := w.Sweep(t.Context())
		if err != nil || got.Erased != 0 || len(keysOf(t, w.uploads, "erased/")) != 0 {
			t.Errorf("swept %+v, %v; tombstones %v", got, err, keysOf(t, w.uploads, "erased/"))
		}
	}
}

// A worker that was past its look at the tombstone, and died right after the manifest.
func TestSweepFindsWhatOutlivedErasure(t *testing.T) {
	var w *world
	crash := errors.New("crash")
	w = newWorld(t, avatar.Options{OnPublished: func(ctx context.Context, e avatar.Published) error {
		time.Sleep(2 * time.Millisecond)
		return crash
	}})
	key, id := w.upload("alice", red)
	if _, err := w.Process(t.Context(), key); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	published := map[string][]byte{}
	for _, key := range keysOf(t, w.assets, "avatars/alice/") {
		data, err := w.assets.ReadAll(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		published[key] = data
	}
	if _, err := w.Erase(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for key, data := range published {
		if err := w.assets.WriteAll(t.Context(), key, data, nil); err != nil {
			t.Fatal(err)
		}
	}
	if w.current("alice") != id {
		t.Fatal("the test is broken")
	}
	w.sweep(avatar.Swept{Erased: 1})
	if keys := keysOf(t, w.assets, ""); keys != nil {
		t.Errorf("left: %v", keys)
	}
}

func TestRecrop(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	res, err := w.Recrop(t.Context(), "alice", avatar.Crop{Mode: avatar.CropRect, X: 0.5, Width: 0.5, Height: 0.75})
	if err != nil || res.Outcome != avatar.OutcomePublished || res.UploadID <= id || w.current("alice") != res.UploadID {
		t.Fatalf("recrop: %+v, %v", res, err)
	}
	if got := res.Manifest.Largest().Width; got != 48 {
		t.Errorf("width = %d, want 48", got)
	}
	if _, err := w.Recrop(t.Context(), "alice", avatar.Crop{Mode: "x"}); err == nil {
		t.Error("a wrong crop is accepted")
	}
	if _, err := w.Recrop(t.Context(), "bob", avatar.Crop{}); !errors.Is(err, avatar.ErrNoPicture) {
		t.Errorf("without a picture: %v", err)
	}
	// The original outlives the version that it was uploaded for, since another one needs it.
	w.ahead = 50 * time.Hour
	w.sweep(avatar.Swept{Superseded: 1})
	if _, err := w.Recrop(t.Context(), "alice", avatar.Crop{Mode: avatar.CropCentre}); err != nil {
		t.Error(err)
	}
	if keys := keysOf(t, w.uploads, "intents/"); keys != nil {
		t.Errorf("promises are left: %v", keys)
	}
	// And so does its record: without it the original would be taken for a new upload.
	w.ahead = 40 * 24 * time.Hour
	w.sweep(avatar.Swept{Superseded: 1, Records: 1})
	if got, err := w.Recover(t.Context()); err != nil || got.Scanned != 1 || got.Handled != 0 {
		t.Errorf("recovered %+v, %v", got, err)
	}
}

// The picture was made by an issuer whose clock is ahead of ours: the new crop is later all the same.
func TestRecropOfAFastClock(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	w.ahead = 10 * time.Minute
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	w.ahead = 0
	res, err := w.Recrop(t.Context(), "alice", avatar.Crop{Mode: avatar.CropCentre})
	if err != nil || res.Outcome != avatar.OutcomePublished || res.UploadID <= id {
		t.Errorf("%+v, %v; want one later than %s", res, err, id)
	}
}

// One person's subject may look like another one's public id: each keeps their stable name.
func TestEraseOfALookalike(t *testing.T) {
	w := newWorld(t, avatar.Options{PublicIDSecret: []byte("0123456789abcdef")})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	publicID, err := w.PublicID("alice")
	if err != nil {
		t.Fatal(err)
	}
	if receipt, err := w.Erase(t.Context(), publicID); err != nil || len(receipt.Assets) > 0 {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
	if exists, err := w.assets.Exists(t.Context(), "avatars/"+publicID+".jpg"); err != nil || !exists {
		t.Errorf("alice's stable name is gone: %v", err)
	}
}

// What nobody has handled yet stays, however old it is and whatever else its owner has.
func TestSweepLeavesTheUnhandled(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	late, id := w.upload("alice", blue)
	w.ahead = 3 * time.Hour
	w.sweep(avatar.Swept{})
	w.process(late, avatar.OutcomePublished)
	if got := w.current("alice"); got != id {
		t.Errorf("current = %s, want %s", got, id)
	}
}

// A promised version keeps its original from the sweep, and is forgotten when the original is gone all the same.
func TestSweepKeepsPromises(t *testing.T) {
	for _, gone := range []bool{false, true} {
		w := newWorld(t, avatar.Options{})
		key, _ := w.upload("alice", red)
		w.process(key, avatar.OutcomePublished)
		away := errors.New("away")
		moderated := *w.opts
		moderated.Moderate = func(context.Context, avatar.Moderation) (avatar.Verdict, error) { return avatar.Verdict{}, away }
		if _, err := w.with(moderated).Recrop(t.Context(), "alice", avatar.Crop{Mode: avatar.CropCentre}); !errors.Is(err, away) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		newer, _ := w.upload("alice", blue)
		w.process(newer, avatar.OutcomePublished)
		w.ahead = 50 * time.Hour
		w.sweep(avatar.Swept{Superseded: 1})
		want := avatar.Recovered{Scanned: 2, Handled: 1}
		if gone {
			if err := w.uploads.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			want = avatar.Recovered{Scanned: 1, Handled: 1}
		}
		if got, err := w.Recover(t.Context()); err != nil || got != want {
			t.Errorf("gone %v: recovered %+v, %v; want %+v", gone, got, err, want)
		}
		if keys := keysOf(t, w.uploads, "intents/"); keys != nil {
			t.Errorf("gone %v: left %v", gone, keys)
		}
	}
}

func TestDiscardOriginals(t *testing.T) {
	w := newWorld(t, avatar.Options{DiscardOriginals: true, Quarantine: true})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	w.ahead = time.Hour
	w.sweep(avatar.Swept{Originals: 1})
	w.current("alice")
	if keys := keysOf(t, w.uploads, "quarantine/"); keys != nil {
		t.Errorf("kept though it was not refused: %v", keys)
	}
	if _, err := w.Recrop(t.Context(), "alice", avatar.Crop{}); !errors.Is(err, avatar.ErrNoOriginal) {
		t.Errorf("err = %v", err)
	}
}

func TestModeration(t *testing.T) {
	decision, sha := avatar.Hold, ""
	w := newWorld(t, avatar.Options{Moderate: func(_ context.Context, m avatar.Moderation) (avatar.Verdict, error) {
		if len(m.Pictures) != 4 || len(m.SHA256) != 64 {
			t.Errorf("moderation of %d pictures of %q", len(m.Pictures), m.SHA256)
		}
		if sha != "" {
			return avatar.Verdict{SHA256: sha, Decision: decision}, nil
		}
		return avatar.Verdict{SHA256: m.SHA256, Decision: decision}, nil
	}})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomeHeld)
	if keys := keysOf(t, w.assets, ""); keys != nil {
		t.Errorf("published while held: %v", keys)
	}
	decision, sha = avatar.Approve, "of another picture"
	if _, err := w.Process(t.Context(), key); err == nil {
		t.Error("a verdict on other bytes counts")
	}
	decision, sha = avatar.Hold, ""
	if got, err := w.Recover(t.Context()); err != nil || got.Scanned != 1 || got.Handled != 0 {
		t.Errorf("held: recovered %+v, %v", got, err)
	}
	decision = avatar.Approve
	if got, err := w.Recover(t.Context()); err != nil || got.Handled != 1 {
		t.Errorf("recovered %+v, %v", got, err)
	}
	decision = avatar.Refuse
	key, _ = w.upload("alice", blue)
	if res := w.process(key, avatar.OutcomeRejected); res.Reject.Reason != avatar.ReasonModerated {
		t.Errorf("reject = %v", res.Reject)
	}
}

func TestPoison(t *testing.T) {
	w := newWorld(t, avatar.Options{MaxAttempts: 2})
	key, id := w.upload("alice", red)
	for _, mark := range []string{"a", "b"} { // as two crashes leave them
		if err := w.uploads.WriteAll(t.Context(), "attempts/avatars/alice/"+id+"/"+mark, []byte("{}"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Process(t.Context(), key); !errors.Is(err, avatar.ErrBusy) {
		t.Errorf("while both may still be at work: %v", err)
	}
	w.ahead = 25 * time.Hour
	w.sweep(avatar.Swept{}) // they count as long as the upload is not handled
	if res := w.process(key, avatar.OutcomeRejected); res.Reject.Reason != avatar.ReasonPoison {
		t.Errorf("reject = %v", res.Reject)
	}
}

// The sweep leaves marks alone that somebody at work may have made.
func TestSweepMarks(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	w.put("attempts/avatars/alice/"+id+"/x", []byte("{}"))
	w.ahead = 23 * time.Hour
	w.sweep(avatar.Swept{})
	w.ahead = 25 * time.Hour
	w.sweep(avatar.Swept{Records: 1})
}

// A rendering that outlives its caller's deadline again and again is poison, too.
func TestPoisonByDeadline(t *testing.T) {
	w := newWorld(t, avatar.Options{MaxAttempts: 2})
	var end context.CancelCauseFunc
	pipeline, err := avatar.New(avatar.Config{Detect: func(image.Image) image.Rectangle {
		end(context.DeadlineExceeded) // the caller's deadline comes while the picture is made
		return image.Rectangle{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := avatar.NewProcessor(pipeline, w.uploads, w.assets, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := w.upload("alice", red)
	for range 2 {
		var ctx context.Context
		ctx, end = context.WithCancelCause(t.Context())
		_, err := p.Process(ctx, key)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
	}
	w.ahead = 3 * time.Minute
	end = func(error) {}
	if res, err := p.Process(t.Context(), key); err != nil || res.Reject == nil || res.Reject.Reason != avatar.ReasonPoison {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestAudit(t *testing.T) {
	var events []avatar.AuditEvent
	w := newWorld(t, avatar.Options{Audit: func(_ context.Context, e avatar.AuditEvent) error {
		events = append(events, e)
		return nil
	}})
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	bad, _ := w.grant("alice", "image/png")
	w.put(bad, []byte("text"))
	w.process(bad, avatar.OutcomeRejected)
	if _, err := w.Erase(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if len(events) != 3 {
		t.Fatalf("%d events: %+v", len(events), events)
	}
	if e := events[0]; e.Action != "publish" || e.Subject != "alice" || e.UploadID != id || len(e.SHA256) != 64 || e.Outcome != avatar.OutcomePublished || e.Time.IsZero() {
		t.Errorf("published: %+v", e)
	}
	if e := events[1]; e.Outcome != avatar.OutcomeRejected || e.Reason != avatar.ReasonUnsupportedFormat {
		t.Errorf("rejected: %+v", e)
	}
	if e := events[2]; e.Action != "erase" || e.Outcome != avatar.OutcomeErased {
		t.Errorf("erased: %+v", e)
	}
}

// The event tells which bytes it is about also when the call that rendered them did not come to its end.
func TestAuditAfterACrash(t *testing.T) {
	var events []avatar.AuditEvent
	crash := errors.New("crash")
	w := newWorld(t, avatar.Options{
		Audit:       func(_ context.Context, e avatar.AuditEvent) error { events = append(events, e); return nil },
		OnPublished: func(context.Context, avatar.Published) error { return crash },
	})
	key, _ := w.upload("alice", red)
	if _, err := w.Process(t.Context(), key); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	crash = nil
	w.process(key, avatar.OutcomePublished)
	digest := sha256.Sum256(jpegOf(t, red))
	if len(events) != 1 || events[0].SHA256 != hex.EncodeToString(digest[:]) {
		t.Errorf("%+v, want the digest %x", events, digest)
	}
	plan, err := w.PlanBackfill(t.Context(), avatar.BackfillOptions{Name: "x"})
	if err != nil || plan.Bytes != int64(len(jpegOf(t, red))) {
		t.Errorf("planned %d bytes, %v", plan.Bytes, err)
	}
}

// Who runs out of time while others have the memory is not to blame: it must not become poison.
func TestWaitingIsNoAttempt(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	pipeline, err := avatar.New(avatar.Config{MaxBytes: 1 << 20, MaxMemory: 64 << 20, MaxPixels: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	p, err := avatar.NewProcessor(pipeline, w.uploads, w.assets, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := w.upload("alice", red)
	// Sources that never end take all the memory for reading.
	var others sync.WaitGroup
	var closers []*io.PipeWriter
	for range 16 {
		r, c := io.Pipe()
		closers = append(closers, c)
		others.Go(func() { _, _ = pipeline.Render(t.Context(), r) })
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Process(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v", err)
	}
	if marks := keysOf(t, w.uploads, "attempts/"); marks != nil {
		t.Errorf("counted against the upload: %v", marks)
	}
	for _, c := range closers {
		c.Close()
	}
	others.Wait()
}

// An issuer whose clock was ahead made ids that are later than the time of Erase.
func TestEraseReachesIDsOfAFastClock(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	w.ahead = 10 * time.Minute
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	w.upload("alice", blue) // not processed yet
	w.ahead = 0
	receipt, err := w.Erase(t.Context(), "alice")
	if err != nil || receipt.Kept != 0 || w.current("alice") != "" || keysOf(t, w.uploads, "uploads/") != nil {
		t.Errorf("receipt %+v, %v; left %v", receipt, err, keysOf(t, w.uploads, ""))
	}
	// A second erasure by a slower clock takes nothing back.
	w.ahead = -time.Hour
	if _, err := w.Erase(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	w.put(key, jpegOf(t, red))
	w.process(key, avatar.OutcomeErased)
}

// What belongs to a later grant stays, and is counted once, however often Erase looks.
func TestEraseKeeps(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	w.ahead = 10 * time.Minute
	_, later := w.grant("alice", "image/jpeg")
	w.ahead = time.Minute
	mark := "attempts/avatars/alice/" + later + "/x"
	w.put(mark, []byte("{}"))
	receipt, err := w.Erase(t.Context(), "alice")
	if err != nil || receipt.Kept != 1 {
		t.Errorf("receipt %+v, %v", receipt, err)
	}
	if exists, err := w.uploads.Exists(t.Context(), mark); err != nil || !exists {
		t.Errorf("the mark of a later upload is gone: %v", err)
	}
}

// One worker refuses what another has published and, dying, not recorded: what is published is a fact.
func TestPublishedBeatsRefused(t *testing.T) {
	for _, how := range []string{"event", "sweep"} {
		decision := avatar.Approve
		crash := errors.New("crash")
		w := newWorld(t, avatar.Options{
			Moderate: func(_ context.Context, m avatar.Moderation) (avatar.Verdict, error) {
				return avatar.Verdict{SHA256: m.SHA256, Decision: decision}, nil
			},
			OnPublished: func(context.Context, avatar.Published) error { return crash },
		})
		key, id := w.upload("alice", red)
		if _, err := w.Process(t.Context(), key); !errors.Is(err, crash) {
			t.Fatal(err)
		}
		manifest := "avatars/alice/" + id + "/manifest.json"
		data, err := w.assets.ReadAll(t.Context(), manifest)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.assets.Delete(t.Context(), manifest); err != nil { // as the other worker saw it, a moment earlier
			t.Fatal(err)
		}
		decision, crash = avatar.Refuse, nil
		w.process(key, avatar.OutcomeRejected)
		if err := w.assets.WriteAll(t.Context(), manifest, data, nil); err != nil {
			t.Fatal(err)
		}
		if how == "event" {
			w.process(key, avatar.OutcomePublished)
		} else if _, err := w.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err := w.Status(t.Context(), "alice", id); err != nil || s.State != avatar.StateReady {
			t.Errorf("%s: status %+v, %v", how, s, err)
		}
	}
}
