package authtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"github.com/cruddur/avatarkit/auth"
)

// Token describes a token to mint; the zero value is an access token of the user "user" for an hour from now.
type Token struct {
	Use      auth.TokenUse // empty means auth.AccessToken
	Username string        // empty means "user"
	Subject  string        // empty means Subject(Username)
	ClientID string        // empty means the issuer's
	Scope    string        // space-separated; empty means aws.cognito.signin.user.admin in an access token
	Groups   []string
	IssuedAt time.Time     // zero means now
	Lifetime time.Duration // zero means an hour; negative makes an expired token

	Claims map[string]any // added to the payload or replacing members of it; a nil value removes the member
	Header map[string]any // likewise for the header
}

// Subject returns the sub of a username: a UUID that is the same in every process.
func Subject(username string) string {
	h := sha256.Sum256([]byte("avatarkit/authtest:" + username))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8, RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// AccessToken returns an access token of the user, good for an hour.
func (i *Issuer) AccessToken(username string) string {
	t, _ := i.Mint(Token{Username: username}) // fails only for claims that JSON cannot express
	return t
}

// IDToken returns an ID token of the user, good for an hour.
func (i *Issuer) IDToken(username string) string {
	t, _ := i.Mint(Token{Use: auth.IDToken, Username: username})
	return t
}

// Mint signs the token that t describes. It fails if a claim cannot be written as JSON.
func (i *Issuer) Mint(t Token) (string, error) {
	defaultTo(&t.Use, auth.AccessToken)
	defaultTo(&t.Username, "user")
	defaultTo(&t.Subject, Subject(t.Username))
	defaultTo(&t.ClientID, i.client)
	defaultTo(&t.Lifetime, time.Hour)
	if t.IssuedAt.IsZero() {
		t.IssuedAt = i.now()
	}
	payload := map[string]any{
		"sub": t.Subject, "iss": i.url, "token_use": t.Use, "origin_jti": id(), "event_id": id(), "jti": id(),
		"auth_time": t.IssuedAt.Unix(), "iat": t.IssuedAt.Unix(), "exp": t.IssuedAt.Add(t.Lifetime).Unix(),
	}
	if len(t.Groups) > 0 {
		payload["cognito:groups"] = t.Groups
	}
	if t.Use == auth.IDToken {
		payload["aud"], payload["cognito:username"] = t.ClientID, t.Username
	} else {
		defaultTo(&t.Scope, "aws.cognito.signin.user.admin")
		payload["client_id"], payload["username"], payload["scope"], payload["version"] = t.ClientID, t.Username, t.Scope, 2
	}
	s := i.signer(t.Use)
	header := map[string]any{"kid": s.kid, "alg": "RS256"}
	h, err := merged(header, t.Header)
	if err != nil {
		return "", err
	}
	p, err := merged(payload, t.Claims)
	if err != nil {
		return "", err
	}
	return s.sign(h, p)
}

// Sign returns a token with exactly this header and payload, signed with RS256 and the key of access tokens: for tests with
// tokens that no honest issuer would sign.
func (i *Issuer) Sign(header, payload []byte) (string, error) {
	return i.signer(auth.AccessToken).sign(header, payload)
}

// KeyID returns the kid that tokens of this use are signed with now.
func (i *Issuer) KeyID(use auth.TokenUse) string { return i.signer(use).kid }

func (i *Issuer) signer(use auth.TokenUse) signer {
	i.mu.Lock()
	defer i.mu.Unlock()
	if use == auth.IDToken {
		return i.id
	}
	return i.access
}

func (s signer) sign(header, payload []byte) (string, error) {
	text := encode(header) + "." + encode(payload)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("authtest: %w", err)
	}
	return text + "." + encode(signature), nil
}

func merged(base, extra map[string]any) ([]byte, error) {
	for name, value := range extra {
		base[name] = value
		if value == nil {
			delete(base, name)
		}
	}
	text, err := json.Marshal(base)
	if err != nil {
		return nil, fmt.Errorf("authtest: %w", err)
	}
	return text, nil
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func id() string { return Subject(rand.Text()) }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jwks(keys []signer) []byte {
	type jwk struct {
		Kty string `json:"kty"`
		Kid string `json:"kid"`
		Use string `json:"use"`
		Alg string `json:"alg"`
		N   string `json:"n"`
		E   string `json:"e"`
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{}}
	for _, k := range keys {
		e := big.NewInt(int64(k.key.E)).Bytes()
		set.Keys = append(set.Keys, jwk{"RSA", k.kid, "sig", "RS256", encode(k.key.N.Bytes()), encode(e)})
	}
	text, _ := json.Marshal(set) // strings only
	return text
}
