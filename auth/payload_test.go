package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cruddur/avatarkit/auth"
)

// verifyPayload signs a payload
func (f *forge) verifyPayload(t *testing.T, payload string) (*auth.Claims, error) {
	text := b64(rs256) + "." + b64(payload)
	return f.verifier.Verify(t.Context(), text+"."+b64(f.sign(t, text)))
}

// TestClaimTypes gives every claim that is read a value of every type. Each payload is read twice: as it is, and with a member more
// that Cognito would not write, so that both decoders see it.
func TestClaimTypes(t *testing.T) {
	f := newForge(t)
	texts := []string{"iss", "sub", "token_use", "client_id", "username", "cognito:username", "scope", "jti"}
	dates := []string{"exp", "iat", "nbf", "auth_time"}
	values := []struct{ kind, json string }{
		{"text", `"x"`}, {"text", `""`}, {"text", `"\u0041 é"`}, {"date", `1795521599`}, {"date", `0`}, {"date", `1.5`}, {"date", `1e3`}, {"text or null", `null`},
		{"bad date", `-1`}, {"bad date", `253402300800`}, {"bad date", `99999999999999999999`},
		{"list", `["x","y z"]`}, {"list", `[]`}, {"bad list", `["x",1]`}, {"bad list", `[["x"]]`}, {"object", `{}`}, {"object", `{"a":1}`}, {"bool", `true`}, {"bool", `false`},
		{"broken", `tru`}, {"broken", `01`}, {"broken", `1.`}, {"broken", `["x" "y"]`}, {"broken", `["x",]`}, {"broken", `["x"`}, {"broken", `"x`}, {"broken", `'x'`}, {"broken", ``}, {"broken", `"x" "y"`}, {"broken", "\"\t\""}, {"broken", "\"\xff\""},
	}
	fits := func(name, kind string) bool {
		switch {
		case kind == "broken":
			return false
		case slices.Contains(texts, name):
			return strings.HasPrefix(kind, "text")
		case slices.Contains(dates, name):
			return kind == "date"
		case name == "cognito:groups":
			return kind == "list" || kind == "text or null"
		default: // not read, or, in an access token, not looked at
			return true
		}
	}
	for _, name := range append(append(texts, dates...), "cognito:groups", "aud", "version") {
		for _, v := range values {
			members := []string{`"sub":"s"`, `"token_use":"access"`, fmt.Sprintf(`"iss":%q`, shared().URL()), fmt.Sprintf(`"client_id":%q`, shared().ClientID()), `"exp":1795521601`}
			members = slices.DeleteFunc(members, func(m string) bool { return strings.HasPrefix(m, `"`+name+`"`) })
			payload := `{` + strings.Join(append(members, `"`+name+`":`+v.json), ",")
			c, err := f.verifyPayload(t, payload+`}`)
			d, also := f.verifyPayload(t, payload+`,"\u2603":null}`)
			if fmt.Sprint(err) != fmt.Sprint(also) || err == nil && !sameClaims(c, d) {
				t.Errorf("%s %s: %+v, %v; with a member more: %+v, %v", name, v.json, c, err, d, also)
			}
			if wrong := errors.Is(err, auth.ErrClaims) && !strings.Contains(err.Error(), "has no"); wrong == fits(name, v.kind) {
				t.Errorf("%s %s: %v", name, v.json, err)
			}
		}
	}
}

// TestPayloadForms: the same claims in every form that JSON allows, and forms that it does not allow.
func TestPayloadForms(t *testing.T) {
	f := newForge(t)
	want, err := f.verifyPayload(t, f.payload)
	if err != nil {
		t.Fatal(err)
	}
	inside := strings.TrimSuffix(strings.TrimPrefix(f.payload, "{"), "}")
	many := func(n int) (members string) {
		for n := range n {
			members += fmt.Sprintf(`,"m%d":%d`, n, n)
		}
		return members
	}
	tests := []struct {
		name, payload string
		ok            bool
	}{
		{"white space", "\t{ " + strings.ReplaceAll(strings.ReplaceAll(inside, `,"`, " ,\r\n\t\""), `":`, "\" :\n ") + " } \n", true},
		{"escapes", `{` + strings.ReplaceAll(inside, `"s"`, `"\u0073"`) + `}`, true},
		{"escaped slashes", `{` + strings.ReplaceAll(inside, "/", `\/`) + `}`, true},
		{"many members", `{` + inside + many(30) + `}`, true},
		{"very many members", `{` + inside + many(300) + `}`, true},
		{"duplicate among very many", `{` + inside + many(300) + `,"sub":"t"}`, false},
		{"duplicate at once", `{` + inside + `,"x":1,"x":1}`, false},
		{"nested", `{` + inside + `,"x":{"a":[{"b":{}}]}}`, true},
		{"no colon", `{` + inside + `,"x" 1}`, false},
		{"no value", `{` + inside + `,"x"}`, false},
		{"no comma", `{` + inside + ` "x":1}`, false},
		{"two colons", `{` + inside + `,"x"::1}`, false},
		{"two commas", `{` + inside + `,,"x":1}`, false},
		{"name without quotes", `{` + inside + `,x:1}`, false},
		{"name that is a number", `{` + inside + `,1:1}`, false},
		{"comma in front", `{,` + inside + `}`, false},
		{"comma behind", `{` + inside + `,}`, false},
		{"form feed", "{\f" + inside + `}`, false},
		{"zero octet", `{` + inside + "}\x00", false},
		{"two objects", `{` + inside + `}{}`, false},
		{"not closed", `{` + inside, false},
		{"closed twice", `{` + inside + `}}`, false},
		{"closed as a list", `{` + inside + `]`, false},
		{"a list of it", `[{` + inside + `}]`, false},
		{"a text of it", `"` + strings.ReplaceAll(f.payload, `"`, `\"`) + `"`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := f.verifyPayload(t, tt.payload)
			if tt.ok && (err != nil || !sameClaims(c, want)) || !tt.ok && !errors.Is(err, auth.ErrClaims) {
				t.Errorf("Verify = %+v, %v", c, err)
			}
		})
	}
}

// TestUsernames: an ID token's name of the user is another claim than an access token's.
func TestUsernames(t *testing.T) {
	cfg := shared().Config()
	cfg.TokenUses = []auth.TokenUse{auth.IDToken}
	c, err := newVerifier(t, cfg).Verify(t.Context(), shared().IDToken("andrew"))
	if err != nil || c.Username != "andrew" || c.Subject == "" {
		t.Errorf("Verify = %+v, %v", c, err)
	}
}
