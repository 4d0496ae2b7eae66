package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/storage"
)

// picture is a PNG of one pixel.
var picture = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU" +
	"\x00\x00\x00\nIDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82")

// policy is what the service asks for when a page says what it will upload.
func policy() storage.Policy {
	sum := sha256.Sum256(picture)
	return storage.Policy{ContentType: "image/png", Size: int64(len(picture)), SHA256: hex.EncodeToString(sum[:]), Expires: 5 * time.Minute}
}

// checkGrants uploads with grants as they are, and then with one thing wrong at a time.
func (d *doctor) checkGrants(ctx context.Context) error {
	key := d.uploadKey("right.png")
	g, err := d.uploads.GrantUpload(ctx, key, policy())
	if err != nil {
		d.report.problem(finding{Code: "grant_impossible", Detail: err.Error(), Fix: "give the service credentials that can sign; " + d.signers()})
		return nil
	}
	a, err := d.send(ctx, g, picture)
	if err != nil {
		return err
	}
	if !a.ok() {
		d.report.problem(finding{Code: "grant_refused", Detail: "the store refuses a right upload: " + a.code(), Fix: refusalFix(a)})
		return nil
	}
	stored, err := d.uploads.Bucket().ReadAll(ctx, key)
	if err != nil || !bytes.Equal(stored, picture) {
		d.report.problem(finding{Code: "grant_lost", Detail: fmt.Sprintf("an upload that was accepted is not in the bucket: %v", err),
			Fix: "-endpoint must lead to the bucket of -uploads"})
		return nil
	}
	if err := d.checkEnforced(ctx, g); err != nil {
		return err
	}
	d.noteUnenforced(g)
	return d.checkMaximum(ctx)
}

// checkEnforced breaks one promise of the grant after the other.
func (d *doctor) checkEnforced(ctx context.Context, first *storage.Grant) error {
	other := bytes.Clone(picture)
	other[len(other)-1] ^= 1
	tests := []struct {
		promise, what string
		body          []byte
		change        func(*http.Request)
	}{
		{storage.EnforceType, "another Content-Type", picture, func(r *http.Request) { r.Header.Set("Content-Type", "text/html") }},
		{storage.EnforceSize, "one byte too few", picture[1:], nil},
		{storage.EnforceMaxBytes, "one byte too many", append(bytes.Clone(picture), 0), nil},
		{storage.EnforceSHA256, "other content of the same length", other, nil},
	}
	for i, tt := range tests {
		if !slices.Contains(first.Enforced, tt.promise) {
			continue
		}
		g, err := d.uploads.GrantUpload(ctx, d.uploadKey(fmt.Sprintf("wrong-%d.png", i)), policy())
		if err != nil {
			return err
		}
		if err := d.expectRefusal(ctx, g, tt.promise, tt.what, tt.body, tt.change); err != nil {
			return err
		}
	}
	if slices.Contains(first.Enforced, storage.EnforceWriteOnce) {
		if err := d.expectRefusal(ctx, first, storage.EnforceWriteOnce, "a second upload to the same key", picture, nil); err != nil {
			return err
		}
	}
	read := func(r *http.Request) { r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0 }
	if err := d.expectRefusal(ctx, first, storage.EnforceMethod, "reading with the URL of an upload", nil, read); err != nil {
		return err
	}
	return d.checkExpiry(ctx)
}

func (d *doctor) checkExpiry(ctx context.Context) error {
	p := policy()
	p.Expires = time.Second
	g, err := d.uploads.GrantUpload(ctx, d.uploadKey("late.png"), p)
	if err != nil {
		return err
	}
	select {
	case <-time.After(time.Until(g.Expires) + 2*time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	return d.expectRefusal(ctx, g, storage.EnforceExpiry, "an upload after the grant's end", picture, nil)
}

// expectRefusal sends what the store has promised to refuse.
func (d *doctor) expectRefusal(ctx context.Context, g *storage.Grant, promise, what string, body []byte, change func(*http.Request)) error {
	r, err := g.NewRequest(ctx, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return err
	}
	if change != nil {
		change(r)
	}
	if d.anybody[r.Method] {
		return nil // anybody may: the grant is not to blame
	}
	a, err := d.do(r)
	if err != nil || !a.ok() {
		return err
	}
	d.report.problem(finding{
		Code:   "grant_unenforced",
		Detail: fmt.Sprintf("the store accepts %s (%d), though the grant promises %q", what, a.status, promise),
		Fix:    "this server, or a proxy in front of it, does not check signatures as the real one does: do not let strangers upload to it",
	})
	return nil
}

// noteUnenforced tells what is left to the pipeline.
func (d *doctor) noteUnenforced(g *storage.Grant) {
	var left []string
	for _, promise := range []string{storage.EnforceType, storage.EnforceMaxBytes, storage.EnforceSHA256, storage.EnforceWriteOnce} {
		if !slices.Contains(g.Enforced, promise) {
			left = append(left, promise)
		}
	}
	if left != nil {
		d.report.note(finding{Code: "grant_limits", Detail: "this store does not enforce " + strings.Join(left, ", "),
			Fix: "nothing: the processor checks it after the upload. Keep the events and its MaxBytes in place"})
	}
}

// checkMaximum asks for a grant without a known size, as the original client does.
func (d *doctor) checkMaximum(ctx context.Context) error {
	grant := func(name string) (*storage.Grant, error) {
		return d.uploads.GrantUpload(ctx, d.uploadKey(name), storage.Policy{ContentType: "image/png", MaxBytes: int64(len(picture))})
	}
	g, err := grant("maximum.png")
	if errors.Is(err, errors.ErrUnsupported) {
		d.report.note(finding{Code: "grant_needs_size", Detail: err.Error(), Fix: "let clients say the size; refuse those that do not"})
		return nil
	}
	if err != nil {
		return err
	}
	a, err := d.send(ctx, g, picture)
	if err != nil {
		return err
	}
	if !a.ok() {
		d.report.problem(finding{Code: "grant_refused", Detail: "the store refuses a right upload of unknown size by " + g.Method + ": " + a.code(), Fix: refusalFix(a)})
		return nil
	}
	if !slices.Contains(g.Enforced, storage.EnforceMaxBytes) {
		return nil
	}
	if g, err = grant("too-long.png"); err != nil {
		return err
	}
	return d.expectRefusal(ctx, g, storage.EnforceMaxBytes, "one byte too many by "+g.Method, append(bytes.Clone(picture), 0), nil)
}

func (d *doctor) send(ctx context.Context, g *storage.Grant, body []byte) (answer, error) {
	r, err := g.NewRequest(ctx, io.NopCloser(bytes.NewReader(body)), int64(len(body)))
	if err != nil {
		return answer{}, err
	}
	return d.do(r)
}
