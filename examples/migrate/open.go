package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob"
	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

// open returns the migrator of the flags and what closes its database and bucket.
func (c *command) open(ctx context.Context) (*migrate.Migrator, func(), error) {
	fsys, closeDir, err := openDir(ctx, c.dir)
	if err != nil {
		return nil, nil, err
	}
	db, dialect, err := openDB(c.db)
	if err != nil {
		closeDir()
		return nil, nil, err
	}
	closer := func() {
		_ = db.Close()
		closeDir()
	}
	opts := &migrate.Options{
		LockTimeout: c.wait,
		Logger:      slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		OnProgress: func(p migrate.Progress) {
			switch {
			case c.json:
			case p.Done == 0:
				fmt.Fprintf(c.log, "%s %d_%s …\n", p.Step.Direction, p.Step.Version, p.Step.Name)
			case p.Done < p.Total:
				fmt.Fprintf(c.log, "  statement %d of %d is done\n", p.Done, p.Total-1)
			}
		},
	}
	for policy, allow := range map[*migrate.Policy]bool{&opts.Late: c.late, &opts.Missing: c.missing, &opts.Edited: c.old} {
		if allow {
			*policy = migrate.Allow
		}
	}
	target, err := sqldb.New(db, dialect, &sqldb.Options{Table: c.table, Schema: c.schema})
	if err != nil {
		closer()
		return nil, nil, err
	}
	m, err := migrate.New(target, fsys, opts)
	if err != nil {
		closer()
		return nil, nil, err
	}
	return m, closer, nil
}

func openDir(ctx context.Context, dir string) (fs.FS, func(), error) {
	if !strings.Contains(dir, "://") {
		if _, err := os.Stat(dir); err != nil {
			return nil, nil, fmt.Errorf("folder of migrations: %w", err)
		}
		return os.DirFS(dir), func() {}, nil
	}
	bucket, err := blob.OpenBucket(ctx, dir)
	if err != nil {
		return nil, nil, errors.New("cannot open the bucket of -dir; is its URL right?") // the error may hold credentials of the URL
	}
	bucket.SetIOFSCallback(func() (context.Context, *blob.ReaderOptions) { return ctx, nil })
	return bucket, func() { _ = bucket.Close() }, nil
}

func openDB(url string) (*sql.DB, sqldb.Dialect, error) {
	switch {
	case url == "":
		return nil, "", errors.New("no database: give -db or DATABASE_URL")
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		db, err := sql.Open("pgx", url)
		return db, sqldb.Postgres, err
	case strings.HasPrefix(url, "sqlite:"), strings.HasPrefix(url, "file:"):
		db, err := sql.Open("sqlite", strings.TrimPrefix(strings.TrimPrefix(url, "sqlite:"), "//"))
		return db, sqldb.SQLite, err
	}
	return nil, "", errors.New("the database is neither postgres://… nor sqlite:PATH")
}

const template = "-- migrate:up\n\n-- migrate:down\n"

// create writes a new migration. Its version is the present time, or the next free second.
func create(dir, name string, now time.Time) (string, error) {
	if strings.Contains(dir, "://") {
		return "", errors.New("new writes into a folder, not into a bucket")
	}
	if err := migrate.CheckName(name); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for at := now.UTC(); ; at = at.Add(time.Second) {
		id := at.Format("20060102150405")
		taken, err := filepath.Glob(filepath.Join(dir, id+"_*.sql"))
		if err != nil {
			return "", err
		}
		if len(taken) > 0 {
			continue
		}
		path := filepath.Join(dir, id+"_"+name+".sql")
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.WriteString(template)
		return path, errors.Join(err, f.Close())
	}
}
