package app

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// problem is an error as clients see it: problem details (RFC 9457) with a stable code.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`

	Limit   int64  `json:"limit,omitempty"`
	Current string `json:"current,omitempty"`
	Fields  any    `json:"fields,omitempty"`
}

// Error makes a problem an error, so that handlers return it.
func (p *problem) Error() string { return p.Code + ": " + p.Detail }

func fail(status int, code, detail string) *problem {
	return &problem{Status: status, Code: code, Detail: detail}
}

// write sends the problem.
func (p *problem) write(w http.ResponseWriter) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "5")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client went away
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client went away
	return nil
}

// maxBody bounds the JSON bodies that the service reads: a bio of the longest kind, escaped, fits.
const maxBody = 64 << 10

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		p := fail(http.StatusRequestEntityTooLarge, "too_large", "the request body is too long")
		p.Limit = maxBody
		return nil, p
	}
	if err != nil {
		return nil, fail(http.StatusBadRequest, "malformed", "the request body is incomplete")
	}
	return body, nil
}

// missing answers what the mux has no handler for: its 404 and 405 as problems, with its Allow header.
func missing(h http.Handler, w http.ResponseWriter, r *http.Request) {
	rec := headerRecorder{header: http.Header{}}
	h.ServeHTTP(&rec, r)
	switch {
	case rec.status == http.StatusMethodNotAllowed:
		allow := rec.header.Get("Allow")
		w.Header().Set("Allow", allow)
		fail(rec.status, "method_not_allowed", "use "+strings.ReplaceAll(allow, ", ", " or ")).write(w)
	case rec.status >= 300 && rec.status < 400:
		h.ServeHTTP(w, r) // the mux cleans a path
	default:
		fail(http.StatusNotFound, "not_found", "there is nothing at this address").write(w)
	}
}

// headerRecorder keeps status and header and drops the body.
type headerRecorder struct {
	header http.Header
	status int
}

func (r *headerRecorder) Header() http.Header         { return r.header }
func (r *headerRecorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *headerRecorder) WriteHeader(status int)      { r.status = status }
