package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

func wantErr(t *testing.T, v *auth.Verifier, tok string, want error) {
	t.Helper()
	if _, err := v.Verify(t.Context(), tok); !errors.Is(err, want) {
		t.Helper()
		t.Errorf("Verify = %v, want %v", err, want)
	}
}

func TestRotationTakesEffect(t *testing.T) {
	i, clock := newIssuer(t)
	cfg := i.Config()
	cfg.CacheTokens = 10
	v := newVerifier(t, cfg)
	old := mint(t, i, authtest.Token{Lifetime: 12 * time.Hour})
	wantErr(t, v, old, nil)
	if err := i.Rotate(); err != nil {
		t.Fatal(err)
	}
	wantErr(t, v, i.AccessToken("u"), nil) // at once: the new kid causes a fetch
	wantErr(t, v, old, nil)
	if n := i.Fetches(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
	i.Withdraw()
	wantErr(t, v, old, nil)
	clock.Advance(time.Hour)
	wantErr(t, v, old, auth.ErrUnknownKey) // also for the remembered token
	fresh := i.AccessToken("u")
	wantErr(t, v, fresh, nil)
	if err := i.Rekey(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour - time.Second)
	clock.Advance(time.Second)
	wantErr(t, v, mint(t, i, authtest.Token{}), nil) // same kid, new key
	wantErr(t, v, strings.Repeat("x", 3), auth.ErrMalformed)
}

func TestRekeyedKidRefusesTheOldKey(t *testing.T) {
	i, clock := newIssuer(t)
	v := newVerifier(t, i.Config())
	old := mint(t, i, authtest.Token{Lifetime: 12 * time.Hour})
	wantErr(t, v, old, nil)
	if err := i.Rekey(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	for range 2 { // the second time the new key is known, and what is remembered of the old one must not count
		wantErr(t, v, old, auth.ErrSignature)
	}
	wantErr(t, v, i.AccessToken("u"), nil)
	wantErr(t, v, old, auth.ErrSignature)
}

// TestForgedKids: ten thousand unknown kids in one second, from many clients, cause one fetch in each cool-down.
func TestForgedKids(t *testing.T) {
	i, clock := newIssuer(t)
	v := newVerifier(t, i.Config())
	good := i.AccessToken("u")
	wantErr(t, v, good, nil)
	forged := make([]string, 10_000)
	rest := good[strings.IndexByte(good, '.'):]
	for n := range forged {
		forged[n] = b64(fmt.Sprintf(`{"kid":"forged-%d","alg":"RS256"}`, n)) + rest
	}
	before := heap()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := w; n < len(forged); n += 8 {
				if _, err := v.Verify(t.Context(), forged[n]); !errors.Is(err, auth.ErrUnknownKey) {
					t.Errorf("Verify = %v", err)
				}
			}
		})
	}
	wg.Wait()
	after := heap()
	if n := i.Fetches(); n != 2 {
		t.Errorf("%d fetches, want the first and one more", n)
	}
	if grown := after - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for n := range 50 {
		clock.Advance(10 * time.Second)
		wantErr(t, v, forged[n], auth.ErrUnknownKey)
		wantErr(t, v, forged[n+100], auth.ErrUnknownKey)
	}
	if n := i.Fetches(); n > 52 {
		t.Errorf("%d fetches in 50 cool-downs", n)
	}
	runtime.KeepAlive(forged)
}

func TestUnknownKidIsRemembered(t *testing.T) {
	i, clock := newIssuer(t)
	v := newVerifier(t, i.Config())
	wantErr(t, v, i.AccessToken("u"), nil)
	tok := mint(t, i, authtest.Token{Header: map[string]any{"kid": "retired"}})
	wantErr(t, v, tok, auth.ErrUnknownKey)
	clock.Advance(11 * time.Second)
	wantErr(t, v, tok, auth.ErrUnknownKey)
	if n := i.Fetches(); n != 2 {
		t.Errorf("%d fetches, want 2: the kid is remembered beyond the cool-down", n)
	}
}

