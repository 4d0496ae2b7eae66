package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// shared is one issuer for the tests that do not change it: making keys is slow.
var shared = sync.OnceValue(func() *authtest.Issuer {
	i, err := authtest.NewIssuer(authtest.Options{Now: authtest.NewClock(start).Now})
	if err != nil {
		panic(err)
	}
	return i
})

func newIssuer(t testing.TB) (*authtest.Issuer, *authtest.Clock) {
	t.Helper()
	clock := authtest.NewClock(start)
	i, err := authtest.NewIssuer(authtest.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return i, clock
}

func newVerifier(t testing.TB, cfg auth.Config) *auth.Verifier {
	t.Helper()
	v, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mint(t testing.TB, i *authtest.Issuer, tok authtest.Token) string {
	t.Helper()
	s, err := i.Mint(tok)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, i *authtest.Issuer, header, payload string) string {
	t.Helper()
	s, err := i.Sign([]byte(header), []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVerifyClaims(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	tok := mint(t, i, authtest.Token{Username: "andrew", Scope: "a/read a/write", Groups: []string{"admin"}, Claims: map[string]any{"plan": "gold"}})
	c, err := v.Verify(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != authtest.Subject("andrew") || c.Username != "andrew" || c.ClientID != i.ClientID() || c.Use != auth.AccessToken || c.Issuer != i.URL() {
		t.Errorf("claims = %+v", c)
	}
	if !c.ExpiresAt.Equal(start.Add(time.Hour)) || !c.IssuedAt.Equal(start) || !c.AuthTime.Equal(start) {
		t.Errorf("times = %v, %v, %v", c.ExpiresAt, c.IssuedAt, c.AuthTime)
	}
	if !c.HasScope("a/write") || c.HasScope("a") || !c.InGroup("admin") || c.InGroup("Admin") {
		t.Errorf("scopes %q, groups %q", c.Scopes(), c.Groups())
	}
	var custom struct {
		Plan string `json:"plan"`
	}
	if err := c.Decode(&custom); err != nil || custom.Plan != "gold" {
		t.Errorf("Decode = %v, %q", err, custom.Plan)
	}
}

// TestVerifyRules mints one token for every rule: each is signed by the right key, and wrong (or right) in one thing only.
func TestVerifyRules(t *testing.T) {
	i := shared()
	kid := i.KeyID(auth.AccessToken)
	both := i.Config()
	both.TokenUses = []auth.TokenUse{auth.AccessToken, auth.IDToken}
	verifiers := map[string]*auth.Verifier{"access": newVerifier(t, i.Config()), "both": newVerifier(t, both)}
	lenient := i.Config()
	lenient.Leeway = 10 * time.Second
	verifiers["leeway"] = newVerifier(t, lenient)
	anyClient := both
	anyClient.Pools = []auth.Pool{{Issuer: i.URL(), AnyClient: true}}
	verifiers["any client"] = newVerifier(t, anyClient)
	for name, cfg := range map[string]auth.Config{"access": i.Config(), "both": both, "leeway": lenient, "any client": anyClient} { // with two issuers
		cfg.Pools = []auth.Pool{{ID: "us-east-1_authtest", ClientIDs: cfg.Pools[0].ClientIDs, AnyClient: cfg.Pools[0].AnyClient}}
		verifiers[name+" of a pool"] = newVerifier(t, cfg)
	}
	head := func(members string) string { return `{"kid":"` + kid + `","alg":"RS256"` + members + `}` }
	good := fmt.Sprintf(`"iss":%q,"sub":"s","token_use":"access","client_id":%q,"iat":%d`, i.URL(), i.ClientID(), start.Unix())
	exp := fmt.Sprintf(`,"exp":%d`, start.Unix()+60)
	claim := func(claims map[string]any) string { return mint(t, i, authtest.Token{Claims: claims}) }
	headed := func(header map[string]any) string { return mint(t, i, authtest.Token{Header: header}) }
	tests := []struct {
		name, token string
		want        error
		with        string // verifier; default access
	}{
		{name: "good", token: mint(t, i, authtest.Token{})},
		{name: "typ JWT", token: headed(map[string]any{"typ": "JWT"})},
		{name: "typ at+jwt", token: headed(map[string]any{"typ": "at+jwt"})},
		{name: "unknown header member", token: headed(map[string]any{"foo": 1})},
		{name: "fractional exp", token: sign(t, i, head(""), `{`+good+`,"exp":1795521700.5}`)},
		{name: "exponent exp", token: sign(t, i, head(""), `{`+good+`,"exp":1.7955217e9}`)},
		{name: "whitespace around payload", token: sign(t, i, head(""), " {"+good+exp+"}\n")},
		{name: "case variant is another claim", token: sign(t, i, head(""), `{"ISS":"x",`+good+exp+`}`)},
		{name: "alg none", token: headed(map[string]any{"alg": "none"}), want: auth.ErrAlgorithm},
		{name: "alg HS256", token: headed(map[string]any{"alg": "HS256"}), want: auth.ErrAlgorithm},
		{name: "alg RS512", token: headed(map[string]any{"alg": "RS512"}), want: auth.ErrAlgorithm},
		{name: "alg PS256", token: headed(map[string]any{"alg": "PS256"}), want: auth.ErrAlgorithm},
		{name: "alg rs256", token: headed(map[string]any{"alg": "rs256"}), want: auth.ErrAlgorithm},
		{name: "alg missing", token: headed(map[string]any{"alg": nil}), want: auth.ErrAlgorithm},
		{name: "alg number", token: headed(map[string]any{"alg": 1}), want: auth.ErrMalformed},
		{name: "crit", token: headed(map[string]any{"crit": []string{"exp"}}), want: auth.ErrMalformed},
		{name: "crit null", token: sign(t, i, head(`,"crit":null`), `{`+good+exp+`}`), want: auth.ErrMalformed},
		{name: "b64", token: headed(map[string]any{"b64": true}), want: auth.ErrMalformed},
		{name: "jwk", token: headed(map[string]any{"jwk": map[string]any{"kty": "RSA"}}), want: auth.ErrMalformed},
		{name: "jku", token: headed(map[string]any{"jku": "https://evil.example"}), want: auth.ErrMalformed},
		{name: "x5u", token: headed(map[string]any{"x5u": "https://evil.example"}), want: auth.ErrMalformed},
		{name: "x5c", token: headed(map[string]any{"x5c": []string{"MII"}}), want: auth.ErrMalformed},
		{name: "x5t", token: headed(map[string]any{"x5t": "a"}), want: auth.ErrMalformed},
		{name: "x5t#S256", token: headed(map[string]any{"x5t#S256": "a"}), want: auth.ErrMalformed},
		{name: "zip", token: headed(map[string]any{"zip": "DEF"}), want: auth.ErrMalformed},
		{name: "typ of another kind", token: headed(map[string]any{"typ": "logout+jwt"}), want: auth.ErrMalformed},
		{name: "kid missing", token: headed(map[string]any{"kid": nil}), want: auth.ErrMalformed},
		{name: "kid empty", token: headed(map[string]any{"kid": ""}), want: auth.ErrMalformed},
		{name: "kid number", token: headed(map[string]any{"kid": 1}), want: auth.ErrMalformed},
		{name: "kid long", token: headed(map[string]any{"kid": strings.Repeat("k", 300)}), want: auth.ErrMalformed},
		{name: "kid of the other key", token: headed(map[string]any{"kid": i.KeyID(auth.IDToken)}), want: auth.ErrSignature},
		{name: "duplicate header member", token: sign(t, i, head(`,"kid":"x"`), `{`+good+exp+`}`), want: auth.ErrMalformed},
		{name: "header trailing data", token: sign(t, i, head("")+"{}", `{`+good+exp+`}`), want: auth.ErrMalformed},
		{name: "header null", token: sign(t, i, "null", `{`+good+exp+`}`), want: auth.ErrMalformed},
		{name: "header null after a space", token: sign(t, i, " null", `{`+good+exp+`}`), want: auth.ErrMalformed},
		{name: "header array", token: sign(t, i, "[]", `{`+good+exp+`}`), want: auth.ErrMalformed},
		{name: "no exp", token: claim(map[string]any{"exp": nil}), want: auth.ErrClaims},
		{name: "exp null", token: sign(t, i, head(""), `{`+good+`,"exp":null}`), want: auth.ErrClaims},
		{name: "exp zero", token: claim(map[string]any{"exp": 0}), want: auth.ErrExpired},
		{name: "exp text", token: claim(map[string]any{"exp": "1795521700"}), want: auth.ErrClaims},
		{name: "exp huge", token: claim(map[string]any{"exp": 1e300}), want: auth.ErrClaims},
		{name: "exp negative", token: claim(map[string]any{"exp": -1}), want: auth.ErrClaims},
		{name: "exp now", token: claim(map[string]any{"exp": start.Unix()}), want: auth.ErrExpired},
		{name: "exp in a second", token: claim(map[string]any{"exp": start.Unix() + 1})},
		{name: "exp within leeway", token: claim(map[string]any{"exp": start.Unix() - 9}), with: "leeway"},
		{name: "exp beyond leeway", token: claim(map[string]any{"exp": start.Unix() - 10}), with: "leeway", want: auth.ErrExpired},
		{name: "nbf now", token: claim(map[string]any{"nbf": start.Unix()})},
		{name: "nbf future", token: claim(map[string]any{"nbf": start.Unix() + 1}), want: auth.ErrNotYetValid},
		{name: "nbf within leeway", token: claim(map[string]any{"nbf": start.Unix() + 10}), with: "leeway"},
		{name: "nbf text", token: claim(map[string]any{"nbf": "0"}), want: auth.ErrClaims},
		{name: "iat future", token: claim(map[string]any{"iat": start.Unix() + 1}), want: auth.ErrNotYetValid},
		{name: "iat text", token: claim(map[string]any{"iat": "0"}), want: auth.ErrClaims},
		{name: "wrong issuer", token: claim(map[string]any{"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other"}), want: auth.ErrIssuer},
		{name: "issuer with slash", token: claim(map[string]any{"iss": i.URL() + "/"}), want: auth.ErrIssuer},
		{name: "no issuer", token: claim(map[string]any{"iss": nil}), want: auth.ErrIssuer},
		{name: "wrong client", token: claim(map[string]any{"client_id": "other"}), want: auth.ErrClient},
		{name: "access token with aud only", token: claim(map[string]any{"client_id": nil, "aud": i.ClientID()}), want: auth.ErrClient},
		{name: "ID token where access is wanted", token: i.IDToken("u"), want: auth.ErrTokenUse},
		{name: "ID token", token: i.IDToken("u"), with: "both"},
		{name: "ID token with client_id only", token: mint(t, i, authtest.Token{Use: auth.IDToken, Claims: map[string]any{"aud": nil, "client_id": i.ClientID()}}), with: "both", want: auth.ErrClient},
		{name: "ID token with aud list", token: mint(t, i, authtest.Token{Use: auth.IDToken, Claims: map[string]any{"aud": []string{i.ClientID()}}}), with: "both", want: auth.ErrClient},
		{name: "no token_use", token: claim(map[string]any{"token_use": nil}), with: "both", want: auth.ErrTokenUse},
		{name: "refresh token_use", token: claim(map[string]any{"token_use": "refresh"}), with: "both", want: auth.ErrTokenUse},
		{name: "no sub", token: claim(map[string]any{"sub": nil}), want: auth.ErrClaims},
		{name: "sub number", token: claim(map[string]any{"sub": 1}), want: auth.ErrClaims},
		{name: "scope list", token: claim(map[string]any{"scope": []string{"a"}}), want: auth.ErrClaims},
		{name: "groups text", token: claim(map[string]any{"cognito:groups": "admin"}), want: auth.ErrClaims},
		{name: "duplicate claim", token: sign(t, i, head(""), `{`+good+exp+`,"sub":"t"}`), want: auth.ErrClaims},
		{name: "duplicate nested member", token: sign(t, i, head(""), `{`+good+exp+`,"x":{"a":1,"a":2}}`), want: auth.ErrClaims},
		{name: "trailing data", token: sign(t, i, head(""), `{`+good+exp+`}{}`), want: auth.ErrClaims},
		{name: "payload null", token: sign(t, i, head(""), `null`), want: auth.ErrClaims},
		{name: "payload array", token: sign(t, i, head(""), `[]`), want: auth.ErrClaims},
		{name: "payload text", token: sign(t, i, head(""), `hello`), want: auth.ErrClaims},
		{name: "payload invalid UTF-8", token: sign(t, i, head(""), `{`+good+exp+",\"x\":\"\xff\"}"), want: auth.ErrClaims},
		{name: "duplicate claim, escaped", token: sign(t, i, head(""), `{`+good+exp+`,"\u0073ub":"t"}`), want: auth.ErrClaims},
		{name: "escaped claim", token: sign(t, i, head(""), strings.Replace(`{`+good+exp+`}`, `"sub"`, `"s\u0075b"`, 1))},
		{name: "exp only as a case variant", token: sign(t, i, head(""), `{`+good+strings.Replace(exp, "exp", "Exp", 1)+`}`), want: auth.ErrClaims},
		{name: "byte order mark", token: sign(t, i, head(""), "\ufeff{"+good+exp+`}`), want: auth.ErrClaims},
		{name: "no-break space", token: sign(t, i, head(""), "\u00a0{"+good+exp+`}`), want: auth.ErrClaims},
		{name: "comment", token: sign(t, i, head(""), `{`+good+exp+`/**/}`), want: auth.ErrClaims},
		{name: "trailing comma", token: sign(t, i, head(""), `{`+good+exp+`,}`), want: auth.ErrClaims},
		{name: "single quotes", token: sign(t, i, head(""), `{`+good+exp+`,'x':1}`), want: auth.ErrClaims},
		{name: "NaN", token: sign(t, i, head(""), `{`+good+exp+`,"x":NaN}`), want: auth.ErrClaims},
		{name: "half a surrogate pair", token: sign(t, i, head(""), `{`+good+exp+`,"x":"\ud800"}`), want: auth.ErrClaims},
		{name: "control character in a text", token: sign(t, i, head(""), `{`+good+exp+",\"x\":\"\n\"}"), want: auth.ErrClaims},
		{name: "cut short", token: sign(t, i, head(""), `{`+good+exp), want: auth.ErrClaims},
		{name: "empty object", token: sign(t, i, head(""), `{}`), want: auth.ErrIssuer},
		{name: "five thousand brackets", token: sign(t, i, head(""), `{`+good+exp+`,"x":`+strings.Repeat("[", 5000)), want: auth.ErrClaims},
		{name: "exp true", token: sign(t, i, head(""), `{`+good+`,"exp":true}`), want: auth.ErrClaims},
		{name: "exp list", token: sign(t, i, head(""), `{`+good+`,"exp":[1795521700]}`), want: auth.ErrClaims},
		{name: "exp object", token: sign(t, i, head(""), `{`+good+`,"exp":{}}`), want: auth.ErrClaims},
		{name: "exp with a leading zero", token: sign(t, i, head(""), `{`+good+`,"exp":01795521700}`), want: auth.ErrClaims},
		{name: "exp with a plus", token: sign(t, i, head(""), `{`+good+`,"exp":+1795521700}`), want: auth.ErrClaims},
		{name: "exp hexadecimal", token: sign(t, i, head(""), `{`+good+`,"exp":0x6B0551E4}`), want: auth.ErrClaims},
		{name: "exp beyond all numbers", token: sign(t, i, head(""), `{`+good+`,"exp":1e999}`), want: auth.ErrClaims},
		{name: "exp in milliseconds", token: claim(map[string]any{"exp": start.UnixMilli()}), want: auth.ErrClaims},
		{name: "exp minus zero", token: sign(t, i, head(""), `{`+good+`,"exp":-0}`), want: auth.ErrExpired},
		{name: "nbf null", token: sign(t, i, head(""), `{`+good+exp+`,"nbf":null}`), want: auth.ErrClaims},
		{name: "nbf beyond leeway", token: claim(map[string]any{"nbf": start.Unix() + 11}), with: "leeway", want: auth.ErrNotYetValid},
		{name: "iat now", token: claim(map[string]any{"iat": start.Unix()})},
		{name: "iat within leeway", token: claim(map[string]any{"iat": start.Unix() + 10}), with: "leeway"},
		{name: "iat beyond leeway", token: claim(map[string]any{"iat": start.Unix() + 11}), with: "leeway", want: auth.ErrNotYetValid},
		{name: "no iat", token: claim(map[string]any{"iat": nil})},
		{name: "auth_time text", token: claim(map[string]any{"auth_time": "now"}), want: auth.ErrClaims},
		{name: "issuer list", token: claim(map[string]any{"iss": []string{i.URL()}}), want: auth.ErrClaims},
		{name: "issuer in capitals", token: claim(map[string]any{"iss": strings.ToUpper(i.URL())}), want: auth.ErrIssuer},
		{name: "client_id list", token: claim(map[string]any{"client_id": []string{i.ClientID()}}), want: auth.ErrClaims},
		{name: "client_id in capitals", token: claim(map[string]any{"client_id": strings.ToUpper(i.ClientID())}), want: auth.ErrClient},
		{name: "any client", token: claim(map[string]any{"client_id": "other"}), with: "any client"},
		{name: "any client, ID token", token: mint(t, i, authtest.Token{Use: auth.IDToken, ClientID: "other"}), with: "any client"},
		{name: "any client, but none", token: claim(map[string]any{"client_id": nil}), with: "any client", want: auth.ErrClient},
		{name: "any client, but none in an ID token", token: mint(t, i, authtest.Token{Use: auth.IDToken, Claims: map[string]any{"aud": nil, "client_id": "c"}}), with: "any client", want: auth.ErrClient},
		{name: "client_id empty", token: claim(map[string]any{"client_id": ""}), want: auth.ErrClient},
		{name: "access token of another client with our aud", token: claim(map[string]any{"client_id": "other", "aud": i.ClientID()}), want: auth.ErrClient},
		{name: "access token with a resource as aud", token: claim(map[string]any{"aud": "https://api.example"})},
		{name: "ID token of another client with our client_id", token: mint(t, i, authtest.Token{Use: auth.IDToken, ClientID: "other", Claims: map[string]any{"client_id": i.ClientID()}}), with: "both", want: auth.ErrClient},
		{name: "ID token with aud number", token: mint(t, i, authtest.Token{Use: auth.IDToken, Claims: map[string]any{"aud": 1}}), with: "both", want: auth.ErrClient},
		{name: "ID token with aud null", token: sign(t, i, head(""), strings.Replace(`{`+good+exp+`,"aud":null}`, `"access"`, `"id"`, 1)), with: "both", want: auth.ErrClient},
		{name: "access token_use in capitals", token: claim(map[string]any{"token_use": "ACCESS"}), with: "both", want: auth.ErrTokenUse},
		{name: "token_use list", token: claim(map[string]any{"token_use": []string{"access"}}), with: "both", want: auth.ErrClaims},
		{name: "sub empty", token: claim(map[string]any{"sub": ""}), want: auth.ErrClaims},
		{name: "sub null", token: sign(t, i, head(""), strings.Replace(`{`+good+exp+`}`, `"sub":"s"`, `"sub":null`, 1)), want: auth.ErrClaims},
		{name: "groups with a number", token: claim(map[string]any{"cognito:groups": []any{"a", 1}}), want: auth.ErrClaims},
		{name: "unknown claims of any type", token: claim(map[string]any{"version": 2, "a": nil, "b": []any{1, "x"}, "__proto__": map[string]any{"c": true}})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.with == "" {
				tt.with = "access"
			}
			for _, with := range []string{tt.with, tt.with + " of a pool"} {
				for _, round := range []string{"first", "again"} { // the second time meets the memo of headers
					c, err := verifiers[with].Verify(t.Context(), tt.token)
					if !errors.Is(err, tt.want) || (err == nil) != (c != nil) {
						t.Errorf("%s, %s: Verify = %v, %v, want %v", with, round, c, err, tt.want)
					}
				}
			}
		})
	}
}

// TestScopeSeparator: only spaces separate scopes (RFC 6749 section 3.3), so that no other white space makes two of one.
func TestScopeSeparator(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	c, err := v.Verify(t.Context(), mint(t, i, authtest.Token{Scope: " a  b\tadmin c\u00a0admin\nadmin "}))
	if err != nil {
		t.Fatal(err)
	}
	if c.HasScope("admin") || c.HasScope("") || !c.HasScope("a") || len(c.Scopes()) != 3 {
		t.Errorf("scopes = %q", c.Scopes())
	}
	var nobody *auth.Claims
	if nobody.HasScope("a") || nobody.InGroup("a") || nobody.Scopes() != nil || nobody.Groups() != nil || !errors.Is(nobody.Decode(&struct{}{}), auth.ErrNoPayload) {
		t.Error("nil claims have something")
	}
}

func TestErrorsNeverRepeatTheToken(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	tok := mint(t, i, authtest.Token{Username: "secret-name", Lifetime: -time.Hour})
	_, err := v.Verify(context.Background(), tok)
	text, _ := json.Marshal(err.Error())
	if strings.Contains(string(text), "secret") || strings.Contains(string(text), strings.Split(tok, ".")[0]) {
		t.Errorf("error reveals the token: %s", text)
	}
	var e *auth.Error
	if !errors.As(err, &e) || e.Reason != auth.ErrExpired || e.Claim != "exp" {
		t.Errorf("error = %#v", err)
	}
}

// TestSharedKeyID: two issuers with different keys under one kid, as emulators have, are kept apart.
func TestSharedKeyID(t *testing.T) {
	a, _ := newIssuer(t)
	b, err := authtest.NewIssuer(authtest.Options{URL: "https://b.example", Now: a.Config().Now})
	if err != nil {
		t.Fatal(err)
	}
	cfg := a.Config()
	cfg.Pools = append(cfg.Pools, b.Config().Pools...)
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		i, kid := a, a.KeyID(auth.AccessToken)
		if r.URL.Host == "b.example" {
			i, kid = b, b.KeyID(auth.AccessToken)
		}
		w := httptest.NewRecorder()
		i.ServeHTTP(w, r)
		res := w.Result()
		text, _ := io.ReadAll(res.Body)
		res.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(text), kid, "same")))
		return res, nil
	})}
	v := newVerifier(t, cfg)
	same := authtest.Token{Header: map[string]any{"kid": "same"}}
	for range 2 {
		for _, i := range []*authtest.Issuer{a, b} {
			c, err := v.Verify(t.Context(), mint(t, i, same))
			if err != nil || c.Issuer != i.URL() {
				t.Fatalf("Verify = %v, %v", c, err)
			}
		}
	}
	// a's key does not speak for b
	stolen := same
	stolen.Claims = map[string]any{"iss": b.URL()}
	wantErr(t, v, mint(t, a, stolen), auth.ErrSignature)
}

