package webp_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"testing"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/avatar/webp"
	xwebp "golang.org/x/image/webp"
)

func TestEncoderKeepsAlpha(t *testing.T) {
	var upload bytes.Buffer
	if err := png.Encode(&upload, image.NewNRGBA(image.Rect(0, 0, 100, 100))); err != nil {
		t.Fatal(err)
	}
	p, err := avatar.New(avatar.Config{Encoder: webp.Encoder{}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := p.Render(context.Background(), &upload)
	if err != nil {
		t.Fatal(err)
	}
	pic := set.Pictures[0]
	m, err := xwebp.Decode(bytes.NewReader(pic.Data))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, a := m.At(50, 50).RGBA(); a != 0 || m.Bounds().Dx() != 100 || pic.Ext != "webp" || pic.ContentType != "image/webp" {
		t.Errorf("alpha %d, %v, %s, %s", a, m.Bounds(), pic.Ext, pic.ContentType)
	}
}

func ExampleEncoder() {
	_, err := avatar.New(avatar.Config{Encoder: webp.Encoder{Quality: 80}})
	fmt.Println(webp.Encoder{}.ContentType(), webp.Encoder{}.Alpha(), err)
	// Output: image/webp true <nil>
}
