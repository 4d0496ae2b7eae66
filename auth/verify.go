package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// Verifier checks tokens of the configured pools. It is immutable but for its keys and memories, and safe for concurrent
// use. It starts no goroutine.
type Verifier struct {
	cfg     Config
	issuers []*issuer
	byURL   map[string]*issuer
	headers headerMemo
	tokens  *tokenCache // nil when off
}

// issuer is one value that iss may have, and what a token that names it must satisfy.
type issuer struct {
	url       string
	pool      int // index in Config.Pools
	clients   []string
	anyClient bool
	keys      *keySource
}

// New checks cfg and returns a Verifier, or every fault of cfg, joined. It does no I/O: keys are fetched when the first
// token needs them, or by Warm.
func New(cfg Config) (*Verifier, error) {
	cfg = cfg.withDefaults()
	faults := cfg.faults()
	issuers, err := cfg.issuers()
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, fmt.Errorf("auth: configuration: %w", err)
	}
	v := &Verifier{cfg: cfg, issuers: issuers, byURL: map[string]*issuer{}}
	for _, i := range issuers {
		v.byURL[i.url] = i
	}
	if cfg.CacheTokens > 0 {
		v.tokens = newTokenCache(cfg.CacheTokens)
	}
	if cfg.ErrorHandler == nil {
		v.cfg.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) { writeError(w, err, cfg.Realm) }
	}
	return v, nil
}

// Warm fetches the keys that are missing or old, for a readiness probe or the start of a Lambda. It fails if a pool has no
// issuer whose keys can be had; a pool that is not replicated is expected to lack those of one of its two.
func (v *Verifier) Warm(ctx context.Context) error {
	failed := make([]error, len(v.issuers))
	var wg sync.WaitGroup
	for n, i := range v.issuers {
		wg.Go(func() { _, failed[n] = i.keys.key(ctx, "") })
	}
	wg.Wait()
	faults := make([][]error, len(v.cfg.Pools))
	warm := make([]bool, len(v.cfg.Pools))
	for n, i := range v.issuers {
		warm[i.pool] = warm[i.pool] || failed[n] == nil
		faults[i.pool] = append(faults[i.pool], failed[n])
	}
	var errs []error
	for pool := range warm {
		if !warm[pool] {
			errs = append(errs, faults[pool]...)
		}
	}
	return errors.Join(errs...)
}

// Verify returns the claims of a token that a configured pool signed for a configured client and use, and that is valid
// now. Else the error is an *Error. It waits only for keys, and no longer than ctx allows.
//
// The steps, in this order: length, form, header, key by kid, signature over the received bytes, and only then the claims:
// issuer, token use, client, times. While a pool's key is not known yet, the unverified iss chooses which of the
// configured endpoints is asked for it, and nothing else.
func (v *Verifier) Verify(ctx context.Context, text string) (*Claims, error) {
	if len(text) > v.cfg.MaxTokenBytes {
		return nil, refuse(ErrMalformed, "the token is longer than the limit")
	}
	now := v.cfg.Now()
	if c := v.tokens.get(text, now); c != nil {
		if err := c.checkTimes(now, v.cfg.Leeway); err != nil {
			return nil, err
		}
		return c, nil
	}
	t, err := split(text)
	if err != nil {
		return nil, err
	}
	c, by, err := v.authenticate(ctx, t, now)
	if err != nil {
		return nil, err
	}
	if err := v.check(c, by.issuer, v.cfg.Now()); err != nil { // not at the time before a wait for keys
		return nil, err
	}
	v.tokens.put(text, c, by)
	return c, nil
}

// authenticate returns the claims of a token whose signature holds, and who signed it: the issuer that the claims name.
func (v *Verifier) authenticate(ctx context.Context, t token, now time.Time) (*Claims, signer, error) {
	known, remembered := v.headers.get(t.header, now)
	kid, err := "", error(nil)
	if !remembered {
		if kid, err = t.keyID(); err != nil {
			return nil, signer{}, err
		}
	}
	payload, err := b64.DecodeString(t.payload)
	if err != nil {
		return nil, signer{}, refuse(ErrMalformed, "the payload is not strict base64url")
	}
	var refused error
	if remembered {
		c, err := open(known, t, payload)
		if !errors.Is(err, ErrSignature) && !errors.Is(err, ErrIssuer) {
			return c, known, err
		}
		kid, refused = known.key.id, err // some issuers, such as emulators, share a kid: the token may be another's
	}
	by, err := v.find(ctx, payload, kid)
	if err != nil {
		return nil, signer{}, err
	}
	if refused != nil && by == known {
		return nil, signer{}, refused
	}
	c, err := open(by, t, payload)
	if err != nil {
		return nil, signer{}, err
	}
	v.headers.put(t.header, by)
	return c, by, nil
}

// find returns the signer that an unverified token claims to have, fetching its key if needed.
func (v *Verifier) find(ctx context.Context, payload []byte, kid string) (signer, error) {
	i, err := v.route(payload)
	if err != nil {
		return signer{}, err
	}
	k, err := i.keys.key(ctx, kid)
	return signer{i, k}, err
}

// open verifies the signature and then, and only then, reads the claims.
func open(by signer, t token, payload []byte) (*Claims, error) {
	if !verifyRS256(by.key, t.signed, t.signature) {
		return nil, refuse(ErrSignature, "the signature does not match")
	}
	c, err := decodeClaims(payload)
	if err != nil {
		return nil, err
	}
	if c.Issuer != by.issuer.url {
		return nil, refuseClaim(ErrIssuer, "iss", "the token comes from no configured pool")
	}
	return c, nil
}

// route returns the issuer whose keys a token wants to be checked with.
func (v *Verifier) route(payload []byte) (*issuer, error) {
	if len(v.issuers) == 1 {
		return v.issuers[0], nil
	}
	var hint struct {
		Issuer member `json:"iss"`
	}
	if err := json.Unmarshal(payload, &hint); err != nil {
		return nil, refuse(ErrClaims, "the payload is not a strict JSON object, or iss is not a text")
	}
	if i := v.byURL[string(hint.Issuer)]; i != nil {
		return i, nil
	}
	return nil, refuseClaim(ErrIssuer, "iss", "the token comes from no configured pool")
}

// check applies the configuration to the verified claims of a token of issuer i.
func (v *Verifier) check(c *Claims, i *issuer, now time.Time) error {
	switch {
	case !slices.Contains(v.cfg.TokenUses, c.Use):
		return refuseClaim(ErrTokenUse, "token_use", "this kind of token is not accepted here")
	case c.ClientID == "" || !i.anyClient && !slices.Contains(i.clients, c.ClientID):
		name := "client_id"
		if c.Use == IDToken {
			name = "aud"
		}
		return refuseClaim(ErrClient, name, "the token was issued to another app client")
	case c.Subject == "":
		return refuseClaim(ErrClaims, "sub", "the token has no sub")
	}
	return c.checkTimes(now, v.cfg.Leeway)
}
