// Package authtest is an issuer of Cognito-shaped tokens, for tests and for running a service without a user pool.
//
//	issuer, err := authtest.NewIssuer(authtest.Options{})
//	verifier, err := auth.New(issuer.Config())
//	token := issuer.AccessToken("andrew")
//
// Nothing leaves the process: the configuration brings an HTTP client that asks the issuer itself for its keys. To give the keys
// to another process, mount the Issuer, which is an http.Handler, or start a [Server].
//
// The issuer rotates and withdraws keys, fails on demand, counts the fetches of its keys, and takes its time from a clock of the
// caller's. It does not import testing.
package authtest
