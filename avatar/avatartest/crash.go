package avatartest

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"slices"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
)

// scenario is one thing that a process does, which is to be interrupted everywhere.
type scenario struct {
	name    string
	prepare func(ctx context.Context, w *world) error
	act     func(ctx context.Context, w *world, m *machine) error
	// twice says that the application does it again when it fails, as a queue, a person or a clock does.
	twice bool
}

var (
	red   = color.NRGBA{0xd0, 0x20, 0x20, 0xff}
	green = color.NRGBA{0x20, 0xd0, 0x20, 0xff}
	blue  = color.NRGBA{0x20, 0x20, 0xd0, 0xff}
)

func scenarios() []scenario {
	uploaded := func(good ...bool) func(context.Context, *world) error {
		return func(ctx context.Context, w *world) error { return w.upload(ctx, false, good...) }
	}
	published := func(good ...bool) func(context.Context, *world) error {
		return func(ctx context.Context, w *world) error { return w.upload(ctx, true, good...) }
	}
	last := func(ctx context.Context, w *world, m *machine) error {
		return w.process(ctx, m, w.facts[len(w.facts)-1])
	}
	first := func(ctx context.Context, w *world, m *machine) error { return w.process(ctx, m, w.facts[0]) }
	then := func(prepare, more func(context.Context, *world) error) func(context.Context, *world) error {
		return func(ctx context.Context, w *world) error {
			if err := prepare(ctx, w); err != nil {
				return err
			}
			return more(ctx, w)
		}
	}
	wait := func(d time.Duration) func(context.Context, *world) error {
		return func(_ context.Context, w *world) error { w.advance(d); return nil }
	}
	return []scenario{
		{"publish", uploaded(true), last, true},
		{"publish, event lost", uploaded(true), last, false},
		{"replace", then(published(true), uploaded(true)), last, true},
		{"replace, event lost", then(published(true), uploaded(true)), last, false},
		{"late", uploaded(true, true), func(ctx context.Context, w *world, m *machine) error {
			return errors.Join(last(ctx, w, m), first(ctx, w, m))
		}, true},
		{"in order", uploaded(true, true), func(ctx context.Context, w *world, m *machine) error {
			return errors.Join(first(ctx, w, m), last(ctx, w, m))
		}, true},
		{"refuse", then(published(true), uploaded(false)), last, true},
		{"refuse, event lost", uploaded(false), last, false},
		{"recover", uploaded(true, false, true), recoverAll, true},
		{"crop again", published(true), recrop, false},
		{"make anew", published(true, true), backfill, true},
		{"make anew, not resumed", published(true), backfill, false},
		{"take in", original, adopt, true},
		{"erase", then(published(true, true, false), uploaded(true)), erase, true},
		{"sweep", then(published(true, true, false), wait(50*time.Hour)), sweep, true},
	}
}

// upload lets alice upload in turn what is asked for, and processes it.
func (w *world) upload(ctx context.Context, process bool, good ...bool) error {
	colors := []color.NRGBA{red, green, blue}
	for _, good := range good {
		f, err := w.grant("alice", colors[len(w.facts)%len(colors)], good)
		if err != nil {
			return err
		}
		if err := w.put(ctx, w.calm(), f); err != nil {
			return err
		}
		if !process {
			continue
		}
		if err := w.process(ctx, w.calm(), f); err != nil {
			return err
		}
	}
	return nil
}

func recoverAll(ctx context.Context, w *world, m *machine) error {
	p, err := w.processor(m)
	if err != nil {
		return err
	}
	_, err = p.Recover(ctx)
	return err
}

func recrop(ctx context.Context, w *world, m *machine) error {
	p, err := w.processor(m)
	if err != nil {
		return err
	}
	_, err = p.Recrop(ctx, "alice", avatar.Crop{Mode: avatar.CropRect, Width: 0.5, Height: 0.5})
	if errors.Is(err, avatar.ErrNoPicture) || errors.Is(err, avatar.ErrNoOriginal) {
		return nil
	}
	return err
}

func backfill(ctx context.Context, w *world, m *machine) error {
	return w.backfill(ctx, m, avatar.BackfillOptions{Name: "anew", Workers: 1})
}

func adopt(ctx context.Context, w *world, m *machine) error {
	return w.backfill(ctx, m, avatar.BackfillOptions{Name: "in", Workers: 1, Adopt: true})
}

func (w *world) backfill(ctx context.Context, m *machine, o avatar.BackfillOptions) error {
	p, err := w.processor(m)
	if err != nil {
		return err
	}
	report, err := p.Backfill(ctx, o)
	for _, f := range report.Failures {
		err = errors.Join(err, f.Err)
	}
	return err
}

// original is what the original system left of alice.
func original(ctx context.Context, w *world) error {
	return w.calm().bucket(w.assets).WriteAll(ctx, "avatars/alice.jpg", pictureOf(blue), &blob.WriterOptions{ContentType: "image/jpg"})
}

func erase(ctx context.Context, w *world, m *machine) error { return w.erase(ctx, m, "alice") }

func sweep(ctx context.Context, w *world, m *machine) error {
	p, err := w.processor(m)
	if err != nil {
		return err
	}
	_, err = p.Sweep(ctx)
	return err
}

// crashEverywhere ends the process at every operation of the scenario, in each way.
func crashEverywhere(t *testing.T, s scenario, uploads, assets *blob.Bucket, every int) {
	total, err := s.play(t.Context(), uploads, assets, -1, nil)
	if err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	for n := 0; n < total; n += every {
		for _, f := range []fault{before, after, torn} {
			end := func(*world) (fault, bool) { return f, true }
			if _, err := s.play(t.Context(), uploads, assets, n, end); err != nil {
				t.Errorf("ended at operation %d of %d (%d): %v", n+1, total, f, err)
			}
		}
	}
}

