package auth_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
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
		"exp NaN": {"sub": "s", "exp": "NaN"}, "exp infinite": {"sub": "s", "exp": "Inf"}, "exp nil": {"sub": "s", "exp": nil}, "exp true": {"sub": "s", "exp": true},
		"groups no JSON": {"sub": "s", "exp": 1e10, "groups": "a b"}, "groups of numbers": {"sub": "s", "exp": 1e10, "groups": "[1]"},
	} {
		if c, err := auth.FromAuthorizer(m, start); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
}

// TestGatewayShapes compares with the documents that the API Gateway guide shows, member for member.
func TestGatewayShapes(t *testing.T) {
	i, _ := newIssuer(t)
	v := newVerifier(t, i.Config())
	tok := mint(t, i, authtest.Token{Username: "andrew", Scope: "a b", Groups: []string{"Domain Admins", "x,y", `"q"`}})
	const identity = `{"client_id":"authtest-client","exp":1795525200,"groups":"[\"Domain Admins\",\"x,y\",\"\\\"q\\\"\"]",` +
		`"iss":"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_authtest","scope":"a b","sub":"SUB","token_use":"access","username":"andrew"}`
	// As the guide prints them, shortened: HTTP API with format 2.0, REST API with the types TOKEN and REQUEST.
	httpEvent := `{"version":"2.0","type":"REQUEST","routeArn":"arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request",
		"identitySource":["Bearer ` + tok + `","x"],"routeKey":"$default","rawPath":"/p","rawQueryString":"","cookies":["c"],
		"headers":{"authorization":"Bearer ` + tok + `","header2":"value2"},"queryStringParameters":{"a":"b"},
		"requestContext":{"accountId":"123456789012","http":{"method":"POST"},"timeEpoch":1583348638390},"pathParameters":{},"stageVariables":{}}`
	tokenEvent := `{"type":"TOKEN","authorizationToken":"Bearer ` + tok + `","methodArn":"arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request"}`
	requestEvent := `{"type":"REQUEST","methodArn":"arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request","resource":"/request",
		"path":"/request","httpMethod":"GET","headers":{"X-AMZ-Date":"d","Authorization":"Bearer ` + tok + `"},
		"multiValueHeaders":{"Authorization":["Bearer ` + tok + `"]},"queryStringParameters":{},"pathParameters":{},"stageVariables":{},"requestContext":{"path":"/request"}}`
	const policy = `{"principalId":"SUB","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["execute-api:Invoke"],` +
		`"Resource":["arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/*"]}]},"context":` + identity + `}`
	rest := func(event string) (any, error) {
		var req auth.RESTAuthorizerRequest
		if err := json.Unmarshal([]byte(event), &req); err != nil {
			return nil, err
		}
		return v.AuthorizeREST(t.Context(), req)
	}
	http := func(event string) (any, error) {
		var req auth.HTTPAuthorizerRequest
		if err := json.Unmarshal([]byte(event), &req); err != nil {
			return nil, err
		}
		return v.AuthorizeHTTP(t.Context(), req)
	}
	tests := []struct {
		name      string
		authorize func(string) (any, error)
		event     string
		want      string
	}{
		{"HTTP API", http, httpEvent, `{"isAuthorized":true,"context":` + identity + `}`},
		{"HTTP API, refused", http, `{}`, `{"isAuthorized":false}`},
		{"REST API, TOKEN", rest, tokenEvent, policy},
		{"REST API, REQUEST", rest, requestEvent, policy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := tt.authorize(tt.event)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(res)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.ReplaceAll(tt.want, "SUB", authtest.Subject("andrew")); string(got) != want {
				t.Errorf("answer\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestGroupsSurviveAnAuthorizer: a group whose name has spaces does not become several groups on the way.
func TestGroupsSurviveAnAuthorizer(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	tok := mint(t, i, authtest.Token{Groups: []string{"Domain Admins", "a,b", "é"}})
	res, err := v.AuthorizeHTTP(t.Context(), auth.HTTPAuthorizerRequest{IdentitySource: []string{"Bearer " + tok}})
	if err != nil || !res.IsAuthorized {
		t.Fatal(res, err)
	}
	c, err := auth.FromAuthorizer(through(t, res)["context"].(map[string]any), start)
	if err != nil {
		t.Fatal(err)
	}
	if c.InGroup("Admins") || c.InGroup("a") || !c.InGroup("Domain Admins") || !c.InGroup("é") || len(c.Groups()) != 3 {
		t.Errorf("groups = %q", c.Groups())
	}
}

// TestTwoSpellingsOfAuthorization: a client that sends two headers under names that differ in case gets neither chosen.
func TestTwoSpellingsOfAuthorization(t *testing.T) {
	i := shared()
	v := newVerifier(t, i.Config())
	good := "Bearer " + i.AccessToken("u")
	headers := map[string]string{"Authorization": good, "authorization": good}
	for range 10 { // maps have no order
		if res, err := v.AuthorizeHTTP(t.Context(), auth.HTTPAuthorizerRequest{Headers: headers}); err != nil || res.IsAuthorized {
			t.Errorf("AuthorizeHTTP = %v, %v", res, err)
		}
		multi := map[string][]string{"Authorization": {good}, "AUTHORIZATION": {good}}
		if res, err := v.AuthorizeREST(t.Context(), auth.RESTAuthorizerRequest{Type: "REQUEST", MethodARN: "arn:a/b/c", MultiValueHeaders: multi}); err == nil {
			t.Errorf("AuthorizeREST = %v, %v", res, err)
		}
	}
}

func TestFromAuthorizerNumbers(t *testing.T) {
	exp := start.Add(time.Hour).Unix()
	for _, v := range []any{exp, int(exp), float64(exp), strconv.FormatInt(exp, 10), json.Number(strconv.FormatInt(exp, 10))} {
		c, err := auth.FromAuthorizer(map[string]any{"sub": "s", "exp": v}, start)
		if err != nil || c.ExpiresAt.Unix() != exp {
			t.Errorf("%T: %v, %v", v, c, err)
		}
	}
}
