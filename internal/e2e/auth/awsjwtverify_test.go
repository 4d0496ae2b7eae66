package auth_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
	"github.com/cruddur/avatarkit/internal/e2e/component"
)

// judge says for every token what aws-jwt-verify thinks of it: the name of its error, or nothing.
func judge(t *testing.T, i *authtest.Issuer, use auth.TokenUse, texts []string) []string {
	t.Helper()
	const script = `
		const { CognitoJwtVerifier } = require("aws-jwt-verify");
		const work = JSON.parse(require("node:fs").readFileSync(0));
		const v = CognitoJwtVerifier.create({ userPoolId: work.pool, clientId: work.client, tokenUse: work.use });
		v.cacheJwks(JSON.parse(work.jwks));
		const verdict = (token) => { try { v.verifySync(token); return ""; } catch (e) { return e.name === "Error" ? e.constructor.name : e.name; } };
		console.log(JSON.stringify(work.tokens.map(verdict)));`
	cmd := exec.Command(component.Program(t, "node"), "-e", script)
	cmd.Dir = filepath.Dir(filepath.Dir(component.NodePackage(t, "aws-jwt-verify")))
	res, err := i.Client().Get(i.URL() + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	jwks, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	work, err := json.Marshal(map[string]any{"pool": pool(i), "client": i.ClientID(), "use": use, "jwks": string(jwks), "tokens": texts})
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(work), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &stderr)
	}
	var verdicts []string
	if err := json.Unmarshal(out, &verdicts); err != nil || len(verdicts) != len(texts) {
		t.Fatalf("%d verdicts on %d tokens: %v", len(verdicts), len(texts), err)
	}
	return verdicts
}

