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
