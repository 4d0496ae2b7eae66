package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

// The authorizer of an HTTP API, as lambda.Start(verifier.AuthorizeHTTP) runs it, and the function behind it.
func ExampleVerifier_AuthorizeHTTP() {
	clock := authtest.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	issuer, _ := authtest.NewIssuer(authtest.Options{Now: clock.Now})
	verifier, _ := auth.New(issuer.Config())

	// What API Gateway sends to the authorizer, shortened.
	event := fmt.Sprintf(`{"version": "2.0", "routeKey": "POST /avatars/key_upload", "identitySource": ["Bearer %[1]s"],
		"headers": {"authorization": "Bearer %[1]s"}}`, issuer.AccessToken("andrew"))
	var request auth.HTTPAuthorizerRequest
	_ = json.Unmarshal([]byte(event), &request)
	response, err := verifier.AuthorizeHTTP(context.Background(), request)
	if err != nil {
		fmt.Println(err) // the keys are unavailable: the client gets 500
		return
	}
	fmt.Println("authorized:", response.IsAuthorized)

	// What the next function finds in its request context.
	text, _ := json.Marshal(map[string]any{"authorizer": map[string]any{"lambda": response.Context}})
	var next struct {
		Authorizer struct {
			Lambda map[string]any `json:"lambda"`
		} `json:"authorizer"`
	}
	_ = json.Unmarshal(text, &next)
	claims, err := auth.FromAuthorizer(next.Authorizer.Lambda, clock.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(claims.Username, claims.Subject, claims.ExpiresAt.UTC())
	// Output:
	// authorized: true
	// andrew 5b8b0b71-eb51-8b7c-8dd2-bcfd22d9645f 2026-01-01 01:00:00 +0000 UTC
}

// The authorizer of a REST API, as lambda.Start(verifier.AuthorizeREST) runs it.
func ExampleVerifier_AuthorizeREST() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())
	request := auth.RESTAuthorizerRequest{
		Type:               "TOKEN",
		AuthorizationToken: "Bearer " + issuer.AccessToken("andrew"),
		MethodARN:          "arn:aws:execute-api:eu-west-1:123456789012:abcdef/prod/POST/avatars",
	}
	response, err := verifier.AuthorizeREST(context.Background(), request)
	if err != nil {
		fmt.Println(err)
		return
	}
	policy, _ := json.Marshal(response.PolicyDocument)
	fmt.Println(string(policy))

	request.AuthorizationToken = "Bearer of bad news"
	_, err = verifier.AuthorizeREST(context.Background(), request)
	fmt.Println(err)
	// Output:
	// {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["execute-api:Invoke"],"Resource":["arn:aws:execute-api:eu-west-1:123456789012:abcdef/prod/*"]}]}
	// Unauthorized
}

// A function behind the gateway takes the identity from its event, not from a token. Nothing there means nobody.
func ExampleFromAuthorizer() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	claims, err := auth.FromAuthorizer(map[string]any{
		"sub": "5b8b0b71-eb51-8b7c-8dd2-bcfd22d9645f", "username": "andrew", "scope": "cruds/read cruds/write", "exp": 1767229200.0,
	}, now)
	fmt.Println(claims.Username, claims.HasScope("cruds/write"), err)

	_, err = auth.FromAuthorizer(nil, now)
	fmt.Println(err)
	// Output:
	// andrew true <nil>
	// auth: missing_token: the request context names no subject: is the authorizer attached to the route?
}
