package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/auth"
)

// forge is an issuer whose private key the test holds, to make signatures that no library makes.
type forge struct {
	key      *rsa.PrivateKey
	verifier *auth.Verifier
	payload  string
}

func newForge(t testing.TB) *forge {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := shared()
	set, err := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "kid": "k", "n": b64(string(key.N.Bytes())), "e": "AQAB", "use": "sig", "alg": "RS256",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return &forge{key, serving(t, i, string(set)), fmt.Sprintf(
		`{"iss":%q,"sub":"s","token_use":"access","client_id":%q,"exp":%d}`, i.URL(), i.ClientID(), start.Unix()+60)}
}

// input is what a token with this header is signed over.
func (f *forge) input(header string) string { return b64(header) + "." + b64(f.payload) }

// sign is RS256.
func (f *forge) sign(t testing.TB, text string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(text))
	s, err := rsa.SignPKCS1v15(nil, f.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return string(s)
}

// power is the private operation on an encoded message, whatever it looks like.
func (f *forge) power(message []byte) []byte {
	s := new(big.Int).Exp(new(big.Int).SetBytes(message), f.key.D, f.key.N)
	return s.FillBytes(make([]byte, 256))
}

// encoded is EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) with a digest info of the test's choice.
func encoded(info []byte) []byte {
	em := make([]byte, 256)
	em[1] = 1
	for n := 2; n < 255-len(info); n++ {
		em[n] = 0xff
	}
	copy(em[256-len(info):], info)
	return em
}

const rs256 = `{"kid":"k","alg":"RS256"}`

