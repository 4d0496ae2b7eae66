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
	"os"
	"path/filepath"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
)

// build is a processor over the same buckets as another version of the program has: with this quality and one more variant.
func (w *world) build(quality int, opts avatar.Options) *avatar.Processor {
	w.t.Helper()
	kind := avatar.AvatarKind()
	kind.Variants = append(kind.Variants, avatar.Variant{Name: "48", Width: 48, Height: 48})
	pipeline, err := avatar.New(avatar.Config{Kind: kind, Encoder: avatar.JPEG{Quality: quality}, MaxBytes: 1 << 20, MaxPixels: 1 << 20})
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

// whole checks every picture of m against its digest.
func (w *world) whole(m avatar.Manifest) {
	w.t.Helper()
	for _, v := range m.Variants {
		data, err := w.assets.ReadAll(w.t.Context(), v.Key)
		digest := sha256.Sum256(data)
		if err != nil || int64(len(data)) != v.Size || hex.EncodeToString(digest[:]) != v.SHA256 {
			w.t.Errorf("%s is not what its manifest says: %d bytes, %v", v.Key, len(data), err)
		}
	}
}

// meanwhile is a moderator who lets something happen before approving.
func meanwhile(happens func()) func(context.Context, avatar.Moderation) (avatar.Verdict, error) {
	return func(_ context.Context, m avatar.Moderation) (avatar.Verdict, error) {
		happens()
		return avatar.Verdict{SHA256: m.SHA256, Decision: avatar.Approve}, nil
	}
}

// While a deployment goes on, two builds may make the same upload at once. What one has published is a fact for the other.
func TestTwoBuildsAtOnce(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	later := w.build(60, avatar.Options{})
	var published avatar.Manifest
	earlier := w.with(avatar.Options{Moderate: meanwhile(func() {
		res, err := later.Process(t.Context(), key)
		if err != nil || res.Outcome != avatar.OutcomePublished {
			t.Fatalf("the other build: %+v, %v", res, err)
		}
		published = *res.Manifest
	})})
	res, err := earlier.Process(t.Context(), key)
	if err != nil || res.Outcome != avatar.OutcomePublished || variantsOf(*res.Manifest) != 5 {
		t.Errorf("%+v, %v; want the other's manifest", res, err)
	}
	m, err := w.Current(t.Context(), "alice")
	if err != nil || m.UploadID != id || variantsOf(m) != 5 || m.Largest() != published.Largest() {
		t.Errorf("current: %+v, %v; want %+v", m, err, published)
	}
	w.whole(m)
}

// What another build has begun and not finished is described as it is.
func TestLeftoverOfAnotherBuild(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, 40, 40)), nil); err != nil {
		t.Fatal(err)
	}
	if err := w.assets.WriteAll(t.Context(), "avatars/alice/"+id+"/256.jpg", buf.Bytes(), nil); err != nil {
		t.Fatal(err)
	}
	w.whole(*w.process(key, avatar.OutcomePublished).Manifest)
}

// One worker refuses what another one has published: the refusal comes too late.
func TestRefusalComesTooLate(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	other := w.with(avatar.Options{Moderate: func(_ context.Context, m avatar.Moderation) (avatar.Verdict, error) {
		w.process(key, avatar.OutcomePublished)
		return avatar.Verdict{SHA256: m.SHA256, Decision: avatar.Refuse}, nil
	}})
	res, err := other.Process(t.Context(), key)
	if err != nil || res.Outcome != avatar.OutcomeAlreadyPublished || res.Reject != nil || res.Manifest == nil {
		t.Errorf("%+v, %v", res, err)
	}
	if s, err := w.Status(t.Context(), "alice", id); err != nil || s.State != avatar.StateReady || s.Manifest == nil {
		t.Errorf("status %+v, %v", s, err)
	}
}

// Who takes so long that the sweep may take the pictures for an orphan's gives up, and the next one succeeds.
func TestSlowPublishingGivesUp(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	var moderated bool
	slow := *w.opts
	slow.Moderate = meanwhile(func() { moderated = true })
	slow.Now = func() time.Time {
		if moderated { // each look at the clock is hours after the last one
			w.ahead += 7 * time.Hour
		}
		return time.Now().Add(w.ahead)
	}
	if res, err := w.with(slow).Process(t.Context(), key); err == nil {
		t.Errorf("published after so long: %+v", res)
	}
	if got := w.current("alice"); got != "" {
		t.Errorf("current = %s", got)
	}
	w.process(key, avatar.OutcomePublished)
	if got := w.current("alice"); got != id {
		t.Errorf("current = %s", got)
	}
}

