// Package heic lets an avatar pipeline read HEIC, the format of iPhone photos. It is a package of its own because it links libheif, as
// WebAssembly in the wazero runtime (no cgo), and adds some megabytes to a program.
//
// Decoding in the sandbox takes seconds for a photo of a phone, and cannot be stopped once it runs: give [avatar.Config]'s MaxDuration what your machine needs.
//
// Build with the tag nodynamic. Without it the codec would load a native libheif of the system, outside the sandbox, when there is one; [New] then
// returns an error.
package heic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/gen2brain/heic"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/avatar/internal/isobmff"
)

// pixelBytes estimates a pixel's cost: planes in the sandbox, once more for the tiles, and a copy outside.
const pixelBytes = 12

// Decoder decodes HEIC; see [avatar.Decoder]. Orientation is applied by the codec, from the file's own transformations; its EXIF is not
// consulted, as the standard has it (ISO/IEC 23008-12).
type Decoder struct{}

// New returns the decoder. It fails when a native library would do the decoding.
func New() (Decoder, error) {
	if heic.Dynamic() == nil {
		return Decoder{}, errors.New("heic: a native libheif was loaded; build with -tags nodynamic")
	}
	return Decoder{}, nil
}

// Format returns "heic".
func (Decoder) Format() string { return "heic" }

// Header bounds the file's pictures by its boxes, before the codec sees a byte.
func (Decoder) Header(data []byte) (avatar.Header, error) {
	info, err := isobmff.Read(data)
	if err != nil {
		return avatar.Header{}, err
	}
	return avatar.Header{Width: info.Width, Height: info.Height, PixelBytes: pixelBytes, Profile: info.Profile}, nil
}

// Decode decodes the primary picture. The codec cannot be stopped once it runs, so ctx is only looked at before.
func (Decoder) Decode(ctx context.Context, data []byte) (image.Image, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m, err := heic.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("heic: %w", err)
	}
	return m, nil
}
