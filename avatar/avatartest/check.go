package avatartest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the pipeline's encoding
	"path"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
)

// subjects are the people of a world. The second one's keys sort between the first one's.
var subjects = []string{"alice", "alice-2"}

// check is what must hold between any two operations.
func (w *world) check(ctx context.Context) error {
	var errs []error
	for _, subject := range subjects {
		if err := w.checkCurrent(ctx, subject); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", subject, err))
		}
	}
	for _, p := range w.passed {
		// Pages and caches may still ask for it: the default grace time is 48 hours.
		if w.clock().Sub(p.since) > 47*time.Hour || w.isVoid(p.subject, p.id) {
			continue
		}
		exists, err := w.assets.Exists(ctx, w.prefix+"avatars/"+p.subject+"/"+p.id+"/16.jpg")
		if err != nil || !exists {
			errs = append(errs, fmt.Errorf("%s of %s was superseded a moment ago, and is gone: %v", p.id, p.subject, err))
		}
	}
	return errors.Join(errs...)
}

// newest is the greatest id of the uploads for which want holds and that are not erased.
func (w *world) newest(subject string, want func(*fact) bool) string {
	var id string
	for _, f := range w.facts {
		if f.subject == subject && f.good && want(f) && !w.isVoid(subject, f.id) {
			id = max(id, f.id)
		}
	}
	return id
}

