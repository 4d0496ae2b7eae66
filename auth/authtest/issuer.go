package authtest

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cruddur/avatarkit/auth"
)

// Options of an Issuer; the zero value is ready to use.
type Options struct {
	// URL is the issuer's name, the iss of its tokens: an https URL, or an http URL of a loopback host. Empty means
	// that of a pool in us-east-1 which does not exist.
	URL string
	// ClientID is the app client of the tokens; empty means "authtest-client".
	ClientID string
	// Now is the clock for iat and exp, and that of Config; nil means time.Now.
	Now func() time.Time
}

// Issuer signs tokens, and serves its keys as an http.Handler at any path that ends in /.well-known/jwks.json. As in Cognito,
// access tokens and ID tokens have different keys. It is safe for concurrent use.
type Issuer struct {
	url, client string
	now         func() time.Time
	fetches     atomic.Int64

	mu        sync.Mutex
	access    signer
	id        signer
	published []signer
	down      bool
	delay     time.Duration
	rotations int
}

type signer struct {
	kid string
	key *rsa.PrivateKey
}

// NewIssuer returns an issuer with fresh keys of 2048 bits.
func NewIssuer(opts Options) (*Issuer, error) {
	i := &Issuer{url: opts.URL, client: opts.ClientID, now: opts.Now}
	if i.url == "" {
		i.url = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_authtest"
	}
	if i.client == "" {
		i.client = "authtest-client"
	}
	if i.now == nil {
		i.now = time.Now
	}
	return i, i.Rotate()
}

// URL returns the issuer's name.
func (i *Issuer) URL() string { return i.url }

// ClientID returns the app client that tokens name by default.
func (i *Issuer) ClientID() string { return i.client }

// Config returns the configuration of a verifier for this issuer's access tokens, which fetches the keys within the process.
// Change what the test is about before handing it to auth.New.
func (i *Issuer) Config() auth.Config {
	return auth.Config{
		Pools:      []auth.Pool{{Issuer: i.url, ClientIDs: []string{i.client}}},
		HTTPClient: i.Client(),
		Now:        i.now,
	}
}

// Rotate signs with new keys from now on. The old ones stay published until Withdraw.
func (i *Issuer) Rotate() error {
	access, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("authtest: %w", err)
	}
	id, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("authtest: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rotations++
	i.access = signer{fmt.Sprintf("access-%d-%s", i.rotations, rand.Text()), access}
	i.id = signer{fmt.Sprintf("id-%d-%s", i.rotations, rand.Text()), id}
	i.published = append(i.published, i.access, i.id)
	return nil
}

// Withdraw publishes only the newest keys.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.published = []signer{i.access, i.id}
}

// Rekey replaces the key of access tokens under the same kid, as a real issuer never should.
func (i *Issuer) Rekey() error {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("authtest: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.access.key = k
	i.published = []signer{i.access, i.id}
	return nil
}

// SetDown makes the key endpoint answer 503, or work again.
func (i *Issuer) SetDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// SetDelay makes the key endpoint wait before it answers.
func (i *Issuer) SetDelay(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delay = d
}

// Fetches returns how often the keys were asked for.
func (i *Issuer) Fetches() int { return int(i.fetches.Load()) }

// ServeHTTP serves the keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/.well-known/jwks.json") {
		http.NotFound(w, r)
		return
	}
	i.fetches.Add(1)
	i.mu.Lock()
	down, delay, body := i.down, i.delay, jwks(i.published)
	i.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	if down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// Client returns an HTTP client whose every request this issuer answers, without a network.
func (i *Issuer) Client() *http.Client { return &http.Client{Transport: transport{i}} }

type transport struct{ issuer *Issuer }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &response{header: http.Header{}, status: http.StatusOK}
	t.issuer.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.body.Len() == 0 {
		return nil, errors.New("authtest: no answer")
	}
	return w.result(r), nil
}