func TestOutageAndRecovery(t *testing.T) {
	i, clock := newIssuer(t)
	v := newVerifier(t, i.Config())
	i.SetDown(true)
	tok := mint(t, i, authtest.Token{Lifetime: 100 * time.Hour})
	for range 100 {
		wantErr(t, v, tok, auth.ErrKeysUnavailable)
	}
	if n := i.Fetches(); n != 1 {
		t.Errorf("%d fetches while backing off, want 1", n)
	}
	i.SetDown(false)
	clock.Advance(2 * time.Second)
	wantErr(t, v, tok, nil)

	i.SetDown(true)
	clock.Advance(2 * time.Hour)
	wantErr(t, v, tok, nil) // good keys serve on
	wantErr(t, v, mint(t, i, authtest.Token{Header: map[string]any{"kid": "new"}}), auth.ErrKeysUnavailable)
	clock.Advance(20 * time.Hour)
	wantErr(t, v, tok, nil)
	clock.Advance(3 * time.Hour)
	wantErr(t, v, tok, auth.ErrKeysUnavailable) // beyond MaxKeyAge
	i.SetDown(false)
	clock.Advance(31 * time.Second)
	wantErr(t, v, tok, nil)
}

// TestSlowEndpoint: each caller waits as long as its own context, and one fetch serves those who wait. Nothing is left behind.
func TestSlowEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, _ := newIssuer(t)
		v := newVerifier(t, i.Config())
		i.SetDelay(300 * time.Millisecond)
		tok := i.AccessToken("u")
		begin := time.Now()
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				patience := time.Hour
				if n%2 == 0 {
					patience = 20 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := v.Verify(ctx, tok)
				if n%2 == 1 && err != nil {
					t.Errorf("patient caller: %v", err)
				}
				if n%2 == 0 && (!errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, auth.ErrKeysUnavailable) || time.Since(begin) != patience) {
					t.Errorf("impatient caller: %v after %v", err, time.Since(begin))
				}
			})
		}
		wg.Wait()
		if d := time.Since(begin); d > 320*time.Millisecond {
			t.Errorf("took %v", d)
		}
		if n := i.Fetches(); n > 11 {
			t.Errorf("%d fetches, want at most one that each impatient caller abandoned, and one more", n)
		}
	}) // fails if a goroutine of the bubble stays
}

func TestRotationUnderLoad(t *testing.T) {
	i, clock := newIssuer(t)
	cfg := i.Config()
	cfg.CacheTokens = 16
	v := newVerifier(t, cfg)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := v.Verify(t.Context(), i.AccessToken("u")); err != nil {
					t.Errorf("Verify = %v", err)
					return
				}
			}
		})
	}
	for range 3 {
		if err := i.Rotate(); err != nil {
			t.Error(err)
		}
		clock.Advance(time.Minute)
	}
	close(stop)
	wg.Wait()
}

func TestWarm(t *testing.T) {
	i, _ := newIssuer(t)
	v := newVerifier(t, i.Config())
	if err := v.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantErr(t, v, i.AccessToken("u"), nil)
	if err := v.Warm(t.Context()); err != nil || i.Fetches() != 1 {
		t.Errorf("Warm = %v, %d fetches", err, i.Fetches())
	}
	down, _ := newIssuer(t)
	down.SetDown(true)
	if err := newVerifier(t, down.Config()).Warm(t.Context()); !errors.Is(err, auth.ErrKeysUnavailable) {
		t.Errorf("Warm of a dead endpoint = %v", err)
	}
}

// roundTripper answers every request for keys.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPoolOfBothIssuerFormats(t *testing.T) {
	const id = "eu-west-1_AbCdEf123"
	regional := "https://cognito-idp.eu-west-1.amazonaws.com/" + id
	for _, url := range []string{regional, "https://issuer-cognito-idp.eu-west-1.amazonaws.com/" + id, "https://cognito-idp.eu-central-1.amazonaws.com/" + id} {
		i, err := authtest.NewIssuer(authtest.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		v := newVerifier(t, auth.Config{
			Pools: []auth.Pool{{ID: id, ClientIDs: []string{i.ClientID()}, ReplicaRegions: []string{"eu-central-1"}}},
			HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.String() != url+"/.well-known/jwks.json" {
					return nil, fmt.Errorf("unexpected fetch of %s", r.URL)
				}
				return i.Client().Transport.RoundTrip(r)
			})},
		})
		wantErr(t, v, i.AccessToken("u"), nil)
		wantErr(t, v, mint(t, i, authtest.Token{Claims: map[string]any{"iss": url + "x"}}), auth.ErrIssuer)
		if err := v.Warm(t.Context()); err != nil {
			t.Errorf("Warm = %v, although one issuer of the pool answers", err)
		}
	}
}
