package auth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxJWKSBytes = 1 << 20
	minRefresh   = time.Minute // whatever max-age the server sends
)

// fetch gets the JWKS once, within limit. Keys that have not changed keep their identity.
func (s *keySource) fetch(ctx context.Context, limit time.Duration) (*keySet, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("Cache-Control", "no-cache") // a proxy's copy may lack the new key
	req.Close = true                            // a connection kept for the next time may be dead after a freeze
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
