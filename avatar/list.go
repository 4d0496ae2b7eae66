package avatar

import (
	"cmp"
	"context"
	"io"
	"iter"
	"math"
	"os"
	"slices"

	"gocloud.dev/blob"
)

// list yields the objects below prefix in the order of their keys; with a delimiter, deeper keys as one entry for each folder.
func list(ctx context.Context, b *blob.Bucket, prefix, delimiter string) iter.Seq2[*blob.ListObject, error] {
	size := 1000
	// fileblob walks folders in the order of their names, in which "a-b/" comes after "a/", but continues a page by comparing whole
	// keys, and so loses objects between pages (gocloud.dev v0.47). One page of everything, sorted, is right.
	var info os.FileInfo
	files := b.As(&info)
	if files {
		size = math.MaxInt32
	}
	return func(yield func(*blob.ListObject, error) bool) {
		token := blob.FirstPageToken
		for {
			page, next, err := b.ListPage(ctx, token, size, &blob.ListOptions{Prefix: prefix, Delimiter: delimiter})
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if files {
				slices.SortFunc(page, func(a, b *blob.ListObject) int { return cmp.Compare(a.Key, b.Key) })
			}
			for _, obj := range page {
				if !yield(obj, nil) {
					return
				}
			}
			if len(next) == 0 {
				return
			}
			token = next
		}
	}
}
