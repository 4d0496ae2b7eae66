// Package bucket migrates the contents of a bucket, such as the layout of stored pictures, with the engine of package migrate.
//
//	target, err := bucket.New(b, nil)
//	m, err := migrate.New(target, nil, &migrate.Options{Go: []migrate.Migration{
//		migrate.Go(20240102030405, "rekey", func(ctx context.Context, r *bucket.Run) error {
//			return r.Each(ctx, "avatars/", func(ctx context.Context, o *blob.ListObject) error {
//				return r.Bucket.Copy(ctx, "pictures/"+o.Key, o.Key, nil)
//			})
//		}, nil),
//	}})
//
// It is a package of its own so that users of a SQL database do not link gocloud.dev.
//
// History and lock are objects below Options.Prefix. An object of the history is written once, under the next number, and never
// changed: two runners cannot both write it. The lock is an object per holder, under the next number as well; the holder renews it
// and a waiter takes over after a whole lease without a change, measured by the waiter's own clock. Both rest on
// the store's conditional write (S3, GCS, Azure, memory). Package fileblob's is not atomic between processes: run one there.
//
// A bucket has no transactions. A function that failed or was killed is called again by the next run and [Run.Each] goes on near
// where it stopped, so what it does to one object must be repeatable.
package bucket
