package decode_test

import (
	"bytes"
	"context"
	"image"
	"testing"

	"github.com/gen2brain/webp"
	xwebp "golang.org/x/image/webp"

	"github.com/cruddur/avatarkit/avatar/internal/decode"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// FuzzWebPAlpha holds the alpha of a lossy picture against golang.org/x/image/webp, and what differs against libwebp. That refuses bits which readers have to ignore.
func FuzzWebPAlpha(f *testing.F) {
	const w, h = 21, 13
	for filter := range byte(4) {
		f.Add(rawAlpha(w, h, filter))
		f.Add(codedAlpha(f, w, h, filter))
	}
	still := encodeWebP(f, texture(w, h, false), false, 4)[12:]
	f.Fuzz(func(t *testing.T, alph []byte) {
		if len(alph) > 0 {
			alph = bytes.Clone(alph)
			alph[0] &= 0x1f
		}
		data := riff(canvas(1<<4, w, h), riffChunk("ALPH", alph...), still)
		info, err := probe.Read("webp", data)
		if err != nil {
			t.Fatal(err)
		}
		result, err := decode.Decode(context.Background(), info, data)
		if err != nil {
			t.Fatal(err)
		}
		whole := image.Rect(0, 0, w, h)
		picture, err := resample.Scale(context.Background(), new(resample.Memory), result.Rows, whole, whole.Size(), 1)
		want, wantErr := xwebp.Decode(bytes.NewReader(data))
		switch {
		case err != nil && wantErr != nil:
			return
		case err == nil && wantErr == nil:
			if bytes.Equal(alphaOf(picture), want.(*image.NYCbCrA).A) {
				return
			}
		}
		theirs, theirErr := webp.Decode(bytes.NewReader(data))
		if (err != nil) != (theirErr != nil) {
			t.Fatalf("got %v, x/image %v, libwebp %v", err, wantErr, theirErr)
		}
		if err == nil && !bytes.Equal(alphaOf(picture), theirs.(*image.NYCbCrA).A) {
			t.Fatalf("the alpha is that of neither x/image (%v) nor libwebp", wantErr)
		}
	})
}

func alphaOf(p *resample.Picture) []byte { return p.Planes[len(p.Planes)-1].Pix }
