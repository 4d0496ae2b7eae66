package auth

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxJWKSBytes = 1 << 20
	maxUnknown   = 256              // remembered unknown kids of one issuer
	maxBackoff   = 30 * time.Second // between two fetches that fail
	minRefresh   = time.Minute      // whatever max-age the server sends
)

// keySet is what one fetch brought, immutable.
type keySet struct {
	byID    map[string]*key
	fetched time.Time
	refresh time.Duration // age from which the next caller fetches again
}

// keySource holds one issuer's keys. Nothing runs between calls: a caller that finds keys missing or old fetches them in
// its own goroutine and under its own deadline, while others wait for it, each under theirs. If the caller that
// fetches gives up, one of those that wait takes over.
type keySource struct {
	url      string
	client   *http.Client
	timeout  time.Duration
	refresh  time.Duration
	maxAge   time.Duration
	cooldown time.Duration
	clock    func() time.Time
	log      *slog.Logger

	set atomic.Pointer[keySet]

	mu        sync.Mutex
	inflight  chan struct{}        // closed when the fetch under way ends; nil when there is none
	failures  int                  // in a row
	failed    time.Time            // when the last fetch failed
	backoff   time.Duration        // from failed on
	lastErr   error                // of the last fetch
	missed    time.Time            // when a fetch for an unknown kid last found nothing
	missedFor time.Duration        // cool-down from missed on
	unknown   map[string]time.Time // kids that a fetch did not find
}

func newKeySource(c Config, url string) *keySource {
	client := *c.HTTPClient
	client.Jar = nil
	client.CheckRedirect = sameOrigin
	return &keySource{
		url: url, client: &client, timeout: c.FetchTimeout, refresh: c.RefreshKeys, maxAge: c.MaxKeyAge,
		cooldown: c.KeyCooldown, clock: c.Now, log: c.Logger, unknown: map[string]time.Time{},
	}
}

// now is the wall clock: the monotonic one may stand still while a Lambda is frozen.
func (s *keySource) now() time.Time { return s.clock().Round(0) }

// within reports whether now is in the d after since. A clock that was set back does not stretch a waiting time.
func within(now, since time.Time, d time.Duration) bool {
	age := now.Sub(since)
	return age >= 0 && age < d
}

// fresh returns the keys if they are young enough to be used without a thought, else nil.
func (s *keySource) fresh(now time.Time) *keySet {
	if set := s.set.Load(); set != nil && within(now, set.fetched, set.refresh) {
		return set
	}
	return nil
}

// usable returns the keys if they may still be used when no better ones can be had, else nil.
func (s *keySource) usable(now time.Time) *keySet {
	if set := s.set.Load(); set != nil && within(now, set.fetched, s.maxAge) {
		return set
	}
	return nil
}

// current reports whether k is still among the fresh keys.
func (s *keySource) current(k *key, now time.Time) bool {
	set := s.fresh(now.Round(0))
	return set != nil && set.byID[k.id] == k
}

// key returns the key with the kid, fetching when that is due. An empty kid asks only for keys as such (Warm).
func (s *keySource) key(ctx context.Context, kid string) (*key, error) {
	for {
		now := s.now()
		if set := s.fresh(now); set != nil && (kid == "" || set.byID[kid] != nil) {
			return set.byID[kid], nil
		}
		done, k, err := s.next(now, kid)
		switch {
		case done == nil:
			return k, err
		case err == errLead:
			if err := s.lead(ctx, kid, done); err != nil {
				return nil, err
			}
		default:
			select {
			case <-done:
			case <-ctx.Done():
				return nil, &Error{Reason: ErrKeysUnavailable, detail: "waiting for the keys", cause: ctx.Err()}
			}
		}
	}
}

// errLead tells key that its caller is the one to fetch.
var errLead = errors.New("fetch")

// next decides what a caller does whose kid is not among fresh keys: take an answer (a nil channel), wait for the fetch
// under way (its channel), or fetch (a new channel and errLead).
func (s *keySource) next(now time.Time, kid string) (chan struct{}, *key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.usable(now)
	var k *key
	if set != nil {
		k = set.byID[kid]
	}
	good := k != nil || set != nil && kid == "" // good enough while a fetch fails
	stale := s.fresh(now) == nil
	switch {
	case good && !stale:
		return nil, k, nil // another caller was faster
	case good && (s.inflight != nil || within(now, s.failed, s.backoff)):
		return nil, k, nil
	case s.inflight != nil:
		return s.inflight, nil, nil
	case within(now, s.failed, s.backoff):
		wait := s.backoff - now.Sub(s.failed)
		return nil, nil, &Error{Reason: ErrKeysUnavailable, RetryAfter: wait, detail: "the last fetch failed", cause: s.lastErr}
	case !stale && (within(now, s.missed, s.missedFor) || within(now, s.unknown[kid], 3*s.cooldown)):
		return nil, nil, refuse(ErrUnknownKey, "the issuer publishes no usable key with this kid")
	}
	s.inflight = make(chan struct{})
	return s.inflight, nil, errLead
}

