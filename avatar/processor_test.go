package avatar_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/avatar"
)

// world is a processor over memory buckets with a clock that the test moves.
type world struct {
	*avatar.Processor
	t               *testing.T
	uploads, assets *blob.Bucket
	opts            *avatar.Options
	ahead           time.Duration
}

func newWorld(t *testing.T, opts avatar.Options) *world {
	t.Helper()
	w := &world{t: t, uploads: memblob.OpenBucket(nil), assets: memblob.OpenBucket(nil), opts: &opts}
	t.Cleanup(func() { w.uploads.Close(); w.assets.Close() })
	opts.Now = func() time.Time { return time.Now().Add(w.ahead) }
	w.Processor = w.with(opts)
	return w
}

// with returns another processor over the same buckets.
func (w *world) with(opts avatar.Options) *avatar.Processor {
	w.t.Helper()
	pipeline, err := avatar.New(avatar.Config{MaxBytes: 1 << 20, MaxPixels: 1 << 20})
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := avatar.NewProcessor(pipeline, w.uploads, w.assets, &opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// grant returns a new upload key.
func (w *world) grant(subject, contentType string) (key, id string) {
	w.t.Helper()
	key, id, err := w.NewUploadKey(subject, contentType)
	if err != nil {
		w.t.Fatal(err)
	}
	return key, id
}

func (w *world) put(key string, data []byte) {
	w.t.Helper()
	if err := w.uploads.WriteAll(w.t.Context(), key, data, nil); err != nil {
		w.t.Fatal(err)
	}
}

// upload grants and stores a JPEG of one colour.
func (w *world) upload(subject string, c color.Color) (key, id string) {
	w.t.Helper()
	key, id = w.grant(subject, "image/jpeg")
	w.put(key, jpegOf(w.t, c))
	return key, id
}

func (w *world) process(key string, want avatar.Outcome) avatar.Result {
	w.t.Helper()
	res, err := w.Process(w.t.Context(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.Outcome != want {
		w.t.Fatalf("outcome = %s (%v), want %s", res.Outcome, res.Reject, want)
	}
	return res
}

// current returns the current upload id, "" for none, and checks that what it names is whole.
func (w *world) current(subject string) string {
	w.t.Helper()
	m, err := w.Current(w.t.Context(), subject)
	if errors.Is(err, avatar.ErrNoPicture) {
		return ""
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, v := range m.Variants {
		data, err := w.assets.ReadAll(w.t.Context(), v.Key)
		if err != nil || int64(len(data)) != v.Size {
			w.t.Fatalf("variant %s: %d bytes, %v; the manifest says %d", v.Name, len(data), err, v.Size)
		}
	}
	return m.UploadID
}

func keysOf(t *testing.T, b *blob.Bucket, prefix string) []string {
	t.Helper()
	var keys []string
	it := b.List(&blob.ListOptions{Prefix: prefix})
	for {
		obj, err := it.Next(t.Context())
		if err == io.EOF {
			return keys
		}
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, obj.Key)
	}
}

func picture(c color.Color) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 96, 64))
	for i := range 96 * 64 {
		m.Set(i%96, i/96, c)
	}
	return m
}

func jpegOf(t testing.TB, c color.Color) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, picture(c), nil); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func pngOf(t testing.TB, c color.Color) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, picture(c)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

var (
	red  = color.RGBA{200, 20, 20, 255}
	blue = color.RGBA{20, 20, 200, 255}
)

func TestProcessPublishes(t *testing.T) {
	var told []avatar.Published
	w := newWorld(t, avatar.Options{OnPublished: func(_ context.Context, e avatar.Published) error {
		told = append(told, e)
		return nil
	}})
	key, id := w.upload("alice", red)
	if s, _ := w.Status(t.Context(), "alice", id); s.State != avatar.StateReceived {
		t.Errorf("state before = %s", s.State)
	}
	res := w.process(key, avatar.OutcomePublished)
	if got := w.current("alice"); got != id || res.Manifest.UploadID != id {
		t.Errorf("current = %s, result = %s, want %s", got, res.Manifest.UploadID, id)
	}
	if len(told) != 1 || told[0].Subject != "alice" || told[0].Manifest.UploadID != id {
		t.Errorf("told %+v", told)
	}
	if s, _ := w.Status(t.Context(), "alice", id); s.State != avatar.StateReady || s.Manifest == nil {
		t.Errorf("status = %+v", s)
	}
	w.process(key, avatar.OutcomeAlreadyPublished)
	if len(told) != 1 {
		t.Errorf("a duplicate told again: %d", len(told))
	}
	want := []string{"avatars/alice.jpg"}
	for _, name := range []string{"128.jpg", "256.jpg", "512.jpg", "64.jpg", "manifest.json"} {
		want = append(want, "avatars/alice/"+id+"/"+name)
	}
	if got := keysOf(t, w.assets, ""); !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	attrs, err := w.assets.Attributes(t.Context(), "avatars/alice/"+id+"/512.jpg")
	if err != nil || attrs.ContentType != "image/jpeg" || attrs.CacheControl != "public, max-age=31536000, immutable" {
		t.Errorf("attributes = %+v, %v", attrs, err)
	}
}

