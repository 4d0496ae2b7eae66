package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/cruddur/avatarkit/profile"
	"github.com/cruddur/avatarkit/storage"
)

// Pictures is what the service asks of one kind of picture. The wiring adapts an avatar.Processor to it.
type Pictures interface {
	// NewUploadKey chooses where the next upload of the subject goes; it fails for a type that is not accepted.
	NewUploadKey(subject, contentType string) (key, uploadID string, err error)
	// MaxBytes is the largest upload.
	MaxBytes() int64
	// Status says what became of an upload. The error is ErrNoUpload for one that the subject never began.
	Status(ctx context.Context, subject, uploadID string) (Status, error)
	// Picture describes the published upload.
	Picture(ctx context.Context, subject, uploadID string) (Picture, error)
	// Erase removes everything of this kind and returns the receipt, which is shown as JSON.
	Erase(ctx context.Context, subject string) (receipt any, err error)
}

// ErrNoUpload means that the subject has no such upload.
var ErrNoUpload = errors.New("app: no such upload")

// Status is what became of an upload.
type Status struct {
	State  string `json:"state"`            // issued, received, ready, rejected or expired
	Reason string `json:"reason,omitempty"` // when rejected: one of package avatar's
	Hint   string `json:"hint,omitempty"`
	Format string `json:"format,omitempty"`
	Limit  int64  `json:"limit,omitempty"`
	Got    int64  `json:"got,omitempty"`

	Key string `json:"-"` // when received: the original's
}

// Picture is a published picture.
type Picture struct {
	URL         string            `json:"url"` // the largest variant
	Variants    map[string]string `json:"variants"`
	Placeholder string            `json:"placeholder,omitempty"`
	Color       string            `json:"color,omitempty"`
}

type uploadRequest struct {
	Kind        string `json:"kind"`
	ContentType string `json:"content_type"`
	Size        *int64 `json:"size"`
	SHA256      string `json:"sha256"`
	Extension   string `json:"extension"` // the seed's request
}

// mediaTypes are the extensions of the seed's request.
var mediaTypes = map[string]string{
	"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
}

func (a *App) keyUpload(w http.ResponseWriter, r *http.Request, who Identity) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var req uploadRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return fail(http.StatusBadRequest, "malformed", `send JSON such as {"content_type":"image/jpeg","size":12345}`)
	}
	if req.Kind == "" {
		req.Kind = "avatar"
	}
	pictures, ok := a.cfg.Pictures[req.Kind]
	if !ok {
		return fail(http.StatusNotFound, "not_found", "there is no such kind of picture")
	}
	if req.ContentType == "" {
		req.ContentType = mediaTypes[strings.ToLower(req.Extension)]
	}
	policy := storage.Policy{ContentType: req.ContentType, SHA256: req.SHA256, MaxBytes: pictures.MaxBytes(), Expires: a.cfg.GrantLifetime}
	if req.Size != nil {
		switch {
		case *req.Size <= 0:
			return fail(http.StatusBadRequest, "malformed", "size is the length of the file in bytes, more than 0")
		case *req.Size > policy.MaxBytes:
			p := fail(http.StatusRequestEntityTooLarge, "too_large", "the file is too large")
			p.Limit = policy.MaxBytes
			return p
		}
		policy.Size = *req.Size
	}
	if wait, ok := a.grants.take(who.Subject); !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		return fail(http.StatusTooManyRequests, "rate_limited", "too many uploads in one minute: try again later")
	}
	// The picture will need a profile to belong to, and an upload may be a person's first request.
	if _, err := a.person(r.Context(), who); err != nil {
		return err
	}
	key, id, err := pictures.NewUploadKey(who.Subject, req.ContentType)
	if err != nil {
		a.log.InfoContext(r.Context(), "upload refused", "error", err)
		return fail(http.StatusUnsupportedMediaType, "unsupported_type", "send a JPEG, PNG, GIF or WebP picture")
	}
	policy.UploadID = id
	grant, err := a.cfg.Grants.GrantUpload(r.Context(), key, policy)
	if errors.Is(err, storage.ErrInvalidPolicy) {
		return fail(http.StatusBadRequest, "malformed", "size or sha256 cannot be: sha256 is 64 lower-case hexadecimal digits")
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, grant)
}

func (a *App) uploadStatus(w http.ResponseWriter, r *http.Request, who Identity) error {
	best, found := Status{}, false
	for _, pictures := range a.cfg.Pictures {
		status, err := pictures.Status(r.Context(), who.Subject, r.PathValue("id"))
		if errors.Is(err, ErrNoUpload) {
			continue
		}
		if err != nil {
			return err
		}
		// An id does not tell its kind, and a kind that it is not of knows no more than its age.
		if !found || status.State != "issued" && status.State != "expired" {
			best, found = status, true
		}
	}
	if !found {
		return fail(http.StatusNotFound, "not_found", "no such upload")
	}
	if best.Key != "" && a.cfg.Arrived != nil {
		a.cfg.Arrived(best.Key)
	}
	return writeJSON(w, http.StatusOK, struct {
		UploadID string `json:"upload_id"`
		Status
	}{r.PathValue("id"), best})
}

func (a *App) erase(w http.ResponseWriter, r *http.Request, who Identity) error {
	kind := r.URL.Query().Get("kind")
	if kind == "" {
		kind = "avatar"
	}
	pictures, ok := a.cfg.Pictures[kind]
	if !ok {
		return fail(http.StatusNotFound, "not_found", "there is no such kind of picture")
	}
	p, err := a.person(r.Context(), who)
	if err != nil {
		return err
	}
	// The row first: a page that reads now must not name what is about to go.
	if _, err := a.cfg.Profiles.ClearPicture(r.Context(), who.Subject, kind, ""); err != nil {
		return err
	}
	receipt, err := pictures.Erase(r.Context(), who.Subject)
	if err != nil {
		return err
	}
	a.tell(p.Handle, "picture")
	return writeJSON(w, http.StatusOK, receipt)
}

// Published is the hook to call when a picture was published: the profile takes it if it is newer, and open pages hear of it. A
// profile that was deleted meanwhile needs no telling.
func (a *App) Published(ctx context.Context, subject, kind, uploadID string) error {
	changed, err := a.cfg.Profiles.SetPicture(ctx, subject, kind, uploadID)
	if errors.Is(err, profile.ErrNotFound) {
		a.log.WarnContext(ctx, "a picture was published for nobody", "kind", kind, "upload_id", uploadID)
		return nil
	}
	if err != nil || !changed {
		return err
	}
	p, err := a.cfg.Profiles.BySubject(ctx, subject)
	if err != nil {
		return err
	}
	a.tell(p.Handle, "picture")
	return nil
}
