package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	_ "github.com/jackc/pgx/v5/stdlib"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/migrate/sqldb"
	"github.com/cruddur/avatarkit/storage"
	"github.com/cruddur/avatarkit/storage/localstore"
)

// openAssets opens the bucket of published pictures: the URL, a folder below data, or memory.
func openAssets(ctx context.Context, cfg config) (*blob.Bucket, error) {
	switch {
	case cfg.assets != "":
		store, err := openURL(ctx, cfg.assets, localstore.Config{Secret: make([]byte, 32), BaseURL: cfg.url})
		if err != nil {
			return nil, err
		}
		return store.Bucket(), nil // nothing is granted here
	case cfg.data != "":
		// Beside the objects and not in /tmp, so that a rename never crosses file systems.
		return fileblob.OpenBucket(filepath.Join(cfg.data, "assets"), &fileblob.Options{CreateDir: true, NoTempDir: true})
	}
	return memblob.OpenBucket(nil), nil
}

// openStore opens the store that grants and holds uploads. created is called for each upload that this process receives itself; a
// cloud's store tells by webhook.
func openStore(ctx context.Context, cfg config, log *slog.Logger, created func(context.Context, storage.ObjectCreated) error) (storage.Store, error) {
	key, err := secret(cfg.data)
	if err != nil {
		return nil, err
	}
	local := localstore.Config{
		Secret: key, BaseURL: cfg.url + "/uploads", Origins: cfg.allowedOrigins(), OnCreated: created, Logger: log,
	}
	switch {
	case cfg.uploads != "":
		return openURL(ctx, cfg.uploads, local)
	case cfg.data != "":
		return localstore.OpenDir(filepath.Join(cfg.data, "uploads"), local)
	}
	return openURL(ctx, "mem://", local)
}

// foreignOrigin returns where uploads go if that is not our own origin; the page's Content-Security-Policy must name it. A grant that nobody
// uses tells.
func foreignOrigin(ctx context.Context, store storage.Granter, own string) ([]string, error) {
	grant, err := store.GrantUpload(ctx, "uploads/probe.jpg", storage.Policy{ContentType: "image/jpeg", Size: 1})
	if err != nil {
		return nil, err
	}
	if origin := originOf(grant.URL); origin != originOf(own) {
		return []string{origin}, nil
	}
	return nil, nil
}

// originOf returns the scheme, host and port of a URL.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "" // checked before
	}
	return u.Scheme + "://" + u.Host
}

func openDB(url, data string) (*sql.DB, sqldb.Dialect, error) {
	if url != "" {
		db, err := sql.Open("pgx", url)
		return db, sqldb.Postgres, err
	}
	const pragmas = "_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_txlock=immediate"
	if data != "" {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "avatarkit.db")+"?_pragma=journal_mode(wal)&"+pragmas)
		return db, sqldb.SQLite, err
	}
	db, err := sql.Open("sqlite", "file::memory:?"+pragmas)
	if err == nil {
		db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	}
	return db, sqldb.SQLite, err
}

// secret signs the grants. With data it survives a restart, and so do the grants.
func secret(data string) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, says its documentation
	if data == "" {
		return key, nil
	}
	path := filepath.Join(data, "grant.key")
	old, err := os.ReadFile(path)
	switch {
	case err == nil && len(old) == len(key):
		return old, nil
	case err == nil:
		return nil, fmt.Errorf("%s is damaged: delete it", path)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return key, os.WriteFile(path, key, 0o600)
}
