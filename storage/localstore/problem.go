package localstore

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/cruddur/avatarkit/storage"
)

// problem is an answer of RFC 9457. The codes are listed in the package documentation.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`

	cause error // for the log
}

func newProblem(status int, code, detail string) problem {
	return problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

var (
	problemMalformed  = newProblem(400, "malformed", "This is not an upload URL. Ask for a new grant.")
	problemTooSmall   = newProblem(400, "too_small", "The file has fewer bytes than the grant allows.")
	problemIncomplete = newProblem(400, "incomplete", "The upload ended early. Send it again.")
	problemSignature  = newProblem(403, "bad_signature", "The upload URL was altered or is not ours. Ask for a new grant.")
	problemExpired    = newProblem(403, "expired", "The grant is over. Ask for a new one.")
	problemMethod     = newProblem(405, "method", "Use PUT.")
	problemTimeout    = newProblem(408, "timeout", "The upload took too long. Send it again.")
	problemExists     = newProblem(409, "exists", "This was uploaded before. Ask for a new grant to upload another file.")
	problemConflict   = newProblem(409, "key_conflict", "The store cannot hold this key beside those that it holds already.")
	problemLength     = newProblem(411, "length_required", "Send Content-Length.")
	problemTooLarge   = newProblem(413, "too_large", "The file has more bytes than the grant allows.")
	problemType       = newProblem(415, "content_type", "Send exactly the Content-Type of the grant.")
	problemDigest     = newProblem(422, "sha256", "The file is not the one that the grant is for.")
	problemStore      = newProblem(503, "unavailable", "The upload could not be stored. Try again.")
)

func problemOf(err error) *problem {
	for _, known := range []struct {
		err error
		is  *problem
	}{
		{errIncomplete, &problemIncomplete},
		{errDigest, &problemDigest},
		{errTimeout, &problemTimeout},
		{errKeyConflict, &problemConflict},
		{storage.ErrExists, &problemExists},
	} {
		if errors.Is(err, known.err) {
			return known.is
		}
	}
	p := problemStore
	p.cause = err
	return &p
}

func (s *Store) refuse(w http.ResponseWriter, r *http.Request, p *problem) {
	if p.cause != nil {
		s.cfg.Logger.ErrorContext(r.Context(), "localstore: an upload could not be stored", "error", p.cause)
	} else {
		s.cfg.Logger.DebugContext(r.Context(), "localstore: an upload was refused", "code", p.Code)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	switch p.Status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", allowedMethods)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the uploader is gone
}
