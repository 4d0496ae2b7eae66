package localstore

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

// ServeHTTP receives one upload. See the package documentation for its answers.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.cors(w.Header(), r.Header.Get("Origin"))
	if r.Method == http.MethodOptions {
		s.preflight(w)
		return
	}
	t, refused := s.admit(r)
	if refused != nil {
		s.refuse(w, r, refused)
		return
	}
	digest, err := s.store(w, r, t)
	if err != nil {
		s.refuse(w, r, problemOf(err))
		return
	}
	etag := hex.EncodeToString(digest)
	s.tell(r.Context(), storage.ObjectCreated{Bucket: s.cfg.Name, Key: t.key, Size: r.ContentLength, ETag: etag, Time: s.cfg.Now().UTC()})
	w.Header().Set("ETag", `"`+etag+`"`)
	w.WriteHeader(http.StatusCreated)
}

// admit judges everything that can be judged before the first byte of the body.
func (s *Store) admit(r *http.Request) (ticket, *problem) {
	if r.Method != http.MethodPut {
		return ticket{}, &problemMethod
	}
	key, ok := strings.CutPrefix(r.URL.Path, s.base.Path+"/")
	if !ok {
		return ticket{}, &problemMalformed
	}
	t, err := s.verify(key, r.URL.RawQuery)
	switch {
	case errors.Is(err, errBadSignature):
		return ticket{}, &problemSignature
	case err != nil:
		return ticket{}, &problemMalformed
	case !s.cfg.Now().Before(t.expires):
		return ticket{}, &problemExpired
	}
	types := r.Header.Values("Content-Type")
	switch {
	case len(types) != 1 || types[0] != t.policy.ContentType:
		return ticket{}, &problemType
	case r.ContentLength < 0:
		return ticket{}, &problemLength
	case r.ContentLength > t.policy.MaxBytes:
		return ticket{}, &problemTooLarge
	case r.ContentLength < t.policy.MinBytes:
		return ticket{}, &problemTooSmall
	}
	return t, nil
}

// store writes the body where nobody sees it, and makes it visible when it is whole and right. It returns the digest.
func (s *Store) store(w http.ResponseWriter, r *http.Request, t ticket) ([]byte, error) {
	if !t.policy.Overwrite {
		if exists, err := s.bucket.Exists(r.Context(), t.key); err == nil && exists {
			return nil, storage.ErrExists // known before the body is sent; the sink decides when two come at once
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	b := newBody(w, r, t.policy, time.Now().Add(s.cfg.Timeout), s.cfg.Stall, cancel)
	if err := s.sink.put(ctx, t, b); err != nil {
		if b.err != nil {
			err = b.err // the cause, not the cancellation that it led to
		}
		return nil, err
	}
	return b.hash.Sum(nil), nil
}

// tell calls OnCreated. The object is stored by now, so neither a failure nor the uploader's going away changes that.
func (s *Store) tell(ctx context.Context, e storage.ObjectCreated) {
	if s.cfg.OnCreated == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.cfg.OnCreated(ctx, e); err != nil {
		s.cfg.Logger.ErrorContext(ctx, "localstore: OnCreated failed; the object is stored", "key", e.Key, "error", err)
	}
}