func pool(i *authtest.Issuer) string { return i.URL()[strings.LastIndexByte(i.URL(), '/')+1:] }

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// TestAgainstAWSJWTVerify puts the same tokens before both verifiers. Tokens of authtest are good for both; what aws-jwt-verify
// refuses is refused here too; and the table names everything that only this verifier refuses.
func TestAgainstAWSJWTVerify(t *testing.T) {
	i, err := authtest.NewIssuer(authtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mint := func(tok authtest.Token) string {
		s, err := i.Mint(tok)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	claim := func(name string, value any) string { return mint(authtest.Token{Claims: map[string]any{name: value}}) }
	headed := func(name string, value any) string { return mint(authtest.Token{Header: map[string]any{name: value}}) }
	idClaim := func(name string, value any) string {
		return mint(authtest.Token{Use: auth.IDToken, Claims: map[string]any{name: value}})
	}
	good := i.AccessToken("andrew")
	parts := strings.Split(good, ".")
	now := time.Now().Unix()
	duplicated, err := i.Sign([]byte(`{"kid":"`+i.KeyID(auth.AccessToken)+`","alg":"RS256"}`), []byte(
		`{"sub":"a","sub":"b","iss":"`+i.URL()+`","token_use":"access","client_id":"`+i.ClientID()+`","exp":9000000000}`))
	if err != nil {
		t.Fatal(err)
	}
	hs256 := b64(`{"kid":"`+i.KeyID(auth.AccessToken)+`","alg":"HS256"}`) + "." + parts[1]
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(hs256))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	tests := []struct {
		name   string
		use    auth.TokenUse
		token  string
		ours   error
		theirs string
	}{
		{"access token", auth.AccessToken, good, nil, ""},
		{"access token with groups and scopes", auth.AccessToken, mint(authtest.Token{Scope: "a b", Groups: []string{"g"}}), nil, ""},
		{"access token of the second issuer format", auth.AccessToken, claim("iss", strings.Replace(i.URL(), "cognito-idp", "issuer-cognito-idp", 1)), nil, ""},
		{"ID token", auth.IDToken, i.IDToken("andrew"), nil, ""},
		{"nbf now", auth.AccessToken, claim("nbf", now), nil, ""},

		{"ID token for access", auth.AccessToken, i.IDToken("andrew"), auth.ErrTokenUse, "CognitoJwtInvalidTokenUseError"},
		{"access token for ID", auth.IDToken, good, auth.ErrTokenUse, "CognitoJwtInvalidTokenUseError"},
		{"expired", auth.AccessToken, mint(authtest.Token{Lifetime: -time.Hour}), auth.ErrExpired, "JwtExpiredError"},
		{"nbf in the future", auth.AccessToken, claim("nbf", now+3600), auth.ErrNotYetValid, "JwtNotBeforeError"},
		{"another client", auth.AccessToken, claim("client_id", "other"), auth.ErrClient, "CognitoJwtInvalidClientIdError"},
		{"aud for client_id", auth.AccessToken, mint(authtest.Token{Claims: map[string]any{"client_id": nil, "aud": i.ClientID()}}), auth.ErrClient, "CognitoJwtInvalidClientIdError"},
		{"aud of another client", auth.IDToken, idClaim("aud", "other"), auth.ErrClient, "CognitoJwtInvalidClientIdError"},
		{"aud list", auth.IDToken, idClaim("aud", []string{i.ClientID()}), auth.ErrClient, "CognitoJwtInvalidClientIdError"},
		{"another issuer", auth.AccessToken, claim("iss", i.URL()+"x"), auth.ErrIssuer, "ParameterValidationError"},
		{"no token_use", auth.AccessToken, claim("token_use", nil), auth.ErrTokenUse, "CognitoJwtInvalidTokenUseError"},
		{"unknown kid", auth.AccessToken, headed("kid", "other"), auth.ErrUnknownKey, "KidNotFoundInJwksError"},
		{"no kid", auth.AccessToken, headed("kid", nil), auth.ErrMalformed, "JwtWithoutValidKidError"},
		{"alg none", auth.AccessToken, b64(`{"alg":"none","kid":"`+i.KeyID(auth.AccessToken)+`"}`) + "." + parts[1] + ".", auth.ErrMalformed, "JwtParseError"},
		{"alg RS512", auth.AccessToken, headed("alg", "RS512"), auth.ErrAlgorithm, "JwtInvalidSignatureAlgorithmError"},
		{"alg HS256", auth.AccessToken, hs256 + "." + b64(string(mac.Sum(nil))), auth.ErrAlgorithm, "JwtInvalidSignatureAlgorithmError"},
		{"other signature", auth.AccessToken, parts[0] + "." + parts[1] + ".AAAA" + parts[2][4:], auth.ErrSignature, "JwtInvalidSignatureError"},
		{"other payload", auth.AccessToken, parts[0] + "." + strings.Split(i.AccessToken("eve"), ".")[1] + "." + parts[2], auth.ErrSignature, "JwtInvalidSignatureError"},
		{"exp text", auth.AccessToken, claim("exp", "9000000000"), auth.ErrClaims, "JwtParseError"},
		{"two segments", auth.AccessToken, parts[0] + "." + parts[1], auth.ErrMalformed, "JwtParseError"},
		{"four segments", auth.AccessToken, good + ".x", auth.ErrMalformed, "JwtParseError"},
		{"line feed", auth.AccessToken, good + "\n", auth.ErrMalformed, "JwtParseError"},
		{"Bearer in front", auth.AccessToken, "Bearer " + good, auth.ErrMalformed, "JwtParseError"},

		// What only this verifier refuses.
		{"no exp", auth.AccessToken, claim("exp", nil), auth.ErrClaims, ""},
		{"exp 1e300", auth.AccessToken, claim("exp", 1e300), auth.ErrClaims, ""},
		{"issued tomorrow", auth.AccessToken, claim("iat", now+86400), auth.ErrNotYetValid, ""},
		{"no sub", auth.AccessToken, claim("sub", nil), auth.ErrClaims, ""},
		{"crit", auth.AccessToken, headed("crit", []string{"exp"}), auth.ErrMalformed, ""},
		{"b64", auth.AccessToken, headed("b64", false), auth.ErrMalformed, ""},
		{"jwk", auth.AccessToken, headed("jwk", map[string]any{"kty": "RSA"}), auth.ErrMalformed, ""},
		{"jku", auth.AccessToken, headed("jku", "https://evil.example"), auth.ErrMalformed, ""},
		{"typ of another kind", auth.AccessToken, headed("typ", "logout+jwt"), auth.ErrMalformed, ""},
		{"duplicate sub", auth.AccessToken, duplicated, auth.ErrClaims, ""},
		{"groups as text", auth.AccessToken, claim("cognito:groups", "admin"), auth.ErrClaims, ""},
		{"padding", auth.AccessToken, good + "==", auth.ErrMalformed, ""},
		{"unused bits", auth.AccessToken, good[:len(good)-1] + string(alphabet[last|1]), auth.ErrMalformed, ""},
		{"longer than 16 KiB", auth.AccessToken, claim("x", strings.Repeat("x", 16<<10)), auth.ErrMalformed, ""},
	}
	verdicts := map[auth.TokenUse][]string{}
	for _, use := range []auth.TokenUse{auth.AccessToken, auth.IDToken} {
		var texts []string
		for _, tt := range tests {
			texts = append(texts, tt.token)
		}
		verdicts[use] = judge(t, i, use, texts)
	}
	for n, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := i.Config()
			cfg.Pools, cfg.TokenUses = []auth.Pool{{ID: pool(i), ClientIDs: []string{i.ClientID()}}}, []auth.TokenUse{tt.use}
			_, err := newVerifier(t, cfg).Verify(t.Context(), tt.token)
			if !errors.Is(err, tt.ours) {
				t.Errorf("this verifier: %v, want %v", err, tt.ours)
			}
			if got := verdicts[tt.use][n]; got != tt.theirs {
				t.Errorf("aws-jwt-verify: %q, want %q", got, tt.theirs)
			}
		})
	}
}
