package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/storage/azurestore"
	"github.com/cruddur/avatarkit/storage/bucketconfig"
	"github.com/cruddur/avatarkit/storage/gcsstore"
	"github.com/cruddur/avatarkit/storage/localstore"
	"github.com/cruddur/avatarkit/storage/openstore"
	"github.com/cruddur/avatarkit/storage/s3store"
)

// open opens both buckets. The store of a folder or of memory is received for by the doctor itself, on a loopback port.
func (d *doctor) open(ctx context.Context) (closeAll func(), err error) {
	u, err := url.Parse(d.cfg.uploads)
	if err != nil {
		return nil, errors.New("-uploads is not a URL")
	}
	d.scheme, d.bucket = u.Scheme, u.Host
	var closers []func() error
	all := func() {
		for _, c := range closers {
			_ = c() // nothing is lost: all was read or deleted
		}
	}
	defer func() {
		if err != nil {
			all()
		}
	}()
	cfg := openstore.Config{
		S3: s3store.Options{Endpoint: d.cfg.endpoint}, GCS: gcsstore.Options{Endpoint: d.cfg.endpoint}, Azure: azurestore.Options{Endpoint: d.cfg.endpoint},
	}
	var listener net.Listener
	if d.local() {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
		closers = append(closers, listener.Close)
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails, says its documentation
		cfg.Local = localstore.Config{Secret: secret, BaseURL: "http://" + listener.Addr().String() + "/uploads", Origins: d.cfg.origins}
	}
	if d.uploads, err = openstore.Open(ctx, d.cfg.uploads, cfg); err != nil {
		return nil, fmt.Errorf("-uploads: %w", err)
	}
	closers = append(closers, d.uploads.Bucket().Close)
	if receiver, ok := d.uploads.(http.Handler); ok {
		server := &http.Server{Handler: receiver, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = server.Serve(listener) }() // until closeAll
		closers = append(closers, server.Close)
	}
	if d.assets, err = openAssets(ctx, d.cfg.assets); err != nil {
		return nil, fmt.Errorf("-assets: %w", err)
	}
	closers = append(closers, d.assets.Close)
	d.writeDocuments()
	return all, nil
}

// local says that uploads come to a receiver of ours instead of to a store.
func (d *doctor) local() bool { return d.scheme == "file" || d.scheme == "mem" }

func openAssets(ctx context.Context, address string) (*blob.Bucket, error) {
	if strings.HasPrefix(address, "file:") && !strings.Contains(address, "no_tmp_dir") {
		join := "?"
		if strings.Contains(address, "?") {
			join = "&"
		}
		address += join + "no_tmp_dir=true" // a rename must not cross file systems
	}
	return blob.OpenBucket(ctx, address)
}

// removeFolders removes the folders of the probe's name, which deleting their files leaves.
func (d *doctor) removeFolders() {
	for address, prefix := range map[string]string{d.cfg.uploads: d.uploadKey(""), d.cfg.assets: d.assetKey("")} {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "file" {
			continue
		}
		folder := filepath.FromSlash(u.Path)
		if u.Host == "." {
			folder = filepath.FromSlash(strings.TrimPrefix(u.Path, "/"))
		}
		_ = os.Remove(filepath.Join(folder, filepath.FromSlash(prefix))) // it fails if something is in it, and that is right
	}
}

// writeDocuments prepares the documents that fix findings. Settings that contradict one another have none.
func (d *doctor) writeDocuments() {
	assets := d.cfg.assets
	if u, err := url.Parse(assets); err == nil {
		assets = u.Host
	}
	if d.local() {
		return
	}
	docs, err := bucketconfig.New(bucketconfig.Config{
		UploadBucket: d.bucket, AssetBucket: assets, UploadPrefixes: d.cfg.uploadPrefixes, AssetPrefixes: d.cfg.assetPrefixes, Origins: d.cfg.origins,
	})
	if err == nil {
		d.docs = docs
	}
}
