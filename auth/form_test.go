package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/auth"
)

// TestVerifyForm changes the text of a good token.
func TestVerifyForm(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	good := i.AccessToken("u")
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	h, p, s := parts[0], parts[1], parts[2]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	loose := s[:len(s)-1] + string(alphabet[last|1]) // 256 octets leave 4 bits unused
	tests := []struct {
		name, token string
		want        error
	}{
		{"empty", "", auth.ErrMissingToken},
		{"one segment", h, auth.ErrMalformed},
		{"two segments", h + "." + p, auth.ErrMalformed},
		{"no signature", h + "." + p + ".", auth.ErrMalformed},
		{"no header", "." + p + "." + s, auth.ErrMalformed},
		{"no payload", h + ".." + s, auth.ErrMalformed},
		{"four segments", good + ".x", auth.ErrMalformed},
		{"five segments (JWE)", h + "." + p + "." + s + ".a.b", auth.ErrMalformed},
		{"padding", good + "==", auth.ErrMalformed},
		{"non-canonical bits", h + "." + p + "." + loose, auth.ErrMalformed},
		{"line feed in signature", h + "." + p + "." + s[:9] + "\n" + s[9:], auth.ErrMalformed},
		{"carriage return at the end", good + "\r", auth.ErrMalformed},
		{"line feed in payload", h + "." + p[:8] + "\n" + p[8:] + "." + s, auth.ErrMalformed},
		{"space in front", " " + good, auth.ErrMalformed},
		{"standard alphabet", h + "." + p + "." + "+/" + s[2:], auth.ErrMalformed},
		{"JSON serialization", `{"payload":"` + p + `","protected":"` + h + `","signature":"` + s + `"}`, auth.ErrMalformed},
		{"too long", h + "." + p + "." + strings.Repeat("A", 16<<10), auth.ErrMalformed},
		{"signature flipped", h + "." + p + ".AAAA" + s[4:], auth.ErrSignature},
		{"signature short", h + "." + p + "." + s[:len(s)-4-2], auth.ErrSignature},
		{"signature of another payload", h + "." + strings.Split(i.IDToken("u"), ".")[1] + "." + s, auth.ErrSignature},
	}
	corruptions := []struct {
		name    string
		corrupt func(string) string
	}{
		{"one =", func(s string) string { return s + "=" }},
		{"two =", func(s string) string { return s + "==" }},
		{"a letter more", func(s string) string { return s + strings.Repeat("A", 5-len(s)%4) }}, // 1 modulo 4
		{"space in front", func(s string) string { return " " + s }},
		{"space behind", func(s string) string { return s + " " }},
		{"tab inside", func(s string) string { return s[:4] + "\t" + s[4:] }},
		{"line feed in front", func(s string) string { return "\n" + s }},
		{"line feed inside", func(s string) string { return s[:4] + "\n" + s[4:] }},
		{"line feed behind", func(s string) string { return s + "\n" }},
		{"CR LF inside", func(s string) string { return s[:4] + "\r\n" + s[4:] }},
		{"zero octet", func(s string) string { return s + "\x00" }},
		{"plus", func(s string) string { return "+" + s[1:] }},
		{"slash", func(s string) string { return s[:len(s)-1] + "/" }},
		{"percent", func(s string) string { return "%2D" + s }},
		{"not ASCII", func(s string) string { return s[:4] + "\u0430" + s[4:] }},
		{"comma", func(s string) string { return s[:4] + "," + s[4:] }},
	}
	for n, segment := range []string{"header", "payload", "signature"} {
		for _, c := range corruptions {
			changed := slices.Clone(parts)
			changed[n] = c.corrupt(changed[n])
			tests = append(tests, struct {
				name, token string
				want        error
			}{c.name + " in " + segment, strings.Join(changed, "."), auth.ErrMalformed})
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if c, err := v.Verify(t.Context(), tt.token); !errors.Is(err, tt.want) || c != nil {
				t.Errorf("Verify = %v, %v, want %v", c, err, tt.want)
			}
		})
	}
}

// TestUnusedBits: base64url of one or two octets beyond a multiple of three leaves bits that must be zero, in every segment.
func TestUnusedBits(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for spaces := range 3 { // all the lengths modulo 3
		pad := strings.Repeat(" ", spaces)
		good := sign(t, i, `{"kid":"`+i.KeyID(auth.AccessToken)+`","alg":"RS256"}`+pad, fmt.Sprintf(
			`{"iss":%q,"sub":"s","token_use":"access","client_id":%q,"exp":%d}`, i.URL(), i.ClientID(), start.Unix()+60)+pad)
		wantErr(t, v, good, nil)
		parts := strings.Split(good, ".")
		for n, s := range parts {
			if len(s)%4 == 0 {
				continue // no unused bits
			}
			last := strings.IndexByte(alphabet, s[len(s)-1])
			changed := slices.Clone(parts)
			changed[n] = s[:len(s)-1] + string(alphabet[last|1])
			wantErr(t, v, strings.Join(changed, "."), auth.ErrMalformed)
		}
	}
}

// TestLengthComesFirst: a text beyond the limit costs nothing that grows with it, cache or not.
func TestLengthComesFirst(t *testing.T) {
	cfg := shared().Config()
	cfg.CacheTokens = 10
	v := newVerifier(t, cfg)
	long := strings.Repeat("a", 64<<20)
	wantErr(t, v, long, auth.ErrMalformed)
	least := testing.AllocsPerRun(5, func() { _, _ = v.Verify(t.Context(), long) })
	if least > 3 {
		t.Errorf("%v allocations", least)
	}
}
