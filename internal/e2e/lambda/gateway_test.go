package lambda_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// route is one of the gateway.
type route struct {
	function *instance
	// authorizer decides, if it is set; then a request without the identity source is refused by the gateway itself.
	authorizer *instance
}

// gateway serves an HTTP API with payload format 2.0 and simple authorizer responses. Its CORS settings are empty.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
func gateway(t *testing.T, routes map[string]route) string {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, rt := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serve(t, w, r, pattern, rt) })
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func serve(t *testing.T, w http.ResponseWriter, r *http.Request, pattern string, rt route) {
	message := func(status int, text string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"message":"`+text+`"}`)
	}
	e, err := eventOf(r, pattern)
	if err != nil {
		message(http.StatusBadRequest, "Bad Request")
		return
	}
	if rt.authorizer != nil {
		identity := r.Header.Get("Authorization")
		if identity == "" {
			message(http.StatusUnauthorized, "Unauthorized")
			return
		}
		allowed, context, err := authorize(rt.authorizer, e, identity)
		switch {
		case err != nil:
			t.Logf("authorizer: %v", err)
			message(http.StatusInternalServerError, "Internal Server Error")
			return
		case !allowed:
			message(http.StatusForbidden, "Forbidden")
			return
		}
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: context}
	}
	payload, err := json.Marshal(e)
	if err != nil {
		t.Error(err)
		return
	}
	out, err := rt.function.invoke(payload)
	var answer events.APIGatewayV2HTTPResponse
	if err != nil || json.Unmarshal(out, &answer) != nil || answer.StatusCode == 0 {
		t.Logf("function: %v %s", err, out)
		message(http.StatusInternalServerError, "Internal Server Error")
		return
	}
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	for _, c := range answer.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	body := []byte(answer.Body)
	if answer.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(answer.Body); err != nil {
			t.Error(err)
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // the client went away
}

func authorize(f *instance, e events.APIGatewayV2HTTPRequest, identity string) (bool, map[string]any, error) {
	payload, err := json.Marshal(map[string]any{
		"version": "2.0", "type": "REQUEST", "routeArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/$default/" + e.RawPath,
		"identitySource": []string{identity}, "routeKey": e.RouteKey, "rawPath": e.RawPath, "headers": e.Headers, "requestContext": e.RequestContext,
	})
	if err != nil {
		return false, nil, err
	}
	out, err := f.invoke(payload)
	if err != nil {
		return false, nil, err
	}
	var answer struct {
		IsAuthorized bool           `json:"isAuthorized"`
		Context      map[string]any `json:"context"`
	}
	return answer.IsAuthorized, answer.Context, json.Unmarshal(out, &answer)
}

func eventOf(r *http.Request, pattern string) (events.APIGatewayV2HTTPRequest, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil {
		return events.APIGatewayV2HTTPRequest{}, err
	}
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: pattern, RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{}, Body: string(body),
	}
	if !utf8.Valid(body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			e.Cookies = values
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	c := &e.RequestContext
	c.AccountID, c.APIID, c.Stage, c.DomainName, c.RouteKey, c.RequestID = "123456789012", "abcdef123", "$default", r.Host, pattern, "JKJaXmPLvHcESHA="
	c.Time, c.TimeEpoch = time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), time.Now().UnixMilli()
	c.HTTP.Method, c.HTTP.Path, c.HTTP.Protocol, c.HTTP.SourceIP, c.HTTP.UserAgent = r.Method, r.URL.Path, r.Proto, "127.0.0.1", r.UserAgent()
	return e, nil
}
