package auth

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Claims are the verified contents of a token. Only Verify, and FromAuthorizer for a function behind an API Gateway
// authorizer, make them; a test takes them from package authtest. They are never shared: each call of Verify returns its own.
// The methods may be called on nil, which has no scope and no group.
type Claims struct {
	Subject  string   // sub: the user's id in the pool; for a client-credentials token the app client's id
	Username string   // username, or cognito:username in an ID token; empty in a client-credentials token
	Issuer   string   // iss
	Use      TokenUse // token_use
	ClientID string   // client_id of an access token, aud of an ID token
	Scope    string   // scope: names separated by single spaces; ID tokens have none
	ID       string   // jti

	ExpiresAt time.Time // exp; never zero
	IssuedAt  time.Time // iat
	NotBefore time.Time // nbf; zero when absent, as in Cognito's own tokens
	AuthTime  time.Time // auth_time: when the user signed in

	groups  []string
	payload []byte
}

// Scopes returns the names in Scope.
func (c *Claims) Scopes() []string {
	if c == nil {
		return nil
	}
	return strings.FieldsFunc(c.Scope, func(r rune) bool { return r == ' ' }) // RFC 6749 section 3.3 knows no other
}

// Groups returns a copy of the cognito:groups claim.
func (c *Claims) Groups() []string {
	if c == nil {
		return nil
	}
	return slices.Clone(c.groups)
}

// HasScope reports whether the token carries the scope, compared exactly.
func (c *Claims) HasScope(name string) bool { return slices.Contains(c.Scopes(), name) }

// InGroup reports whether the token's user is in the group, compared exactly.
func (c *Claims) InGroup(name string) bool { return c != nil && slices.Contains(c.groups, name) }

// ErrNoPayload is what Decode returns for claims that came without the token's payload, from FromAuthorizer.
var ErrNoPayload = errors.New("auth: these claims come from an authorizer, which passes on no payload")

// Decode stores the token's payload in v, usually a struct with one json-tagged field for each further claim that the
// application wants. Names match exactly, by case too, and unknown claims are ignored.
func (c *Claims) Decode(v any) error {
	if c == nil || c.payload == nil {
		return ErrNoPayload
	}
	if err := json.Unmarshal(c.payload, v); err != nil {
		return fmt.Errorf("auth: decode claims: %w", err)
	}
	return nil
}

var (
	errNotString = errors.New("not a string")
	errNotTime   = errors.New("not a number of seconds")
	errNotObject = errors.New("not an object")
)

// payload is the wire form of the claims that this package reads. A null text counts as an absent one.
type payload struct {
	Issuer    string      `json:"iss"`
	Subject   string      `json:"sub"`
	Use       TokenUse    `json:"token_use"`
	ClientID  string      `json:"client_id"`
	Audience  audience    `json:"aud"`
	Username  string      `json:"username"`
	UsernameI string      `json:"cognito:username"`
	Scope     string      `json:"scope"`
	Groups    []string    `json:"cognito:groups"`
	ID        string      `json:"jti"`
	Expires   numericDate `json:"exp"`
	Issued    numericDate `json:"iat"`
	NotBefore numericDate `json:"nbf"`
	AuthTime  numericDate `json:"auth_time"`
}

// audience is the aud of an ID token, which names one client. Anything but a text, such as the list that an access token may
// have, counts as none.
type audience string

func (a *audience) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return dec.SkipValue()
	}
	tok, err := dec.ReadToken()
	*a = audience(tok.String())
	return err
}

// numericDate is a NumericDate of RFC 7519 section 2: a JSON number of seconds since 1970, perhaps with a fraction.
type numericDate struct {
	time.Time // zero when the claim is absent
}

// lastSecond is the end of the year 9999, the last that RFC 3339 can write. A date beyond is a mistake or an attack.
const lastSecond = 253402300799

func (d *numericDate) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if v.Kind() != '0' {
		return errNotTime
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n >= 0 && n <= lastSecond {
		d.Time = time.Unix(n, 0)
		return nil
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(f >= 0 && f <= lastSecond) {
		return errNotTime
	}
	whole, fraction := math.Modf(f)
	d.Time = time.Unix(int64(whole), int64(fraction*1e9))
	return nil
}

// decodeClaims reads the payload of a token whose signature holds.
func decodeClaims(text []byte) (*Claims, error) {
	p, ok := readPlain(text)
	if !ok {
		var err error
		if p, err = readStrict(text); err != nil {
			return nil, refuse(ErrClaims, "the payload is not a strict JSON object, or a claim has the wrong type")
		}
	}
	c := &Claims{
		Issuer: p.Issuer, Subject: p.Subject, Use: p.Use, Username: p.Username,
		Scope: p.Scope, ID: p.ID, ClientID: p.ClientID, groups: p.Groups,
		ExpiresAt: p.Expires.Time, IssuedAt: p.Issued.Time, NotBefore: p.NotBefore.Time, AuthTime: p.AuthTime.Time,
		payload: text,
	}
	if p.Use == IDToken {
		c.Username, c.ClientID = p.UsernameI, string(p.Audience)
	}
	return c, nil
}

// readStrict reads every payload that is a JSON object of valid UTF-8 without duplicate names, and nothing else.
func readStrict(text []byte) (p payload, err error) {
	err = json.Unmarshal(text, &p)
	if err == nil && jsontext.Value(text).Kind() != '{' {
		err = errNotObject // null
	}
	return p, err
}

// checkTimes compares the claims with the clock. The very second of exp is too late (RFC 7519 section 4.1.4).
func (c *Claims) checkTimes(now time.Time, leeway time.Duration) error {
	switch {
	case c.ExpiresAt.IsZero():
		return refuseClaim(ErrClaims, "exp", "the token has no exp")
	case !now.Before(c.ExpiresAt.Add(leeway)):
		return refuseClaim(ErrExpired, "exp", "the token has expired")
	case now.Add(leeway).Before(c.NotBefore):
		return refuseClaim(ErrNotYetValid, "nbf", "the token is not valid yet")
	case now.Add(leeway).Before(c.IssuedAt):
		return refuseClaim(ErrNotYetValid, "iat", "the token was issued in the future: compare this machine's clock, or set Leeway")
	}
	return nil
}
