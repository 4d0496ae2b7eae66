// Package avif lets an avatar pipeline read and write AVIF. It is a package of its own because it links libavif, as WebAssembly in the
// wazero runtime (no cgo), and adds some megabytes to a program.
//
// Build with the tag nodynamic. Without it the codec would load a native libavif of the system, outside the sandbox, when there is one; [NewDecoder] then
// returns an error.
package avif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/gen2brain/avif"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/avatar/internal/isobmff"
)

// pixelBytes estimates a pixel's cost: planes and RGBA of up to 16 bits in the sandbox, and a copy outside.
const pixelBytes = 24

// Decoder decodes AVIF; see [avatar.Decoder].
type Decoder struct{}

// NewDecoder returns the decoder. It fails when a native library would do the decoding.
func NewDecoder() (Decoder, error) {
	if avif.Dynamic() == nil {
		return Decoder{}, errors.New("avif: a native libavif was loaded; build with -tags nodynamic")
	}
	return Decoder{}, nil
}

// Format returns "avif".
func (Decoder) Format() string { return "avif" }

// Header bounds the file's pictures by its boxes, before the codec sees a byte.
func (Decoder) Header(data []byte) (avatar.Header, error) {
	info, err := isobmff.Read(data)
	if err != nil {
		return avatar.Header{}, err
	}
	return avatar.Header{Width: info.Width, Height: info.Height, Orientation: info.Orientation, PixelBytes: pixelBytes, Profile: info.Profile}, nil
}

// Decode decodes the first picture. The codec cannot be stopped once it runs, so ctx is only looked at before.
func (Decoder) Decode(ctx context.Context, data []byte) (image.Image, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m, err := avif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("avif: %w", err)
	}
	return m, nil
}

// Encoder encodes AVIF with transparency; see [avatar.Encoder].
type Encoder struct {
	// Quality is 1 to 100; 0 means 60.
	Quality int
}

// ContentType returns "image/avif".
func (Encoder) ContentType() string { return "image/avif" }

// Ext returns "avif".
func (Encoder) Ext() string { return "avif" }

// Alpha returns true.
func (Encoder) Alpha() bool { return true }

// Encode writes m.
func (e Encoder) Encode(w io.Writer, m image.Image) error {
	options := avif.Options{Quality: e.Quality, QualityAlpha: e.Quality, Speed: 8, ChromaSubsampling: image.YCbCrSubsampleRatio420}
	if err := avif.Encode(w, m, options); err != nil {
		return fmt.Errorf("avif: %w", err)
	}
	return nil
}
