package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/fileblob"
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob"
	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/profile"
)

// open makes the processor as the service makes it, and returns what closes its buckets and database.
func open(ctx context.Context, c config) (p *avatar.Processor, closer func(), err error) {
	var closers []func() error
	closeAll := func() {
		for _, f := range closers {
			_ = f()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	uploads, err := openBucket(ctx, "-uploads", c.uploads)
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, uploads.Close)
	assets, err := openBucket(ctx, "-assets", c.assets)
	if err != nil {
		return nil, nil, err
	}
	closers = append(closers, assets.Close)
	opts := &avatar.Options{}
	if c.secret != "" {
		opts.PublicIDSecret = []byte(c.secret)
	}
	if c.db != "" {
		db, store, err := openProfiles(c.db)
		if err != nil {
			return nil, nil, err
		}
		closers = append(closers, db.Close)
		opts.OnPublished = tell(store)
	}
	pipeline, err := newPipeline(c)
	if err != nil {
		return nil, nil, err
	}
	p, err = avatar.NewProcessor(pipeline, uploads, assets, opts)
	return p, closeAll, err
}

func openBucket(ctx context.Context, name, url string) (*blob.Bucket, error) {
	b, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("cannot open the bucket of %s; is its URL right?", name) // the error may hold credentials of the URL
	}
	return b, nil
}

// newPipeline is the service's pipeline: what is not said here must have the same default there.
func newPipeline(c config) (*avatar.Pipeline, error) {
	var kind avatar.Kind
	switch c.kind {
	case "avatar":
		kind = avatar.AvatarKind()
	case "banner":
		kind = avatar.BannerKind()
	default:
		return nil, fmt.Errorf("-kind %q is neither avatar nor banner", c.kind)
	}
	if c.sizes != nil {
		shape := kind.Variants[0]
		kind.Variants = nil
		for _, width := range c.sizes {
			v := avatar.Variant{Name: strconv.Itoa(width), Width: width, Height: max(1, width*shape.Height/shape.Width)}
			if v.Height != v.Width {
				v.Name += "x" + strconv.Itoa(v.Height)
			}
			kind.Variants = append(kind.Variants, v)
		}
	}
	return avatar.New(avatar.Config{Kind: kind})
}

func openProfiles(url string) (*sql.DB, *profile.SQLStore, error) {
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)"
	} else if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, nil, errors.New("-db is neither postgres://… nor sqlite:PATH")
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		return nil, nil, errors.New("cannot open -db; is its URL right?") // the error may hold its password
	}
	return db, profile.NewSQLStore(db, nil), nil
}

// tell lets the profile show the new version. Who has a picture and no profile has nothing to be told.
func tell(store *profile.SQLStore) func(context.Context, avatar.Published) error {
	return func(ctx context.Context, e avatar.Published) error {
		_, err := store.SetPicture(ctx, e.Subject, e.Manifest.Kind, e.Manifest.UploadID)
		if errors.Is(err, profile.ErrNotFound) {
			return nil
		}
		return err
	}
}
