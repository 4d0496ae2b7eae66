package avatar_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"strings"

	"github.com/cruddur/avatarkit/avatar"
)

func Example() {
	pipeline, err := avatar.New(avatar.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var upload bytes.Buffer
	if err := png.Encode(&upload, image.NewGray(image.Rect(0, 0, 640, 480))); err != nil {
		fmt.Println(err)
		return
	}
	set, err := pipeline.Render(context.Background(), &upload)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range set.Pictures {
		fmt.Println(p.Name, p.Width, p.Height, p.ContentType)
	}
	// Output:
	// 512 480 480 image/jpeg
	// 256 256 256 image/jpeg
	// 128 128 128 image/jpeg
	// 64 64 64 image/jpeg
}

func ExampleRejectError() {
	pipeline, err := avatar.New(avatar.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = pipeline.Render(context.Background(), strings.NewReader("<svg onload=alert(1)>"))
	var reject *avatar.RejectError
	if errors.As(err, &reject) {
		fmt.Println(reject.Reason, reject.Format)
		fmt.Println(reject.Hint)
	}
	// Output:
	// unsupported_format svg
	// SVG files are drawings, not photos. Please export the picture as PNG.
}

func ExamplePipeline_RenderCrop() {
	pipeline, err := avatar.New(avatar.Config{Encoder: avatar.PNG{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var upload bytes.Buffer
	if err := png.Encode(&upload, image.NewGray(image.Rect(0, 0, 640, 480))); err != nil {
		fmt.Println(err)
		return
	}
	// The right half of the oriented picture, as a page's cropping tool gives it.
	crop := avatar.Crop{Mode: avatar.CropRect, X: 0.5, Y: 0, Width: 0.5, Height: 1}
	set, err := pipeline.RenderCrop(context.Background(), &upload, crop)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Pictures[0].Width, set.Pictures[0].ContentType)
	// Output: 320 image/png
}

func ExamplePipeline_Initials() {
	pipeline, err := avatar.New(avatar.Config{Encoder: avatar.PNG{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"Ada Lovelace", "李小龍"} {
		set, err := pipeline.Initials(context.Background(), name, "the subject")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(set.Source.Format, len(set.Pictures), set.Pictures[0].Width)
	}
	// Output:
	// initials 4 512
	// identicon 4 512
}
