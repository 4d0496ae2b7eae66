package auth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// HTTPAuthorizerRequest is what a Lambda authorizer of an HTTP API gets (payload format 2.0), as far as it is read. See
// "Control access to HTTP APIs with AWS Lambda authorizers" in the API Gateway guide.
type HTTPAuthorizerRequest struct {
	IdentitySource []string          `json:"identitySource"`
	RouteARN       string            `json:"routeArn"`
	RouteKey       string            `json:"routeKey"`
	Headers        map[string]string `json:"headers"`
}

// HTTPAuthorizerResponse is the simple response of payload format 2.0. Context reaches the next function as
// requestContext.authorizer.lambda.
type HTTPAuthorizerResponse struct {
	IsAuthorized bool           `json:"isAuthorized"`
	Context      map[string]any `json:"context,omitempty"`
}

// AuthorizeHTTP is the Lambda handler of an HTTP API's authorizer: lambda.Start(verifier.AuthorizeHTTP). A bad token is
// answered with IsAuthorized false, which the client sees as 403. The error is for unavailable keys only: the gateway answers it
// with 500 and, unlike a refusal, does not cache it. Keep the authorizer's TTL below the life of a token; FromAuthorizer
// checks exp again.
func (v *Verifier) AuthorizeHTTP(ctx context.Context, req HTTPAuthorizerRequest) (HTTPAuthorizerResponse, error) {
	c, err := v.verifyField(ctx, authorization(req.Headers, req.IdentitySource))
	if errors.Is(err, ErrKeysUnavailable) {
		return HTTPAuthorizerResponse{}, err
	}
	if err != nil {
		v.cfg.Logger.InfoContext(ctx, "auth: not authorized", "error", err) // the answer cannot say why
		return HTTPAuthorizerResponse{}, nil
	}
	return HTTPAuthorizerResponse{IsAuthorized: true, Context: authorizerContext(c)}, nil
}

// RESTAuthorizerRequest is what a Lambda authorizer of a REST API gets, of type TOKEN or REQUEST, as far as it is read.
type RESTAuthorizerRequest struct {
	Type               string              `json:"type"`
	MethodARN          string              `json:"methodArn"`
	AuthorizationToken string              `json:"authorizationToken"`
	Headers            map[string]string   `json:"headers"`
	MultiValueHeaders  map[string][]string `json:"multiValueHeaders"`
}

// RESTAuthorizerResponse carries an IAM policy. Context reaches the next function as requestContext.authorizer.
type RESTAuthorizerResponse struct {
	PrincipalID    string         `json:"principalId"`
	PolicyDocument PolicyDocument `json:"policyDocument"`
	Context        map[string]any `json:"context,omitempty"`
}

// PolicyDocument is an IAM policy.
type PolicyDocument struct {
	Version   string
	Statement []PolicyStatement
}

// PolicyStatement is one statement of an IAM policy.
type PolicyStatement struct {
	Effect   string
	Action   []string
	Resource []string
}

// ErrUnauthorized has the text that makes a REST API answer 401; the gateway looks at nothing else.
var ErrUnauthorized = errors.New("Unauthorized")

// AuthorizeREST is the Lambda handler of a REST API's authorizer, for both of its types. A bad token is answered with
// ErrUnauthorized, hence 401; unavailable keys with their error, hence 500. The policy allows every method of the stage,
// since the gateway caches it for the token and not for the method.
func (v *Verifier) AuthorizeREST(ctx context.Context, req RESTAuthorizerRequest) (RESTAuthorizerResponse, error) {
	field := req.AuthorizationToken
	if req.Type != "TOKEN" {
		field = authorization(req.Headers, nil)
		if len(req.MultiValueHeaders) > 0 {
			field = strings.Join(headerValues(req.MultiValueHeaders), ",") // two are refused, as over HTTP
		}
	}
	c, err := v.verifyField(ctx, field)
	if errors.Is(err, ErrKeysUnavailable) {
		return RESTAuthorizerResponse{}, err
	}
	resource, ok := stageARN(req.MethodARN)
	if err == nil && !ok {
		err = errors.New("methodArn is not the ARN of a method")
	}
	if err != nil {
		v.cfg.Logger.InfoContext(ctx, "auth: not authorized", "error", err) // the answer cannot say why
		return RESTAuthorizerResponse{}, ErrUnauthorized
	}
	allow := PolicyStatement{Effect: "Allow", Action: []string{"execute-api:Invoke"}, Resource: []string{resource}}
	return RESTAuthorizerResponse{
		PrincipalID:    c.Subject,
		PolicyDocument: PolicyDocument{Version: "2012-10-17", Statement: []PolicyStatement{allow}},
		Context:        authorizerContext(c),
	}, nil
}

