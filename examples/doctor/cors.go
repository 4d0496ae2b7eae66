package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cruddur/avatarkit/storage"
)

// stranger is an origin that nobody has: .invalid is reserved (RFC 2606).
const stranger = "https://stranger.invalid"

// checkCORS asks the preflights that the browser of an uploader would, for a PUT and for a form, and makes the request itself.
func (d *doctor) checkCORS(ctx context.Context) error {
	if d.local() && d.cfg.endpoint == "" {
		d.report.note(finding{Code: "cors_unchecked", Detail: "uploads go to a receiver of the service, whose URL is not known",
			Fix: "name it with -endpoint, such as http://localhost:8080/uploads"})
		return nil
	}
	for i, p := range []storage.Policy{policy(), {ContentType: "image/png", MaxBytes: 100}} {
		g, err := d.uploads.GrantUpload(ctx, d.uploadKey(fmt.Sprintf("cors-%d.png", i)), p)
		if err != nil {
			continue // checkGrants has told
		}
		if d.local() {
			g.URL = d.cfg.endpoint + "/" + g.Key // a preflight needs no signature
		}
		for _, origin := range d.cfg.origins {
			if err := d.preflight(ctx, g, origin); err != nil {
				return err
			}
		}
		if i > 0 {
			continue
		}
		if err := d.strangers(ctx, g); err != nil {
			return err
		}
		if !d.local() {
			if err := d.crossOrigin(ctx, g); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *doctor) ask(ctx context.Context, g *storage.Grant, origin string) (answer, []string, error) {
	headers := []string{} // of a form, none needs asking
	if g.Method == http.MethodPut {
		for name := range g.Header {
			headers = append(headers, strings.ToLower(name))
		}
		slices.Sort(headers)
	}
	h := http.Header{"Origin": {origin}, "Access-Control-Request-Method": {g.Method}}
	if len(headers) > 0 {
		h.Set("Access-Control-Request-Headers", strings.Join(headers, ","))
	}
	a, err := d.get(ctx, http.MethodOptions, g.URL, h)
	return a, headers, err
}

// preflight reads the answer as a browser does (Fetch Standard, CORS-preflight fetch).
func (d *doctor) preflight(ctx context.Context, g *storage.Grant, origin string) error {
	a, headers, err := d.ask(ctx, g, origin)
	if err != nil {
		return err
	}
	problem := func(code, format string, args ...any) {
		fix, document := d.corsFix()
		d.report.problem(finding{Code: code, Detail: fmt.Sprintf("%s from %s: ", g.Method, origin) + fmt.Sprintf(format, args...), Fix: fix, Document: document})
	}
	allowed := a.header.Get("Access-Control-Allow-Origin")
	if !a.ok() || allowed != origin && allowed != "*" {
		problem("cors_origin", "the preflight is refused: %s, Access-Control-Allow-Origin %q", a.code(), allowed)
		return nil
	}
	if methods := tokens(a.header, "Access-Control-Allow-Methods"); g.Method != http.MethodPost && !slices.Contains(methods, strings.ToLower(g.Method)) && !slices.Contains(methods, "*") {
		problem("cors_method", "the method is not allowed, only %q", methods)
	}
	permitted := tokens(a.header, "Access-Control-Allow-Headers")
	for _, name := range headers {
		if !slices.Contains(permitted, name) && !slices.Contains(permitted, "*") {
			problem("cors_header", "the header %s is not allowed", name)
		}
	}
	return nil
}

func tokens(h http.Header, name string) []string {
	var list []string
	for item := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if item = strings.ToLower(strings.TrimSpace(item)); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func (d *doctor) strangers(ctx context.Context, g *storage.Grant) error {
	a, _, err := d.ask(ctx, g, stranger)
	if err != nil {
		return err
	}
	if allowed := a.header.Get("Access-Control-Allow-Origin"); a.ok() && (allowed == stranger || allowed == "*") {
		fix, document := d.corsFix()
		d.report.problem(finding{Code: "cors_any_origin", Detail: "any page may upload with a grant that it has got hold of", Fix: fix, Document: document})
	}
	return nil
}

// crossOrigin uploads as a page does: the answer itself must name the origin, too, or the page never learns of it.
func (d *doctor) crossOrigin(ctx context.Context, g *storage.Grant) error {
	r, err := g.NewRequest(ctx, strings.NewReader(string(picture)), int64(len(picture)))
	if err != nil {
		return err
	}
	r.Header.Set("Origin", d.cfg.origins[0])
	a, err := d.do(r)
	if err != nil {
		return err
	}
	if allowed := a.header.Get("Access-Control-Allow-Origin"); a.ok() && allowed != d.cfg.origins[0] && allowed != "*" {
		fix, document := d.corsFix()
		d.report.problem(finding{Code: "cors_answer", Detail: "the upload succeeds, but its answer names no allowed origin, so the page sees an error", Fix: fix, Document: document})
	}
	return nil
}