func TestProcessOrder(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	first, _ := w.upload("alice", red)
	second, id := w.upload("alice", blue)
	w.process(second, avatar.OutcomePublished)
	w.process(first, avatar.OutcomeSuperseded)
	w.process(first, avatar.OutcomeSuperseded)
	if got := w.current("alice"); got != id {
		t.Errorf("current = %s, want %s", got, id)
	}
	attrs, err := w.assets.Attributes(t.Context(), "avatars/alice.jpg")
	if err != nil || attrs.Metadata["upload_id"] != id {
		t.Errorf("stable name shows %v, %v", attrs, err)
	}
}

func TestProcessRejects(t *testing.T) {
	tests := []struct {
		name, contentType string
		data              []byte
		want              avatar.Reason
	}{
		{"empty", "image/png", nil, avatar.ReasonEmpty},
		{"too many bytes", "image/png", make([]byte, 1<<20+5), avatar.ReasonTooManyBytes},
		{"text", "image/jpeg", []byte("hello, this is a text"), avatar.ReasonUnsupportedFormat},
		{"svg", "image/png", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), avatar.ReasonUnsupportedFormat},
		{"other type", "image/jpeg", pngOf(t, red), avatar.ReasonTypeMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, avatar.Options{})
			before, old := w.upload("alice", blue)
			w.process(before, avatar.OutcomePublished)
			key, id := w.grant("alice", tt.contentType)
			w.put(key, tt.data)
			for range 2 { // the second time from the record
				res := w.process(key, avatar.OutcomeRejected)
				if res.Reject.Reason != tt.want || res.Reject.Hint == "" {
					t.Errorf("reject = %+v, want %s with a hint", res.Reject, tt.want)
				}
				if tt.want == avatar.ReasonTooManyBytes && res.Reject.Got != int64(len(tt.data)) {
					t.Errorf("got %d of %d bytes", res.Reject.Got, len(tt.data))
				}
			}
			s, err := w.Status(t.Context(), "alice", id)
			if err != nil || s.State != avatar.StateRejected || s.Reject.Reason != tt.want {
				t.Errorf("status = %+v, %v", s, err)
			}
			if got := w.current("alice"); got != old {
				t.Errorf("current = %q, want the old %q", got, old)
			}
			if keys := keysOf(t, w.uploads, "attempts/"); keys != nil {
				t.Errorf("marks are left: %v", keys)
			}
		})
	}
}

func TestProcessForeignKeys(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	_, id := w.grant("alice", "image/png")
	for _, key := range []string{
		"", "x.png", "uploads/avatars/", "uploads/avatars/alice/" + id, "uploads/avatars/alice/" + id + ".exe",
		"uploads/banners/alice/" + id + ".png", "uploads/avatars/../" + id + ".png", "uploads/avatars/a/b/" + id + ".png",
		"uploads/avatars/alice/" + strings.ToUpper(id) + ".png", "uploads/avatars/al%69ce/" + id + ".png",
		"avatars/alice/" + id + "/512.jpg", "uploads/avatars/alice/6ba7b810-9dad-11d1-80b4-00c04fd430c8.png",
	} {
		if w.Owns(key) {
			t.Errorf("owns %q", key)
		}
		if res := w.process(key, avatar.OutcomeRejected); res.Reject.Reason != avatar.ReasonInvalidKey {
			t.Errorf("%q: %v", key, res.Reject)
		}
	}
	if keys := append(keysOf(t, w.uploads, ""), keysOf(t, w.assets, "")...); keys != nil {
		t.Errorf("wrote %v", keys)
	}
}

func TestProcessMissing(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.grant("alice", "image/png")
	if _, err := w.Process(t.Context(), key); !errors.Is(err, avatar.ErrNotUploaded) {
		t.Errorf("err = %v", err)
	}
	if s, _ := w.Status(t.Context(), "alice", id); s.State != avatar.StateIssued {
		t.Errorf("state = %s", s.State)
	}
	w.ahead = 6 * time.Minute
	if s, _ := w.Status(t.Context(), "alice", id); s.State != avatar.StateExpired {
		t.Errorf("state = %s", s.State)
	}
}

