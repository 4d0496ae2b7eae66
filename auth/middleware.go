package auth

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
)

type contextKey struct{}

// NewContext returns a context that carries the claims, for code that verifies without the middleware.
func NewContext(ctx context.Context, c *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the claims that Require or Optional put there. Without any it returns nil and false.
func FromContext(ctx context.Context) (*Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(*Claims)
	return c, ok && c != nil
}

// Require lets only requests with a good Bearer token through to next, with the claims in their context. The others it
// answers through Config.ErrorHandler. CORS preflights carry no token: put the CORS handler in front.
func (v *Verifier) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := BearerToken(r.Header)
		if err == nil {
			r, err = v.withClaims(r, text)
		}
		if err != nil {
			v.cfg.ErrorHandler(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Optional is Require for pages that strangers see too: a request without an Authorization header goes through without claims.
// A header that is there must be good.
func (v *Verifier) Optional(next http.Handler) http.Handler {
	required := v.Require(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Values("Authorization")) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		required.ServeHTTP(w, r)
	})
}

// withClaims returns r with the token's claims in its context, or r itself with an error.
func (v *Verifier) withClaims(r *http.Request, text string) (*http.Request, error) {
	c, err := v.Verify(r.Context(), text)
	if err != nil {
		return r, err
	}
	return r.WithContext(NewContext(r.Context(), c)), nil
}

// RequireScopes returns middleware, for use inside Require, that lets a request through if its token carries all of the
// scopes. RequireAnyScope wants one of them.
func (v *Verifier) RequireScopes(scopes ...string) func(http.Handler) http.Handler {
	return v.demand(func(c *Claims) error { return CheckScopes(c, scopes...) })
}

// RequireAnyScope is RequireScopes for tokens with at least one of the scopes.
func (v *Verifier) RequireAnyScope(scopes ...string) func(http.Handler) http.Handler {
	return v.demand(func(c *Claims) error {
		for _, s := range scopes {
			if c.HasScope(s) {
				return nil
			}
		}
		return lacksScope(scopes)
	})
}

// RequireGroups returns middleware, for use inside Require, that lets a request through if its user is in all of the
// groups. RequireAnyGroup wants one of them.
func (v *Verifier) RequireGroups(groups ...string) func(http.Handler) http.Handler {
	return v.demand(func(c *Claims) error {
		for _, g := range groups {
			if !c.InGroup(g) {
				return lacksGroup()
			}
		}
		return nil
	})
}

// RequireAnyGroup is RequireGroups for users in at least one of the groups.
func (v *Verifier) RequireAnyGroup(groups ...string) func(http.Handler) http.Handler {
	return v.demand(func(c *Claims) error {
		for _, g := range groups {
			if c.InGroup(g) {
				return nil
			}
		}
		return lacksGroup()
	})
}

// CheckScopes returns nil if the claims carry all of the scopes, else an ErrScope.
func CheckScopes(c *Claims, scopes ...string) error {
	for _, s := range scopes {
		if !c.HasScope(s) {
			return lacksScope(scopes)
		}
	}
	return nil
}

func lacksScope(scopes []string) error {
	return &Error{Reason: ErrScope, Claim: "scope", Scopes: scopes, detail: "the token lacks a scope that is needed here"}
}

func lacksGroup() error {
	return refuseClaim(ErrGroup, "cognito:groups", "the user is not in a group that is needed here")
}

func (v *Verifier) demand(check func(*Claims) error) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, ok := FromContext(r.Context())
			err := check(c)
			if !ok {
				err = refuse(ErrMissingToken, "the request was not authenticated")
			}
			if err != nil {
				v.cfg.ErrorHandler(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Status returns the HTTP status for an error of this package: 400, 401, 403, or 503 when keys are unavailable.
func Status(err error) int {
	switch {
	case errors.Is(err, ErrInvalidRequest):
		return http.StatusBadRequest
	case errors.Is(err, ErrScope), errors.Is(err, ErrGroup):
		return http.StatusForbidden
	case errors.Is(err, ErrKeysUnavailable):
		return http.StatusServiceUnavailable
	default:
		return http.StatusUnauthorized
	}
}

// WriteError answers a refused request as the middleware does by default: the status of Status, a challenge (RFC 6750
// section 3) or Retry-After, and a problem document (RFC 9457) with the reason as its code.
func WriteError(w http.ResponseWriter, err error) { writeError(w, err, "") }

func writeError(w http.ResponseWriter, err error, realm string) {
	e := asError(err)
	status := Status(e)
	h := w.Header()
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	} else {
		h.Set("WWW-Authenticate", challenge(e, realm))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Code   string `json:"code"`
	}{"about:blank", http.StatusText(status), status, e.detail, string(e.Reason)})
}

// challenge is bare for a request that brought no credentials (RFC 6750 section 3.1).
func challenge(e *Error, realm string) string {
	var params []string
	add := func(name, value string) { params = append(params, name+`="`+value+`"`) }
	if realm != "" {
		add("realm", realm)
	}
	switch e.Reason {
	case ErrMissingToken:
	case ErrInvalidRequest:
		add("error", "invalid_request")
	case ErrScope, ErrGroup:
		add("error", "insufficient_scope")
	default:
		add("error", "invalid_token")
	}
	if e.Reason != ErrMissingToken && e.detail != "" {
		add("error_description", e.detail)
	}
	if len(e.Scopes) > 0 {
		add("scope", strings.Join(e.Scopes, " "))
	}
	return strings.TrimSpace("Bearer " + strings.Join(params, ", "))
}
