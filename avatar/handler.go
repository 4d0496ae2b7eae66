package avatar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// HandlerOptions of [Processor.Handler]. Nil means the defaults.
type HandlerOptions struct {
	// Default makes the picture of who has none, at the size of the variant v, for example initials. Its Data, ContentType and Ext count. Nil answers 404.
	// The public id is any that matches the grammar, whether or not somebody has it.
	Default func(ctx context.Context, publicID string, v Variant) (Picture, error)
	// Redirect answers the stable paths with 302 to the immutable one, so that a CDN keeps each picture once. Defaults are still answered in place.
	Redirect bool
	// URLs builds the addresses of redirects. The zero value means paths from the root, where Handler must be mounted then.
	URLs URLs
}

// Handler serves what is published, and nothing else of the bucket, from these paths (for the kind "avatar"):
//
//	/avatars/{public id}                               the current picture, or the default one
//	/avatars/{public id}.jpg                           the same
//	/avatars/{public id}/{upload id}/{variant}.{ext}   one version, immutable
//
// The stable paths take ?size=N for the smallest variant at least N pixels wide. GET and HEAD, single ranges and conditional requests (RFC 9110) are
// understood. The format of a picture does not depend on the Accept header, which would split every cache: list the variants in srcset instead.
// Stable paths may be cached for a minute, versions for ever. Every answer says nosniff and has a Content-Security-Policy under which it can do nothing.
func (p *Processor) Handler(opts *HandlerOptions) http.Handler {
	h := &handler{p: p}
	if opts != nil {
		h.opts = *opts
	}
	return h
}

type handler struct {
	p    *Processor
	opts HandlerOptions
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "use GET or HEAD")
		return
	}
	if !isOneRange(r.Header.Get("Range")) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	key := strings.TrimPrefix(r.URL.Path, "/")
	if pic, ok := h.p.keys.parsePicture(key); ok {
		h.serveVersion(w, r, key, pic)
		return
	}
	publicID, ok := strings.CutPrefix(strings.TrimSuffix(key, ".jpg"), h.p.keys.published)
	width, sizeOK := sizeOf(r)
	switch {
	case !ok || !subjectPattern.MatchString(publicID):
		notFound(w)
	case !sizeOK:
		problem(w, http.StatusBadRequest, "invalid_size", "size is a number of pixels from 1 to 16384")
	default:
		h.serveCurrent(w, r, publicID, width)
	}
}

// isOneRange says whether a Range header asks for one range of bytes. Other units must be ignored (RFC 9110, section 14.2). Several ranges may be, and each
// would be a request of the store.
func isOneRange(header string) bool {
	return strings.HasPrefix(header, "bytes=") && !strings.Contains(header, ",")
}

// sizeOf reads the size parameter; 0 when there is none.
func sizeOf(r *http.Request) (int, bool) {
	s := r.URL.Query().Get("size")
	if s == "" {
		return 0, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= maxSide
}

func (h *handler) serveVersion(w http.ResponseWriter, r *http.Request, key string, pic picture) {
	attrs, err := h.p.assets.Attributes(r.Context(), key)
	if err != nil {
		h.fail(w, r, notExist(err))
		return
	}
	w.Header().Set("Cache-Control", immutable)
	h.serveObject(w, r, key, etagOf(pic.id, pic.variant), servedType(pic.ext), attrs.Size, attrs.ModTime)
}

func (h *handler) serveCurrent(w http.ResponseWriter, r *http.Request, publicID string, width int) {
	m, err := h.p.current(r.Context(), publicID)
	switch {
	case errors.Is(err, ErrNoPicture):
		h.serveDefault(w, r, publicID, width)
		return
	case err != nil:
		h.fail(w, r, err)
		return
	}
	v := m.AtLeast(width)
	w.Header().Set("Cache-Control", shortCache)
	if h.opts.Redirect {
		w.Header().Set("Location", h.opts.URLs.Picture(m, width))
		w.WriteHeader(http.StatusFound)
		return
	}
	pic, ok := h.p.keys.parsePicture(v.Key)
	if !ok {
		h.fail(w, r, errors.New("avatar: a manifest names a key that is not a picture's"))
		return
	}
	w.Header().Set("Content-Location", h.opts.URLs.Picture(m, width))
	// No Last-Modified: an older picture may come back as the current one, and only the ETag tells.
	h.serveObject(w, r, v.Key, etagOf(pic.id, pic.variant), servedType(pic.ext), v.Size, time.Time{})
}

func (h *handler) serveDefault(w http.ResponseWriter, r *http.Request, publicID string, width int) {
	if h.opts.Default == nil {
		notFound(w)
		return
	}
	pic, err := h.opts.Default(r.Context(), publicID, variantAtLeast(h.p.kind.Variants, width))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	digest := sha256.Sum256(pic.Data)
	header := w.Header()
	header.Set("Cache-Control", shortCache)
	header.Set("ETag", `"default-`+hex.EncodeToString(digest[:12])+`"`)
	header.Set("Content-Type", pic.ContentType)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(pic.Data))
}

