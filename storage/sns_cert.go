package storage

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// snsTimeout bounds each request to SNS; SNS itself waits 15 seconds for the webhook's answer.
const snsTimeout = 5 * time.Second

// errTransient marks a failure that the sender may overcome by sending again.
var errTransient = errors.New("try again")

// snsCerts fetches and keeps SNS's signing certificates. Anybody can name an address that passes the pin, so both the
// number kept and the number of fetches in a minute are bounded; a kept certificate needs no fetch.
type snsCerts struct {
	client *http.Client
	now    func() time.Time

	mu      sync.Mutex
	kept    map[string]*x509.Certificate
	minute  time.Time
	fetches int
}

const (
	maxCerts   = 16
	maxFetches = 12 // in a minute
	maxCert    = 64 << 10
)

// key returns the public key of the certificate at the address, which has passed snsCertURL.
func (c *snsCerts) key(ctx context.Context, address string) (*rsa.PublicKey, error) {
	cert, err := c.cached(address)
	if err != nil {
		return nil, err
	}
	if cert == nil {
		if cert, err = c.fetch(ctx, address); err != nil {
			return nil, err
		}
	}
	now := c.now()
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, errors.New("certificate is not valid at this time")
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < 2048 {
		return nil, errors.New("certificate holds no RSA key of at least 2048 bits")
	}
	return key, nil
}

// cached returns the kept certificate, or nil and a fetch counted against the minute.
func (c *snsCerts) cached(address string) (*x509.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cert := c.kept[address]; cert != nil {
		return cert, nil
	}
	if now := c.now(); now.Sub(c.minute) >= time.Minute || now.Before(c.minute) {
		c.minute, c.fetches = now, 0
	}
	if c.fetches >= maxFetches {
		return nil, fmt.Errorf("%w: too many unknown certificates this minute", errTransient)
	}
	c.fetches++
	return nil, nil
}

func (c *snsCerts) fetch(ctx context.Context, address string) (*x509.Certificate, error) {
	body, err := snsGet(ctx, c.client, address, maxCert)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	cert, err := parseChain(body, c.now())
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxCerts {
		c.kept = make(map[string]*x509.Certificate) // SNS has one certificate in use per region: starting over is rare
	}
	c.kept[address] = cert
	return cert, nil
}

// parseChain reads PEM certificates, the signing one first, and checks that each is valid now and signed by the next.
// That they are Amazon's is known from the TLS connection to the pinned host.
func parseChain(text []byte, now time.Time) (*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return nil, errors.New("not valid at this time")
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		return nil, errors.New("no PEM certificate")
	}
	for i := range len(chain) - 1 {
		if err := chain[i].CheckSignatureFrom(chain[i+1]); err != nil {
			return nil, err
		}
	}
	return chain[0], nil
}

// snsGet fetches a pinned address, without following redirects, and returns at most limit bytes. All its errors are
// transient: the address was checked before.
func snsGet(ctx context.Context, client *http.Client, address string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, snsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTransient, withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: SNS answered %s", errTransient, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTransient, err)
	}
	return body, nil
}
