package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/storage"
)

// granter answers a wish to upload with a grant.
type granter struct {
	store    storage.Granter
	keys     func(subject, contentType string) (key, uploadID string, err error)
	maxBytes int64
	log      *slog.Logger
}

// wish is the request. The original client sent an extension and no size.
type wish struct {
	ContentType string `json:"content_type"`
	Size        *int64 `json:"size"`
	SHA256      string `json:"sha256"`
	Extension   string `json:"extension"`
}

// mediaTypes are the extensions of the original client.
var mediaTypes = map[string]string{"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}

// ServeHTTP implements [http.Handler].
func (g granter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent) // no preflight, or one of a page that may not call
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST, OPTIONS")
		problem(w, http.StatusMethodNotAllowed, "method_not_allowed", "use POST")
		return
	}
	claims, ok := auth.FromContext(r.Context())
	if !ok {
		g.log.WarnContext(r.Context(), "no identity: the route needs the authorizer")
		problem(w, http.StatusUnauthorized, "unauthorized", "sign in first")
		return
	}
	policy, p := g.policy(r)
	if p != nil {
		p.write(w)
		return
	}
	key, id, err := g.keys(claims.Subject, policy.ContentType)
	if err != nil {
		problem(w, http.StatusUnsupportedMediaType, "unsupported_type", "send a JPEG, PNG, GIF or WebP picture")
		return
	}
	policy.UploadID = id
	grant, err := g.store.GrantUpload(r.Context(), key, policy)
	switch {
	case errors.Is(err, storage.ErrInvalidPolicy):
		problem(w, http.StatusBadRequest, "malformed", "sha256 is 64 lower-case hexadecimal digits")
	case err != nil:
		g.log.ErrorContext(r.Context(), "no grant", "error", err)
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "unavailable", "uploads cannot be granted at the moment")
	default:
		g.log.InfoContext(r.Context(), "granted", "grant", grant)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(grant) // into memory
	}
}

// policy reads the wish and bounds it.
func (g granter) policy(r *http.Request) (storage.Policy, *refusal) {
	var in wish
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || json.Unmarshal(body, &in) != nil {
		return storage.Policy{}, &refusal{http.StatusBadRequest, "malformed", `send JSON such as {"content_type":"image/jpeg","size":12345}`}
	}
	if in.ContentType == "" {
		in.ContentType = mediaTypes[strings.ToLower(in.Extension)]
	}
	p := storage.Policy{ContentType: in.ContentType, SHA256: in.SHA256, MaxBytes: g.maxBytes}
	switch {
	case in.Size == nil:
	case *in.Size <= 0:
		return p, &refusal{http.StatusBadRequest, "malformed", "size is the length of the file in bytes, more than 0"}
	case *in.Size > g.maxBytes:
		return p, &refusal{http.StatusRequestEntityTooLarge, "too_large", "the file is too large"}
	default:
		p.Size = *in.Size
	}
	return p, nil
}

// refusal is what becomes a problem document (RFC 9457).
type refusal struct {
	status       int
	code, detail string
}

func (p refusal) write(w http.ResponseWriter) { problem(w, p.status, p.code, p.detail) }

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // into memory
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail, "code": code,
	})
}
