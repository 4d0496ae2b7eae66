package auth

import (
	"errors"
	"strings"
	"time"
)

// Reason says why a token or a request was refused. It is an error, so that errors.Is finds it in what this package
// returns, and its text is the stable code of an answer (the "code" member of the problem document): it never changes.
type Reason string

// Error returns the code itself.
func (r Reason) Error() string { return string(r) }

// The reasons, in the order in which they are found out.
const (
	// ErrMissingToken: the request carries no Bearer credentials. Answer 401 with a bare challenge.
	ErrMissingToken Reason = "missing_token"
	// ErrInvalidRequest: the Authorization header is not one well-formed Bearer credential. Answer 400.
	ErrInvalidRequest Reason = "invalid_request"
	// ErrMalformed: the text is not a compact JWS with a header that this package accepts. Answer 401, as below.
	ErrMalformed Reason = "malformed_token"
	// ErrAlgorithm: the header names another algorithm than RS256.
	ErrAlgorithm Reason = "unsupported_algorithm"
	// ErrUnknownKey: the issuer publishes no usable key with the token's kid.
	ErrUnknownKey Reason = "unknown_key"
	// ErrSignature: the signature is not the key's over exactly the received bytes.
	ErrSignature Reason = "invalid_signature"
	// ErrClaims: the payload is not a strict JSON object with the claims, and their types, that a Cognito token has.
	ErrClaims Reason = "invalid_claims"
	// ErrIssuer: the token comes from no configured pool.
	ErrIssuer Reason = "wrong_issuer"
	// ErrTokenUse: an ID token where an access token is wanted, or the other way round.
	ErrTokenUse Reason = "wrong_token_use"
	// ErrClient: the token was issued to another app client.
	ErrClient Reason = "wrong_client"
	// ErrExpired: the token's time is over.
	ErrExpired Reason = "token_expired"
	// ErrNotYetValid: the token is from the future (nbf or iat).
	ErrNotYetValid Reason = "token_not_yet_valid"
	// ErrScope: the token is good and lacks a scope. Answer 403.
	ErrScope Reason = "insufficient_scope"
	// ErrGroup: the token is good and its user is not in a group. Answer 403.
	ErrGroup Reason = "missing_group"
	// ErrKeysUnavailable: the issuer's keys could not be fetched, so nobody can say whether the token is good. Answer 503.
	ErrKeysUnavailable Reason = "keys_unavailable"
)

// Error is the one error type of this package. It contains neither the token nor the value of a claim.
type Error struct {
	// Reason is the stable code; errors.Is(err, ErrExpired) compares it.
	Reason Reason
	// Claim names the claim that failed, such as "exp", or is empty.
	Claim string
	// RetryAfter says, for ErrKeysUnavailable, when the keys will be asked for again; else zero.
	RetryAfter time.Duration
	// Scopes are, for ErrScope, the scopes that the resource asks for.
	Scopes []string

	detail string
	cause  error
}

// Error returns the reason, a sentence on what was found, and the cause, if any.
func (e *Error) Error() string {
	parts := []string{"auth: " + string(e.Reason)}
	if e.detail != "" {
		parts = append(parts, e.detail)
	}
	if e.cause != nil {
		parts = append(parts, e.cause.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the reason and the cause, such as context.DeadlineExceeded.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.cause}
}

// refuse returns the error for a token that fails at the given step.
func refuse(r Reason, detail string) *Error { return &Error{Reason: r, detail: detail} }

// refuseClaim returns the error for a claim that fails.
func refuseClaim(r Reason, claim, detail string) *Error {
	return &Error{Reason: r, Claim: claim, detail: detail}
}

// asError returns err as an *Error; an error of another origin, which only a caller's own code can bring in, counts as a
// malformed token.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Reason: ErrMalformed, cause: err}
}
