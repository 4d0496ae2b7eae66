package auth_test

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/cruddur/avatarkit/auth"
)

// TestIssuers: where the keys of a pool are asked for, by partition and region.
func TestIssuers(t *testing.T) {
	const jwks = "/.well-known/jwks.json"
	tests := []struct {
		name string
		pool auth.Pool
		want []string
	}{
		{"commercial", auth.Pool{ID: "eu-west-1_Ab1"}, []string{"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1", "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1"}},
		{"GovCloud", auth.Pool{ID: "us-gov-west-1_Ab1"}, []string{"https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab1", "https://issuer-cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Ab1"}},
		{"China", auth.Pool{ID: "cn-north-1_Ab1"}, []string{"https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab1", "https://issuer-cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab1"}},
		{"European sovereign", auth.Pool{ID: "eusc-de-east-1_Ab1"}, []string{"https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_Ab1", "https://issuer-cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_Ab1"}},
		{"isolated", auth.Pool{ID: "us-iso-east-1_Ab1"}, []string{"https://cognito-idp.us-iso-east-1.c2s.ic.gov/us-iso-east-1_Ab1", "https://issuer-cognito-idp.us-iso-east-1.c2s.ic.gov/us-iso-east-1_Ab1"}},
		{"replicas", auth.Pool{ID: "eu-west-1_Ab1", ReplicaRegions: []string{"eu-central-1"}}, []string{
			"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1", "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab1", "https://cognito-idp.eu-central-1.amazonaws.com/eu-west-1_Ab1"}},
		{"own issuer", auth.Pool{Issuer: "https://id.example/pool"}, []string{"https://id.example/pool"}},
		{"own issuer with a slash", auth.Pool{Issuer: "https://id.example/"}, []string{"https://id.example"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			var got, want []string
			for _, u := range tt.want {
				want = append(want, u+jwks)
			}
			tt.pool.AnyClient = true
			v := newVerifier(t, auth.Config{Pools: []auth.Pool{tt.pool}, HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, r.URL.String())
				return nil, errors.New("offline")
			})}})
			if err := v.Warm(t.Context()); !errors.Is(err, auth.ErrKeysUnavailable) {
				t.Errorf("Warm = %v", err)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("asked %q, want %q", got, want)
			}
		})
	}
}

func TestPoolsThatAreRefused(t *testing.T) {
	for _, p := range []auth.Pool{
		{}, {ID: "eu-west-1"}, {ID: "eu-west-1_"}, {ID: "_Ab1"}, {ID: "eu-west-1_Ab-1"}, {ID: "eu-west-1_Ab1\n"}, {ID: "EU-west-1_Ab1"}, {ID: "eu-west-1.evil.example/_Ab1"},
		{Issuer: "http://id.example"}, {Issuer: "https://"}, {Issuer: "https://:443"}, {Issuer: "https://u:p@id.example"}, {Issuer: "https://id.example#a"}, {Issuer: "https://id.example?a=b"},
		{Issuer: "ftp://id.example"}, {Issuer: "id.example"}, {Issuer: "http://127.0.0.1.evil.example"}, {Issuer: "http://localhost.evil.example"}, {Issuer: "https://id.example/%zz"},
		{Issuer: "https://id.example", JWKSURL: "http://id.example/keys"}, {ID: "eu-west-1_Ab1", ReplicaRegions: []string{"eu-west-1.evil.example/"}},
		{Issuer: "https://id.example", ReplicaRegions: []string{"eu-west-1"}}, {ID: "eu-west-1_Ab1", ReplicaRegions: []string{"eu-west-1"}},
	} {
		p.AnyClient = true
		if _, err := auth.New(auth.Config{Pools: []auth.Pool{p}}); err == nil {
			t.Errorf("accepted %+v", p)
		}
	}
}
