package bucket_test

import (
	"context"
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/bucket"
	"github.com/cruddur/avatarkit/migrate/migratetest"
)

func TestTarget(t *testing.T) {
	migratetest.TestTarget(t, migratetest.Subject{
		Open: func(t *testing.T) func() migrate.Target {
			b := memblob.OpenBucket(nil)
			t.Cleanup(func() { b.Close() })
			return func() migrate.Target {
				target, err := bucket.New(b, nil)
				if err != nil {
					t.Fatal(err)
				}
				return target
			}
		},
		Go: goMigration,
	})
}

func goMigration(version int64, name string, up, down migratetest.Func) migrate.Migration {
	part := func(f migratetest.Func) func(context.Context, *bucket.Run) error {
		if f == nil {
			return nil
		}
		return func(ctx context.Context, _ *bucket.Run) error { return f(ctx) }
	}
	return migrate.Go(version, name, part(up), part(down))
}
