package app

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/cruddur/avatarkit/profile"
)

//go:embed page
var pageFiles embed.FS

func (a *App) pageRoutes(open func(string, handlerFunc)) {
	open("GET /{$}", a.file("index.html", "text/html; charset=utf-8"))
	open("GET /{at}", func(w http.ResponseWriter, r *http.Request) error {
		if !strings.HasPrefix(r.PathValue("at"), "@") {
			return fail(http.StatusNotFound, "not_found", "there is nothing at this address")
		}
		return a.file("index.html", "text/html; charset=utf-8")(w, r)
	})
	open("GET /page/app.js", a.file("app.js", "text/javascript; charset=utf-8"))
	open("GET /page/style.css", a.file("style.css", "text/css; charset=utf-8"))
	open("GET /favicon.ico", a.file("icon.svg", "image/svg+xml"))
}

// file serves one embedded file, revalidated by its hash: the names carry no version.
func (a *App) file(name, contentType string) handlerFunc {
	data, err := pageFiles.ReadFile("page/" + name)
	sum := sha256.Sum256(data)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	csp := a.contentSecurityPolicy()
	return func(w http.ResponseWriter, r *http.Request) error {
		if err != nil {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		_, _ = w.Write(data) // the client went away
		return nil
	}
}

func (a *App) contentSecurityPolicy() string {
	list := func(origins []string) string { return strings.Join(append([]string{""}, origins...), " ") }
	return "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"img-src 'self' blob:" + list(a.cfg.ImageOrigins) + "; connect-src 'self'" + list(a.cfg.UploadOrigins)
}

// limits tells the page what it may check before it asks.
func (a *App) limits(w http.ResponseWriter, _ *http.Request) error {
	maxBytes := map[string]int64{}
	for kind, pictures := range a.cfg.Pictures {
		maxBytes[kind] = pictures.MaxBytes()
	}
	return writeJSON(w, http.StatusOK, map[string]any{
		"max_display_name": profile.MaxDisplayName, "max_bio": profile.MaxBio, "max_message": profile.MaxMessage,
		"max_bytes": maxBytes, "types": []string{"image/jpeg", "image/png", "image/gif", "image/webp"},
		"dev_login": a.cfg.DevLogin,
	})
}
