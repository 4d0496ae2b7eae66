package avatar

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"regexp"
	"slices"

	"gocloud.dev/blob"
)

// list yields the objects below prefix in the order of their keys; with a delimiter, deeper keys as one entry for each folder.
func list(ctx context.Context, b *blob.Bucket, prefix, delimiter string) iter.Seq2[*blob.ListObject, error] {
	opts := &blob.ListOptions{Prefix: prefix, Delimiter: delimiter}
	if onFiles(b) {
		return listFiles(ctx, b, opts, func(obj *blob.ListObject) bool { return !leftover.MatchString(obj.Key) })
	}
	return func(yield func(*blob.ListObject, error) bool) {
		token := blob.FirstPageToken
		for len(token) > 0 {
			page, next, err := b.ListPage(ctx, token, 1000, opts)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, obj := range page {
				if !yield(obj, nil) {
					return
				}
			}
			token = next
		}
	}
}

// leftover matches what fileblob, opened with NoTempDir, leaves of an object that a killed process was writing: its key and the time.
var leftover = regexp.MustCompile(`\.[0-9a-f]{16}\.tmp$`)

// leftovers yields the leftovers below prefix. Only files have any: other stores show no object before it is whole.
func leftovers(ctx context.Context, b *blob.Bucket, prefix string) iter.Seq2[*blob.ListObject, error] {
	if !onFiles(b) {
		return func(func(*blob.ListObject, error) bool) {}
	}
	return listFiles(ctx, b, &blob.ListOptions{Prefix: prefix}, func(obj *blob.ListObject) bool { return leftover.MatchString(obj.Key) })
}

// onFiles says whether b is a folder of fileblob's.
func onFiles(b *blob.Bucket) bool {
	var info os.FileInfo
	return b.As(&info)
}

// listFiles is list for fileblob, of what is to be kept. That walks folders in the order of their names, in which "a-b/" comes after "a/", but continues
// a page by comparing whole keys, and so loses objects between pages (gocloud.dev v0.47). One page of everything, sorted, is right. Its size has to be found,
// since ListPage reserves memory for as many objects as it is asked for.
func listFiles(ctx context.Context, b *blob.Bucket, opts *blob.ListOptions, keep func(*blob.ListObject) bool) iter.Seq2[*blob.ListObject, error] {
	return func(yield func(*blob.ListObject, error) bool) {
		for size := 1000; ; size *= 8 {
			page, next, err := b.ListPage(ctx, blob.FirstPageToken, size, opts)
			if err == nil && len(next) > 0 {
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, err)
				return
			}
			slices.SortFunc(page, func(a, b *blob.ListObject) int { return cmp.Compare(a.Key, b.Key) })
			for _, obj := range page {
				if keep(obj) && !yield(obj, nil) {
					return
				}
			}
			return
		}
	}
}