// failEverywhere lets the store fail at every operation of the scenario, in each way. The process lives on, and its next tries come to the same.
func failEverywhere(t *testing.T, s scenario, uploads, assets *blob.Bucket, every int) {
	total, err := s.play(t.Context(), uploads, assets, -1, nil)
	if err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	for n := 0; n < total; n += every {
		for _, f := range []fault{before, after, torn, twice, ended} {
			if err := s.fail(t.Context(), uploads, assets, n, f); err != nil {
				t.Errorf("failed at operation %d of %d (%d): %v", n+1, total, f, err)
			}
		}
	}
}

// fail plays the scenario, with the fault at operation n of each of several tries.
func (s scenario) fail(ctx context.Context, uploads, assets *blob.Bucket, n int, f fault) error {
	w, err := newWorld(uploads, assets, avatar.Options{Quarantine: n%2 == 1})
	if err != nil {
		return err
	}
	if err := s.prepare(ctx, w); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	w.slow = f == torn
	tries := 6 // more than the attempts at one picture after which it is refused
	if f == before {
		tries = 1
	}
	acted := errors.New("not done yet")
	var done history
	for try := 0; try < tries && acted != nil && (try == 0 || s.twice); try++ {
		m := w.calm()
		done = nil
		ctx, cancel := context.WithCancel(ctx)
		m.gate = func(op, key string) (fault, bool) {
			done.add("%s %s", op, key)
			if len(done)-1 != n {
				return none, false
			}
			if f == ended {
				cancel()
			}
			return f, false
		}
		acted = s.act(ctx, w, m)
		cancel()
		w.advance(3 * time.Minute) // who has begun an attempt counts as dead
		if f == twice && acted != nil {
			return fmt.Errorf("what the store's client does twice has failed: %w; after %q", acted, done)
		}
	}
	for try := 0; acted != nil && s.twice; try++ {
		if try == 3 {
			return fmt.Errorf("again: %w", acted)
		}
		acted = s.act(ctx, w, w.calm())
	}
	if err := errors.Join(w.check(ctx), w.settle(ctx)); err != nil {
		return fmt.Errorf("%w; after %q", err, done[:min(len(done), n+1)])
	}
	return w.clear(ctx)
}

// overtakeEverywhere lets another process do something of its own between any two operations of the scenario.
func overtakeEverywhere(t *testing.T, s scenario, uploads, assets *blob.Bucket, every int) {
	total, err := s.play(t.Context(), uploads, assets, -1, nil)
	if err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	for _, other := range []struct {
		name string
		act  func(ctx context.Context, w *world, m *machine) error
		ends bool // the process ends right after its own next operation
	}{{"erase", erase, false}, {"erase, and an end,", erase, true}, {"process all", processAll, false}, {"sweep", sweep, false}, {"recover", recoverAll, false}, {"crop again", tryRecrop, false}} {
		for n := 0; n < total; n += every {
			var failed error
			meanwhile := func(w *world) (fault, bool) {
				failed = other.act(t.Context(), w, w.calm())
				if other.ends {
					return after, true
				}
				return none, false
			}
			_, err := s.play(t.Context(), uploads, assets, n, meanwhile)
			if err := errors.Join(err, failed); err != nil {
				t.Errorf("%s before operation %d of %d: %v", other.name, n+1, total, err)
			}
		}
	}
}

// tryRecrop is what a person does whom a failure does not surprise, such as that the picture is still being handled.
func tryRecrop(ctx context.Context, w *world, m *machine) error {
	_ = recrop(ctx, w, m)
	return nil
}

// processAll handles every event once more, the newest first.
func processAll(ctx context.Context, w *world, m *machine) error {
	for _, f := range slices.Backward(w.facts) {
		if err := w.process(ctx, m, f); err != nil {
			return err
		}
	}
	return nil
}

// play plays the scenario, with what happens at operation n, and returns how many operations there were.
func (s scenario) play(ctx context.Context, uploads, assets *blob.Bucket, n int, happens func(*world) (f fault, last bool)) (int, error) {
	w, err := newWorld(uploads, assets, avatar.Options{Quarantine: n%2 == 1})
	if err != nil {
		return 0, err
	}
	if err := errors.Join(s.prepare(ctx, w), w.check(ctx)); err != nil {
		return 0, fmt.Errorf("prepare: %w", err)
	}
	w.alone = happens == nil
	var done history
	var wrong error
	m := w.calm()
	m.gate = func(op, key string) (fault, bool) {
		if err := w.check(ctx); err != nil && wrong == nil {
			wrong = fmt.Errorf("before %s %s: %w", op, key, err)
		}
		done.add("%s %s", op, key)
		if len(done)-1 == n {
			return happens(w)
		}
		return none, false
	}
	acted := s.act(ctx, w, m)
	if acted != nil && n < 0 {
		return 0, acted
	}
	// More than once only when Erase has left something half made to one of two events: the other one's undoing helps.
	for try := 0; acted != nil && s.twice; try++ {
		if try == 3 {
			return 0, fmt.Errorf("again: %w", acted)
		}
		acted = s.act(ctx, w, w.calm())
	}
	if err := errors.Join(wrong, w.check(ctx), w.settle(ctx)); err != nil {
		return len(done), fmt.Errorf("%w; after %q", err, done[:min(len(done), n+1)])
	}
	return len(done), w.clear(ctx)
}
