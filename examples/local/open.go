package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	_ "github.com/jackc/pgx/v5/stdlib"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/migrate"
)

// openBucket opens the URL, or the named folder below data, or memory.
func openBucket(ctx context.Context, url, data, name string) (*blob.Bucket, error) {
	switch {
	case url != "":
		return blob.OpenBucket(ctx, url)
	case data != "":
		// Beside the objects and not in /tmp, so that a rename never crosses file systems.
		return fileblob.OpenBucket(filepath.Join(data, name), &fileblob.Options{CreateDir: true, NoTempDir: true})
	}
	return memblob.OpenBucket(nil), nil
}

func openDB(url, data string) (*sql.DB, migrate.Dialect, error) {
	if url != "" {
		db, err := sql.Open("pgx", url)
		return db, migrate.Postgres, err
	}
	const pragmas = "_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_txlock=immediate"
	if data != "" {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "avatarkit.db")+"?_pragma=journal_mode(wal)&"+pragmas)
		return db, migrate.SQLite, err
	}
	db, err := sql.Open("sqlite", "file::memory:?"+pragmas)
	if err == nil {
		db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	}
	return db, migrate.SQLite, err
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
