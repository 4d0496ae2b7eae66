package bucket_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/bucket"
)

// Pictures move below another prefix, and back.
func ExampleNew() {
	ctx := context.Background()
	b := memblob.OpenBucket(nil)
	defer b.Close()
	for _, key := range []string{"avatars/ada.jpg", "avatars/bob.jpg"} {
		if err := b.WriteAll(ctx, key, []byte("x"), nil); err != nil {
			log.Fatal(err)
		}
	}
	move := func(from, to string) func(context.Context, *bucket.Run) error {
		return func(ctx context.Context, r *bucket.Run) error {
			return r.Each(ctx, from, func(ctx context.Context, o *blob.ListObject) error {
				if err := r.Bucket.Copy(ctx, to+strings.TrimPrefix(o.Key, from), o.Key, nil); err != nil {
					return err
				}
				return r.Bucket.Delete(ctx, o.Key)
			})
		}
	}
	target, err := bucket.New(b, nil)
	if err != nil {
		log.Fatal(err)
	}
	m, err := migrate.New(target, nil, &migrate.Options{
		Go:         []migrate.Migration{migrate.Go(20240102030405, "rekey", move("avatars/", "pictures/"), move("pictures/", "avatars/"))},
		OnProgress: func(p migrate.Progress) { fmt.Println(p.Step.Direction, p.Done) },
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := m.Up(ctx); err != nil {
		log.Fatal(err)
	}
	there, err := b.Exists(ctx, "pictures/ada.jpg")
	fmt.Println(there, err)
	// Output:
	// up 0
	// up 1
	// up 2
	// up 2
	// true <nil>
}
