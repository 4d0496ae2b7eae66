package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"gocloud.dev/blob"
)

// immutable is the Cache-Control of everything that package avatar publishes under a version.
const immutable = "public, max-age=31536000, immutable"

// checkCDN publishes a picture and asks the CDN for it, for one that does not exist, and for an upload.
func (d *doctor) checkCDN(ctx context.Context) error {
	key := d.assetKey("picture.png")
	if err := d.assets.Upload(ctx, key, bytes.NewReader(picture), &blob.WriterOptions{ContentType: "image/png", CacheControl: immutable}); err != nil {
		return fmt.Errorf("write to the assets bucket: %w", err)
	}
	if d.cfg.cdn == "" {
		d.report.note(finding{Code: "cdn_unchecked", Detail: "no CDN is named", Fix: "name it with -cdn, such as https://assets.example.com"})
		return nil
	}
	a, err := d.get(ctx, http.MethodGet, d.cfg.cdn+"/"+key, nil)
	if err != nil {
		return err
	}
	if !a.ok() || a.body != string(picture) {
		d.report.problem(finding{Code: "cdn_unreachable", Detail: "the CDN does not serve a picture that lies in the bucket: " + a.code(),
			Fix: "point the CDN's origin at the bucket of -assets, without a path, and let it read: " + d.originFix()})
		return nil
	}
	d.cdnHeaders(a)
	if err := d.cdnMissing(ctx); err != nil {
		return err
	}
	return d.cdnUploads(ctx)
}

func (d *doctor) cdnHeaders(a answer) {
	if cache := a.header.Get("Cache-Control"); !strings.Contains(cache, "immutable") || maxAge(cache) < 86400 {
		d.report.problem(finding{Code: "cdn_cache", Detail: fmt.Sprintf("a published picture has Cache-Control %q: pages ask for it again and again", cache),
			Fix: "let the CDN pass on the bucket's Cache-Control (" + immutable + ") and not set its own"})
	}
	if got := a.header.Get("Content-Type"); got != "image/png" {
		d.report.problem(finding{Code: "cdn_type", Detail: fmt.Sprintf("a PNG has Content-Type %q", got), Fix: "let the CDN pass on the bucket's Content-Type"})
	}
	if got := a.header.Get("X-Content-Type-Options"); got != "nosniff" {
		d.report.problem(finding{Code: "cdn_nosniff", Detail: "pictures come without X-Content-Type-Options: nosniff",
			Fix: "add the header at the CDN; on CloudFront the managed response headers policy SecurityHeadersPolicy (67f7725c-6f97-4210-82d7-5512b31e9d03) does"})
	}
}

// cdnMissing asks for a picture that does not exist. S3 answers 403 to who may not list, so pages cannot tell a missing
// picture from a broken CDN, and monitoring sees errors for everybody without a picture.
func (d *doctor) cdnMissing(ctx context.Context) error {
	a, err := d.get(ctx, http.MethodGet, d.cfg.cdn+"/"+d.assetKey("missing.png"), nil)
	if err != nil {
		return err
	}
	switch {
	case a.status == http.StatusForbidden:
		d.report.problem(finding{Code: "cdn_missing_403", Detail: "a picture that does not exist is answered 403 instead of 404", Fix: d.missingFix()})
	case a.status != http.StatusNotFound:
		d.report.problem(finding{Code: "cdn_missing", Detail: "a picture that does not exist is answered " + a.code(), Fix: "let the CDN answer 404, without a page of its own"})
	}
	if age := maxAge(a.header.Get("Cache-Control")); age > 300 {
		d.report.problem(finding{Code: "cdn_missing_cached", Detail: fmt.Sprintf("the answer for a missing picture may be cached for %d seconds: a new picture stays invisible", age),
			Fix: "let the CDN cache errors for a minute at most"})
	}
	return nil
}

// cdnUploads asks the CDN for an upload, which it must not reach.
func (d *doctor) cdnUploads(ctx context.Context) error {
	a, err := d.get(ctx, http.MethodGet, d.cfg.cdn+"/"+d.uploadKey("private.png"), nil)
	if err != nil {
		return err
	}
	if a.ok() && a.body == string(picture) {
		d.report.problem(finding{Code: "cdn_serves_uploads", Detail: "the CDN serves uploads: originals, with their GPS positions",
			Fix: "give uploads a bucket of their own, or let the CDN's behaviour match " + strings.Join(d.cfg.assetPrefixes, ", ") + " only"})
	}
	return nil
}

func maxAge(cacheControl string) int {
	for part := range strings.SplitSeq(cacheControl, ",") {
		if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(part)), "max-age="); ok {
			n, _ := strconv.Atoi(v) // nonsense counts as none
			return n
		}
	}
	return 0
}