func TestHookFailureIsRetried(t *testing.T) {
	fail := errors.New("database away")
	w := newWorld(t, avatar.Options{OnPublished: func(context.Context, avatar.Published) error { return fail }})
	key, id := w.upload("alice", red)
	if _, err := w.Process(t.Context(), key); !errors.Is(err, fail) {
		t.Fatalf("err = %v", err)
	}
	fail = nil
	got, err := w.Recover(t.Context())
	if err != nil || got.Scanned != 1 || got.Handled != 1 {
		t.Fatalf("recovered %+v, %v", got, err)
	}
	if s, _ := w.Status(t.Context(), "alice", id); s.State != avatar.StateReady {
		t.Errorf("state = %s", s.State)
	}
	if got, err = w.Recover(t.Context()); err != nil || got.Handled != 0 {
		t.Errorf("second pass %+v, %v", got, err)
	}
}

func TestRecoverFindsEachUnhandled(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	var keys []string
	for i, subject := range []string{"ab", "ab-c", "a", "ab_c", "Z", "b", "ab"} {
		key, _ := w.upload(subject, red)
		keys = append(keys, key)
		if i%2 == 0 {
			w.process(key, avatar.OutcomePublished)
		}
	}
	got, err := w.Recover(t.Context())
	if err != nil || got.Scanned != 7 || got.Handled != 3 {
		t.Fatalf("recovered %+v, %v", got, err)
	}
	for _, key := range keys {
		if res, err := w.Process(t.Context(), key); err != nil || res.Outcome != avatar.OutcomeAlreadyPublished && res.Outcome != avatar.OutcomeSuperseded {
			t.Errorf("%s: %+v, %v", key, res, err)
		}
	}
}

// One upload that cannot be handled keeps none of the others waiting, and is told of.
func TestRecoverGoesOn(t *testing.T) {
	away := errors.New("away")
	w := newWorld(t, avatar.Options{OnPublished: func(_ context.Context, e avatar.Published) error {
		if e.Subject == "alice" {
			return away
		}
		return nil
	}})
	for _, subject := range []string{"Zoe", "alice", "bob"} {
		w.upload(subject, red)
	}
	got, err := w.Recover(t.Context())
	if !errors.Is(err, away) || got != (avatar.Recovered{Scanned: 3, Handled: 2, Failed: 1}) {
		t.Errorf("recovered %+v, %v", got, err)
	}
}

func TestNewProcessorRefusesOverlap(t *testing.T) {
	pipeline, err := avatar.New(avatar.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := memblob.OpenBucket(nil)
	defer b.Close()
	for _, prefix := range []string{"avatars/", "avatars/in/", "records/", "records/avatars/x/", "up", "/up/", "../", "a//b/", "a/../b/", "attempts/avatars/"} {
		if _, err := avatar.NewProcessor(pipeline, b, b, &avatar.Options{UploadsPrefix: prefix}); err == nil {
			t.Errorf("prefix %q is accepted", prefix)
		}
	}
	if _, err := avatar.NewProcessor(pipeline, b, b, nil); err != nil {
		t.Error(err)
	}
	_, err = avatar.NewProcessor(pipeline, nil, b, &avatar.Options{GraceTime: -1, PublicIDSecret: []byte("short"), Types: []string{"text/html"}})
	for _, part := range []string{"buckets", "negative", "PublicIDSecret", "text/html"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not tell of %s: %v", part, err)
		}
	}
}

