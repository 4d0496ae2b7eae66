// Package decode turns the bytes of a picture that package probe has measured into a source of pixels: one picture of the canvas's size, as stored.
// Of an animation only the first frame is decoded. JPEG, WebP and the common kinds of PNG are decoded when the source is read, as far and at the scale that is wanted; the others at once.
package decode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cruddur/avatarkit/avatar/internal/probe"
	"github.com/cruddur/avatarkit/avatar/internal/resample"
	"github.com/cruddur/avatarkit/avatar/internal/sniff"
)

// Result is a decoded picture.
type Result struct {
	// Rows are its pixels. They may be read more than once.
	Rows resample.Source
	// Warnings lists what could not be decoded at once.
	Warnings []string
}

// AllWarnings returns the warnings, also those about what was found while the pixels were read.
func (r Result) AllWarnings() []string {
	if d, ok := r.Rows.(interface{ Damaged() bool }); ok && d.Damaged() {
		return append(slices.Clip(r.Warnings), damaged)
	}
	return r.Warnings
}

// ErrSize is wrapped when the pixels are not of the size that the header promised.
var ErrSize = errors.New("the picture is not of the size that its header states")

// damaged is the warning of a picture that is shown as far as it can be read.
const damaged = "the file is damaged or cut short; what is missing is left empty"

// Decode decodes data. It stops with the context's cause soon after ctx is done.
func Decode(ctx context.Context, info *probe.Info, data []byte) (Result, error) {
	var result Result
	var err error
	switch info.Format {
	case sniff.JPEG:
		result, err = decodeJPEG(data)
	case sniff.PNG:
		result, err = decodePNG(ctx, data)
	case sniff.GIF:
		result, err = decodeGIF(ctx, info, data)
	case sniff.WebP:
		result, err = decodeWebP(info, data)
	default:
		err = fmt.Errorf("no decoder for %q", info.Format)
	}
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	if got := result.Rows.Bounds(); got != info.Bounds() {
		return Result{}, fmt.Errorf("%w: %v, not %v", ErrSize, got.Size(), info.Bounds().Size())
	}
	return result, nil
}

// reader returns data as a reader that fails once ctx is done, which is how a decoder that knows no context is stopped.
func reader(ctx context.Context, data []byte) io.Reader {
	return &contextReader{ctx, bytes.NewReader(data)}
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// chunk bounds one Read, so that a decoder comes back often enough to see the context.
const chunk = 64 << 10

func (r *contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p[:min(len(p), chunk)])
}