// stageARN widens arn:partition:execute-api:region:account:api/stage/METHOD/path to all methods of its stage.
func stageARN(method string) (string, bool) {
	parts := strings.SplitN(method, "/", 3)
	if len(parts) < 3 || !strings.HasPrefix(method, "arn:") {
		return "", false
	}
	return parts[0] + "/" + parts[1] + "/*", true
}

func (v *Verifier) verifyField(ctx context.Context, field string) (*Claims, error) {
	text, err := parseBearer(field)
	if err != nil {
		return nil, err
	}
	return v.Verify(ctx, text)
}

// authorization returns the Authorization header, or else the only identity source.
func authorization(headers map[string]string, identitySource []string) string {
	multi := make(map[string][]string, len(headers))
	for name, value := range headers {
		multi[name] = []string{value}
	}
	if values := headerValues(multi); len(values) > 0 {
		return strings.Join(values, ",")
	}
	if len(identitySource) == 1 {
		return identitySource[0]
	}
	return ""
}

// headerValues collects the values of the Authorization header in all the cases in which a client may have written its name.
func headerValues(headers map[string][]string) []string {
	var all []string
	for name, values := range headers {
		if strings.EqualFold(name, "Authorization") {
			all = append(all, values...)
		}
	}
	return all
}

// authorizerContext holds only texts and a number: a REST API passes on nothing else. The names of groups are a JSON array in a
// text, since those of federated users may contain spaces and commas.
func authorizerContext(c *Claims) map[string]any {
	values := map[string]any{
		"sub": c.Subject, "username": c.Username, "scope": c.Scope, "client_id": c.ClientID,
		"token_use": string(c.Use), "iss": c.Issuer, "exp": c.ExpiresAt.Unix(),
	}
	if len(c.groups) > 0 {
		groups, _ := json.Marshal(c.groups) // texts that came from JSON
		values["groups"] = string(groups)
	}
	return values
}

// FromAuthorizer returns the claims that AuthorizeHTTP or AuthorizeREST passed on to the next function: the map
// requestContext.authorizer.lambda of an HTTP API, or requestContext.authorizer of a REST API. Only a function that nobody but the
// gateway can invoke may use it, since the map is believed. It fails when sub or exp is missing, and, because
// the gateway caches decisions, when the token has expired at the time now.
func FromAuthorizer(values map[string]any, now time.Time) (*Claims, error) {
	text := func(name string) string {
		s, _ := values[name].(string)
		return s
	}
	c := &Claims{
		Subject: text("sub"), Username: text("username"), Scope: text("scope"), ClientID: text("client_id"),
		Issuer: text("iss"), Use: TokenUse(text("token_use")),
	}
	if c.Subject == "" {
		return nil, refuseClaim(ErrMissingToken, "sub", "the request context names no subject: is the authorizer attached to the route?")
	}
	if groups := text("groups"); groups != "" {
		if err := json.Unmarshal([]byte(groups), &c.groups); err != nil {
			return nil, refuseClaim(ErrClaims, "cognito:groups", "the request context has groups that are no JSON array of texts")
		}
	}
	exp, err := strconv.ParseFloat(fmt.Sprint(values["exp"]), 64) // a number or, of a REST API, a text
	if err != nil || !(exp >= 0 && exp <= lastSecond) {
		return nil, refuseClaim(ErrClaims, "exp", "the request context has no usable exp")
	}
	c.ExpiresAt = time.Unix(int64(exp), 0)
	if err := c.checkTimes(now, 0); err != nil {
		return nil, err
	}
	return c, nil
}
