package avatar_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"

	"gocloud.dev/blob/memblob"

	"github.com/cruddur/avatarkit/avatar"
)

// The whole way of one picture, over buckets in memory.
func ExampleNewProcessor() {
	ctx := context.Background()
	uploads, assets := memblob.OpenBucket(nil), memblob.OpenBucket(nil)
	defer uploads.Close()
	defer assets.Close()
	pipeline, err := avatar.New(avatar.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	processor, err := avatar.NewProcessor(pipeline, uploads, assets, &avatar.Options{
		OnPublished: func(_ context.Context, e avatar.Published) error {
			fmt.Println("tell the profile of", e.Subject)
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// The service grants an upload to the subject of a verified token; the browser stores the object.
	key, uploadID, err := processor.NewUploadKey("alice", "image/png")
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 640, 480))); err != nil {
		fmt.Println(err)
		return
	}
	if err := uploads.WriteAll(ctx, key, file.Bytes(), nil); err != nil {
		fmt.Println(err)
		return
	}

	// The store's event brings the key, perhaps more than once.
	for range 2 {
		result, err := processor.Process(ctx, key)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Outcome, result.UploadID == uploadID)
	}

	manifest, err := processor.Current(ctx, "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range manifest.Variants {
		fmt.Println(v.Name, v.Width, v.ContentType)
	}
	receipt, err := processor.Erase(ctx, "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("erased", len(receipt.Uploads), "private and", len(receipt.Assets), "public objects")
	_, err = processor.Current(ctx, "alice")
	fmt.Println(errors.Is(err, avatar.ErrNoPicture))
	// Output:
	// tell the profile of alice
	// published true
	// already_published true
	// 512 480 image/jpeg
	// 256 256 image/jpeg
	// 128 128 image/jpeg
	// 64 64 image/jpeg
	// erased 2 private and 6 public objects
	// true
}

func ExampleNewURLs() {
	urls, err := avatar.NewURLs("https://assets.example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	manifest := avatar.Manifest{Variants: []avatar.PublishedVariant{
		{Key: "avatars/alice/01890a5d-ac96-774b-bcce-b302099a8057/512.jpg", Width: 512},
		{Key: "avatars/alice/01890a5d-ac96-774b-bcce-b302099a8057/64.jpg", Width: 64},
	}}
	fmt.Println(urls.Picture(manifest, 48))
	fmt.Println(strings.ReplaceAll(urls.SrcSet(manifest), ", ", ",\n"))
	fmt.Println(urls.Stable("avatar", "alice"))
	// Output:
	// https://assets.example.com/avatars/alice/01890a5d-ac96-774b-bcce-b302099a8057/64.jpg
	// https://assets.example.com/avatars/alice/01890a5d-ac96-774b-bcce-b302099a8057/512.jpg 512w,
	// https://assets.example.com/avatars/alice/01890a5d-ac96-774b-bcce-b302099a8057/64.jpg 64w
	// https://assets.example.com/avatars/alice.jpg
}

func ExampleProcessor_Handler() {
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	pipeline, err := avatar.New(avatar.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	processor, err := avatar.NewProcessor(pipeline, bucket, bucket, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := processor.Handler(&avatar.HandlerOptions{
		Default: func(ctx context.Context, publicID string, v avatar.Variant) (avatar.Picture, error) {
			set, err := pipeline.Identicon(ctx, publicID)
			if err != nil {
				return avatar.Picture{}, err
			}
			for _, p := range set.Pictures {
				if p.Name == v.Name {
					return p, nil
				}
			}
			return set.Pictures[0], nil
		},
	})
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/avatars/alice.jpg?size=128", nil))
	fmt.Println(rec.Code, rec.Header().Get("Content-Type"), rec.Header().Get("X-Content-Type-Options"))
	m, _, err := image.Decode(rec.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Bounds().Dx())
	// Output:
	// 200 image/jpeg nosniff
	// 128
}

func ExampleProcessor_Backfill() {
	ctx := context.Background()
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	// What the original system left of alice.
	var old bytes.Buffer
	if err := png.Encode(&old, image.NewGray(image.Rect(0, 0, 512, 512))); err != nil {
		fmt.Println(err)
		return
	}
	if err := bucket.WriteAll(ctx, "avatars/alice.jpg", old.Bytes(), nil); err != nil {
		fmt.Println(err)
		return
	}
	pipeline, err := avatar.New(avatar.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	processor, err := avatar.NewProcessor(pipeline, bucket, bucket, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	options := avatar.BackfillOptions{Name: "take-in", Adopt: true, Progress: func(p avatar.BackfillProgress) {
		fmt.Println(p.Subject, p.Err)
	}}
	plan, err := processor.PlanBackfill(ctx, avatar.BackfillOptions{Name: "take-in", Adopt: true})
	fmt.Println(plan.Pictures, "to make", err)
	report, err := processor.Backfill(ctx, options)
	fmt.Println(report.Made, "made", err)
	report, err = processor.Backfill(ctx, options)
	fmt.Println(report.Made, "made", err)
	// Output:
	// 1 to make <nil>
	// alice <nil>
	// 1 made <nil>
	// alice <nil>
	// 0 made <nil>
}
