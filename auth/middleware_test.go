package auth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

// who answers the subject of the request, or "nobody".
var who = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	c, ok := auth.FromContext(r.Context())
	if !ok {
		_, _ = w.Write([]byte("nobody"))
		return
	}
	_, _ = w.Write([]byte(c.Subject))
})

func serve(h http.Handler, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code == http.StatusOK {
		return ""
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type = %q", ct)
	}
	var p struct {
		Status int
		Code   string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code {
		t.Errorf("problem = %s (%v), status %d", w.Body, err, w.Code)
	}
	return p.Code
}

func TestRequireHeader(t *testing.T) {
	i := shared()
	h := newVerifier(t, i.Config()).Require(who)
	tok := i.AccessToken("u")
	tests := []struct {
		name      string
		fields    []string
		status    int
		code      string
		challenge string // prefix
	}{
		{"Bearer", []string{"Bearer " + tok}, 200, "", ""},
		{"lower case", []string{"bearer " + tok}, 200, "", ""},
		{"upper case", []string{"BEARER " + tok}, 200, "", ""},
		{"two spaces", []string{"Bearer  " + tok}, 200, "", ""}, // 1*SP in RFC 9110 and RFC 6750
		{"absent", nil, 401, "missing_token", "Bearer"},
		{"empty", []string{""}, 401, "missing_token", "Bearer"},
		{"no scheme", []string{tok}, 401, "missing_token", "Bearer"},
		{"Basic", []string{"Basic " + tok}, 401, "missing_token", "Bearer"},
		{"scheme only", []string{"Bearer"}, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"scheme and space", []string{"Bearer "}, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"two tokens", []string{"Bearer " + tok + " " + tok}, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"list", []string{"Bearer " + tok + ",Bearer " + tok}, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"tab", []string{"Bearer\t" + tok}, 401, "missing_token", "Bearer"},
		{"two fields", []string{"Bearer " + tok, "Bearer " + tok}, 400, "invalid_request", `Bearer error="invalid_request"`},
		{"not a token", []string{"Bearer abc"}, 401, "malformed_token", `Bearer error="invalid_token"`},
		{"expired", []string{"Bearer " + mint(t, i, authtest.Token{Lifetime: -time.Hour})}, 401, "token_expired", `Bearer error="invalid_token"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(h, tt.fields...)
			challenge := w.Header().Get("WWW-Authenticate")
			bare := tt.challenge == "Bearer" && challenge != "Bearer"
			if got := code(t, w); w.Code != tt.status || got != tt.code || !strings.HasPrefix(challenge, tt.challenge) || bare {
				t.Errorf("%d %q %q, want %d %q %q", w.Code, got, challenge, tt.status, tt.code, tt.challenge)
			}
			if w.Code == 200 && w.Body.String() != authtest.Subject("u") {
				t.Errorf("subject = %q", w.Body)
			}
		})
	}
}

func TestOptional(t *testing.T) {
	i := shared()
	h := newVerifier(t, i.Config()).Optional(who)
	if w := serve(h); w.Code != 200 || w.Body.String() != "nobody" {
		t.Errorf("without a header: %d %s", w.Code, w.Body)
	}
	if w := serve(h, "Bearer "+i.AccessToken("u")); w.Body.String() != authtest.Subject("u") {
		t.Errorf("with a token: %d %s", w.Code, w.Body)
	}
	if w := serve(h, "Bearer abc"); w.Code != 401 {
		t.Errorf("with a bad token: %d", w.Code)
	}
}

func TestRequireScopesAndGroups(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	tok := "Bearer " + mint(t, i, authtest.Token{Scope: "a b", Groups: []string{"g", "h"}})
	tests := []struct {
		name   string
		demand func(http.Handler) http.Handler
		code   string
	}{
		{"all scopes", v.RequireScopes("a", "b"), ""},
		{"one of all is missing", v.RequireScopes("a", "c"), "insufficient_scope"},
		{"any scope", v.RequireAnyScope("c", "b"), ""},
		{"none of any", v.RequireAnyScope("c", "d"), "insufficient_scope"},
		{"all groups", v.RequireGroups("g", "h"), ""},
		{"one group is missing", v.RequireGroups("g", "x"), "missing_group"},
		{"any group", v.RequireAnyGroup("x", "h"), ""},
		{"no group", v.RequireAnyGroup("x"), "missing_group"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(v.Require(tt.demand(who)), tok)
			if got := code(t, w); got != tt.code || tt.code != "" && w.Code != 403 {
				t.Errorf("%d %q, want %q", w.Code, got, tt.code)
			}
			if w := serve(tt.demand(who), tok); w.Code != 401 {
				t.Errorf("without Require: %d", w.Code)
			}
		})
	}
	w := serve(v.Require(v.RequireScopes("a", "c")(who)), tok)
	if c := w.Header().Get("WWW-Authenticate"); !strings.Contains(c, `scope="a c"`) {
		t.Errorf("challenge = %q", c)
	}
}

func TestKeyOutageIsNot401(t *testing.T) {
	i, _ := newIssuer(t)
	i.SetDown(true)
	w := serve(newVerifier(t, i.Config()).Require(who), "Bearer "+i.AccessToken("u"))
	if got := code(t, w); w.Code != 503 || got != "keys_unavailable" || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %q %v", w.Code, got, w.Header())
	}
}

func TestErrorHandlerAndRealm(t *testing.T) {
	i := shared()
	cfg := i.Config()
	cfg.Realm = "cruddur"
	if c := serve(newVerifier(t, cfg).Require(who)).Header().Get("WWW-Authenticate"); c != `Bearer realm="cruddur"` {
		t.Errorf("challenge = %q", c)
	}
	cfg.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) { w.WriteHeader(auth.Status(err) + 17) }
	if w := serve(newVerifier(t, cfg).Require(who)); w.Code != 418 {
		t.Errorf("status = %d", w.Code)
	}
}
