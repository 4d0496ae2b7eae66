package storage

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// BearerSecret returns a function for [WebhookConfig.Authorize] that wants the secret in the Authorization header, as
// "Bearer <secret>" or alone. MinIO sends it so when MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN is set. An empty secret admits
// nobody.
func BearerSecret(secret string) func(*http.Request) error {
	return func(r *http.Request) error {
		given := r.Header.Get("Authorization")
		if scheme, rest, ok := strings.Cut(given, " "); ok && strings.EqualFold(scheme, "Bearer") {
			given = strings.TrimLeft(rest, " ")
		}
		return sameSecret(given, secret)
	}
}

// QuerySecret returns a function for [WebhookConfig.Authorize] that wants the secret in the named query parameter, for
// senders that can send no header: versitygw, and an Event Grid subscription without delivery properties. An empty
// secret admits nobody. Keep the query out of access logs.
func QuerySecret(parameter, secret string) func(*http.Request) error {
	return func(r *http.Request) error {
		return sameSecret(r.URL.Query().Get(parameter), secret)
	}
}

// sameSecret compares digests, so that the time taken tells neither content nor length.
func sameSecret(given, want string) error {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	if want == "" || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return errors.New("shared secret is missing or wrong")
	}
	return nil
}

// answer says that nothing needs to be sent again.
func (w *Webhook) answer(rw http.ResponseWriter, v any) {
	rw.Header().Set("Content-Type", "application/json")
	if v == nil {
		v = struct{}{}
	}
	_ = json.NewEncoder(rw).Encode(v) // the sender is gone; it will send again
}

// retry asks the sender to send again.
func (w *Webhook) retry(rw http.ResponseWriter, r *http.Request, err error) {
	rw.Header().Set("Retry-After", "5")
	w.refuse(rw, r, http.StatusServiceUnavailable, "retry", err)
}

// refuse answers with a problem. The reason goes to the log alone: it would help whoever probes the webhook.
func (w *Webhook) refuse(rw http.ResponseWriter, r *http.Request, status int, code string, reason error) {
	w.log.WarnContext(r.Context(), "storage webhook refused a message", "status", status, "code", code, "error", reason)
	rw.Header().Set("Content-Type", "application/problem+json")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(map[string]any{
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code,
	})
}

// withoutRedirects copies the client: a redirect would lead away from the pinned host.
func withoutRedirects(c *http.Client) *http.Client {
	var fixed http.Client
	if c != nil {
		fixed = *c
	}
	fixed.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &fixed
}

// withoutURL removes the address from a client's error: a subscription's has a token in it.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
