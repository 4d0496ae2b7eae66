package auth_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

// benchToken is an access token of about 1.1 kB, the length of Cognito's.
func benchToken(b *testing.B) (*authtest.Issuer, string) {
	b.Helper()
	i := shared()
	tok := mint(b, i, authtest.Token{
		Username: "andrew", Groups: []string{"admin", "moderators"},
		Scope: "aws.cognito.signin.user.admin openid profile email cruddur/read cruddur/write",
	})
	if len(tok) < 1050 || len(tok) > 1300 {
		b.Fatalf("the token has %d bytes", len(tok))
	}
	return i, tok
}

func BenchmarkVerify(b *testing.B) {
	i, tok := benchToken(b)
	benchVerify(b, newVerifier(b, i.Config()), tok)
}

func BenchmarkVerifyCached(b *testing.B) {
	i, tok := benchToken(b)
	cfg := i.Config()
	cfg.CacheTokens = 1000
	benchVerify(b, newVerifier(b, cfg), tok)
}

func benchVerify(b *testing.B, v *auth.Verifier, tok string) {
	b.Helper()
	if _, err := v.Verify(b.Context(), tok); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), tok); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRawRSA is crypto/rsa on the same token, its digest and signature given: no verifier can be faster with it.
func BenchmarkRawRSA(b *testing.B) {
	i, tok := benchToken(b)
	w := httptest.NewRecorder()
	i.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	var set struct{ Keys []struct{ N string } }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		b.Fatal(err)
	}
	n, err := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	if err != nil {
		b.Fatal(err)
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	dot := strings.LastIndexByte(tok, '.')
	digest := sha256.Sum256([]byte(tok[:dot]))
	signature, err := base64.RawURLEncoding.DecodeString(tok[dot+1:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRejectMalformed(b *testing.B) {
	i, tok := benchToken(b)
	v := newVerifier(b, i.Config())
	if _, err := v.Verify(b.Context(), tok); err != nil {
		b.Fatal(err)
	}
	tests := []struct{ name, token string }{
		{"NotAToken", "not a token"},
		{"TwoSegments", tok[:strings.LastIndexByte(tok, '.')]},
		{"Padding", tok + "="},
		{"AlgNone", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + tok[strings.IndexByte(tok, '.'):]},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), tt.token); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