// Who was erased while a moderator looked at the picture is not shown for even a moment: the manifest is not written.
func TestEraseWhileModerating(t *testing.T) {
	w, dir := newFiles(t)
	key, id := w.upload("alice", red)
	opts := *w.opts
	opts.Moderate = meanwhile(func() {
		if _, err := w.Erase(t.Context(), "alice"); err != nil {
			t.Error(err)
		}
		// Where the manifest would be lies what cannot be overwritten.
		if err := os.MkdirAll(filepath.Join(dir, "avatars", "alice", id, "manifest.json", "x"), 0o755); err != nil {
			t.Error(err)
		}
	})
	if res, err := w.with(opts).Process(t.Context(), key); err != nil || res.Outcome != avatar.OutcomeErased {
		t.Errorf("%+v, %v", res, err)
	}
	if keys := keysOf(t, w.assets, ""); len(keys) != 1 { // the tombstone, since there is one bucket
		t.Errorf("left: %v", keys)
	}
}

// The original of an erased upload goes last: until then Recover finds what is left to do, the audit event too.
func TestUndoingIsRepeated(t *testing.T) {
	away := errors.New("away")
	var erased []string
	w := newWorld(t, avatar.Options{Audit: func(_ context.Context, e avatar.AuditEvent) error {
		if e.Outcome == avatar.OutcomeErased && e.UploadID != "" && away == nil {
			erased = append(erased, e.UploadID)
		}
		if e.UploadID == "" {
			return nil
		}
		return away
	}})
	key, id := w.grant("alice", "image/jpeg")
	time.Sleep(2 * time.Millisecond)
	if _, err := w.Erase(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	w.put(key, jpegOf(t, red))
	if _, err := w.Process(t.Context(), key); !errors.Is(err, away) {
		t.Errorf("err = %v", err)
	}
	away = nil
	if got, err := w.Recover(t.Context()); err != nil || got.Handled != 1 || len(erased) != 1 || erased[0] != id {
		t.Errorf("recovered %+v, %v; told of %v", got, err, erased)
	}
	if keys := keysOf(t, w.uploads, "uploads/"); keys != nil {
		t.Errorf("left: %v", keys)
	}
}

// What another worker made of a void version before it was undone goes with it: the stable name.
func TestUndoTakesAllAway(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	type object struct {
		bucket *blob.Bucket
		data   []byte
		attrs  *blob.Attributes
	}
	objects := map[string]object{}
	for _, b := range []*blob.Bucket{w.uploads, w.assets} {
		for _, key := range keysOf(t, b, "") {
			data, err1 := b.ReadAll(t.Context(), key)
			attrs, err2 := b.Attributes(t.Context(), key)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			objects[key] = object{b, data, attrs}
		}
	}
	time.Sleep(2 * time.Millisecond)
	if _, err := w.Erase(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for key, o := range objects {
		if err := o.bucket.WriteAll(t.Context(), key, o.data, &blob.WriterOptions{Metadata: o.attrs.Metadata}); err != nil {
			t.Fatal(err)
		}
	}
	w.process(key, avatar.OutcomeErased)
	if left := append(keysOf(t, w.assets, ""), keysOf(t, w.uploads, "uploads/")...); left != nil {
		t.Errorf("left: %v", left)
	}
}

// A failing store, moderator or hook is no refusal: the error is told, nothing is recorded, and the next call succeeds.
func TestTransientIsNoRefusal(t *testing.T) {
	away := errors.New("away")
	for _, where := range []string{"moderate", "tell", "audit"} {
		failing := func(at string) error {
			if where == at {
				return away
			}
			return nil
		}
		w := newWorld(t, avatar.Options{
			Moderate: func(_ context.Context, m avatar.Moderation) (avatar.Verdict, error) {
				return avatar.Verdict{SHA256: m.SHA256, Decision: avatar.Approve}, failing("moderate")
			},
			OnPublished: func(context.Context, avatar.Published) error { return failing("tell") },
			Audit:       func(context.Context, avatar.AuditEvent) error { return failing("audit") },
		})
		key, id := w.upload("alice", red)
		var reject *avatar.RejectError
		for range 7 { // more than the attempts after which a picture is poison
			if res, err := w.Process(t.Context(), key); !errors.Is(err, away) || errors.As(err, &reject) || res.Reject != nil {
				t.Errorf("%s: %+v, %v", where, res, err)
			}
			if s, err := w.Status(t.Context(), "alice", id); err != nil || s.State != avatar.StateReceived {
				t.Errorf("%s: status %+v, %v", where, s, err)
			}
			w.ahead += 3 * time.Minute
		}
		where = "nowhere"
		w.process(key, avatar.OutcomePublished)
	}
}

// red within what JPEG keeps.
func isRed(c color.Color) bool {
	r, g, b, _ := c.RGBA()
	return r > 0x9000 && g < 0x5000 && b < 0x5000
}