// TestSignatures has the classes of the published collections of RSA signatures: everything that is nearly
// RSASSA-PKCS1-v1_5 with SHA-256 over the received bytes, signed with the right key.
func TestSignatures(t *testing.T) {
	f := newForge(t)
	text := f.input(rs256)
	digest := sha256.Sum256([]byte(text))
	sha512Digest := sha512.Sum512([]byte(text))
	sha1Digest := sha1.Sum([]byte(text))
	info := func(hex string, digest []byte) []byte {
		var prefix []byte
		if _, err := fmt.Sscanf(hex, "%x", &prefix); err != nil {
			t.Fatal(err)
		}
		return append(prefix, digest...)
	}
	good := info("3031300d060960864801650304020105000420", digest[:])
	changed := func(change func(em []byte)) []byte {
		em := encoded(good)
		change(em)
		return f.power(em)
	}
	proper := f.power(encoded(good))
	pss, err := rsa.SignPSS(rand.Reader, f.key, crypto.SHA256, digest[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	es256, err := ecdsa.SignASN1(rand.Reader, curve, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	octets := func(n *big.Int, size int) []byte { return n.FillBytes(make([]byte, size)) }
	s := new(big.Int).SetBytes(proper)
	twice := sha256.Sum256(digest[:])
	otherText := sha256.Sum256([]byte(b64(rs256) + b64(f.payload)))
	decodedText := sha256.Sum256([]byte(rs256 + "." + f.payload))
	payloadOnly := sha256.Sum256([]byte(b64(f.payload)))
	sha256Info := func(digest [32]byte) []byte { return info("3031300d060960864801650304020105000420", digest[:]) }
	tests := []struct {
		name      string
		signature []byte
		want      error
	}{
		{"proper", proper, nil},
		{"digest info without NULL", f.power(encoded(info("302f300b0609608648016503040201"+"0420", digest[:]))), auth.ErrSignature},
		{"digest info with a long length", f.power(encoded(info("308131300d060960864801650304020105000420", digest[:]))), auth.ErrSignature},
		{"digest info with an indefinite length", f.power(encoded(append(info("3080300d060960864801650304020105000420", digest[:]), 0, 0))), auth.ErrSignature},
		{"digest info with NULL of one octet", f.power(encoded(info("3032300e06096086480165030402010501000420", digest[:]))), auth.ErrSignature},
		{"digest without info", f.power(encoded(digest[:])), auth.ErrSignature},
		{"SHA-1 named, SHA-256 given", f.power(encoded(info("302d300906052b0e03021a05000420", digest[:]))), auth.ErrSignature},
		{"SHA-512 named, SHA-256 given", f.power(encoded(info("3031300d060960864801650304020305000420", digest[:]))), auth.ErrSignature},
		{"SHA-1", f.power(encoded(info("3021300906052b0e03021a05000414", sha1Digest[:]))), auth.ErrSignature},
		{"SHA-512", f.power(encoded(info("3051300d060960864801650304020305000440", sha512Digest[:]))), auth.ErrSignature},
		{"PSS", pss, auth.ErrSignature},
		{"ECDSA", es256, auth.ErrSignature},
		{"garbage behind the digest", f.power(encoded(append(sha256Info(digest), 1, 2, 3))), auth.ErrSignature},
		{"garbage instead of padding", f.power(append(append([]byte{0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, good...), make([]byte, 256-11-len(good))...)), auth.ErrSignature},
		{"first octet 1", changed(func(em []byte) { em[0] = 1 }), auth.ErrSignature},
		{"block type 0", changed(func(em []byte) { em[1] = 0 }), auth.ErrSignature},
		{"block type 2", changed(func(em []byte) { em[1] = 2 }), auth.ErrSignature},
		{"padding with a zero", changed(func(em []byte) { em[9] = 0 }), auth.ErrSignature},
		{"padding with an fe", changed(func(em []byte) { em[100] = 0xfe }), auth.ErrSignature},
		{"separator 1", changed(func(em []byte) { em[255-len(good)] = 1 }), auth.ErrSignature},
		{"last bit of the digest", changed(func(em []byte) { em[255] ^= 1 }), auth.ErrSignature},
		{"SHA-256 twice", f.power(encoded(sha256Info(twice))), auth.ErrSignature},
		{"over the segments without the dot", f.power(encoded(sha256Info(otherText))), auth.ErrSignature},
		{"over the decoded segments", f.power(encoded(sha256Info(decodedText))), auth.ErrSignature},
		{"over the payload only", f.power(encoded(sha256Info(payloadOnly))), auth.ErrSignature},
		{"with a leading zero", append([]byte{0}, proper...), auth.ErrSignature},
		{"with a trailing zero", append(append([]byte{}, proper...), 0), auth.ErrSignature},
		{"plus the modulus", octets(new(big.Int).Add(s, f.key.N), 257), auth.ErrSignature},
		{"negated", octets(new(big.Int).Sub(f.key.N, s), 256), auth.ErrSignature},
		{"not raised", encoded(good), auth.ErrSignature},
		{"zero", make([]byte, 256), auth.ErrSignature},
		{"one", octets(big.NewInt(1), 256), auth.ErrSignature},
		{"the modulus", octets(f.key.N, 256), auth.ErrSignature},
		{"the modulus less one", octets(new(big.Int).Sub(f.key.N, big.NewInt(1)), 256), auth.ErrSignature},
		{"half", proper[:128], auth.ErrSignature},
		{"one octet", []byte{0}, auth.ErrSignature},
		{"twice as long", append(append([]byte{}, proper...), proper...), auth.ErrSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantErr(t, f.verifier, text+"."+b64(string(tt.signature)), tt.want)
		})
	}
}

// TestSignatureWithoutItsLeadingZero: a number that is short by chance is written with its zeros (RFC 8017 section 4.1).
func TestSignatureWithoutItsLeadingZero(t *testing.T) {
	f := newForge(t)
	for n := range 5000 {
		text := f.input(fmt.Sprintf(`{"kid":"k","alg":"RS256","n":%d}`, n))
		s := f.sign(t, text)
		if s[0] != 0 {
			continue
		}
		wantErr(t, f.verifier, text+"."+b64(s), nil)
		wantErr(t, f.verifier, text+"."+b64(s[1:]), auth.ErrSignature)
		return
	}
	t.Fatal("no such signature among 5000")
}

// TestAlgorithms: whatever a header says but RS256 is refused, with a good RS256 signature, with none, and with what an
// attacker can compute who has only the public key.
func TestAlgorithms(t *testing.T) {
	f := newForge(t)
	der, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&f.key.PublicKey)
	secrets := map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der, "PKCS1": pkcs1,
		"PKCS1 PEM": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}),
		"n":         f.key.N.Bytes(), "n as text": []byte(base64.RawURLEncoding.EncodeToString(f.key.N.Bytes())), "empty": {}, "kid": []byte("k"),
	}
	algorithms := []string{
		`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `""`, `" "`, `"HS256"`, `"HS384"`, `"HS512"`, `"RS1"`, `"RS384"`, `"RS512"`, `"PS256"`, `"PS384"`,
		`"PS512"`, `"ES256"`, `"ES256K"`, `"ES512"`, `"EdDSA"`, `"Ed25519"`, `"ML-DSA-44"`, `"RSA-OAEP"`, `"dir"`, `"rs256"`, `"RS256 "`, `" RS256"`, `"RS256\u0000"`, `"RS256,none"`, `"sha256WithRSAEncryption"`,
		`null`, `256`, `true`, `["RS256"]`, `{"alg":"RS256"}`,
	}
	// A type that is wrong makes the header malformed; a text that is wrong is an algorithm.
	for _, alg := range algorithms {
		want := error(auth.ErrAlgorithm)
		if !strings.HasPrefix(alg, `"`) {
			want = auth.ErrMalformed
		}
		text := f.input(`{"kid":"k","alg":` + alg + `}`)
		signatures := map[string]string{"RS256": f.sign(t, text), "zeros": string(make([]byte, 32))}
		for name, secret := range secrets {
			h := hmac.New(sha256.New, secret)
			h.Write([]byte(text))
			signatures["HMAC with "+name] = string(h.Sum(nil))
		}
		for name, signature := range signatures {
			if _, err := f.verifier.Verify(t.Context(), text+"."+b64(signature)); !errors.Is(err, want) {
				t.Errorf("alg %s signed with %s: %v, want %v", alg, name, err, want)
			}
		}
		wantErr(t, f.verifier, text+".", auth.ErrMalformed)
	}
	text := f.input(rs256)
	for name, secret := range secrets {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(text))
		if _, err := f.verifier.Verify(t.Context(), text+"."+b64(string(h.Sum(nil)))); !errors.Is(err, auth.ErrSignature) {
			t.Errorf("RS256 signed with HMAC and %s: %v", name, err)
		}
	}
}

