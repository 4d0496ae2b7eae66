package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/bucketconfig"
)

// doctor examines one pair of buckets.
type doctor struct {
	cfg     config
	uploads storage.Store
	assets  *blob.Bucket
	scheme  string                  // of the uploads' URL
	bucket  string                  // the uploads' name
	docs    *bucketconfig.Documents // nil if the settings contradict one another
	client  *http.Client
	probe   string          // the random name of everything that is written
	skew    *time.Duration  // between the clocks; nil before the first answer with a Date
	anybody map[string]bool // methods that need no grant
	report  *report
}

// examine opens the buckets, runs every check, and cleans up.
func examine(ctx context.Context, cfg config) (r *report, err error) {
	d := &doctor{cfg: cfg, probe: "doctor-" + strings.ToLower(rand.Text()[:12]), anybody: map[string]bool{}, report: &report{Problems: []finding{}, Notes: []finding{}, Passed: []string{}}}
	d.client = &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	closeAll, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	if err := d.reach(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.cleanUp(context.WithoutCancel(ctx))) }()
	for _, check := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"uploads and pictures are apart", d.checkOverlap},
		{"uploads are private", d.checkPrivate},
		{"grants do what they say", d.checkGrants},
		{"pages may upload (CORS)", d.checkCORS},
		{"abandoned uploads go (lifecycle)", d.checkLifecycle},
		{"the CDN serves pictures and nothing else", d.checkCDN},
		{"clocks agree", d.checkClock},
	} {
		if err := d.run(ctx, check.name, check.run); err != nil {
			return nil, err
		}
	}
	return d.report, nil
}

// run adds the check to those that passed if it found nothing.
func (d *doctor) run(ctx context.Context, name string, check func(context.Context) error) error {
	before := len(d.report.Problems) + len(d.report.Notes)
	err := check(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		d.report.problem(finding{Code: "check_failed", Detail: name + ": " + err.Error(), Fix: "mend what is said here and run the doctor again"})
	case before == len(d.report.Problems)+len(d.report.Notes):
		d.report.Passed = append(d.report.Passed, name)
	}
	return nil
}

// reach makes sure that both buckets answer: without that there is nothing to examine.
func (d *doctor) reach(ctx context.Context) error {
	var faults []error
	for name, b := range map[string]*blob.Bucket{"uploads": d.uploads.Bucket(), "assets": d.assets} {
		if ok, err := b.IsAccessible(ctx); err != nil || !ok {
			faults = append(faults, fmt.Errorf("the bucket of -%s cannot be reached with these credentials: %w", name, errors.Join(err, ctx.Err())))
		}
	}
	return errors.Join(faults...)
}

// uploadKey and assetKey are keys below the probe's name.
func (d *doctor) uploadKey(name string) string { return d.cfg.uploadPrefixes[0] + d.probe + "/" + name }
func (d *doctor) assetKey(name string) string  { return d.cfg.assetPrefixes[0] + d.probe + "/" + name }

// cleanUp deletes everything below the probe's name from both buckets.
func (d *doctor) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var faults []error
	for prefix, b := range map[string]*blob.Bucket{d.uploadKey(""): d.uploads.Bucket(), d.assetKey(""): d.assets} {
		for it := b.List(&blob.ListOptions{Prefix: prefix}); ; {
			obj, err := it.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = b.Delete(ctx, obj.Key)
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("delete what lies below %s by hand: %w", prefix, err))
				break
			}
		}
	}
	d.removeFolders()
	return errors.Join(faults...)
}

// answer is a response with its body, which is short.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) ok() bool { return a.status/100 == 2 }

// code is the error code in S3's, GCS's or Azure's XML, or the status.
func (a answer) code() string {
	_, rest, found := strings.Cut(a.body, "<Code>")
	code, _, closed := strings.Cut(rest, "</Code>")
	if found && closed && len(code) < 64 {
		return fmt.Sprintf("%d %s", a.status, code)
	}
	return fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
}

// do makes a request and compares the clocks. Its error never shows the URL, which may be a grant's.
func (d *doctor) do(r *http.Request) (answer, error) {
	sent := time.Now()
	resp, err := d.client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return answer{}, fmt.Errorf("%s %s: %w", r.Method, r.URL.Host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", r.Method, r.URL.Host, err)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && d.skew == nil {
		skew := sent.Add(time.Since(sent) / 2).Sub(date.Add(time.Second / 2)) // Date is cut to seconds
		d.skew = &skew
	}
	return answer{resp.StatusCode, resp.Header, string(body)}, nil
}

// get makes a request without any credentials.
func (d *doctor) get(ctx context.Context, method, address string, header http.Header) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return answer{}, errors.New("a URL is malformed")
	}
	if header != nil {
		r.Header = header
	}
	return d.do(r)
}
