package auth_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/auth"
)

// The keys and a token of an issuer that existed once, so that the corpora mean the same in every process. Its private keys
// are gone.
var (
	//go:embed testdata/jwks.json
	goldenKeys string
	//go:embed testdata/token.txt
	goldenText  string
	goldenToken = strings.TrimSpace(goldenText)
)

// checkRefusal wants claims or a typed error that does not repeat the input.
func checkRefusal(t *testing.T, c *auth.Claims, err error, input string) {
	t.Helper()
	if (c == nil) == (err == nil) {
		t.Fatalf("Verify = %v, %v", c, err)
	}
	var e *auth.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("error %T", err)
	}
	if err != nil && len(input) > 20 && strings.Contains(err.Error(), input) {
		t.Fatalf("the error repeats the input: %v", err)
	}
}

// FuzzVerify: no text but the one that was signed is accepted.
func FuzzVerify(f *testing.F) {
	v := serving(f, shared(), goldenKeys)
	if _, err := v.Verify(f.Context(), goldenToken); err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(goldenToken, ".")
	f.Add(goldenToken)
	f.Add(goldenToken + "=")
	f.Add(parts[0] + "\n." + parts[1] + "." + parts[2])
	f.Add(b64(`{"alg":"none"}`) + "." + parts[1] + ".")
	f.Add(b64(`{"alg":"RS256","kid":"other","crit":["exp"]}`) + "." + parts[1] + "." + parts[2])
	f.Add(parts[0] + "." + b64(`{"sub":"admin"}`) + "." + parts[2])
	f.Add(`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`)
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := v.Verify(t.Context(), text)
		checkRefusal(t, c, err, text)
		if err == nil && text != goldenToken {
			t.Errorf("accepted %q", text)
		}
	})
}

// FuzzHeader signs whatever header it is given: only RS256 with the published kid and without extensions may pass.
func FuzzHeader(f *testing.F) {
	k := newForge(f)
	f.Add(rs256)
	f.Add(`{"kid":"k","alg":"RS256","typ":"JWT","crit":[]}`)
	f.Add(`{"kid":"k","alg":"none","\u0061lg":"RS256"}`)
	f.Add(` {"alg":"RS256","kid":"k","b64":false}`)
	f.Fuzz(func(t *testing.T, header string) {
		text := k.input(header)
		token := text + "." + b64(k.sign(t, text))
		c, err := k.verifier.Verify(t.Context(), token)
		checkRefusal(t, c, err, token)
		if err != nil {
			return
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(header), &m); err != nil || m["alg"] != "RS256" || m["kid"] != "k" {
			t.Fatalf("accepted %q", header)
		}
		for _, name := range []string{"crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc"} {
			if _, ok := m[name]; ok {
				t.Fatalf("accepted %q", header)
			}
		}
	})
}

// FuzzPayload signs whatever payload it is given, and compares what is accepted with what encoding/json reads; and the verdict
// with that on the same payload and one member more, which Cognito would not write and only the general decoder reads.
func FuzzPayload(f *testing.F) {
	k := newForge(f)
	more := func(members string) string { return strings.TrimSuffix(k.payload, "}") + members + "}" }
	f.Add(k.payload)
	f.Add(`{"exp":1e9,"sub":"s"}`)
	f.Add(`{"cognito:groups":[null],"aud":[]}`)
	f.Add(more(`,"nbf":1.5,"iat":1e9,"cognito:groups":["a b"],"scope":"a b"`))
	f.Add(more(`,"Sub":"t","SUB":"u"`))
	f.Add(more(`, "nbf" : 0 ,"iat":1795521600,"auth_time":1795521600,"cognito:groups":[ "a" , "b" ],"aud":["x"],"v":true,"w":false,"jti":"j","username":"u"`))
	f.Add(more(`,"nbf":00,"auth_time":253402300800`))
	f.Add(more(`,"x":"\u00e9é","cognito:groups":[]`))
	f.Add(strings.Replace(more(`,"aud":"a","cognito:username":"u"`), "access", "id", 1))
	f.Fuzz(func(t *testing.T, payload string) {
		verify := func(payload string) (*auth.Claims, error) {
			text := b64(rs256) + "." + b64(payload)
			token := text + "." + b64(k.sign(t, text))
			c, err := k.verifier.Verify(t.Context(), token)
			checkRefusal(t, c, err, token)
			return c, err
		}
		c, err := verify(payload)
		if inside, ok := strings.CutSuffix(strings.TrimRight(payload, " \t\r\n"), "}"); ok && strings.Trim(inside, " \t\r\n") != "{" {
			d, also := verify(inside + `,"\u2603":null}`)
			if fmt.Sprint(err) != fmt.Sprint(also) || err == nil && !sameClaims(c, d) {
				t.Fatalf("%q\nalone: %+v, %v\nwith a member more: %+v, %v", payload, c, err, d, also)
			}
		}
		if err != nil {
			return
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(payload), &m); err != nil {
			t.Fatalf("accepted %q", payload)
		}
		exp, _ := m["exp"].(float64)
		scope, _ := m["scope"].(string)
		if c.Subject == "" || m["sub"] != c.Subject || m["iss"] != c.Issuer || m["client_id"] != c.ClientID || m["token_use"] != "access" ||
			exp <= float64(start.Unix()) || c.ExpiresAt.Unix() != int64(exp) || scope != c.Scope || c.ClientID != shared().ClientID() {
			t.Errorf("accepted %q as %+v", payload, c)
		}
	})
}

