package auth

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxUnknown     = 256              // remembered unknown kids of one issuer
	maxBackoff     = 30 * time.Second // between two fetches that fail
	abandonedPause = time.Second      // after two fetches for an unknown kid that nobody waited for
)

// keySet is what one fetch brought, immutable.
type keySet struct {
	byID    map[string]*key
	fetched time.Time
	refresh time.Duration // age from which the next caller fetches again
}

// keySource holds one issuer's keys. Nothing runs between calls: a caller that finds keys missing or old fetches them in
// its own goroutine and under its own deadline, while others wait for it, each under theirs. If the caller that
// fetches gives up, one of those that wait takes over. Who has old but good keys never waits for others.
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

	mu       sync.Mutex
	inflight chan struct{}        // closed when the fetch under way ends; nil when there is none
	failures int                  // in a row
	failed   time.Time            // when the last fetch failed
	backoff  time.Duration        // from failed on
	lastErr  error                // of the last fetch
	missed   time.Time            // when a fetch for an unknown kid last found nothing
	unknown  map[string]time.Time // kids that a fetch did not find

	abandoned   int       // fetches in a row whose callers gave up
	abandonedAt time.Time // when the last of them did
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
		if set := s.fresh(now); set.has(kid) {
			return set.byID[kid], nil
		}
		if ctx.Err() != nil && !s.usable(now).has(kid) {
			return nil, errGaveUp(ctx)
		}
		turn, err := s.next(now, kid)
		switch {
		case err != nil:
			return nil, err
		case turn.done == nil:
			return turn.keys.byID[kid], nil
		case turn.lead:
			set, err := s.lead(ctx, kid, turn)
			return set.pick(kid, err)
		}
		select {
		case <-turn.done:
		case <-ctx.Done(): // the loop ends
		}
	}
}

// has reports whether the set answers for the kid; every set answers for the empty one, and nil for none.
func (k *keySet) has(kid string) bool { return k != nil && (kid == "" || k.byID[kid] != nil) }

// pick returns the key with the kid. A nil set has none, because of err.
func (k *keySet) pick(kid string, err error) (*key, error) {
	switch {
	case k == nil:
		return nil, err
	case !k.has(kid):
		return nil, errUnknownKey()
	}
	return k.byID[kid], nil
}

func errUnknownKey() error {
	return refuse(ErrUnknownKey, "the issuer publishes no usable key with this kid")
}

func errGaveUp(ctx context.Context) error {
	return &Error{Reason: ErrKeysUnavailable, detail: "the caller's time for fetching the keys is over", cause: ctx.Err()}
}

// turn is what a caller does whose kid is not among fresh keys: use the keys at hand (done is nil), fetch (lead), or wait
// until done is closed.
type turn struct {
	keys   *keySet // have the kid and are good enough while no better ones are to be had; may be nil
	done   chan struct{}
	lead   bool
	insist bool // fetch to the end even if the caller is cancelled meanwhile
}

// next decides whose turn it is to do what.
func (s *keySource) next(now time.Time, kid string) (turn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.usable(now)
	if !old.has(kid) {
		old = nil
	}
	stale := s.fresh(now) == nil
	switch failing := within(now, s.failed, s.backoff); {
	case old != nil && (!stale || failing || s.inflight != nil): // not stale: another caller was faster
		return turn{keys: old}, nil
	case s.inflight != nil:
		return turn{done: s.inflight}, nil
	case failing:
		wait := s.backoff - now.Sub(s.failed)
		return turn{}, &Error{Reason: ErrKeysUnavailable, RetryAfter: wait, detail: "the last fetch failed", cause: s.lastErr}
	case !stale && (within(now, s.missed, s.cooldown) || within(now, s.unknown[kid], 3*s.cooldown)):
		return turn{}, errUnknownKey()
	case !stale && s.abandoned > 1 && within(now, s.abandonedAt, abandonedPause):
		return turn{}, &Error{Reason: ErrKeysUnavailable, RetryAfter: abandonedPause, detail: "nobody waited for the last fetches"}
	}
	s.inflight = make(chan struct{})
	return turn{keys: old, done: s.inflight, lead: true, insist: s.abandoned > 0}, nil
}

// lead fetches once, notes how it went, and wakes those who wait. It returns the new keys, or else the turn's old ones, or an
// error.
func (s *keySource) lead(ctx context.Context, kid string, t turn) (*keySet, error) {
	limit := s.timeout
	deadline, limited := ctx.Deadline()
	if limited && t.keys != nil {
		limit = min(limit, time.Until(deadline)/2) // leaves time to use the old keys
	}
	if t.insist {
		ctx = context.WithoutCancel(ctx)
		if limited {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline)
			defer cancel()
		}
	}
	var set *keySet
	err := errors.New("the HTTP client panicked")
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.note(kid, set, err, ctx.Err() != nil)
		s.inflight = nil
		close(t.done)
	}()
	set, err = s.fetch(ctx, limit)
	switch {
	case err == nil:
		return set, nil
	case t.keys != nil:
		return t.keys, nil
	case ctx.Err() != nil:
		return nil, errGaveUp(ctx)
	}
	return nil, &Error{Reason: ErrKeysUnavailable, detail: "the fetch failed", cause: err}
}

// note records the outcome of a fetch. s.mu is held.
func (s *keySource) note(kid string, set *keySet, err error, gaveUp bool) {
	now := s.now()
	switch {
	case err == nil:
		s.failures, s.backoff, s.lastErr, s.abandoned = 0, 0, nil, 0
		s.set.Store(set)
		if !set.has(kid) {
			s.missed = now
			s.remember(kid, now)
		}
	case gaveUp:
		// This says nothing about the endpoint. Whoever comes next insists, so that nobody can keep new keys out, or cause a
		// stream of fetches, by hanging up.
		s.abandoned++
		s.abandonedAt = now
	default:
		s.abandoned = 0
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
