package function

import (
	"bytes"
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cruddur/avatarkit/auth"
)

// HTTP makes a Lambda handler for an HTTP API (payload format 2.0) of an [http.Handler]. The identity that the authorizer passed
// on is in the request's context, for auth.FromContext; a token is never read again. Nobody but the gateway may invoke the function.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func HTTP(h http.Handler) func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if a := e.RequestContext.Authorizer; a != nil && a.Lambda != nil {
			// Without claims, or with those of a token that has expired meanwhile, the handler sees nobody.
			if claims, err := auth.FromAuthorizer(a.Lambda, time.Now()); err == nil {
				ctx = auth.NewContext(ctx, claims)
			}
		}
		r, err := request(ctx, e)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusBadRequest}, nil
		}
		w := &response{header: http.Header{}}
		h.ServeHTTP(w, r)
		return w.event(), nil
	}
}

func request(ctx context.Context, e events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, err
		}
	}
	address := "https://" + e.RequestContext.DomainName + e.RawPath
	if e.RawQueryString != "" {
		address += "?" + e.RawQueryString
	}
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range e.Headers { // of a repeated header the gateway joins the values by commas
		r.Header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	r.RemoteAddr = e.RequestContext.HTTP.SourceIP
	return r, nil
}

// response collects what the handler answers.
type response struct {
	header http.Header
	sent   http.Header // as it was when the status was
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // there is no way to send an informational one
		w.status, w.sent = status, maps.Clone(w.header)
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *response) event() events.APIGatewayV2HTTPResponse {
	w.WriteHeader(http.StatusOK)
	e := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: map[string]string{}, Cookies: w.sent["Set-Cookie"]}
	for name, values := range w.sent {
		if name != "Set-Cookie" {
			e.Headers[name] = strings.Join(values, ", ")
		}
	}
	if e.Body = w.body.String(); !utf8.ValidString(e.Body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return e
}
