// Package storeurl checks and hides the URLs that the stores are configured with.
package storeurl

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Endpoint parses a service's URL as uploaders reach it: http or https, and a host, without anything else.
func Endpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("Endpoint must be http:// or https:// and a host, without path, query and user")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Hide drops the bucket's URL, which may hold a secret, from an error in front of which gocloud has put it.
func Hide(err error, u *url.URL) error {
	if !strings.Contains(err.Error(), u.String()) {
		return err
	}
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return fmt.Errorf("the %s bucket cannot be opened", u.Scheme)
}
