package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

func ExampleNew() {
	verifier, err := auth.New(auth.Config{Pools: []auth.Pool{{
		ID:        "eu-west-1_AbCdEf123",
		ClientIDs: []string{"1h57kf5cpq17m0eml12EXAMPLE"},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := auth.FromContext(r.Context())
		fmt.Fprintln(w, "hello", claims.Username)
	})
	w := httptest.NewRecorder()
	verifier.Require(api).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer
}

// A configuration is checked as a whole, before anything runs.
func ExampleNew_faults() {
	_, err := auth.New(auth.Config{
		Pools:  []auth.Pool{{ID: "eu-west-1_AbCdEf123"}},
		Leeway: time.Hour,
	})
	fmt.Println(err)
	// Output:
	// auth: configuration: Leeway 1h0m0s is not between 0 and 5 minutes
	// Config.Pools[0]: ClientIDs is empty: name the app clients, or set AnyClient
}

// A server with a page for everybody, one for people, and one for those who may write.
func Example_server() {
	issuer, _ := authtest.NewIssuer(authtest.Options{}) // stands for the user pool
	verifier, err := auth.New(issuer.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	greet := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if claims, ok := auth.FromContext(r.Context()); ok {
			fmt.Fprint(w, "hello ", claims.Username)
			return
		}
		fmt.Fprint(w, "hello stranger")
	})
	mux := http.NewServeMux()
	mux.Handle("GET /", verifier.Optional(greet))
	mux.Handle("GET /me", verifier.Require(greet))
	mux.Handle("POST /cruds", verifier.Require(verifier.RequireScopes("cruds/write")(greet)))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := verifier.Warm(r.Context()); err != nil {
			auth.WriteError(w, err)
			return
		}
		fmt.Fprint(w, "ready")
	})

	call := func(method, path, token string) {
		r := httptest.NewRequest(method, path, nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		said := w.Body.String()
		if w.Code != http.StatusOK {
			said = w.Header().Get("WWW-Authenticate")
		}
		fmt.Printf("%s %s: %d %s\n", method, path, w.Code, said)
	}
	call("GET", "/readyz", "")
	call("GET", "/", "")
	call("GET", "/me", "")
	call("GET", "/me", issuer.AccessToken("andrew"))
	call("POST", "/cruds", issuer.AccessToken("andrew"))
	writer, _ := issuer.Mint(authtest.Token{Username: "andrew", Scope: "cruds/read cruds/write"})
	call("POST", "/cruds", writer)
	// Output:
	// GET /readyz: 200 ready
	// GET /: 200 hello stranger
	// GET /me: 401 Bearer
	// GET /me: 200 hello andrew
	// POST /cruds: 403 Bearer error="insufficient_scope", error_description="the token lacks a scope that is needed here", scope="cruds/write"
	// POST /cruds: 200 hello andrew
}

func ExampleVerifier_Verify() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())

	claims, err := verifier.Verify(context.Background(), issuer.AccessToken("andrew"))
	fmt.Println(claims.Username, err)

	_, err = verifier.Verify(context.Background(), issuer.IDToken("andrew"))
	fmt.Println(errors.Is(err, auth.ErrTokenUse))
	// Output:
	// andrew <nil>
	// true
}

func ExampleVerifier_RequireScopes() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())
	write := verifier.Require(verifier.RequireScopes("cruds/write")(http.NotFoundHandler()))

	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.AccessToken("andrew"))
	w := httptest.NewRecorder()
	write.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output: 403
}

// Claims that the package does not name are decoded when somebody wants them.
func ExampleClaims_Decode() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())
	token, _ := issuer.Mint(authtest.Token{Claims: map[string]any{"custom:plan": "gold"}})
	claims, err := verifier.Verify(context.Background(), token)
	if err != nil {
		fmt.Println(err)
		return
	}
	var custom struct {
		Plan string `json:"custom:plan"`
	}
	err = claims.Decode(&custom)
	fmt.Println(custom.Plan, err)
	// Output: gold <nil>
}

func ExampleError() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())
	token, _ := issuer.Mint(authtest.Token{Lifetime: -time.Minute})
	_, err := verifier.Verify(context.Background(), token)
	if e, ok := errors.AsType[*auth.Error](err); ok {
		fmt.Println(e.Reason, e.Claim, auth.Status(err))
	}
	// Output: token_expired exp 401
}

// A handler that verifies in its own way, such as from a cookie, hands the claims on like the middleware does.
func ExampleNewContext() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())
	ctx := context.Background()
	claims, err := verifier.Verify(ctx, issuer.AccessToken("andrew"))
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, ok := auth.FromContext(auth.NewContext(ctx, claims))
	fmt.Println(claims.Username, ok)
	// Output: andrew true
}

func ExampleBearerToken() {
	for _, field := range []string{"Bearer abc", "bearer abc", "Basic abc", "Bearer abc def"} {
		token, err := auth.BearerToken(http.Header{"Authorization": {field}})
		fmt.Printf("%q %v\n", token, err)
	}
	// Output:
	// "abc" <nil>
	// "abc" <nil>
	// "" auth: missing_token: the Authorization scheme is not Bearer
	// "" auth: invalid_request: Bearer must be followed by one token
}
