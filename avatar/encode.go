package avatar

import (
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// Encoder writes pictures in one format. It is safe for concurrent use.
type Encoder interface {
	// ContentType is the media type, such as "image/jpeg".
	ContentType() string
	// Ext is the file name extension without a dot, such as "jpg".
	Ext() string
	// Alpha says whether the format keeps transparency; without it, pictures are flattened before they come here.
	Alpha() bool
	// Encode writes m and nothing else: no metadata.
	Encode(w io.Writer, m image.Image) error
}

// JPEG encodes baseline JPEG without transparency.
type JPEG struct {
	// Quality is 1 to 100; 0 means 85.
	Quality int
}

// ContentType returns "image/jpeg".
func (JPEG) ContentType() string { return "image/jpeg" }

// Ext returns "jpg".
func (JPEG) Ext() string { return "jpg" }

// Alpha returns false.
func (JPEG) Alpha() bool { return false }

// Encode writes m.
func (e JPEG) Encode(w io.Writer, m image.Image) error {
	quality := e.Quality
	if quality == 0 {
		quality = 85
	}
	if n, ok := m.(*image.NRGBA); ok && n.Opaque() {
		// Opaque, so the two models are the same bytes, and image/jpeg has a fast path only for this one.
		m = &image.RGBA{Pix: n.Pix, Stride: n.Stride, Rect: n.Rect}
	}
	return jpeg.Encode(w, m, &jpeg.Options{Quality: quality})
}

// PNG encodes lossless PNG with transparency.
type PNG struct{}

// ContentType returns "image/png".
func (PNG) ContentType() string { return "image/png" }

// Ext returns "png".
func (PNG) Ext() string { return "png" }

// Alpha returns true.
func (PNG) Alpha() bool { return true }

// Encode writes m.
func (PNG) Encode(w io.Writer, m image.Image) error { return png.Encode(w, m) }