func sameClaims(a, b *auth.Claims) bool {
	return a.Subject == b.Subject && a.Username == b.Username && a.Issuer == b.Issuer && a.Use == b.Use && a.ClientID == b.ClientID &&
		a.Scope == b.Scope && a.ID == b.ID && slices.Equal(a.Groups(), b.Groups()) && a.ExpiresAt.Equal(b.ExpiresAt) &&
		a.IssuedAt.Equal(b.IssuedAt) && a.NotBefore.Equal(b.NotBefore) && a.AuthTime.Equal(b.AuthTime)
}

// FuzzKeys: whatever document comes for the keys, a token is accepted only with the key that signed it.
func FuzzKeys(f *testing.F) {
	i := shared()
	var set struct{ Keys []struct{ N string } }
	if err := json.Unmarshal([]byte(goldenKeys), &set); err != nil {
		f.Fatal(err)
	}
	f.Add(goldenKeys)
	f.Add(`{"keys":[{"kty":"RSA","kid":"a","n":"","e":"AQAB"}]}`)
	f.Add(strings.Replace(goldenKeys, `"AQAB"`, `"AAEAAQ"`, 1))
	f.Add(strings.Replace(goldenKeys, `"use":"sig"`, `"key_ops":["verify"]`, 1))
	f.Add(strings.Replace(goldenKeys, `"alg":"RS256"`, `"alg":"RS256","alg":"RS512"`, 1))
	f.Fuzz(func(t *testing.T, document string) {
		c, err := serving(t, i, document).Verify(t.Context(), goldenToken)
		checkRefusal(t, c, err, document)
		if err != nil {
			return
		}
		var m struct {
			Keys []map[string]any
		}
		_ = json.Unmarshal([]byte(document), &m) // an odd key beside may not fit
		for _, k := range m.Keys {
			if k["n"] == set.Keys[0].N && k["e"] == "AQAB" && k["kty"] == "RSA" {
				return
			}
		}
		if !strings.Contains(document, set.Keys[0].N[:20]) { // unless written with escapes
			t.Errorf("accepted with %q", document)
		}
	})
}

var credentials = regexp.MustCompile(`^(?i:bearer) +([0-9A-Za-z\-._~+/]+=*)$`) // RFC 9110 section 11.4 and appendix A

// FuzzBearer compares the header's reading with the grammar.
func FuzzBearer(f *testing.F) {
	for _, s := range []string{"Bearer t", "bearer  t=", "t", "Bearer", "Bearer a b", "Basic t", "Bearer t, Bearer u", "Bearer\tt", "Bearer =", "Bearer a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		token, err := auth.BearerToken(http.Header{"Authorization": {field}})
		want := ""
		if m := credentials.FindStringSubmatch(field); m != nil {
			want = m[1]
		}
		if token != want || (err == nil) != (want != "") {
			t.Errorf("BearerToken(%q) = %q, %v, want %q", field, token, err, want)
		}
	})
}

// FuzzFromAuthorizer: a context without a subject or a future exp is never an identity.
func FuzzFromAuthorizer(f *testing.F) {
	f.Add(fmt.Sprintf(`{"sub":"s","exp":%d,"groups":"[\"a b\"]","scope":"a b"}`, start.Unix()+1))
	f.Add(`{"sub":"s","exp":"1e10","groups":"[1]"}`)
	f.Add(`{"sub":["s"],"exp":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var m map[string]any
		if json.Unmarshal([]byte(text), &m) != nil {
			return
		}
		c, err := auth.FromAuthorizer(m, start)
		checkRefusal(t, c, err, text)
		if err == nil && (c.Subject == "" || c.Subject != m["sub"] || !c.ExpiresAt.After(start)) {
			t.Errorf("accepted %q as %+v", text, c)
		}
	})
}