// TestCachedTokens: what is remembered is still checked, and belongs to the caller.
func TestCachedTokens(t *testing.T) {
	i, clock := newIssuer(t)
	cfg := i.Config()
	cfg.CacheTokens = 4
	v := newVerifier(t, cfg)
	tok := mint(t, i, authtest.Token{Lifetime: time.Minute, Groups: []string{"g"}})
	c, err := v.Verify(t.Context(), tok)
	if err != nil {
		t.Fatal(err)
	}
	c.Subject, c.Groups()[0] = "changed", "changed"
	if again, err := v.Verify(t.Context(), tok); err != nil || again.Subject == "changed" || !again.InGroup("g") {
		t.Errorf("Verify = %+v, %v", again, err)
	}
	parts := strings.Split(tok, ".")
	wantErr(t, v, parts[0]+"."+b64(`{"sub":"admin"}`)+"."+parts[2], auth.ErrSignature) // the whole text counts
	wantErr(t, v, tok, nil)
	for range 20 {
		wantErr(t, v, mint(t, i, authtest.Token{}), nil)
	}
	clock.Advance(time.Minute)
	wantErr(t, v, tok, auth.ErrExpired)
}

func TestNewReportsEveryFault(t *testing.T) {
	_, err := auth.New(auth.Config{
		Pools: []auth.Pool{
			{ID: "nonsense", ClientIDs: []string{"c"}},
			{ID: "eu-west-1_A"},
			{Issuer: "http://cognito.example/pool", ClientIDs: []string{"c"}},
			{ID: "eu-west-1_B", JWKSURL: "https://x.example", AnyClient: true, ClientIDs: []string{"c"}},
			{ID: "eu-west-1_C", ClientIDs: []string{"c"}, ReplicaRegions: []string{"moon"}},
			{ID: "eu-west-1_D", ClientIDs: []string{"c"}}, {ID: "eu-west-1_D", ClientIDs: []string{"c"}},
		},
		TokenUses: []auth.TokenUse{"refresh"}, Leeway: -1, Realm: "a\"b", CacheTokens: -1,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"nonsense", "Pools[1]", "loopback", "exclude", "JWKSURL", "moon", "twice", "refresh", "Leeway", "Realm", "CacheTokens"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no mention of %s in:\n%v", part, err)
		}
	}
	if _, err := auth.New(auth.Config{}); err == nil {
		t.Error("accepted the zero Config")
	}
	for _, url := range []string{"http://localhost:9229/local_a", "http://127.0.0.1:9229/local_a", "http://[::1]:9229/local_a", "https://a.example"} {
		if _, err := auth.New(auth.Config{Pools: []auth.Pool{{Issuer: url, AnyClient: true}}}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}