// variantAtLeast is [Manifest.AtLeast] for what is asked for.
func variantAtLeast(variants []Variant, width int) Variant {
	best := largestFirst(variants)[0]
	for _, v := range variants {
		if width > 0 && v.Width >= width && v.Width < best.Width {
			best = v
		}
	}
	return best
}

// etagOf names the bytes: a key is written once.
func etagOf(id, variant string) string { return `"` + id + "-" + variant + `"` }

func (h *handler) serveObject(w http.ResponseWriter, r *http.Request, key, etag, contentType string, size int64, modTime time.Time) {
	content := &object{ctx: r.Context(), p: h.p, key: key, size: size}
	defer content.Close()
	// The object is opened before the status is sent, so that a missing one is a 404; not if nothing of it, or another part, is wanted.
	if r.Method == http.MethodGet && r.Header.Get("Range") == "" && !hasTag(r, etag) {
		if err := content.open(); err != nil {
			h.fail(w, r, notExist(err))
			return
		}
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", contentType)
	http.ServeContent(w, r, "", modTime, content)
}

// hasTag says whether the client may have this version already. http.ServeContent decides.
func hasTag(r *http.Request, etag string) bool {
	tags := strings.Join(r.Header.Values("If-None-Match"), ",")
	return strings.Contains(tags, etag) || strings.Contains(tags, "*")
}

// object reads a stored object from wherever it is sought to. It opens it at the first read only: a HEAD or a 304 reads nothing.
type object struct {
	ctx    context.Context // of the one request that it lives for
	p      *Processor
	key    string
	size   int64
	offset int64 // of the next read
	r      io.ReadCloser
	at     int64 // where r stands
}

// open makes r stand at the offset.
func (o *object) open() error {
	if o.r != nil && o.at == o.offset {
		return nil
	}
	o.Close()
	r, err := o.p.assets.NewRangeReader(o.ctx, o.key, o.offset, -1, nil)
	if err == nil {
		o.r, o.at = r, o.offset
	}
	return err
}

func (o *object) Read(b []byte) (int, error) {
	if o.offset >= o.size {
		return 0, io.EOF
	}
	if err := o.open(); err != nil {
		return 0, err
	}
	n, err := o.r.Read(b)
	o.offset += int64(n)
	o.at = o.offset
	return n, err
}

func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.offset
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, errors.New("avatar: seek before the start")
	}
	o.offset = offset
	return offset, nil
}

func (o *object) Close() {
	if o.r != nil {
		o.r.Close()
		o.r = nil
	}
}

// fail answers an error without telling its text, which may name keys.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		notFound(w)
		return
	}
	if r.Context().Err() == nil { // else nobody listens any more, or it took too long
		h.p.opts.Logger.ErrorContext(r.Context(), "avatar: serve a picture", "error", err)
	}
	w.Header().Set("Retry-After", "5")
	problem(w, http.StatusServiceUnavailable, "unavailable", "the picture cannot be read at the moment")
}

func notFound(w http.ResponseWriter) {
	problem(w, http.StatusNotFound, "not_found", "there is no such picture")
}

// problem answers as RFC 9457 says. It is not to be cached for long: a picture may appear at any time.
func problem(w http.ResponseWriter, status int, code, detail string) {
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	header.Del("Content-Location")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail, "code": code,
	})
}
