package function_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/examples/lambda/function"
)

// TestSettings: all that is missing is told at once.
func TestSettings(t *testing.T) {
	env := map[string]string{"UPLOADS_BUCKET_NAME": "a", "LIST": "x, y,,"}
	s := function.NewSettings(func(name string) string { return env[name] })
	s.Text("UPLOADS_BUCKET_NAME")
	s.Text("ASSETS_BUCKET_NAME")
	if got := s.List("LIST"); strings.Join(got, "|") != "x|y" {
		t.Errorf("list %q", got)
	}
	s.List("ORIGINS")
	err := s.Err()
	if err == nil || !strings.Contains(err.Error(), "ASSETS_BUCKET_NAME, ORIGINS") || strings.Contains(err.Error(), "UPLOADS") {
		t.Errorf("error %v", err)
	}
	s = function.NewSettings(func(name string) string { return env[name] })
	s.Text("LIST")
	s.Fault("too %s", "long")
	if err := s.Err(); err == nil || err.Error() != "too long" {
		t.Errorf("error %v", err)
	}
}

func TestHTTP(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		who := "nobody"
		if c, ok := auth.FromContext(r.Context()); ok {
			who = c.Subject
		}
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Add("Vary", "Origin")
		w.Header().Add("Vary", "Accept")
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // too late
		_, _ = io.WriteString(w, strings.Join([]string{r.Method, r.URL.String(), r.Header.Get("Cookie"), who, ""}, " "))
		_, _ = w.Write(body)
	})
	in := events.APIGatewayV2HTTPRequest{
		RawPath: "/a%20b", RawQueryString: "q=1", Cookies: []string{"c=3", "d=4"}, Headers: map[string]string{"content-type": "text/x"}, Body: "hello",
	}
	in.RequestContext.HTTP.Method, in.RequestContext.DomainName = "PUT", "api.example"
	authorizer := func(exp time.Time) *events.APIGatewayV2HTTPRequestContextAuthorizerDescription {
		return &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"sub": "u1", "username": "ada", "scope": "", "exp": float64(exp.Unix())}}
	}
	tests := []struct {
		name string
		edit func(*events.APIGatewayV2HTTPRequest)
		want string
	}{
		{"plain", nil, "PUT https://api.example/a%20b?q=1 c=3; d=4 nobody hello"},
		{"base64", func(e *events.APIGatewayV2HTTPRequest) {
			e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte{0xff, 0}), true
		}, "PUT https://api.example/a%20b?q=1 c=3; d=4 nobody \xff\x00"},
		{"identity", func(e *events.APIGatewayV2HTTPRequest) {
			e.RequestContext.Authorizer = authorizer(time.Now().Add(time.Hour))
		},
			"PUT https://api.example/a%20b?q=1 c=3; d=4 u1 hello"},
		{"expired", func(e *events.APIGatewayV2HTTPRequest) {
			e.RequestContext.Authorizer = authorizer(time.Now().Add(-time.Second))
		},
			"PUT https://api.example/a%20b?q=1 c=3; d=4 nobody hello"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := in
			if tt.edit != nil {
				tt.edit(&e)
			}
			out, err := function.HTTP(echo)(context.Background(), e)
			if err != nil {
				t.Fatal(err)
			}
			body := out.Body
			if out.IsBase64Encoded {
				raw, err := base64.StdEncoding.DecodeString(body)
				if err != nil {
					t.Fatal(err)
				}
				body = string(raw)
			}
			if body != tt.want || out.StatusCode != http.StatusTeapot {
				t.Errorf("%d %q, want %q", out.StatusCode, body, tt.want)
			}
			if out.Headers["Vary"] != "Origin, Accept" || out.Headers["Content-Type"] != "text/x" || strings.Join(out.Cookies, "|") != "a=1|b=2" {
				t.Errorf("headers %v, cookies %q", out.Headers, out.Cookies)
			}
		})
	}
	t.Run("broken base64", func(t *testing.T) {
		e := in
		e.IsBase64Encoded, e.Body = true, "*"
		if out, err := function.HTTP(echo)(context.Background(), e); err != nil || out.StatusCode != http.StatusBadRequest {
			t.Errorf("%+v, %v", out, err)
		}
	})
}
