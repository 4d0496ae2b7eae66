// Package probe reads everything about a picture that can be known without decoding its pixels: size, orientation, colour
// profile, and what it will cost to decode. It never allocates more than a small multiple of its caps.
package probe

import (
	"errors"
	"fmt"
	"image"

	"github.com/cruddur/avatarkit/avatar/internal/exif"
	"github.com/cruddur/avatarkit/avatar/internal/icc"
	"github.com/cruddur/avatarkit/avatar/internal/sniff"
)

// MaxProfile is the largest colour profile that is read, in bytes, after decompression. Real ones stay below it; a compressed
// profile of a PNG may claim anything.
const MaxProfile = 4 << 20

// ErrVariant is wrapped by errors about a valid picture of a coding that is not decoded, such as arithmetic JPEG.
var ErrVariant = errors.New("a variant of the format that is not decoded")

// Info is what the headers say.
type Info struct {
	// Format is the name from package sniff.
	Format string
	// Width and Height are those of the canvas as stored, before orientation.
	Width, Height int
	// Orientation is 1 to 8.
	Orientation int
	// Profile is the embedded ICC profile; nil without one.
	Profile []byte
	// SRGB says that a PNG states sRGB.
	SRGB bool
	// Gamma and Chroma are PNG's gAMA and cHRM. Gamma is 0 and Chroma nil without them.
	Gamma  float64
	Chroma *icc.Primaries
	// CICP holds PNG's coding-independent code points (colour primaries, transfer, matrix, range); nil without them.
	CICP *[4]byte
	// Channels is the number of colour channels as coded, without alpha: 1, 3 or 4.
	Channels int
	// Animated says that the file holds more than the one picture that is decoded.
	Animated bool
	// End is the offset behind the last byte of the picture, or 0 when the end was not found.
	End int
	// Comments are texts that the format carries outside the pixels and that no program needs.
	Comments [][]byte
	// HalfBytes is how many half bytes one pixel takes while it is decoded.
	HalfBytes int
	// Base is how many bytes decoding takes beside, whatever the number of pixels.
	Base int64
	// Warnings lists what was found to be broken but not fatal.
	Warnings []string

	iccp      []byte // the compressed profile of a PNG
	scattered int    // HalfBytes of a JPEG in several scans
}

// Memory estimates the bytes that decoding takes.
func (i *Info) Memory() int64 { return int64(i.Width)*int64(i.Height)*int64(i.HalfBytes)/2 + i.Base }

// Bounds is the canvas.
func (i *Info) Bounds() image.Rectangle { return image.Rect(0, 0, i.Width, i.Height) }

func (i *Info) warn(format string, args ...any) {
	i.Warnings = append(i.Warnings, fmt.Sprintf(format, args...))
}

// setExif takes the orientation of the first block that states one.
func (i *Info) setExif(block []byte) {
	if i.Orientation == 0 {
		i.Orientation = exif.Orientation(block)
	}
}

// Read returns what the headers of data say. The format is one of JPEG, PNG, GIF and WebP.
func Read(format string, data []byte) (*Info, error) {
	info := &Info{Format: format, Channels: 3}
	var err error
	switch format {
	case sniff.JPEG:
		err = info.readJPEG(data)
	case sniff.PNG:
		err = info.readPNG(data)
	case sniff.GIF:
		err = info.readGIF(data)
	case sniff.WebP:
		err = info.readWebP(data)
	default:
		err = fmt.Errorf("%w: %q", ErrVariant, format)
	}
	if err != nil {
		return nil, err
	}
	info.Orientation = max(info.Orientation, 1)
	return info, nil
}
