package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// serving returns a verifier for tokens of i that gets the document as its keys.
func serving(t testing.TB, i *authtest.Issuer, document string) *auth.Verifier {
	t.Helper()
	cfg := i.Config()
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(document)), Request: r}, nil
	})}
	return newVerifier(t, cfg)
}

// published returns the issuer's keys.
func published(t testing.TB, i *authtest.Issuer) []map[string]any {
	t.Helper()
	w := httptest.NewRecorder()
	i.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

func TestKeyRules(t *testing.T) {
	i := shared()
	tok := i.AccessToken("u")
	keys := published(t, i)
	short := b64("\x81" + strings.Repeat("\x55", 127))
	n := keys[0]["n"].(string)
	tests := []struct {
		name   string
		change map[string]any
		ok     bool
	}{
		{"as published", nil, true},
		{"without alg", map[string]any{"alg": nil}, true},
		{"without use", map[string]any{"use": nil}, true},
		{"key_ops verify", map[string]any{"use": nil, "key_ops": []string{"verify"}}, true},
		{"unknown members", map[string]any{"x": 1, "x5c": []string{"odd"}, "x5t": 3}, true},
		{"use enc", map[string]any{"use": "enc"}, false},
		{"use empty", map[string]any{"use": ""}, false},
		{"key_ops encrypt", map[string]any{"key_ops": []string{"encrypt"}}, false},
		{"key_ops sign", map[string]any{"key_ops": []string{"sign"}}, false},
		{"key_ops empty", map[string]any{"key_ops": []string{}}, false},
		{"key_ops text", map[string]any{"key_ops": "verify"}, false},
		{"alg RS512", map[string]any{"alg": "RS512"}, false},
		{"alg PS256", map[string]any{"alg": "PS256"}, false},
		{"alg number", map[string]any{"alg": 1}, false},
		{"kty EC", map[string]any{"kty": "EC"}, false},
		{"kty oct", map[string]any{"kty": "oct", "k": "AAAA"}, false},
		{"no kty", map[string]any{"kty": nil}, false},
		{"no kid", map[string]any{"kid": nil}, false},
		{"1024 bits", map[string]any{"n": short}, false},
		{"padded n", map[string]any{"n": n + "=="}, false},
		{"n with a leading zero", map[string]any{"n": b64("\x00" + strings.Repeat("\x81", 256))}, false},
		{"n even", map[string]any{"n": b64(strings.Repeat("\x82", 256))}, false},
		{"n missing", map[string]any{"n": nil}, false},
		{"n too long", map[string]any{"n": b64(strings.Repeat("\x81", 1025))}, false},
		{"e 1", map[string]any{"e": "AQ"}, false},
		{"e 3", map[string]any{"e": "Aw"}, false},
		{"e even", map[string]any{"e": "AQAC"}, false},
		{"e zero", map[string]any{"e": "AA"}, false},
		{"e of nine octets", map[string]any{"e": b64("\x01\x00\x00\x00\x00\x00\x01\x00\x01")}, false},
		{"e above 2^31", map[string]any{"e": b64("\x80\x00\x00\x01")}, false},
		{"e number", map[string]any{"e": 65537}, false},
		{"private member", map[string]any{"d": "AQAB"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := maps.Clone(keys[0])
			maps.Copy(k, tt.change)
			maps.DeleteFunc(k, func(_ string, v any) bool { return v == nil })
			document, err := json.Marshal(map[string]any{"keys": []any{k, keys[1], map[string]any{"kty": "odd"}, 7}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = serving(t, i, string(document)).Verify(t.Context(), tok)
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, auth.ErrUnknownKey) {
				t.Errorf("Verify = %v, want ok %v", err, tt.ok)
			}
		})
	}
}

func TestKeyDocuments(t *testing.T) {
	i := shared()
	keys := published(t, i)
	text := func(v any) string { s, _ := json.Marshal(v); return string(s) }
	one, other := text(keys[0]), text(keys[1])
	twin := maps.Clone(keys[1])
	twin["kid"] = keys[0]["kid"]
	tests := []struct {
		name, document string
		want           error
	}{
		{"one key", `{"keys":[` + one + `]}`, nil},
		{"the same key twice", `{"keys":[` + one + `,` + one + `]}`, nil},
		{"two keys under one kid", `{"keys":[` + one + `,` + other + `,` + text(twin) + `]}`, auth.ErrUnknownKey},
		{"two keys under one kid, turned", `{"keys":[` + text(twin) + `,` + other + `,` + one + `]}`, auth.ErrUnknownKey},
		{"no keys", `{"keys":[]}`, auth.ErrKeysUnavailable},
		{"keys missing", `{}`, auth.ErrKeysUnavailable},
		{"keys null", `{"keys":null}`, auth.ErrKeysUnavailable},
		{"a key instead of a set", one, auth.ErrKeysUnavailable},
		{"not JSON", `<html>`, auth.ErrKeysUnavailable},
		{"empty", ``, auth.ErrKeysUnavailable},
		{"trailing data", `{"keys":[` + one + `]}x`, auth.ErrKeysUnavailable},
		{"duplicate member", `{"keys":[],"keys":[` + one + `]}`, auth.ErrKeysUnavailable},
		{"too large", `{"keys":[` + one + `]}` + strings.Repeat(" ", 1<<20), auth.ErrKeysUnavailable},
		{"too many", `{"keys":[` + one + strings.Repeat(",{}", 200) + `]}`, auth.ErrKeysUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := serving(t, i, tt.document).Verify(t.Context(), i.AccessToken("u")); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestKeyRedirects(t *testing.T) {
	i, _ := newIssuer(t)
	evil := httptest.NewServer(i)
	defer evil.Close()
	tests := []struct {
		name, target string
		want         error
	}{
		{"same origin", "/elsewhere/.well-known/jwks.json", nil},
		{"another origin", evil.URL + "/.well-known/jwks.json", auth.ErrKeysUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/start" {
					http.Redirect(w, r, tt.target, http.StatusFound)
					return
				}
				i.ServeHTTP(w, r)
			}))
			defer server.Close()
			cfg := i.Config()
			cfg.Pools[0].JWKSURL = server.URL + "/start"
			cfg.HTTPClient = nil
			if _, err := newVerifier(t, cfg).Verify(t.Context(), i.AccessToken("u")); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}