func (w *world) checkCurrent(ctx context.Context, subject string) error {
	floor := w.newest(subject, func(f *fact) bool { return f.acknowledged })
	if seen := w.seen[subject]; !w.isVoid(subject, seen) {
		floor = max(floor, seen)
	}
	m, err := w.observer.Current(ctx, subject)
	if errors.Is(err, avatar.ErrNoPicture) {
		if floor != "" {
			return fmt.Errorf("there is no picture, and %s was acknowledged or shown", floor)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if m.UploadID < floor {
		return fmt.Errorf("%s is current, and the newer %s was acknowledged or shown", m.UploadID, floor)
	}
	if w.alone && m.UploadID < w.seen[subject] {
		return fmt.Errorf("the older %s came up", m.UploadID)
	}
	if w.isVoid(subject, m.UploadID) {
		if w.alone {
			return w.checkWhole(ctx, m)
		}
		return nil // it may come up for a moment while Erase and a worker pass each other, and need not be whole
	}
	if old := w.seen[subject]; old != "" && old != m.UploadID {
		w.passed = append(w.passed, passed{subject, old, w.clock()})
	}
	w.seen[subject] = m.UploadID
	return w.checkWhole(ctx, m)
}

// checkWhole reads everything that m names.
func (w *world) checkWhole(ctx context.Context, m avatar.Manifest) error {
	if len(m.Variants) != 2 {
		return fmt.Errorf("%s has %d variants", m.UploadID, len(m.Variants))
	}
	var f *fact
	if i := slices.IndexFunc(w.facts, func(f *fact) bool { return f.id == m.UploadID }); i >= 0 {
		f = w.facts[i]
	}
	if f != nil && !f.good {
		return fmt.Errorf("%s is published, and is no picture", m.UploadID)
	}
	for _, v := range m.Variants {
		data, err := w.assets.ReadAll(ctx, w.prefix+v.Key)
		if err != nil {
			return fmt.Errorf("%s is current and not whole: %w", m.UploadID, err)
		}
		digest := sha256.Sum256(data)
		if int64(len(data)) != v.Size || hex.EncodeToString(digest[:]) != v.SHA256 {
			return fmt.Errorf("%s is not what its manifest says", v.Key)
		}
		decoded, _, err := image.Decode(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("%s is no picture: %w", v.Key, err)
		}
		if f != nil && !like(decoded, f) {
			return fmt.Errorf("%s shows another upload", v.Key)
		}
	}
	return nil
}

// like says whether m has the colour of f, as far as its encoding keeps that.
func like(m image.Image, f *fact) bool {
	const tolerance = 8 << 8
	near := func(a, b uint32) bool { return max(a, b)-min(a, b) <= tolerance }
	r1, g1, b1, _ := m.At(m.Bounds().Min.X, m.Bounds().Min.Y).RGBA()
	r2, g2, b2, _ := f.color.RGBA()
	return near(r1, r2) && near(g1, g2) && near(b1, b2)
}

// settle lets one more process do what an application does from time to time, and then checks that nothing is missing and nothing left over.
func (w *world) settle(ctx context.Context) error {
	p, err := w.processor(w.calm())
	if err != nil {
		return err
	}
	if err := w.checkAcknowledged(ctx, p); err != nil {
		return err
	}
	w.advance(time.Hour)
	if _, err := p.Recover(ctx); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if again, err := p.Recover(ctx); err != nil || again.Handled != 0 {
		return fmt.Errorf("recover a second time: %+v, %v", again, err)
	}
	if !w.disturbed { // nobody has to wait for the sweep then
		if err := errors.Join(w.checkAliases(ctx, p), w.checkErased(ctx)); err != nil {
			return err
		}
	}
	if _, err := p.Sweep(ctx); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	err = errors.Join(w.check(ctx), w.checkHandled(ctx, p), w.checkAliases(ctx, p), w.checkErased(ctx))
	if err != nil {
		return err
	}
	for range 2 {
		w.advance(60 * 24 * time.Hour)
		if _, err := p.Sweep(ctx); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	if again, err := p.Sweep(ctx); err != nil || again != (avatar.Swept{}) {
		return fmt.Errorf("sweep again: %+v, %v", again, err)
	}
	return errors.Join(w.check(ctx), w.checkLeft(ctx, p))
}

// checkAcknowledged checks that nothing is left to be done for an upload whose event was acknowledged: nobody may come to look at it again.
func (w *world) checkAcknowledged(ctx context.Context, p *avatar.Processor) error {
	var errs []error
	for _, f := range w.facts {
		if !f.acknowledged || w.isVoid(f.subject, f.id) {
			continue
		}
		if s, err := p.Status(ctx, f.subject, f.id); err != nil || s.State != avatar.StateReady && s.State != avatar.StateRejected {
			errs = append(errs, fmt.Errorf("upload %s was acknowledged and is %q: %v", f.id, s.State, err))
		}
	}
	return errors.Join(errs...)
}

// checkHandled checks that each upload that arrived has got what is its due.
func (w *world) checkHandled(ctx context.Context, p *avatar.Processor) error {
	var errs []error
	for _, f := range w.facts {
		if !f.stored || w.isVoid(f.subject, f.id) {
			continue
		}
		s, err := p.Status(ctx, f.subject, f.id)
		want := avatar.StateReady
		if !f.good {
			want = avatar.StateRejected
		}
		if err != nil || s.State != want {
			errs = append(errs, fmt.Errorf("upload %s is %q, not %q: %v", f.id, s.State, want, err))
		}
	}
	for _, subject := range subjects {
		m, err := p.Current(ctx, subject)
		want := w.newest(subject, func(f *fact) bool { return f.stored })
		if errors.Is(err, avatar.ErrNoPicture) && want == "" {
			continue
		}
		if err != nil || m.UploadID < want {
			errs = append(errs, fmt.Errorf("%s shows %q, not %q: %v", subject, m.UploadID, want, err))
			continue
		}
		if w.told[subject] != m.UploadID {
			errs = append(errs, fmt.Errorf("%s shows %s, and the last that was told of is %q", subject, m.UploadID, w.told[subject]))
		}
	}
	return errors.Join(errs...)
}

// checkAliases checks that each stable name shows what is current.
func (w *world) checkAliases(ctx context.Context, p *avatar.Processor) error {
	for _, subject := range subjects {
		m, err := p.Current(ctx, subject)
		if errors.Is(err, avatar.ErrNoPicture) {
			continue
		}
		if err != nil {
			return err
		}
		if err := w.sameObject(ctx, "avatars/"+subject+".jpg", m.Largest().Key); err != nil {
			return err
		}
	}
	return nil
}

// checkErased checks that of whom there is a receipt, nothing is there that was granted, or made of what was granted, before Erase.
func (w *world) checkErased(ctx context.Context) error {
	var errs []error
	for _, b := range []*blob.Bucket{w.uploads, w.assets} {
		keys, err := w.keys(ctx, b)
		if err != nil {
			return err
		}
		for _, key := range keys {
			for _, part := range strings.FieldsFunc(key, func(r rune) bool { return r == '/' || r == '.' }) {
				for subject, s := range w.erased {
					if s.receipt && strings.Contains(key, "/"+subject+"/") && !idTime(part).IsZero() && idTime(part).Before(s.begin) {
						errs = append(errs, fmt.Errorf("%s has survived Erase", key))
					}
				}
			}
		}
	}
	for subject, s := range w.erased {
		m, err := w.observer.Current(ctx, subject)
		if s.receipt && err == nil && !w.uploadedSince(subject, m.UploadID, s) {
			errs = append(errs, fmt.Errorf("%s shows %s, which was made of what was erased", subject, m.UploadID))
		}
		if s.receipt && errors.Is(err, avatar.ErrNoPicture) {
			exists, err := w.assets.Exists(ctx, w.prefix+"avatars/"+subject+".jpg")
			if err != nil || exists {
				errs = append(errs, fmt.Errorf("the stable name of %s has survived Erase (%v)", subject, err))
			}
		}
	}
	return errors.Join(errs...)
}

// uploadedSince says whether subject has uploaded something after the erasure began that the version may have been made of.
func (w *world) uploadedSince(subject, version string, s span) bool {
	return slices.ContainsFunc(w.facts, func(f *fact) bool {
		return f.subject == subject && f.good && f.stored && f.id <= version && !idTime(f.id).Before(s.begin)
	})
}

// checkLeft checks that every object is there for a reason.
func (w *world) checkLeft(ctx context.Context, p *avatar.Processor) error {
	var assets, uploads []string
	for _, subject := range subjects {
		m, err := p.Current(ctx, subject)
		if errors.Is(err, avatar.ErrNoPicture) {
			continue
		}
		if err != nil {
			return err
		}
		assets = append(assets, "avatars/"+subject+".jpg", "avatars/"+subject+"/"+m.UploadID+"/manifest.json")
		for _, v := range m.Variants {
			assets = append(assets, v.Key)
		}
		original, err := w.original(ctx, subject)
		if err != nil {
			return err
		}
		uploads = append(uploads, original, "records/avatars/"+subject+"/"+m.UploadID+".json")
		// An original without a record would be taken for one that nobody has handled.
		if id := strings.TrimSuffix(path.Base(original), path.Ext(original)); id != m.UploadID {
			uploads = append(uploads, "records/avatars/"+subject+"/"+id+".json")
		}
	}
	if w.uploads == w.assets {
		return w.checkKeys(ctx, w.assets, slices.Concat(assets, uploads))
	}
	return errors.Join(w.checkKeys(ctx, w.assets, assets), w.checkKeys(ctx, w.uploads, uploads))
}

// original is the key of the one original that the subject still has.
func (w *world) original(ctx context.Context, subject string) (string, error) {
	keys, err := w.keys(ctx, w.uploads)
	if err != nil {
		return "", err
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, "uploads/avatars/"+subject+"/") })
	if len(keys) != 1 {
		return "", fmt.Errorf("%s has %d originals: %v", subject, len(keys), keys)
	}
	return keys[0], nil
}

func (w *world) sameObject(ctx context.Context, a, b string) error {
	one, err1 := w.assets.ReadAll(ctx, w.prefix+a)
	other, err2 := w.assets.ReadAll(ctx, w.prefix+b)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("%s or %s: %w", a, b, err)
	}
	if !bytes.Equal(one, other) {
		return fmt.Errorf("%s is not %s", a, b)
	}
	return nil
}

// checkKeys compares what b holds with want; what was refused may be in quarantine besides.
func (w *world) checkKeys(ctx context.Context, b *blob.Bucket, want []string) error {
	keys, err := w.keys(ctx, b)
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range keys {
		if !slices.Contains(want, key) && !w.isQuarantined(key) {
			errs = append(errs, fmt.Errorf("nobody needs %s", key))
		}
	}
	for _, key := range want {
		if !slices.Contains(keys, key) {
			errs = append(errs, fmt.Errorf("%s is gone", key))
		}
	}
	return errors.Join(errs...)
}

// isQuarantined says whether key is what was refused and is to be kept.
func (w *world) isQuarantined(key string) bool {
	return w.opts.Quarantine && slices.ContainsFunc(w.facts, func(f *fact) bool {
		s, erased := w.erased[f.subject]
		return !f.good && !(erased && idTime(f.id).Before(s.begin)) && key == "quarantine/avatars/"+f.subject+"/"+f.id+".png"
	})
}
