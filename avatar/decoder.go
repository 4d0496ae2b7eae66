package avatar

import (
	"context"
	"errors"
	"fmt"
	"image"

	"github.com/cruddur/avatarkit/avatar/internal/decode"
	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// Decoder reads one more format than the four that are built in. The packages avatar/heic and avatar/avif offer one each; nobody else links their
// codecs. It is safe for concurrent use.
type Decoder interface {
	// Format is the name under which the pipeline recognises the format: "heic" or "avif".
	Format() string
	// Header measures the picture without decoding its pixels. Its errors refuse the source as corrupt.
	Header(data []byte) (Header, error)
	// Decode returns the first picture, of at most as many pixels as Header gave. Its errors refuse the source as corrupt.
	Decode(ctx context.Context, data []byte) (image.Image, error)
}

// Header is what a [Decoder] knows before it decodes.
type Header struct {
	// Width and Height are in pixels. The decoded picture may have fewer, not more; its sides may be exchanged.
	Width, Height int
	// Orientation is what has to be done to the decoded picture, as EXIF numbers it, 1 to 8; 0 means 1.
	Orientation int
	// PixelBytes is how many bytes a pixel takes while it is decoded; it is held against Config.MaxMemory.
	PixelBytes int
	// Profile is the embedded ICC profile; nil without one.
	Profile []byte
}

// optional returns the decoder that was configured for a format, or nil.
func (p *Pipeline) optional(format string) Decoder {
	for _, d := range p.cfg.Decoders {
		if d.Format() == format {
			return d
		}
	}
	return nil
}

// measure measures the source with the decoder for its format; nil means a built-in one.
func measure(d Decoder, format string, data []byte) (*probe.Info, error) {
	if d == nil {
		return probe.Read(format, data)
	}
	h, err := d.Header(data)
	if err != nil {
		return nil, err
	}
	if h.PixelBytes < 1 {
		return nil, fmt.Errorf("the decoder for %s does not say what a pixel takes", format)
	}
	orientation := max(h.Orientation, 1)
	if orientation > 8 {
		return nil, fmt.Errorf("the decoder for %s gives orientation %d", format, orientation)
	}
	return &probe.Info{Format: format, Orientation: orientation, Channels: 3, Width: h.Width, Height: h.Height, HalfBytes: 2 * h.PixelBytes, Profile: h.Profile}, nil
}

// decode returns the pixels; with an optional decoder it corrects the size in info.
func (p *Pipeline) decode(ctx context.Context, info *probe.Info, data []byte) (decode.Result, error) {
	d := p.optional(info.Format)
	if d == nil {
		return decode.Decode(ctx, info, data)
	}
	m, err := d.Decode(ctx, data)
	switch {
	case ctx.Err() != nil:
		return decode.Result{}, context.Cause(ctx)
	case err != nil:
		return decode.Result{}, err
	case m == nil:
		return decode.Result{}, errors.New("the decoder returned no picture")
	}
	size := m.Bounds().Size()
	if size.X < 1 || size.Y < 1 || int64(size.X)*int64(size.Y) > int64(info.Width)*int64(info.Height) {
		return decode.Result{}, fmt.Errorf("%w: %v, not %v", decode.ErrSize, size, info.Bounds().Size())
	}
	info.Width, info.Height = size.X, size.Y
	return decode.Result{Rows: resample.FromImage(m, false)}, nil
}
