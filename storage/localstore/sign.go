package localstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

// ticket is what a URL grants.
type ticket struct {
	key     string
	policy  storage.Policy // checked; Expires is not used
	expires time.Time
}

// The query parameters of a URL. All but the signature are always present, each once.
const (
	paramType         = "type"
	paramMin          = "min"
	paramMax          = "max"
	paramSHA256       = "sha256"
	paramCacheControl = "cache-control"
	paramOverwrite    = "overwrite"
	paramUpload       = "upload"
	paramExpires      = "expires"
	paramSignature    = "signature"
)

var (
	errMalformed    = errors.New("the URL is not one of a grant")
	errBadSignature = errors.New("the signature does not match")
)

// signed returns the query of the ticket's URL.
func (s *Store) signed(t ticket) string {
	q := url.Values{
		paramType:         {t.policy.ContentType},
		paramMin:          {strconv.FormatInt(t.policy.MinBytes, 10)},
		paramMax:          {strconv.FormatInt(t.policy.MaxBytes, 10)},
		paramSHA256:       {t.policy.SHA256},
		paramCacheControl: {t.policy.CacheControl},
		paramOverwrite:    {strconv.FormatBool(t.policy.Overwrite)},
		paramUpload:       {t.policy.UploadID},
		paramExpires:      {strconv.FormatInt(t.expires.Unix(), 10)},
	}.Encode()
	return q + "&" + paramSignature + "=" + hex.EncodeToString(s.mac(t.key, q))
}

// mac covers the method, the receiver and everything that the URL says. No part can hold a line break, so none can
// pose as another.
func (s *Store) mac(key, query string) []byte {
	h := hmac.New(sha256.New, s.cfg.Secret)
	h.Write([]byte("avatarkit upload 1\nPUT\n" + s.base.String() + "\n" + key + "\n" + query))
	return h.Sum(nil)
}

// verify returns the ticket of a URL that this store signed. It does not look at the clock.
func (s *Store) verify(key, rawQuery string) (ticket, error) {
	if storage.ValidateKey(key) != nil || len(rawQuery) > 4096 {
		return ticket{}, errMalformed
	}
	q, err := url.ParseQuery(rawQuery)
	if err != nil {
		return ticket{}, errMalformed
	}
	mac, err := hex.DecodeString(q.Get(paramSignature))
	if err != nil || len(mac) == 0 {
		return ticket{}, errMalformed
	}
	delete(q, paramSignature)
	if !hmac.Equal(mac, s.mac(key, q.Encode())) {
		return ticket{}, errBadSignature
	}
	return parseTicket(key, q)
}

// parseTicket reads what signed wrote. Since the signature matched, a failure means that another release signed it.
func parseTicket(key string, q url.Values) (ticket, error) {
	minBytes, err1 := strconv.ParseInt(q.Get(paramMin), 10, 64)
	maxBytes, err2 := strconv.ParseInt(q.Get(paramMax), 10, 64)
	overwrite, err3 := strconv.ParseBool(q.Get(paramOverwrite))
	expires, err4 := strconv.ParseInt(q.Get(paramExpires), 10, 64)
	if errors.Join(err1, err2, err3, err4) != nil {
		return ticket{}, errMalformed
	}
	return ticket{key: key, expires: time.Unix(expires, 0).UTC(), policy: storage.Policy{
		UploadID:     q.Get(paramUpload),
		ContentType:  q.Get(paramType),
		MinBytes:     minBytes,
		MaxBytes:     maxBytes,
		SHA256:       q.Get(paramSHA256),
		CacheControl: q.Get(paramCacheControl),
		Overwrite:    overwrite,
	}}, nil
}
