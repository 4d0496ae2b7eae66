// Package webp lets an avatar pipeline write WebP, which keeps transparency and is smaller than JPEG and PNG. It is a package of its own because it
// links libwebp, as WebAssembly in the wazero runtime (no cgo). Reading WebP needs no such package.
package webp

import (
	"fmt"
	"image"
	"io"

	"github.com/gen2brain/webp"
)

// Encoder encodes WebP with transparency; see [avatar.Encoder].
//
// [avatar.Encoder]: https://pkg.go.dev/github.com/cruddur/avatarkit/avatar#Encoder
type Encoder struct {
	// Quality is 1 to 100; 0 means 80. It is not used when Lossless is set.
	Quality int
	// Lossless keeps every pixel.
	Lossless bool
}

// ContentType returns "image/webp".
func (Encoder) ContentType() string { return "image/webp" }

// Ext returns "webp".
func (Encoder) Ext() string { return "webp" }

// Alpha returns true.
func (Encoder) Alpha() bool { return true }

// Encode writes m.
func (e Encoder) Encode(w io.Writer, m image.Image) error {
	quality := e.Quality
	if quality == 0 {
		quality = 80
	}
	if err := webp.Encode(w, m, webp.Options{Quality: quality, Lossless: e.Lossless, Method: 4}); err != nil {
		return fmt.Errorf("webp: %w", err)
	}
	return nil
}
