// Package auth verifies Amazon Cognito tokens and says who is asking.
//
//	verifier, err := auth.New(auth.Config{Pools: []auth.Pool{{
//		ID:        "eu-west-1_AbCdEf123",
//		ClientIDs: []string{"1h57kf5cpq17m0eml12EXAMPLE"},
//	}}})
//	mux.Handle("/api/", verifier.Require(api))
//
// Inside, [FromContext] returns the [Claims]. [Verifier.RequireScopes] and [Verifier.RequireGroups] go between the two, and
// [Verifier.Optional] is for pages that strangers see too. Tests take an issuer from package authtest.
//
// # What is checked
//
// In this order; the first fault ends it:
//
//  1. Authorization header: one field, the scheme Bearer in any case, one token (RFC 9110, RFC 6750).
//  2. Length: at most [Config.MaxTokenBytes].
//  3. Form: three segments of base64url without padding, line breaks or unused bits (RFC 7515).
//  4. Header: strict JSON; alg is RS256, whatever the key says; a kid; no crit, b64, zip, enc; no key of its own (jwk, jku, x5*);
//     typ, if any, is JWT or at+jwt.
//  5. Key: one that the pool publishes under the kid, RSA with 2048 to 8192 bits and an odd exponent from 65537 on, for
//     signatures and, if it says so, RS256. The unverified iss only chooses which of the configured pools is asked.
//  6. Signature: PKCS #1 v1.5 with SHA-256 over the segments as they were received.
//  7. Payload: strict JSON (valid UTF-8, no duplicate members, nothing behind it), names in exact case, claims of the right type.
//  8. iss is one of the pool's, exactly.
//  9. token_use is among [Config.TokenUses].
//  10. The app client is the pool's: client_id of an access token, aud of an ID token, never the other one.
//  11. sub and exp are there; exp, nbf and iat fit the clock, within [Config.Leeway].
//
// Then [Verifier.RequireScopes] and its siblings look at scopes and groups.
//
// # Answers
//
// Every refusal is an [*Error] with a stable [Reason], which errors.Is finds and which the middleware sends as the code of a problem
// document (RFC 9457). Neither repeats the token or a claim's value.
//
//	Reason                 Status  Challenge (RFC 6750)
//	missing_token          401     Bearer
//	invalid_request        400     error="invalid_request"
//	malformed_token        401     error="invalid_token"
//	unsupported_algorithm  401     error="invalid_token"
//	unknown_key            401     error="invalid_token"
//	invalid_signature      401     error="invalid_token"
//	invalid_claims         401     error="invalid_token"
//	wrong_issuer           401     error="invalid_token"
//	wrong_token_use        401     error="invalid_token"
//	wrong_client           401     error="invalid_token"
//	token_expired          401     error="invalid_token"
//	token_not_yet_valid    401     error="invalid_token"
//	insufficient_scope     403     error="insufficient_scope", scope="..."
//	missing_group          403     error="insufficient_scope"
//	keys_unavailable       503     none, but Retry-After
//
// # Keys
//
// Keys are fetched when the first token needs them (or by [Verifier.Warm]), kept for [Config.RefreshKeys], and fetched again when a token
// names a kid that nobody knows, at most once per [Config.KeyCooldown]. There is one fetch at a time for each issuer; every
// caller waits for it under its own deadline. While the endpoint is down it is asked less and less often, up to every 30 s, and
// good keys serve on, up to [Config.MaxKeyAge]; a token that cannot be judged meanwhile is answered 503, not 401. A key that is
// no longer published, or replaced under the same kid, is refused once the keys have been fetched again. No goroutine runs
// between calls, so a Lambda may be frozen at any time.
//
// # Behind API Gateway
//
// [Verifier.AuthorizeHTTP] and [Verifier.AuthorizeREST] are Lambda handlers for the two kinds of authorizers. The function behind the
// gateway reads the identity with [FromAuthorizer] and never decodes a token unverified. Put the Authorization header among the
// authorizer's identity sources: the gateway caches decisions by them, and by nothing else.
//
// # Limits
//
// The package trusts the TLS endpoints of the pools for keys. It does not ask Cognito whether a token was revoked before it expired.
// It knows neither DPoP nor the tokens of load balancers. Issuers of the Chinese, European sovereign and isolated partitions
// follow from the partitions' domains and were not compared with real tokens; [Pool.Issuer] overrides them.
package auth
