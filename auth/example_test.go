package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

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

func ExampleVerifier_Verify() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())

	ctx := httptest.NewRequest("GET", "/", nil).Context()
	claims, err := verifier.Verify(ctx, issuer.AccessToken("andrew"))
	fmt.Println(claims.Username, err)

	_, err = verifier.Verify(ctx, issuer.IDToken("andrew"))
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
