package auth

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxKeyID bounds what an issuer or a stranger can make this package remember under a kid. Cognito's have 44 characters.
const maxKeyID = 256

// b64 is base64url as RFC 7515 section 2 wants it: no padding, and no bits set behind the last byte. Go's decoder skips
// line breaks even so; split refuses them.
var b64 = base64.RawURLEncoding.Strict()

// token is a compact JWS (RFC 7515 section 3.1) taken apart, but not believed.
type token struct {
	signed    string // header and payload as received, with the dot between: what the signature is over
	header    string // base64url
	payload   string // base64url
	signature []byte
}

// split takes a token of bounded length apart. It does not look at what the segments mean.
func split(text string) (token, error) {
	switch {
	case text == "":
		return token{}, refuse(ErrMissingToken, "the token is empty")
	case strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0:
		return token{}, refuse(ErrMalformed, "the token contains a line break")
	}
	header, rest, ok := strings.Cut(text, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || header == "" || payload == "" || signature == "" || strings.IndexByte(signature, '.') >= 0 {
		return token{}, refuse(ErrMalformed, "a token has three segments with a dot between them")
	}
	octets, err := b64.DecodeString(signature)
	if err != nil {
		return token{}, refuse(ErrMalformed, "the signature is not strict base64url")
	}
	return token{text[:len(header)+1+len(payload)], header, payload, octets}, nil
}

// header is what this package understands of a JOSE header. The members of type present would let the token choose its own
// key or change how it is to be read; Cognito never sends them.
type header struct {
	Alg  member  `json:"alg"`
	Kid  member  `json:"kid"`
	Typ  member  `json:"typ"`
	Crit present `json:"crit"`
	B64  present `json:"b64"`
	JWK  present `json:"jwk"`
	JKU  present `json:"jku"`
	X5U  present `json:"x5u"`
	X5C  present `json:"x5c"`
	X5T  present `json:"x5t"`
	X5T2 present `json:"x5t#S256"`
	Enc  present `json:"enc"`
	Zip  present `json:"zip"`
}

// present notes that a member is there, whatever its value.
type present bool

func (p *present) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*p = true
	return dec.SkipValue()
}

// member is a string that must not be null.
type member string

func (m *member) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != '"' {
		return errNotString
	}
	*m = member(tok.String())
	return nil
}

// keyID reads the token's header and returns its kid, provided that the header asks for nothing but RS256.
func (t token) keyID() (string, error) {
	text, err := b64.DecodeString(t.header)
	if err != nil {
		return "", refuse(ErrMalformed, "the header is not strict base64url")
	}
	var h header
	if err := json.Unmarshal(text, &h); err != nil || jsontext.Value(text).Kind() != '{' { // null would pass
		return "", refuse(ErrMalformed, "the header is not a strict JSON object")
	}
	switch {
	case h.Alg != "RS256":
		return "", refuse(ErrAlgorithm, "the header's alg must be RS256")
	case bool(h.Crit || h.B64 || h.Enc || h.Zip):
		return "", refuse(ErrMalformed, "the header asks for an extension (crit, b64, enc or zip)")
	case bool(h.JWK || h.JKU || h.X5U || h.X5C || h.X5T || h.X5T2):
		return "", refuse(ErrMalformed, "the header brings its own key (jwk, jku or x5)")
	case h.Typ != "" && !strings.EqualFold(string(h.Typ), "JWT") && !strings.EqualFold(string(h.Typ), "at+jwt"):
		return "", refuse(ErrMalformed, "the header's typ is that of another kind of token")
	case h.Kid == "" || len(h.Kid) > maxKeyID:
		return "", refuse(ErrMalformed, "the header has no usable kid")
	}
	return string(h.Kid), nil
}
