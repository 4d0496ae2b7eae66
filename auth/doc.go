// Package auth verifies Amazon Cognito tokens and says who is asking.
//
// A [Verifier] accepts access tokens, ID tokens or both of the configured user pools and app clients. It pins RS256, wants
// strict base64url and strict JSON, checks the signature over the received bytes before it believes a claim, and requires
// iss, token_use, the client (client_id in an access token, aud in an ID token), sub and exp:
//
//	verifier, err := auth.New(auth.Config{Pools: []auth.Pool{{
//		ID:        "eu-west-1_AbCdEf123",
//		ClientIDs: []string{"1h57kf5cpq17m0eml12EXAMPLE"},
//	}}})
//	mux.Handle("/api/", verifier.Require(api))
//
// Inside, [FromContext] returns the [Claims]. [Verifier.RequireScopes] and [Verifier.RequireGroups] go between the two.
//
// # Keys
//
// Keys are fetched when the first token needs them (or by [Verifier.Warm]), kept for [Config.RefreshKeys], and fetched again when a token
// names a kid that nobody knows, at most once per [Config.KeyCooldown]. There is one fetch at a time for each issuer; every
// caller waits for it under its own deadline. While the endpoint is down good keys serve on, up to [Config.MaxKeyAge]; a
// token that cannot be judged meanwhile is answered 503 with Retry-After, not 401. No goroutine runs between calls, so a Lambda may be
// frozen at any time.
//
// # Behind API Gateway
//
// [Verifier.AuthorizeHTTP] and [Verifier.AuthorizeREST] are Lambda handlers for the two kinds of authorizers. The function behind the
// gateway reads the identity with [FromAuthorizer] and never decodes a token unverified.
//
// # Errors
//
// Every refusal is an [*Error] with a stable [Reason], which errors.Is finds and which the middleware sends as the code of a
// problem document. Nothing in it repeats the token or a claim's value.
//
// Limits: the package trusts the pools' TLS endpoints for keys; it does not ask Cognito whether a token was revoked before it
// expired; it knows neither DPoP nor the tokens of load balancers.
package auth
