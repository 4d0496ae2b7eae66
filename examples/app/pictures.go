package app

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/cruddur/avatarkit/avatar"
)

// FromProcessor makes Pictures of a processor and its pipeline. base precedes the keys of published objects in URLs, such as "/"
// or "https://assets.example.org/".
func FromProcessor(p *avatar.Processor, pipeline *avatar.Pipeline, base string) Pictures {
	return processorPictures{p, pipeline, base}
}

type processorPictures struct {
	*avatar.Processor
	pipeline *avatar.Pipeline
	base     string
}

func (p processorPictures) MaxBytes() int64 { return p.pipeline.MaxBytes() }

func (p processorPictures) Status(ctx context.Context, subject, uploadID string) (Status, error) {
	s, err := p.Processor.Status(ctx, subject, uploadID)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, ErrNoUpload
	}
	if err != nil {
		return Status{}, err
	}
	status := Status{State: string(s.State)}
	if r := s.Reject; r != nil {
		status.Reason, status.Hint, status.Format, status.Limit, status.Got = string(r.Reason), r.Hint, r.Format, r.Limit, r.Got
	}
	return status, nil
}

func (p processorPictures) Picture(ctx context.Context, subject, uploadID string) (Picture, error) {
	s, err := p.Processor.Status(ctx, subject, uploadID)
	if err != nil {
		return Picture{}, err
	}
	m := s.Manifest
	if m == nil { // told before the record is written: then it is the current one
		current, err := p.Current(ctx, subject)
		if err != nil {
			return Picture{}, err
		}
		m = &current
	}
	picture := Picture{URL: p.base + m.Largest().Key, Variants: map[string]string{}, Placeholder: m.Placeholder, Color: m.Color}
	for _, v := range m.Variants {
		picture.Variants[v.Name] = p.base + v.Key
	}
	return picture, nil
}

func (p processorPictures) Erase(ctx context.Context, subject string) (any, error) {
	return p.Processor.Erase(ctx, subject)
}

// ServePictures serves what the processor published, for a machine without a CDN: /<kind>s/<id>/<upload>/<variant>.jpg from the
// bucket, and /<kind>s/<id> or /<kind>s/<id>.jpg, the current picture or initials.
func ServePictures(p *avatar.Processor, pipeline *avatar.Pipeline, assets *blob.Bucket) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		prefix := "/" + p.Kind().Name + "s/"
		id, found := strings.CutPrefix(r.URL.Path, prefix)
		switch {
		case !found || id == "":
			fail(http.StatusNotFound, "not_found", "no such picture").write(w)
		case strings.Contains(id, "/"):
			serveKey(w, r, assets, strings.TrimPrefix(r.URL.Path, "/"), "public, max-age=31536000, immutable")
		default:
			serveCurrent(w, r, p, pipeline, assets, strings.TrimSuffix(id, ".jpg"))
		}
	})
}

func serveCurrent(w http.ResponseWriter, r *http.Request, p *avatar.Processor, pipeline *avatar.Pipeline, assets *blob.Bucket, id string) {
	const short = "public, max-age=60"
	m, err := p.Current(r.Context(), id)
	switch {
	case err == nil:
		serveKey(w, r, assets, m.Largest().Key, short)
		return
	case errors.Is(err, avatar.ErrInvalidSubject):
		fail(http.StatusNotFound, "not_found", "no such picture").write(w)
		return
	case !errors.Is(err, avatar.ErrNoPicture):
		fail(http.StatusServiceUnavailable, "unavailable", "the picture cannot be read now").write(w)
		return
	}
	set, err := pipeline.Identicon(r.Context(), id)
	if err != nil {
		fail(http.StatusInternalServerError, "internal", "something went wrong on our side").write(w)
		return
	}
	w.Header().Set("Content-Type", set.Pictures[0].ContentType)
	w.Header().Set("Cache-Control", short)
	_, _ = w.Write(set.Pictures[0].Data) // the client went away
}

// serveKey serves one object with ranges and conditional requests.
func serveKey(w http.ResponseWriter, r *http.Request, assets *blob.Bucket, key, cache string) {
	reader, err := assets.NewReader(r.Context(), key, nil)
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound:
		fail(http.StatusNotFound, "not_found", "no such picture").write(w)
		return
	case err != nil:
		fail(http.StatusServiceUnavailable, "unavailable", "the picture cannot be read now").write(w)
		return
	}
	defer reader.Close()
	w.Header().Set("Content-Type", reader.ContentType())
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("ETag", `"`+strings.ReplaceAll(strings.TrimPrefix(key, "/"), "/", "-")+`"`)
	http.ServeContent(w, r, "", reader.ModTime(), reader)
}
