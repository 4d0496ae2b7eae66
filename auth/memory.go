package auth

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"
)

// signer is a key and the issuer that published it.
type signer struct {
	issuer *issuer
	key    *key
}

// headerMemo remembers which signer a header led to: Cognito's headers are the same for all tokens of one key. Only headers
// of tokens that verified get in, and the memo only spares work: what it answers must still be a current key.
type headerMemo struct {
	mu      sync.RWMutex
	signers map[string]signer
}

const maxHeaders = 64

func (m *headerMemo) get(header string, now time.Time) (signer, bool) {
	m.mu.RLock()
	s, ok := m.signers[header]
	m.mu.RUnlock()
	return s, ok && s.issuer.keys.current(s.key, now)
}

func (m *headerMemo) put(header string, by signer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.signers == nil || len(m.signers) >= maxHeaders {
		m.signers = map[string]signer{}
	}
	m.signers[strings.Clone(header)] = by
}

// tokenCache remembers verified tokens in two generations: when the young one is full it becomes the old one, and the old one
// is forgotten. A nil cache remembers nothing. The key is the hash of the signature segment, so that nobody finds usable
// tokens in the memory; the rest of a token is compared as it stands, which is faster than hashing it too.
type tokenCache struct {
	mu         sync.Mutex
	size       int // of one generation
	young, old map[[sha256.Size]byte]verified
}

type verified struct {
	signed string // header and payload
	claims *Claims
	signer signer
}

func newTokenCache(tokens int) *tokenCache {
	return &tokenCache{size: (tokens + 1) / 2, young: map[[sha256.Size]byte]verified{}}
}

// get returns the caller's own copy of the claims, if their key is still current.
func (c *tokenCache) get(text string, now time.Time) *Claims {
	if c == nil {
		return nil
	}
	signed, id := cacheKey(text)
	c.mu.Lock()
	v, ok := c.young[id]
	if !ok {
		if v, ok = c.old[id]; ok {
			delete(c.old, id)
			c.add(id, v)
		}
	}
	c.mu.Unlock()
	if !ok || v.signed != signed || !v.signer.issuer.keys.current(v.signer.key, now) {
		return nil
	}
	claims := *v.claims
	return &claims
}

func (c *tokenCache) put(text string, claims *Claims, by signer) {
	if c == nil {
		return
	}
	own := *claims
	signed, id := cacheKey(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(id, verified{strings.Clone(signed), &own, by})
}

func cacheKey(text string) (signed string, signature [sha256.Size]byte) {
	dot := max(0, strings.LastIndexByte(text, '.'))
	return text[:dot], hash(text[dot:])
}

// add puts v into the young generation. c.mu is held.
func (c *tokenCache) add(id [sha256.Size]byte, v verified) {
	if len(c.young) >= c.size {
		c.old, c.young = c.young, map[[sha256.Size]byte]verified{}
	}
	c.young[id] = v
}
