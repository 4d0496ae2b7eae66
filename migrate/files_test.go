package migrate_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/migrate"
)

// counting counts the files that are opened; those of refuse cannot be. It has no ReadFile, like a bucket.
type counting struct {
	fs.FS
	opened []string
	refuse string
}

func (c *counting) Open(name string) (fs.File, error) {
	if name == c.refuse {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	if strings.HasSuffix(name, ".sql") {
		c.opened = append(c.opened, name)
	}
	return c.FS.Open(name)
}

// bucketOf returns the files in a bucket.
func bucketOf(t *testing.T, fsys fstest.MapFS) *blob.Bucket {
	t.Helper()
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { b.Close() })
	b.SetIOFSCallback(func() (context.Context, *blob.ReaderOptions) { return context.Background(), nil })
	for name, f := range fsys {
		if err := b.WriteAll(context.Background(), name, f.Data, nil); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// A start with nothing to do opens no file of a bucket, and never closes the bucket, in whose folder the files lie.
func TestBucketIsReadLazily(t *testing.T) {
	ctx := context.Background()
	fsys := fstest.MapFS{}
	for name, f := range three {
		fsys["schema/migrations/"+name] = f
	}
	b := bucketOf(t, fsys)
	source := &counting{FS: b}
	m, err := migrate.New(target(t, memory(t)), source, &migrate.Options{Dir: "schema/migrations"})
	if err != nil {
		t.Fatal(err)
	}
	look := func(what string, want int, call func() error) {
		t.Helper()
		source.opened = nil
		if err := call(); err != nil || len(source.opened) != want {
			t.Errorf("%s opened %q, %v; want %d", what, source.opened, err, want)
		}
	}
	up := func() error { _, err := m.Up(ctx); return err }
	look("the first step", 1, func() error { _, err := m.UpTo(ctx, 20240101000000); return err })
	look("pending", 0, func() error { _, err := m.Pending(ctx); return err })
	look("the rest", 2, up)
	look("nothing to do", 0, up)
	look("validate", 3, func() error { return m.Validate(ctx) })

	edited := "schema/migrations/20240102000000_b.sql"
	if err := b.WriteAll(ctx, edited, []byte("-- migrate:up\nCREATE TABLE b (id BIGINT);\n-- migrate:down\nDROP TABLE b;\n"), nil); err != nil {
		t.Fatal(err)
	}
	look("an edit in a bucket", 0, up)
	if err := m.Validate(ctx); !errors.Is(err, migrate.ErrEdited) {
		t.Errorf("validate: %v", err)
	}
	if ok, err := b.IsAccessible(ctx); !ok || err != nil {
		t.Errorf("the bucket is closed: %v", err)
	}
}

func TestUnreadableFile(t *testing.T) {
	ctx := context.Background()
	db := memory(t)
	source := &counting{FS: three, refuse: "20240103000000_c.sql"}
	m, err := migrate.New(target(t, db), source, nil)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := m.Up(ctx)
	if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, migrate.ErrFile) || len(steps) != 0 || !strings.Contains(err.Error(), "20240103000000_c.sql") {
		t.Fatal(steps, err)
	}
	if n, err := m.Pending(ctx); n != 3 || err != nil {
		t.Errorf("%d pending, %v: something ran", n, err)
	}
}

func TestNoFolder(t *testing.T) {
	m, err := migrate.New(target(t, memory(t)), three, &migrate.Options{Dir: "nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(context.Background()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
		t.Error(err)
	}
}

// What looks like a marker and is none would run the down part with the up part.
func TestMisspelledMarkers(t *testing.T) {
	for _, line := range []string{"--migrate:down", "-- migrate :down", "-- Migrate:Down", "-- +migrate Down", "-- +goose Down", "-- migrate down", "--  migrate:down"} {
		m := migrator(t, memory(t), files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);\n"+line+"\nDROP TABLE a;\n"), nil)
		if _, err := m.Up(context.Background()); !errors.Is(err, migrate.ErrFile) || !strings.Contains(err.Error(), ":3: ") {
			t.Errorf("%q: %v", line, err)
		}
	}
	m := migrator(t, memory(t), files("20240101000000_a.sql", "-- The down of this is:\n-- migrate: up\n-- migrates the goose; upwards\nCREATE TABLE a (id INTEGER);\n"), nil)
	must(t, "ua")(m.Up(context.Background()))
}

func TestDirectives(t *testing.T) {
	ctx := context.Background()
	m := migrator(t, memory(t), files("20240101000000_a.sql", "-- migrate:timeout=50ms\n-- migrate:up\nCREATE TABLE a (n INTEGER);\nINSERT INTO a WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT max(i) FROM c;\n"), nil)
	begin := time.Now()
	if _, err := m.Up(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 30*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
	db := openSQLite(t, "file:"+t.TempDir()+"/db?_pragma=foreign_keys(1)")
	rebuild := "-- migrate:up foreign-keys=off\nCREATE TABLE new (id INTEGER PRIMARY KEY, n INTEGER);\nINSERT INTO new SELECT id, 1 FROM parent%s;\nDROP TABLE parent;\nALTER TABLE new RENAME TO parent;\n"
	base := []string{"20240101000000_a.sql", "-- migrate:up\nCREATE TABLE parent (id INTEGER PRIMARY KEY);\nCREATE TABLE child (id INTEGER REFERENCES parent ON DELETE CASCADE);\nINSERT INTO parent VALUES (1), (2);\nINSERT INTO child VALUES (1), (2);\n"}
	must(t, "ua")(migrator(t, db, files(base...), nil).Up(ctx))
	bad := migrator(t, db, files(append(base, "20240102000000_b.sql", strings.ReplaceAll(rebuild, "%s", " WHERE id = 1"))...), nil)
	if _, err := bad.Up(ctx); err == nil || !strings.Contains(err.Error(), "1 rows of child have no row in parent") {
		t.Fatal(err)
	}
	must(t, "ub")(migrator(t, db, files(append(base, "20240102000000_b.sql", strings.ReplaceAll(rebuild, "%s", ""))...), nil).Up(ctx))
	var children int
	if err := db.QueryRow("SELECT count(*) FROM child").Scan(&children); err != nil || children != 2 {
		t.Errorf("%d children, %v", children, err)
	}
}
