package auth_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cruddur/avatarkit/auth"
	"github.com/cruddur/avatarkit/auth/authtest"
)

// TestHangingUpKeepsNoKeyOut: strangers who send unknown kids and hang up while their fetch runs neither delay the
// pick-up of a new key nor cause more than one more fetch.
func TestHangingUpKeepsNoKeyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, _ := newIssuer(t)
		v := newVerifier(t, i.Config())
		wantErr(t, v, i.AccessToken("u"), nil)
		if err := i.Rotate(); err != nil {
			t.Fatal(err)
		}
		i.SetDelay(20 * time.Millisecond)
		forged := mint(t, i, authtest.Token{Header: map[string]any{"kid": "forged"}})
		for _, want := range []error{context.Canceled, auth.ErrUnknownKey, auth.ErrUnknownKey} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(2*time.Millisecond, cancel)
			if _, err := v.Verify(ctx, forged); !errors.Is(err, want) {
				t.Errorf("Verify = %v, want %v", err, want)
			}
			cancel()
		}
		wantErr(t, v, i.AccessToken("u"), nil)
		if n := i.Fetches(); n != 3 {
			t.Errorf("%d fetches, want the first, one that was abandoned, and one that was not", n)
		}
	})
}

// TestShortDeadlines: where all callers are less patient than the endpoint is slow, forged kids cause two fetches in a second,
// and known keys serve on.
func TestShortDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, clock := newIssuer(t)
		v := newVerifier(t, i.Config())
		good := i.AccessToken("u")
		wantErr(t, v, good, nil)
		i.SetDelay(time.Second)
		forged := mint(t, i, authtest.Token{Header: map[string]any{"kid": "forged"}})
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if _, err := v.Verify(ctx, forged); !errors.Is(err, auth.ErrKeysUnavailable) {
				t.Errorf("Verify = %v", err)
			}
			if _, err := v.Verify(ctx, good); err != nil {
				t.Errorf("a known key: %v", err)
			}
			cancel()
		}
		if n := i.Fetches(); n != 3 {
			t.Errorf("%d fetches", n)
		}
		clock.Advance(time.Second)
		i.SetDelay(0)
		wantErr(t, v, forged, auth.ErrUnknownKey)
	})
}

// TestOldKeysBeatADeadline: a caller with a short deadline gets the old keys when the endpoint hangs.
func TestOldKeysBeatADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, clock := newIssuer(t)
		v := newVerifier(t, i.Config())
		tok := mint(t, i, authtest.Token{Lifetime: 10 * time.Hour})
		wantErr(t, v, tok, nil)
		clock.Advance(2 * time.Hour)
		i.SetDelay(time.Minute)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if _, err := v.Verify(ctx, tok); err != nil || ctx.Err() != nil {
				t.Errorf("Verify = %v, context %v", err, ctx.Err())
			}
			cancel()
		}
		if n := i.Fetches(); n != 2 {
			t.Errorf("%d fetches, want one that failed and a back-off", n)
		}
		clock.Advance(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		if _, err := v.Verify(ctx, tok); err != nil || ctx.Err() == nil {
			t.Errorf("Verify of a caller who hung up = %v, although good keys are there", err)
		}
	})
}