func TestHandler(t *testing.T) {
	w := newWorld(t, avatar.Options{})
	key, id := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	h := w.Handler(&avatar.HandlerOptions{Default: func(_ context.Context, publicID string, v avatar.Variant) (avatar.Picture, error) {
		return avatar.Picture{ContentType: "image/png", Data: []byte(publicID + v.Name)}, nil
	}})
	version := "/avatars/alice/" + id + "/512.jpg"
	tests := []struct {
		name, method, path string
		header             http.Header
		status             int
		contentType, cache string
	}{
		{"current", "GET", "/avatars/alice", nil, 200, "image/jpeg", "max-age=60"},
		{"stable", "GET", "/avatars/alice.jpg", nil, 200, "image/jpeg", "max-age=60"},
		{"sized", "GET", "/avatars/alice?size=64", nil, 200, "image/jpeg", "max-age=60"},
		{"bad size", "GET", "/avatars/alice?size=-1", nil, 400, "application/problem+json", "no-store"},
		{"version", "GET", version, nil, 200, "image/jpeg", "immutable"},
		{"head", "HEAD", version, nil, 200, "image/jpeg", "immutable"},
		{"not changed", "GET", version, http.Header{"If-None-Match": {`"` + id + `-512"`}}, 304, "", "immutable"},
		{"current not changed", "GET", "/avatars/alice", http.Header{"If-None-Match": {`"` + id + `-512"`}}, 304, "", "max-age=60"},
		{"range", "GET", version, http.Header{"Range": {"bytes=2-5"}}, 206, "image/jpeg", "immutable"},
		{"bad range", "GET", version, http.Header{"Range": {"bytes=999999-"}}, 416, "", ""},
		{"default", "GET", "/avatars/bob", nil, 200, "image/png", "max-age=60"},
		{"post", "POST", "/avatars/alice", nil, 405, "application/problem+json", ""},
		{"manifest", "GET", "/avatars/alice/" + id + "/manifest.json", nil, 404, "", ""},
		{"no such variant", "GET", "/avatars/alice/" + id + "/9.jpg", nil, 404, "", ""},
		{"original", "GET", "/" + key, nil, 404, "", ""},
		{"record", "GET", "/records/avatars/alice/" + id + ".json", nil, 404, "", ""},
		{"traversal", "GET", "/avatars/../records/x", nil, 404, "", ""},
		{"root", "GET", "/", nil, 404, "", ""},
	}
	whole := get(h, "GET", version, nil).Body.Bytes()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := get(h, tt.method, tt.path, tt.header)
			got := rec.Result().Header
			if rec.Code != tt.status {
				t.Fatalf("status = %d, want %d", rec.Code, tt.status)
			}
			if tt.contentType != "" && got.Get("Content-Type") != tt.contentType {
				t.Errorf("type = %q", got.Get("Content-Type"))
			}
			if !strings.Contains(got.Get("Cache-Control"), tt.cache) {
				t.Errorf("cache = %q, want %q", got.Get("Cache-Control"), tt.cache)
			}
			if got.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(got.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("safety headers are missing: %v", got)
			}
			switch {
			case tt.method == "HEAD" && rec.Body.Len() > 0, tt.status == 304 && rec.Body.Len() > 0:
				t.Errorf("a body of %d bytes", rec.Body.Len())
			case tt.status == 206 && !bytes.Equal(rec.Body.Bytes(), whole[2:6]):
				t.Errorf("range = %x", rec.Body.Bytes())
			case tt.status == 200 && tt.contentType == "image/jpeg" && tt.method == "GET":
				if _, err := jpeg.Decode(rec.Body); err != nil {
					t.Errorf("not a picture: %v", err)
				}
			}
		})
	}
	redirect := get(w.Handler(&avatar.HandlerOptions{Redirect: true}), "GET", "/avatars/alice.jpg", nil)
	if redirect.Code != 302 || redirect.Header().Get("Location") != version {
		t.Errorf("redirect = %d to %q", redirect.Code, redirect.Header().Get("Location"))
	}
	if got := get(w.Handler(nil), "GET", "/avatars/bob", nil).Code; got != 404 {
		t.Errorf("without a default: %d", got)
	}
}

func get(h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	path, query, _ := strings.Cut(path, "?")
	r.URL.Path, r.URL.RawQuery = path, query // as it came, without cleaning
	for k, v := range header {
		r.Header[k] = v
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestPublicIDHidesTheSubject(t *testing.T) {
	w := newWorld(t, avatar.Options{PublicIDSecret: []byte("0123456789abcdef")})
	key, _ := w.upload("alice", red)
	w.process(key, avatar.OutcomePublished)
	for _, key := range keysOf(t, w.assets, "") {
		data, err := w.assets.ReadAll(t.Context(), key)
		if err != nil || strings.Contains(key, "alice") || bytes.Contains(data, []byte("alice")) {
			t.Errorf("%s names the subject (%v)", key, err)
		}
	}
	id, err := w.PublicID("alice")
	if err != nil || get(w.Handler(nil), "GET", "/avatars/"+id, nil).Code != 200 {
		t.Errorf("public id %q, %v", id, err)
	}
}

// Every object that a processor writes makes an event too when there is one bucket; none of them may become another picture.
func TestOutputIsNoInput(t *testing.T) {
	w := newWorld(t, avatar.Options{Quarantine: true})
	w.assets.Close()
	w.assets = w.uploads
	p := w.with(*w.opts)
	handle := func(key string) avatar.Outcome {
		res, err := p.Process(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return res.Outcome
	}
	good, _ := w.upload("alice", red)
	bad, _ := w.grant("alice", "image/png")
	w.put(bad, []byte("text"))
	handle(good)
	handle(bad)
	if _, err := p.Recrop(t.Context(), "alice", avatar.Crop{Mode: avatar.CropCentre}); err != nil {
		t.Fatal(err)
	}
	w.ahead = time.Hour
	if _, err := p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := keysOf(t, w.uploads, "")
	for _, key := range before {
		if want := key == good; p.Owns(key) != want {
			t.Errorf("owns %s: %v", key, !want)
		}
		want := avatar.OutcomeRejected
		if key == good {
			want = avatar.OutcomeAlreadyPublished
		}
		if got := handle(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if after := keysOf(t, w.uploads, ""); !slices.Equal(after, before) || len(before) < 14 {
		t.Errorf("%d objects, then %d: %v", len(before), len(after), after)
	}
}
