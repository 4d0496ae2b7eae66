package auth

import (
	"net/http"
	"strings"
)

// BearerToken returns the token of a request's Authorization header: one header field, the scheme Bearer in any case,
// spaces, one token68, nothing else (RFC 9110 section 11.4, RFC 6750 section 2.1). Without a Bearer credential the error is
// ErrMissingToken, with an ill-formed one ErrInvalidRequest.
func BearerToken(h http.Header) (string, error) {
	fields := h.Values("Authorization")
	switch len(fields) {
	case 0:
		return "", refuse(ErrMissingToken, "there is no Authorization header")
	case 1:
		return parseBearer(fields[0])
	default:
		return "", refuse(ErrInvalidRequest, "there is more than one Authorization header")
	}
}

func parseBearer(field string) (string, error) {
	scheme, rest, _ := strings.Cut(field, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", refuse(ErrMissingToken, "the Authorization scheme is not Bearer")
	}
	token := strings.TrimLeft(rest, " ")
	body := strings.TrimRight(token, "=")
	if body == "" || strings.ContainsFunc(body, notToken68) {
		return "", refuse(ErrInvalidRequest, "Bearer must be followed by one token")
	}
	return token, nil
}

func notToken68(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._~+/", r)
}
