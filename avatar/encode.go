package avatar

import (
	"bytes"
	"cmp"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	planar "github.com/cruddur/avatarkit/avatar/internal/jpeg"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
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
	if n, ok := m.(*image.NRGBA); ok && n.Opaque() {
		// Opaque, so the two models are the same bytes, and image/jpeg has a fast path only for this one.
		m = &image.RGBA{Pix: n.Pix, Stride: n.Stride, Rect: n.Rect}
	}
	return jpeg.Encode(w, m, &jpeg.Options{Quality: e.quality()})
}

func (e JPEG) quality() int { return cmp.Or(e.Quality, 85) }

// encode encodes planes. For the built-in JPEG they are not made into pixels first.
func (d *scratch) encode(encoder Encoder, p *resample.Picture) ([]byte, error) {
	if e, ok := encoder.(JPEG); ok {
		p = p.YCbCr()
		planes := make([]planar.Samples, len(p.Planes))
		for i := range p.Planes {
			planes[i] = planar.Samples{Pix: p.Planes[i].Pix, Stride: p.Planes[i].Stride, Width: p.Planes[i].Width, Height: p.Planes[i].Height}
		}
		d.encoded = planar.Encode(slices.Grow(d.encoded[:0], 4096+p.Width*p.Height/4), planes, e.quality())
		return bytes.Clone(d.encoded), nil
	}
	var buf bytes.Buffer
	err := encoder.Encode(&buf, p.NRGBA())
	return buf.Bytes(), err
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
