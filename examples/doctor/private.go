package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gocloud.dev/blob"
)

// checkPrivate asks without any credentials for an upload, for the list of uploads, and to store something.
func (d *doctor) checkPrivate(ctx context.Context) error {
	const name = "private.png"
	if err := d.uploads.Bucket().Upload(ctx, d.uploadKey(name), bytes.NewReader(picture), &blob.WriterOptions{ContentType: "image/png"}); err != nil {
		return fmt.Errorf("write to the uploads bucket: %w", err)
	}
	object, bucket, err := d.addresses(ctx, name)
	if err != nil {
		return err
	}
	read, err := d.get(ctx, http.MethodGet, object, nil)
	if err != nil {
		return err
	}
	d.anybody[http.MethodGet] = read.ok()
	if read.ok() {
		d.report.problem(finding{Code: "uploads_public", Detail: "anybody can read uploads: originals, with their GPS positions", Fix: d.privateFix()})
	}
	listed, err := d.get(ctx, http.MethodGet, bucket, nil)
	if err != nil {
		return err
	}
	if listed.ok() && strings.Contains(listed.body, d.probe) {
		d.report.problem(finding{Code: "uploads_listable", Detail: "anybody can list the uploads", Fix: d.privateFix()})
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, object, bytes.NewReader(picture))
	if err != nil {
		return errors.New("the store's URL is malformed")
	}
	r.Header.Set("X-Ms-Blob-Type", "BlockBlob") // what Azure would want; the others ignore it
	written, err := d.do(r)
	if err != nil {
		return err
	}
	d.anybody[http.MethodPut] = written.ok()
	if written.ok() {
		d.report.problem(finding{Code: "uploads_writable", Detail: "anybody can write uploads without a grant", Fix: d.privateFix()})
	}
	return nil
}

// addresses are the plain URLs of an object and of the bucket's list, made of a grant's URL.
func (d *doctor) addresses(ctx context.Context, name string) (object, bucket string, err error) {
	g, err := d.uploads.GrantUpload(ctx, d.uploadKey(name), policy())
	if err != nil {
		return "", "", err
	}
	u, err := url.Parse(g.URL)
	if err != nil {
		return "", "", errors.New("the grant's URL is malformed")
	}
	u.RawQuery = ""
	object = u.String()
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, g.Key), ""
	q := url.Values{"prefix": {d.uploadKey("")}}
	switch d.scheme {
	case "s3":
		q.Set("list-type", "2")
	case "azblob":
		q.Set("restype", "container")
		q.Set("comp", "list")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawQuery = q.Encode()
	return object, u.String(), nil
}
