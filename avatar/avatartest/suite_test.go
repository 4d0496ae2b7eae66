package avatartest_test

import (
	"testing"

	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/avatar/avatartest"
)

func TestMemory(t *testing.T) {
	uploads, assets := memblob.OpenBucket(nil), memblob.OpenBucket(nil)
	defer uploads.Close()
	defer assets.Close()
	avatartest.TestBuckets(t, uploads, assets, nil)
}

func TestOneBucket(t *testing.T) {
	b := memblob.OpenBucket(nil)
	defer b.Close()
	avatartest.TestBuckets(t, b, b, &avatartest.Options{Every: 9, Seeds: 40, FirstSeed: 10_000})
}

func TestFiles(t *testing.T) {
	b, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	avatartest.TestBuckets(t, b, b, &avatartest.Options{Every: 11, Seeds: 30, FirstSeed: 20_000})
}
