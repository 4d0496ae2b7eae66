package authtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

func ExampleNewIssuer() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())
	claims, err := verifier.Verify(context.Background(), issuer.AccessToken("andrew"))
	fmt.Println(claims.Username, err)
	// Output: andrew <nil>
}

func ExampleNewServer() {
	server, err := authtest.NewServer(authtest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	cfg := server.Config()
	cfg.HTTPClient = http.DefaultClient // over the network, as another process would
	verifier, _ := auth.New(cfg)
	_, err = verifier.Verify(context.Background(), server.AccessToken("andrew"))
	fmt.Println(err)
	// Output: <nil>
}

func ExampleNewClock() {
	clock := authtest.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	issuer, _ := authtest.NewIssuer(authtest.Options{Now: clock.Now})
	verifier, _ := auth.New(issuer.Config())
	token := issuer.AccessToken("andrew")
	clock.Advance(2 * time.Hour)
	_, err := verifier.Verify(context.Background(), token)
	fmt.Println(err)
	// Output: auth: token_expired: the token has expired
}

// A test of what happens around keys: rotation, and an endpoint that is down.
func ExampleIssuer_Rotate() {
	clock := authtest.NewClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	issuer, _ := authtest.NewIssuer(authtest.Options{Now: clock.Now})
	verifier, _ := auth.New(issuer.Config())
	ctx := context.Background()
	old, _ := issuer.Mint(authtest.Token{Lifetime: 24 * time.Hour})
	_, err := verifier.Verify(ctx, old)
	fmt.Println("first:", err)

	_ = issuer.Rotate()
	_, err = verifier.Verify(ctx, issuer.AccessToken("andrew"))
	fmt.Println("new key:", err)

	issuer.Withdraw()
	clock.Advance(time.Hour)
	_, err = verifier.Verify(ctx, old)
	fmt.Println("old key:", errors.Is(err, auth.ErrUnknownKey))

	issuer.SetDown(true)
	clock.Advance(2 * time.Hour)
	_, err = verifier.Verify(ctx, issuer.AccessToken("andrew"))
	fmt.Println("outage:", err)
	fmt.Println("fetches:", issuer.Fetches())
	// Output:
	// first: <nil>
	// new key: <nil>
	// old key: true
	// outage: <nil>
	// fetches: 4
}

// A token that an honest issuer would not sign.
func ExampleIssuer_Mint() {
	issuer, _ := authtest.NewIssuer(authtest.Options{})
	verifier, _ := auth.New(issuer.Config())
	token, _ := issuer.Mint(authtest.Token{Claims: map[string]any{"exp": nil}})
	_, err := verifier.Verify(context.Background(), token)
	fmt.Println(err)
	// Output: auth: invalid_claims: the token has no exp
}
