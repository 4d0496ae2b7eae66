package localstore

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checkOrigin refuses what no browser sends: an entry that could never match is a mistake worth telling at the start.
func checkOrigin(o string) error {
	u, err := url.Parse(o)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Scheme+"://"+u.Host != o ||
		o != strings.ToLower(o) || strings.HasSuffix(o, ":") || strings.Contains(o, "*") ||
		u.Scheme == "http" && u.Port() == "80" || u.Scheme == "https" && u.Port() == "443" {
		return fmt.Errorf("localstore: origin %q must be scheme://host or scheme://host:port, lower-case, without the default port, path and wildcard", o)
	}
	return nil
}

// cors sets the headers that let an allowed page read the answer, whatever it will be (Fetch standard, "CORS protocol").
func (s *Store) cors(h http.Header, origin string) {
	h.Add("Vary", "Origin")
	if slices.Contains(s.cfg.Origins, origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "ETag")
	}
}

// preflight answers OPTIONS. It tells nothing about the key or the signature.
func (s *Store) preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Allow", allowedMethods)
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", http.MethodPut)
		h.Set("Access-Control-Allow-Headers", "Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}

const allowedMethods = "OPTIONS, PUT"
