package auth_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

// TestLambdaEvents: the authorizers' own types are, as JSON, those of aws-lambda-go, on the way in and on the way out, and the
// next function finds the identity where that package puts it.
func TestLambdaEvents(t *testing.T) {
	i, err := authtest.NewIssuer(authtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, i.Config())
	tok, err := i.Mint(authtest.Token{Username: "andrew", Groups: []string{"Domain Admins"}})
	if err != nil {
		t.Fatal(err)
	}
	field := "Bearer " + tok
	const arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/avatars"

	t.Run("HTTP API", func(t *testing.T) {
		var req auth.HTTPAuthorizerRequest
		convert(t, events.APIGatewayV2CustomAuthorizerV2Request{
			Version: "2.0", Type: "REQUEST", RouteArn: arn, IdentitySource: []string{field}, RouteKey: "GET /avatars",
			Headers: map[string]string{"authorization": field},
		}, &req)
		if req.RouteARN != arn || req.RouteKey != "GET /avatars" || len(req.IdentitySource) != 1 {
			t.Errorf("request = %+v", req)
		}
		res, err := v.AuthorizeHTTP(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var answer events.APIGatewayV2CustomAuthorizerSimpleResponse
		same(t, res, &answer)
		if !answer.IsAuthorized {
			t.Fatal("not authorized")
		}
		next := events.APIGatewayV2HTTPRequest{RequestContext: events.APIGatewayV2HTTPRequestContext{
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: answer.Context}}}
		identity(t, through(t, next).RequestContext.Authorizer.Lambda)
	})

	rest := func(t *testing.T, event any) {
		var req auth.RESTAuthorizerRequest
		convert(t, event, &req)
		res, err := v.AuthorizeREST(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		var answer events.APIGatewayCustomAuthorizerResponse
		same(t, res, &answer)
		next := events.APIGatewayProxyRequest{RequestContext: events.APIGatewayProxyRequestContext{Authorizer: answer.Context}}
		identity(t, through(t, next).RequestContext.Authorizer)
	}
	t.Run("REST API, TOKEN", func(t *testing.T) {
		rest(t, events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: field, MethodArn: arn})
	})
	t.Run("REST API, REQUEST", func(t *testing.T) {
		rest(t, events.APIGatewayCustomAuthorizerRequestTypeRequest{Type: "REQUEST", MethodArn: arn, HTTPMethod: "GET",
			Headers: map[string]string{"Authorization": field}, MultiValueHeaders: map[string][]string{"Authorization": {field}}})
	})
}

// convert goes through JSON, as between API Gateway and a function.
func convert(t *testing.T, from, to any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

// same converts and wants the JSON of both to be equal, so that nothing was lost.
func same(t *testing.T, from, to any) {
	t.Helper()
	convert(t, from, to)
	var a, b map[string]any
	convert(t, from, &a)
	convert(t, to, &b)
	delete(b, "usageIdentifierKey") // an empty one is written by some versions
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%v became %v", a, b)
	}
}

func through[T any](t *testing.T, v T) T {
	t.Helper()
	var out T
	convert(t, v, &out)
	return out
}

func identity(t *testing.T, values map[string]any) {
	t.Helper()
	c, err := auth.FromAuthorizer(values, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != authtest.Subject("andrew") || c.Username != "andrew" || !c.InGroup("Domain Admins") || c.Use != auth.AccessToken {
		t.Errorf("claims = %+v", c)
	}
}
