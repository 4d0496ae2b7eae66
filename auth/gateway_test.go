package auth_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

// through returns the value as the next function gets it: by way of JSON.
func through(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAuthorizeHTTP(t *testing.T) {
	i, _ := newIssuer(t)
	v := newVerifier(t, i.Config())
	tok := mint(t, i, authtest.Token{Username: "andrew", Scope: "a b", Groups: []string{"g"}})
	tests := []struct {
		name, event string
		ok          bool
	}{
		{"header", `{"version":"2.0","headers":{"authorization":"Bearer ` + tok + `"}}`, true},
		{"header in capitals", `{"headers":{"Authorization":"bearer ` + tok + `"}}`, true},
		{"identity source", `{"identitySource":["Bearer ` + tok + `"]}`, true},
		{"raw token", `{"headers":{"authorization":"` + tok + `"}}`, false},
		{"two headers, joined", `{"headers":{"authorization":"Bearer ` + tok + `,Bearer ` + tok + `"}}`, false},
		{"no header", `{"headers":{}}`, false},
		{"nothing", `{}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var req auth.HTTPAuthorizerRequest
			if err := json.Unmarshal([]byte(tt.event), &req); err != nil {
				t.Fatal(err)
			}
			res, err := v.AuthorizeHTTP(t.Context(), req)
			if err != nil || res.IsAuthorized != tt.ok {
				t.Fatalf("AuthorizeHTTP = %+v, %v", res, err)
			}
			if !tt.ok {
				return
			}
			m := through(t, res)["context"].(map[string]any)
			if m["sub"] != authtest.Subject("andrew") || m["username"] != "andrew" || m["scope"] != "a b" || m["exp"] == nil {
				t.Errorf("context = %v", m)
			}
			c, err := auth.FromAuthorizer(m, start)
			if err != nil || c.Subject != m["sub"] || !c.HasScope("b") || !c.InGroup("g") || !c.ExpiresAt.Equal(start.Add(time.Hour)) {
				t.Errorf("FromAuthorizer = %+v, %v", c, err)
			}
			if err := c.Decode(&struct{}{}); !errors.Is(err, auth.ErrNoPayload) {
				t.Errorf("Decode = %v", err)
			}
			if _, err := auth.FromAuthorizer(m, start.Add(time.Hour)); !errors.Is(err, auth.ErrExpired) {
				t.Errorf("FromAuthorizer after exp = %v", err)
			}
		})
	}
}

func TestAuthorizersFailOnKeyOutage(t *testing.T) {
	i, _ := newIssuer(t)
	i.SetDown(true)
	v := newVerifier(t, i.Config())
	field := "Bearer " + i.AccessToken("u")
	if _, err := v.AuthorizeHTTP(t.Context(), auth.HTTPAuthorizerRequest{IdentitySource: []string{field}}); !errors.Is(err, auth.ErrKeysUnavailable) {
		t.Errorf("AuthorizeHTTP = %v", err)
	}
	if _, err := v.AuthorizeREST(t.Context(), auth.RESTAuthorizerRequest{Type: "TOKEN", AuthorizationToken: field}); !errors.Is(err, auth.ErrKeysUnavailable) {
		t.Errorf("AuthorizeREST = %v", err)
	}
}

func TestAuthorizeREST(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	tok := i.AccessToken("andrew")
	const arn = `"methodArn":"arn:aws:execute-api:eu-west-1:123456789012:abcdef/prod/GET/a/b"`
	tests := []struct {
		name, event string
		ok          bool
	}{
		{"token", `{"type":"TOKEN","authorizationToken":"Bearer ` + tok + `",` + arn + `}`, true},
		{"request", `{"type":"REQUEST","headers":{"Authorization":"Bearer ` + tok + `"},` + arn + `}`, true},
		{"request with two headers", `{"type":"REQUEST","headers":{"Authorization":"Bearer ` + tok + `"},"multiValueHeaders":{"Authorization":["Bearer ` + tok + `","x"]},` + arn + `}`, false},
		{"bad token", `{"type":"TOKEN","authorizationToken":"Bearer x",` + arn + `}`, false},
		{"no token", `{"type":"REQUEST",` + arn + `}`, false},
		{"no ARN", `{"type":"TOKEN","authorizationToken":"Bearer ` + tok + `"}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var req auth.RESTAuthorizerRequest
			if err := json.Unmarshal([]byte(tt.event), &req); err != nil {
				t.Fatal(err)
			}
			res, err := v.AuthorizeREST(t.Context(), req)
			if !tt.ok {
				if err != auth.ErrUnauthorized || err.Error() != "Unauthorized" {
					t.Errorf("AuthorizeREST = %+v, %v", res, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			m := through(t, res)
			statement := m["policyDocument"].(map[string]any)["Statement"].([]any)[0].(map[string]any)
			if m["principalId"] != authtest.Subject("andrew") || statement["Effect"] != "Allow" ||
				statement["Resource"].([]any)[0] != "arn:aws:execute-api:eu-west-1:123456789012:abcdef/prod/*" {
				t.Errorf("response = %v", m)
			}
			values := m["context"].(map[string]any)
			values["exp"] = "1795525200" // a REST API turns numbers into texts
			if c, err := auth.FromAuthorizer(values, start); err != nil || c.Username != "andrew" {
				t.Errorf("FromAuthorizer = %+v, %v", c, err)
			}
		})
	}
}

func TestFromAuthorizerRefuses(t *testing.T) {
	for name, m := range map[string]map[string]any{
		"nil": nil, "no sub": {"exp": 1e10}, "sub number": {"sub": 1, "exp": 1e10}, "no exp": {"sub": "s"},
		"exp text": {"sub": "s", "exp": "soon"}, "exp huge": {"sub": "s", "exp": 1e300}, "exp past": {"sub": "s", "exp": 1.0},
	} {
		if c, err := auth.FromAuthorizer(m, start); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
}
