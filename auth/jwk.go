package auth

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

// This file is all that knows of jwx: its version 2 is no longer maintained upstream, and its successor changes only here.

// maxKeys bounds a JWKS; Cognito publishes two keys.
const maxKeys = 100

// key is one public key of an issuer, immutable.
type key struct {
	id     string
	public *rsa.PublicKey
}

// jwkFields are the members of a JWK that decide whether a key may verify RS256 signatures.
type jwkFields struct {
	Type       member   `json:"kty"`
	ID         member   `json:"kid"`
	Use        *member  `json:"use"`
	Operations []member `json:"key_ops"`
	Algorithm  *member  `json:"alg"`
	Modulus    member   `json:"n"`
	Exponent   member   `json:"e"`
	D          present  `json:"d"`
	P          present  `json:"p"`
	Q          present  `json:"q"`
	Symmetric  present  `json:"k"`
}

// parseJWKS reads a JWK set (RFC 7517) and returns its keys that may verify RS256 signatures, by kid. One odd key does not
// spoil the set: it is left out, and why is among the skipped. Two different keys under one kid are both left out.
func parseJWKS(document []byte) (keys map[string]*key, skipped []error, err error) {
	var set struct {
		Keys *[]jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, nil, errors.New("the answer is not a strict JSON document")
	}
	if set.Keys == nil {
		return nil, nil, errors.New("the answer is not a JWK set: it has no keys")
	}
	if len(*set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("the answer has %d keys, more than %d", len(*set.Keys), maxKeys)
	}
	keys = map[string]*key{}
	ambiguous := map[string]bool{}
	for n, text := range *set.Keys {
		k, err := parseJWK(text)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("key %d: %w", n, err))
			continue
		}
		if other, ok := keys[k.id]; ok && !other.public.Equal(k.public) {
			ambiguous[k.id] = true
			skipped = append(skipped, fmt.Errorf("key %d: another key has the same kid", n))
			continue
		}
		keys[k.id] = k
	}
	for id := range ambiguous {
		delete(keys, id)
	}
	return keys, skipped, nil
}

// parseJWK reads one key and checks its purpose and strength. Bounds: RFC 7518 section 3.3 wants 2048 bits or more,
// FIPS 186-5 section 5.1 an odd exponent above 2^16; beyond 8192 bits a signature costs too much.
func parseJWK(text []byte) (*key, error) {
	var f jwkFields
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, errors.New("a member has the wrong type")
	}
	switch {
	case f.Type != "RSA":
		return nil, errors.New("kty is not RSA")
	case f.ID == "" || len(f.ID) > maxKeyID:
		return nil, errors.New("no usable kid")
	case f.Use != nil && *f.Use != "sig":
		return nil, errors.New("use is not sig")
	case f.Operations != nil && !slices.Contains(f.Operations, "verify"):
		return nil, errors.New("key_ops lacks verify")
	case f.Algorithm != nil && *f.Algorithm != "RS256":
		return nil, errors.New("alg is not RS256")
	case bool(f.D || f.P || f.Q || f.Symmetric):
		return nil, errors.New("the key contains its secret")
	case len(f.Exponent) > 6: // four octets, what crypto/rsa takes; jwx would cut off the rest
		return nil, errors.New("the exponent is too large")
	case !minimalUint(string(f.Modulus)) || !minimalUint(string(f.Exponent)):
		return nil, errors.New("n or e is not a strict Base64urlUInt")
	}
	var public rsa.PublicKey
	parsed, err := jwk.ParseKey([]byte(`{"kty":"RSA","n":"` + string(f.Modulus) + `","e":"` + string(f.Exponent) + `"}`))
	if err == nil {
		err = parsed.Raw(&public)
	}
	if err != nil {
		return nil, errors.New("n and e are no RSA key")
	}
	switch bits := public.N.BitLen(); {
	case bits < 2048 || bits > 8192:
		return nil, fmt.Errorf("the modulus has %d bits, not 2048 to 8192", bits)
	case public.N.Bit(0) == 0:
		return nil, errors.New("the modulus is even")
	case public.E < 1<<16+1 || public.E > 1<<31-1 || public.E&1 == 0: // crypto/rsa takes no greater ones
		return nil, errors.New("the exponent is not odd and between 65537 and 2^31-1")
	}
	return &key{id: string(f.ID), public: &public}, nil
}

// minimalUint reports whether s is a Base64urlUInt (RFC 7518 section 2): strict base64url without a leading zero octet.
func minimalUint(s string) bool {
	if slices.ContainsFunc([]byte(s), func(c byte) bool { return c == '\n' || c == '\r' }) {
		return false
	}
	octets, err := b64.DecodeString(s)
	return err == nil && len(octets) > 0 && octets[0] != 0
}

// verifyRS256 reports whether signature is the key's PKCS #1 v1.5 signature with SHA-256 over the signed text. It calls
// crypto/rsa itself: what jwx adds on the way there costs a twentieth more and checks nothing.
func verifyRS256(k *key, signed string, signature []byte) bool {
	digest := hash(signed)
	return rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest[:], signature) == nil
}

// hash is SHA-256 of a text, without a copy on the heap for the usual lengths.
func hash(text string) [sha256.Size]byte {
	var buf [2048]byte
	if len(text) > len(buf) {
		return sha256.Sum256([]byte(text))
	}
	return sha256.Sum256(buf[:copy(buf[:], text)])
}