// TestStrangersKeys: a key that the token brings or points at is never used, and no kid reaches anything but the map of keys.
func TestStrangersKeys(t *testing.T) {
	f, stranger := newForge(t), newForge(t)
	public := fmt.Sprintf(`{"kty":"RSA","kid":"k","n":%q,"e":"AQAB"}`, b64(string(stranger.key.N.Bytes())))
	tests := []struct {
		name, header string
		want         error
	}{
		{"their signature, our kid", rs256, auth.ErrSignature},
		{"jwk", `{"kid":"k","alg":"RS256","jwk":` + public + `}`, auth.ErrMalformed},
		{"jwk null", `{"kid":"k","alg":"RS256","jwk":null}`, auth.ErrMalformed},
		{"jku", `{"kid":"k","alg":"RS256","jku":"https://evil.example/jwks.json"}`, auth.ErrMalformed},
		{"x5u", `{"kid":"k","alg":"RS256","x5u":"https://evil.example/cert.pem"}`, auth.ErrMalformed},
		{"x5c", `{"kid":"k","alg":"RS256","x5c":["MIIB"]}`, auth.ErrMalformed},
		{"escaped jwk", `{"kid":"k","alg":"RS256","\u006awk":` + public + `}`, auth.ErrMalformed},
		{"kid of a file", `{"kid":"../../../../dev/null","alg":"RS256"}`, auth.ErrUnknownKey},
		{"kid with SQL", `{"kid":"x' UNION SELECT 'k","alg":"RS256"}`, auth.ErrUnknownKey},
		{"kid with a command", `{"kid":"k|whoami","alg":"RS256"}`, auth.ErrUnknownKey},
		{"kid with a zero", `{"kid":"k\u0000","alg":"RS256"}`, auth.ErrUnknownKey},
		{"kid in capitals", `{"kid":"K","alg":"RS256"}`, auth.ErrUnknownKey},
		{"kid of a URL", `{"kid":"https://evil.example/k","alg":"RS256"}`, auth.ErrUnknownKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := f.input(tt.header)
			wantErr(t, f.verifier, text+"."+b64(stranger.sign(t, text)), tt.want)
		})
	}
}

// TestManyHeaders: an issuer whose tokens all have headers of their own does not fill the memory.
func TestManyHeaders(t *testing.T) {
	f := newForge(t)
	before := heap()
	for n := range 500 {
		text := f.input(fmt.Sprintf(`{"kid":"k","alg":"RS256","n":"%d%s"}`, n, strings.Repeat("x", 8<<10)))
		wantErr(t, f.verifier, text+"."+b64(f.sign(t, text)), nil)
	}
	if grown := heap() - before; grown > 3<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(f)
}

// heap returns the bytes that are alive.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
