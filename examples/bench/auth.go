package main

import (
	"context"
	"fmt"
	"io"
	"time"

	_ "embed"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

const (
	awsJWTVerify = "5.2.1"
	poolID       = "us-east-1_authtest" // of authtest's default issuer
	perRound     = 4000                 // verifications
)

//go:embed auth.cjs
var authScript string

// benchAuth compares the processor time of verifying Cognito tokens with that of aws-jwt-verify, both with warm keys, with the
// same keys and tokens of realistic size, and theirs in its fastest mode (verifySync).
func benchAuth(ctx context.Context, opts options) ([]result, error) {
	issuer, err := authtest.NewIssuer(authtest.Options{})
	if err != nil {
		return nil, err
	}
	dir, err := nodePackage(ctx, "aws-jwt-verify", awsJWTVerify)
	if err != nil {
		return nil, err
	}
	node, err := startNode(ctx, dir, authScript)
	if err != nil {
		return nil, err
	}
	defer node.stop()
	var results []result
	for _, use := range []auth.TokenUse{auth.AccessToken, auth.IDToken} {
		r, err := compareVerify(ctx, opts, issuer, node, use)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

func compareVerify(ctx context.Context, opts options, issuer *authtest.Issuer, node *worker, use auth.TokenUse) (result, error) {
	token, err := issuer.Mint(realistic(use))
	if err != nil {
		return result{}, err
	}
	verifier, err := auth.New(auth.Config{
		Pools:      []auth.Pool{{ID: poolID, ClientIDs: []string{issuer.ClientID()}}},
		TokenUses:  []auth.TokenUse{use},
		HTTPClient: issuer.Client(),
	})
	if err != nil {
		return result{}, err
	}
	keys, err := fetch(issuer)
	if err != nil {
		return result{}, err
	}
	ours := func() (float64, error) {
		before := cpu()
		for range perRound {
			if _, err := verifier.Verify(ctx, token); err != nil {
				return 0, err
			}
		}
		return float64(cpu()-before) / float64(time.Microsecond) / perRound, nil
	}
	theirs := func() (float64, error) {
		var answer struct {
			Microseconds float64
			Error        string
		}
		err := node.ask(map[string]any{
			"pool": poolID, "client": issuer.ClientID(), "use": use, "jwks": keys, "token": token, "n": perRound,
		}, &answer)
		if err == nil && answer.Error != "" {
			err = fmt.Errorf("aws-jwt-verify: %s", answer.Error)
		}
		return answer.Microseconds / perRound, err
	}
	for range 2 { // theirs is compiled while it runs
		if _, err := theirs(); err != nil {
			return result{}, err
		}
	}
	fmt.Fprintf(opts.log, "auth: %s token of %d bytes, %d rounds of %d\n", use, len(token), opts.rounds, perRound)
	our, their, ratio, err := interleave(opts.rounds, ours, theirs)
	return result{
		Suite: "auth", Case: "verify " + string(use) + " token", Unit: "µs CPU", Ours: our, Theirs: their,
		Against: "aws-jwt-verify " + awsJWTVerify + " verifySync", Ratio: ratio, Bar: 1,
	}, err
}

// fetch returns the issuer's JWKS.
func fetch(issuer *authtest.Issuer) (string, error) {
	res, err := issuer.Client().Get(issuer.URL() + "/.well-known/jwks.json")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// realistic is a token of about the size of Cognito's.
func realistic(use auth.TokenUse) authtest.Token {
	t := authtest.Token{Use: use, Username: "andrew", Groups: []string{"admin", "moderators"}}
	if use == auth.AccessToken {
		t.Scope = "aws.cognito.signin.user.admin openid profile email cruddur/read cruddur/write"
	} else {
		t.Claims = map[string]any{"email": "andrew@cruddur.example", "email_verified": true, "preferred_username": "andrew", "name": "Andrew Brown"}
	}
	return t
}