// TestTinyRefresh: an age that is over at once costs a fetch for each token, and no more.
func TestTinyRefresh(t *testing.T) {
	cfg := shared().Config()
	cfg.RefreshKeys, cfg.Now = time.Nanosecond, time.Now
	issuer, err := authtest.NewIssuer(authtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Pools, cfg.HTTPClient = issuer.Config().Pools, issuer.Client()
	v := newVerifier(t, cfg)
	for range 3 {
		wantErr(t, v, issuer.AccessToken("u"), nil)
		wantErr(t, v, mint(t, issuer, authtest.Token{Header: map[string]any{"kid": "x"}}), auth.ErrUnknownKey)
	}
	if n := issuer.Fetches(); n != 6 {
		t.Errorf("%d fetches", n)
	}
}

// TestThaw: a process that was frozen for days, in the middle of a back-off, asks for the keys again at once and over a new
// connection, and does not trust what it had.
func TestThaw(t *testing.T) {
	i, clock := newIssuer(t)
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(i)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	cfg := i.Config()
	cfg.Pools[0].JWKSURL, cfg.HTTPClient = server.URL+"/.well-known/jwks.json", server.Client()
	v := newVerifier(t, cfg)
	wantErr(t, v, i.AccessToken("u"), nil)
	clock.Advance(time.Hour)
	i.SetDown(true)
	old := mint(t, i, authtest.Token{Lifetime: 1000 * time.Hour})
	wantErr(t, v, old, nil)
	clock.Advance(100 * time.Hour)
	wantErr(t, v, old, auth.ErrKeysUnavailable)
	i.SetDown(false)
	clock.Advance(100 * time.Hour)
	wantErr(t, v, old, nil)
	if n := connections.Load(); n != int64(i.Fetches()) {
		t.Errorf("%d fetches over %d connections", i.Fetches(), n)
	}
	before := i.Fetches()
	clock.Advance(-50 * time.Hour) // the clock is set right: keys from the future are not trusted
	wantErr(t, v, mint(t, i, authtest.Token{}), nil)
	if i.Fetches() != before+1 {
		t.Error("keys of a wrong clock are used on")
	}
}

// TestExpiryWhileWaiting: a token that expires while its key is fetched is refused.
func TestExpiryWhileWaiting(t *testing.T) {
	i, clock := newIssuer(t)
	cfg := i.Config()
	transport := cfg.HTTPClient.Transport
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		clock.Advance(2 * time.Second)
		return transport.RoundTrip(r)
	})}
	wantErr(t, newVerifier(t, cfg), mint(t, i, authtest.Token{Lifetime: time.Second}), auth.ErrExpired)
}

// TestRequestForKeys: what is sent, and what of the answer's Cache-Control is heeded.
func TestRequestForKeys(t *testing.T) {
	i, clock := newIssuer(t)
	tests := []struct {
		name, control string
		wait          time.Duration // until the next fetch
	}{
		{"none", "", time.Hour},
		{"max-age", "public, max-age=600", 10 * time.Minute},
		{"capitals and quotes", `Max-Age="600"`, 10 * time.Minute},
		{"zero", "max-age=0", time.Minute},
		{"longer than RefreshKeys", "max-age=86400", time.Hour},
		{"nonsense", "max-age=-1, max-age=x", time.Hour},
		{"huge", "max-age=99999999999999999999", time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fetches := 0
			cfg := i.Config()
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				fetches++
				if r.Method != "GET" || r.Header.Get("Authorization") != "" || r.Header.Get("Cache-Control") != "no-cache" || !strings.HasSuffix(r.URL.Path, "/.well-known/jwks.json") {
					t.Errorf("request = %s %s %v", r.Method, r.URL, r.Header)
				}
				res, err := i.Client().Transport.RoundTrip(r)
				res.Header.Set("Cache-Control", tt.control)
				return res, err
			})}
			v := newVerifier(t, cfg)
			tok := mint(t, i, authtest.Token{Lifetime: 2 * time.Hour})
			wantErr(t, v, tok, nil)
			clock.Advance(tt.wait - time.Second)
			wantErr(t, v, tok, nil)
			if fetches != 1 {
				t.Errorf("fetched again too early")
			}
			clock.Advance(time.Second)
			wantErr(t, v, tok, nil)
			if fetches != 2 {
				t.Errorf("%d fetches after %v", fetches, tt.wait)
			}
		})
	}
}

// TestKeyEndpointAnswers: everything but 200 with a key set is an outage, and none of it reaches the client.
func TestKeyEndpointAnswers(t *testing.T) {
	i := shared()
	tok := i.AccessToken("u")
	for _, status := range []int{201, 204, 206, 301, 304, 400, 403, 404, 429, 500, 503} {
		cfg := i.Config()
		cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			w.WriteHeader(status)
			_, _ = w.WriteString(goldenKeys)
			return w.Result(), nil
		})}
		wantErr(t, newVerifier(t, cfg), tok, auth.ErrKeysUnavailable)
	}
	cfg := i.Config()
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("secret cause") })}
	w := serve(newVerifier(t, cfg).Require(who), "Bearer "+tok)
	if w.Code != 503 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestPanickingClient: whoever waits behind a fetch that panics is not left waiting.
func TestPanickingClient(t *testing.T) {
	cfg := shared().Config()
	cfg.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { panic("broken client") })}
	v := newVerifier(t, cfg)
	tok := shared().AccessToken("u")
	func() {
		defer func() { _ = recover() }()
		_, _ = v.Verify(t.Context(), tok)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := v.Verify(ctx, tok); !errors.Is(err, auth.ErrKeysUnavailable) || ctx.Err() != nil {
		t.Errorf("Verify = %v", err)
	}
}