// lead fetches once, notes how it went, and wakes those who wait. Its error is that of a caller who gave up.
func (s *keySource) lead(ctx context.Context, kid string, done chan struct{}) error {
	var set *keySet
	err := errors.New("the HTTP client panicked")
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.note(ctx, kid, set, err)
		s.inflight = nil
		close(done)
	}()
	set, err = s.fetch(ctx)
	if ctx.Err() != nil && err != nil {
		return &Error{Reason: ErrKeysUnavailable, detail: "fetching the keys", cause: ctx.Err()}
	}
	return nil
}

// note records the outcome of a fetch. s.mu is held.
func (s *keySource) note(ctx context.Context, kid string, set *keySet, err error) {
	now := s.now()
	switch {
	case err == nil:
		s.failures, s.backoff, s.lastErr = 0, 0, nil
		s.set.Store(set)
		if kid != "" && set.byID[kid] == nil {
			s.missed, s.missedFor = now, s.cooldown
			s.remember(kid, now)
		}
	case ctx.Err() != nil:
		// The caller gave up, which says nothing about the endpoint. Good keys are not fetched again at once, so that
		// nobody can cause a stream of fetches by hanging up.
		s.missed, s.missedFor = now, min(time.Second, s.cooldown)
	default:
		s.failures++
		s.failed, s.lastErr = now, err
		most := min(maxBackoff, time.Second<<min(s.failures-1, 10))
		s.backoff = most/2 + rand.N(most/2+1)
		s.log.Warn("auth: cannot fetch keys", "url", s.url, "failures", s.failures, "retry_in", s.backoff, "error", err)
	}
}

// remember notes a kid that the issuer does not publish, so that one client with an old token does not cause a
// fetch in each cool-down.
func (s *keySource) remember(kid string, now time.Time) {
	for id, t := range s.unknown {
		if !within(now, t, 3*s.cooldown) {
			delete(s.unknown, id)
		}
	}
	if len(s.unknown) < maxUnknown {
		s.unknown[strings.Clone(kid)] = now
	}
}

// fetch gets the JWKS once. Keys that have not changed keep their identity.
func (s *keySource) fetch(ctx context.Context) (*keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("Cache-Control", "no-cache") // a proxy's copy may lack the new key
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, errors.New("the key endpoint answered " + strconv.Itoa(res.StatusCode))
	}
	document, err := io.ReadAll(io.LimitReader(res.Body, maxJWKSBytes+1))
	if err != nil {
		return nil, err
	}
	if len(document) > maxJWKSBytes {
		return nil, errors.New("the key document is larger than 1 MiB")
	}
	keys, skipped, err := parseJWKS(document)
	if err != nil {
		return nil, err
	}
	for _, why := range skipped {
		s.log.Info("auth: key left out", "url", s.url, "why", why)
	}
	if len(keys) == 0 {
		return nil, errors.New("the key document has no usable key")
	}
	if old := s.set.Load(); old != nil {
		for id, k := range keys {
			if was := old.byID[id]; was != nil && was.public.Equal(k.public) {
				keys[id] = was
			}
		}
	}
	s.log.Debug("auth: keys fetched", "url", s.url, "keys", len(keys))
	return &keySet{byID: keys, fetched: s.now(), refresh: min(s.refresh, maxAge(res.Header, s.refresh))}, nil
}

// maxAge returns the max-age of a Cache-Control header (RFC 9111 section 5.2.2.1), at least a minute, or d without one.
func maxAge(h http.Header, d time.Duration) time.Duration {
	for directive := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
		if strings.EqualFold(name, "max-age") && err == nil {
			return max(minRefresh, time.Duration(seconds)*time.Second)
		}
	}
	return d
}

// sameOrigin follows up to three redirects, none of them to elsewhere.
func sameOrigin(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || req.URL.Scheme != via[0].URL.Scheme || req.URL.Host != via[0].URL.Host {
		return errors.New("the key endpoint redirects to elsewhere")
	}
	return nil
}
