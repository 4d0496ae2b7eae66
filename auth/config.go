package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// TokenUse is the kind of a Cognito token, as its token_use claim says.
type TokenUse string

// The two kinds of tokens that a user pool signs. A refresh token is opaque and is never accepted.
const (
	AccessToken TokenUse = "access" // for calling an API; names its app client in client_id
	IDToken     TokenUse = "id"     // says who signed in; names its app client in aud
)

// Pool is one Cognito user pool whose tokens are accepted.
type Pool struct {
	_ [0]func() // keyed literals only

	// ID is the pool's id, such as "eu-west-1_AbCdEf123". Both issuers that Cognito uses for a pool follow from it: that
	// of its region and, for replicated pools, that of issuer-cognito-idp. Required unless Issuer is set.
	ID string

	// ClientIDs are the app clients whose tokens are accepted: at least one, or AnyClient.
	ClientIDs []string

	// AnyClient accepts tokens of every app client of the pool, also of those that somebody adds later.
	AnyClient bool

	// ReplicaRegions are the further regions of a replicated pool that keeps the original issuer format: there, a token
	// carries the region that signed it.
	ReplicaRegions []string

	// Issuer replaces what ID implies, for an emulator or a partition that this package does not know: exactly the text of
	// the iss claim. It must be an https URL, or an http URL of a loopback host.
	Issuer string

	// JWKSURL is where the keys are; default: Issuer followed by /.well-known/jwks.json. It needs Issuer and follows
	// its rule for http.
	JWKSURL string
}

// Config says which tokens a Verifier accepts. Only Pools is required.
type Config struct {
	_ [0]func() // keyed literals only

	// Pools are the accepted user pools; at least one.
	Pools []Pool

	// TokenUses are the accepted kinds of tokens. Nil means access tokens only, which is what an API should take.
	TokenUses []TokenUse

	// Leeway is how far the issuer's clock and this machine's may differ when exp, nbf and iat are compared. Zero, the
	// default, allows no difference; at most 5 minutes. With Cognito a few seconds suffice.
	Leeway time.Duration

	// MaxTokenBytes limits the length of a token before anything else looks at it. Zero means 16 KiB.
	MaxTokenBytes int

	// CacheTokens is how many verified tokens to remember, so that the next request with the same token costs a hash
	// instead of a signature. Zero, the default, means none. A remembered token is still checked against the
	// clock, and is forgotten when its key is no longer published. The claims of that many tokens stay in memory.
	CacheTokens int

	// HTTPClient fetches the keys; nil means a client of http.DefaultTransport. Its redirect policy and cookie jar are not used.
	HTTPClient *http.Client

	// FetchTimeout limits one fetch of keys, beside the caller's own deadline. Zero means 5 s.
	FetchTimeout time.Duration

	// RefreshKeys is the age at which keys are fetched again by the next caller, and with it the time until a key that the
	// pool no longer publishes stops being accepted. A shorter max-age of the server's answer wins, down to a minute. Zero
	// means 1 hour.
	RefreshKeys time.Duration

	// MaxKeyAge is the age beyond which keys are not used while their endpoint cannot be reached. Zero means 24 hours. It
	// must not be less than RefreshKeys.
	MaxKeyAge time.Duration

	// KeyCooldown is the least time between two fetches that were caused by tokens with a kid that nobody knows. Zero
	// means 10 s.
	KeyCooldown time.Duration

	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Logger is told when keys arrive, change or cannot be fetched; nil means silence. It never sees a token or a claim.
	Logger *slog.Logger

	// Realm is named in WWW-Authenticate challenges; empty means none. Printable ASCII without quotes and backslashes.
	Realm string

	// ErrorHandler answers the requests that the middleware refuses; nil means WriteError. The error is an *Error.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
}

