package avatartest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
)

// world is an empty part of the two buckets with a clock of its own, and what is known of it.
type world struct {
	uploads, assets *blob.Bucket
	prefix          string
	pipeline        *avatar.Pipeline
	opts            avatar.Options
	observer        *avatar.Processor

	mu     sync.Mutex
	now    time.Time
	stamps map[string]time.Time // when each key was written, by that clock

	page      int  // how many objects a page of a listing has; 0 means as many as are asked for
	failed    int  // how many failures were injected
	slow      bool // all failures are time-outs
	disturbed bool // something has befallen somebody
	alone     bool // only one process is at work

	facts  []*fact
	erased map[string]span   // by subject
	seen   map[string]string // by subject: the greatest current id so far
	told   map[string]string // by subject: the greatest id that OnPublished was called with
	passed []passed
}

// passed is a version that was current, and since when it is not.
type passed struct {
	subject, id string
	since       time.Time
}

// span is the time of a call of Erase: what was granted before it is void, and of what was granted during it nobody can say.
type span struct {
	begin, end time.Time
	receipt    bool // it has succeeded
}

// fact is what is known of one upload.
type fact struct {
	subject, key, id string
	color            color.NRGBA
	good             bool // a picture; else a text
	stored           bool
	acknowledged     bool // Process has returned without an error
	outcome          avatar.Outcome
}

func newWorld(uploads, assets *blob.Bucket, opts avatar.Options) (*world, error) {
	pipeline, err := avatar.New(avatar.Config{
		Kind:     avatar.Kind{Name: "avatar", Variants: []avatar.Variant{{Name: "16", Width: 16, Height: 16}, {Name: "8", Width: 8, Height: 8}}},
		MaxBytes: 1 << 16, MaxPixels: 1 << 16,
	})
	if err != nil {
		return nil, err
	}
	w := &world{
		uploads: uploads, assets: assets, prefix: "avatartest/" + uuid.NewString() + "/", pipeline: pipeline, opts: opts,
		now: time.Now().UTC(), stamps: map[string]time.Time{},
		erased: map[string]span{}, seen: map[string]string{}, told: map[string]string{},
	}
	w.opts.Now = w.clock
	w.opts.OnPublished = func(_ context.Context, e avatar.Published) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told[e.Subject] = max(w.told[e.Subject], e.Manifest.UploadID)
		return nil
	}
	w.observer, err = w.processor(w.calm())
	return w, err
}

// calm is a process that nothing befalls.
func (w *world) calm() *machine {
	return &machine{w: w, gate: func(string, string) (fault, bool) { return none, false }}
}

func (w *world) processor(m *machine) (*avatar.Processor, error) {
	return avatar.NewProcessor(w.pipeline, m.bucket(w.uploads), m.bucket(w.assets), &w.opts)
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// tick lets one operation take a little time, so that no two ids have the same.
func (w *world) tick() { w.advance(time.Millisecond) }

// failure is one of each kind in turn, or a time-out.
func (w *world) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.slow {
		return timeout
	}
	w.failed++
	return failures[w.failed%len(failures)]
}

func (w *world) stamp(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stamps[key] = w.now
}

// written is when key was written; the store's own word for what was written elsewhere.
func (w *world) written(key string, store time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.stamps[key]; ok {
		return t
	}
	return store
}

// grant promises one upload.
func (w *world) grant(subject string, c color.NRGBA, good bool) (*fact, error) {
	w.tick()
	key, id, err := w.observer.NewUploadKey(subject, "image/png")
	f := &fact{subject: subject, key: key, id: id, color: c, good: good}
	w.tick()
	w.facts = append(w.facts, f)
	return f, err
}

// put is the browser's part.
func (w *world) put(ctx context.Context, m *machine, f *fact) error {
	data := []byte("this is not a picture")
	if f.good {
		data = pictureOf(f.color)
	}
	err := m.bucket(w.uploads).WriteAll(ctx, f.key, data, &blob.WriterOptions{ContentType: "image/png"})
	f.stored = err == nil
	return err
}

// process handles an event in m and notes what was acknowledged.
func (w *world) process(ctx context.Context, m *machine, f *fact) error {
	p, err := w.processor(m)
	if err != nil {
		return err
	}
	res, err := p.Process(ctx, f.key)
	if err == nil {
		f.acknowledged, f.outcome = true, res.Outcome
	}
	return err
}

func (w *world) erase(ctx context.Context, m *machine, subject string) error {
	p, err := w.processor(m)
	if err != nil {
		return err
	}
	began := w.clock()
	w.erased[subject] = span{began, began.AddDate(100, 0, 0), false}
	_, err = p.Erase(ctx, subject)
	w.erased[subject] = span{began, w.clock(), err == nil}
	return err
}

// isVoid says whether an id of subject may have been erased.
func (w *world) isVoid(subject, id string) bool {
	s, erased := w.erased[subject]
	return erased && !idTime(id).After(s.end)
}

func idTime(id string) time.Time {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return time.Time{}
	}
	seconds, nanoseconds := u.Time().UnixTime()
	return time.Unix(seconds, nanoseconds).Truncate(time.Millisecond)
}

func pictureOf(c color.NRGBA) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	for i := range 256 {
		m.SetNRGBA(i%16, i/16, c)
	}
	var buf bytes.Buffer
	_ = png.Encode(&buf, m) // a buffer takes everything
	return buf.Bytes()
}

// keys lists what the world holds in b.
func (w *world) keys(ctx context.Context, b *blob.Bucket) ([]string, error) {
	var keys []string
	it := b.List(&blob.ListOptions{Prefix: w.prefix})
	for {
		obj, err := it.Next(ctx)
		if err == io.EOF {
			return keys, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		keys = append(keys, strings.TrimPrefix(obj.Key, w.prefix))
	}
}

// clear removes all of the world.
func (w *world) clear(ctx context.Context) error {
	for _, b := range []*blob.Bucket{w.uploads, w.assets} {
		keys, err := w.keys(ctx, b)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := b.Delete(ctx, w.prefix+key); err != nil {
				return fmt.Errorf("clear: %w", err)
			}
		}
	}
	return nil
}