// withDefaults returns c with the zero values replaced.
func (c Config) withDefaults() Config {
	if c.TokenUses == nil {
		c.TokenUses = []TokenUse{AccessToken}
	}
	c.TokenUses = slices.Clone(c.TokenUses)
	defaultTo(&c.MaxTokenBytes, 16<<10)
	defaultTo(&c.FetchTimeout, 5*time.Second)
	defaultTo(&c.RefreshKeys, time.Hour)
	defaultTo(&c.MaxKeyAge, max(24*time.Hour, c.RefreshKeys))
	defaultTo(&c.KeyCooldown, 10*time.Second)
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func defaultTo[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// faults returns everything that is wrong with c, whose defaults are set, except in its pools.
func (c Config) faults() []error {
	var errs []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fault(len(c.Pools) == 0, "Pools is empty: name at least one user pool")
	fault(len(c.TokenUses) == 0, "TokenUses is empty but not nil: no token would be accepted")
	for _, u := range c.TokenUses {
		fault(u != AccessToken && u != IDToken, "TokenUses: %q is neither AccessToken nor IDToken", u)
	}
	fault(c.Leeway < 0 || c.Leeway > 5*time.Minute, "Leeway %v is not between 0 and 5 minutes", c.Leeway)
	fault(c.MaxTokenBytes < 0, "MaxTokenBytes %d is negative", c.MaxTokenBytes)
	fault(c.CacheTokens < 0, "CacheTokens %d is negative", c.CacheTokens)
	fault(c.FetchTimeout < 0, "FetchTimeout %v is negative", c.FetchTimeout)
	fault(c.RefreshKeys < 0, "RefreshKeys %v is negative", c.RefreshKeys)
	fault(c.MaxKeyAge < c.RefreshKeys, "MaxKeyAge %v is less than RefreshKeys %v", c.MaxKeyAge, c.RefreshKeys)
	fault(c.KeyCooldown < 0, "KeyCooldown %v is negative", c.KeyCooldown)
	fault(strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }),
		"Realm has a character that a challenge cannot carry")
	return errs
}

// issuers returns the checked form of the pools: what to expect of a token for every issuer that it may name.
func (c Config) issuers() ([]*issuer, error) {
	var all []*issuer
	var errs []error
	seen := map[string]bool{}
	for n, p := range c.Pools {
		urls, err := p.issuers()
		if err != nil {
			errs = append(errs, fmt.Errorf("Config.Pools[%d]: %w", n, err))
			continue
		}
		for _, u := range urls {
			if seen[u] {
				errs = append(errs, fmt.Errorf("Config.Pools[%d]: issuer %s is configured twice", n, u))
			}
			seen[u] = true
			i := &issuer{url: u, pool: n, anyClient: p.AnyClient, clients: slices.Clone(p.ClientIDs)}
			keysURL := p.JWKSURL
			if keysURL == "" {
				keysURL = strings.TrimSuffix(u, "/") + "/.well-known/jwks.json"
			}
			i.keys = newKeySource(c, keysURL)
			all = append(all, i)
		}
	}
	return all, errors.Join(errs...)
}

// issuers returns the texts that iss may have in a token of the pool, after checking the pool's fields.
func (p Pool) issuers() ([]string, error) {
	var errs []error
	switch {
	case len(p.ClientIDs) == 0 && !p.AnyClient:
		errs = append(errs, errors.New("ClientIDs is empty: name the app clients, or set AnyClient"))
	case len(p.ClientIDs) > 0 && p.AnyClient:
		errs = append(errs, errors.New("ClientIDs and AnyClient exclude each other"))
	case slices.Contains(p.ClientIDs, ""):
		errs = append(errs, errors.New("ClientIDs has an empty entry"))
	}
	if p.Issuer == "" {
		if p.JWKSURL != "" {
			errs = append(errs, errors.New("JWKSURL needs Issuer"))
		}
		urls, err := issuerURLs(p.ID, p.ReplicaRegions)
		return urls, errors.Join(append(errs, err)...)
	}
	if len(p.ReplicaRegions) > 0 {
		errs = append(errs, errors.New("ReplicaRegions and Issuer exclude each other"))
	}
	errs = append(errs, checkURL("Issuer", p.Issuer))
	if p.JWKSURL != "" {
		errs = append(errs, checkURL("JWKSURL", p.JWKSURL))
	}
	return []string{p.Issuer}, errors.Join(errs...)
}
