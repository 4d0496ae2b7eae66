package avatar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/semaphore"

	"github.com/cruddur/avatarkit/avatar/internal/resample"
)

// ErrDefect is wrapped when a decoder or the pipeline itself panicked. The source is refused as corrupt, the process goes on, and the panic
// is logged with its stack: it is a bug to report.
var ErrDefect = errors.New("avatar: a defect in the pipeline")

// errTimeout is the cause of a context that ended by Config.MaxDuration, which tells it from the caller's own end.
var errTimeout = errors.New("avatar: took too long")

// errWaiting and errReading tell that decoding was not begun yet, so that nothing is said about the source.
var (
	errWaiting = errors.New("avatar: wait for memory")
	errReading = errors.New("avatar: read the source")
)

// Pipeline turns what a stranger uploads into pictures. It is immutable and safe for concurrent use; all calls share its memory budget.
type Pipeline struct {
	cfg       Config
	order     []Variant           // largest first
	reads     *semaphore.Weighted // bytes of sources. Always taken before decodes, so that neither waits for the other in a circle
	decodes   *semaphore.Weighted // bytes of decoding
	scratches *sync.Pool          // of *scratch
	renders   metric.Int64Counter
	linear    *resample.Curves // nil unless Config.Linear
}

// scratch is what a render works on. Nothing of it outlives the render; the next one uses it again.
type scratch struct {
	source  bytes.Buffer
	memory  resample.Memory
	encoded []byte
}

// Kind returns the kind whose variants the pipeline makes. The caller must not change it.
func (p *Pipeline) Kind() Kind { return p.cfg.Kind }

// MaxBytes returns the largest source that is accepted, in bytes.
func (p *Pipeline) MaxBytes() int64 { return p.cfg.MaxBytes }

// Render reads a picture from r and makes every variant of it, with the pipeline's own crop. It writes nothing anywhere.
//
// The error is a [*RejectError] when no retry can help, and anything else (a failing reader, a cancelled context) when one may.
func (p *Pipeline) Render(ctx context.Context, r io.Reader) (*Set, error) {
	return p.RenderCrop(ctx, r, Crop{})
}

// RenderCrop is Render with a crop of the caller's, for a picture that is cropped again while its original is kept. The zero Crop means the
// pipeline's own. A crop that does not pass [Crop.Validate] is an error that is not a [*RejectError].
func (p *Pipeline) RenderCrop(ctx context.Context, r io.Reader, crop Crop) (*Set, error) {
	set, err := p.renderCrop(ctx, r, crop)
	p.renders.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome(err))))
	return set, err
}

// outcome is the low-cardinality word for err that is counted.
func outcome(err error) string {
	var reject *RejectError
	switch {
	case err == nil:
		return "rendered"
	case errors.Is(err, ErrDefect):
		return "defect"
	case errors.As(err, &reject):
		return string(reject.Reason)
	}
	return "failed"
}

func (p *Pipeline) renderCrop(ctx context.Context, r io.Reader, crop Crop) (*Set, error) {
	if err := crop.Validate(); err != nil {
		return nil, err
	}
	most := p.mostOf(r)
	if err := p.reads.Acquire(ctx, most); err != nil {
		return nil, fmt.Errorf("%w: %w", errWaiting, context.Cause(ctx))
	}
	defer p.reads.Release(most)
	d, _ := p.scratches.Get().(*scratch)
	if d == nil {
		d = new(scratch)
	}
	defer p.scratches.Put(d)
	data, err := p.read(&d.source, r, most)
	if err != nil {
		return nil, err
	}
	defer d.memory.Reset()
	set, err := p.guarded(ctx, d, data, crop)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(data)
	set.Source.SHA256 = hex.EncodeToString(digest[:])
	set.Source.Size = int64(len(data))
	return set, nil
}

// read reads the source whole, but never more than most bytes and one.
func (p *Pipeline) read(buf *bytes.Buffer, r io.Reader, most int64) ([]byte, error) {
	buf.Reset()
	if most < p.cfg.MaxBytes {
		buf.Grow(int(most) + bytes.MinRead) // a buffer that grows step by step takes twice as much
	}
	n, err := buf.ReadFrom(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errReading, err)
	case n == 0:
		return nil, &RejectError{Reason: ReasonEmpty, Hint: "The file is empty. Please choose a picture."}
	case n > p.cfg.MaxBytes:
		return nil, &RejectError{Reason: ReasonTooManyBytes, Limit: p.cfg.MaxBytes, Got: n,
			Hint: fmt.Sprintf("The file is too large. Please choose one of at most %s.", byteCount(p.cfg.MaxBytes))}
	case n > most:
		return nil, fmt.Errorf("%w: it is larger than it said, over %d bytes", errReading, most)
	}
	return buf.Bytes(), nil
}

// mostOf returns how many bytes r holds, as far as it tells, or else how many may be read of it.
func (p *Pipeline) mostOf(r io.Reader) int64 {
	size := int64(0)
	switch r := r.(type) {
	case interface{ Size() int64 }:
		size = r.Size()
	case interface{ Stat() (fs.FileInfo, error) }:
		if info, err := r.Stat(); err == nil {
			size = info.Size()
		}
	}
	if size < 1 || size > p.cfg.MaxBytes {
		return p.cfg.MaxBytes
	}
	return size
}

func byteCount(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// guarded is render with a last line of defence against panics, our own and the decoders'.
func (p *Pipeline) guarded(ctx context.Context, d *scratch, data []byte, crop Crop) (set *Set, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.cfg.Logger.ErrorContext(ctx, "avatar: panic while rendering", "panic", v, "stack", string(debug.Stack()))
			set, err = nil, corrupt("", fmt.Errorf("%w: %v", ErrDefect, v))
		}
	}()
	set, err = p.render(ctx, d, data, crop)
	if errors.Is(err, errTimeout) {
		return nil, &RejectError{Reason: ReasonTimeout, Err: err, Hint: "The picture takes too long to read. Please save it again in a simpler form, such as JPEG."}
	}
	return set, err
}

func corrupt(format string, err error) *RejectError {
	return &RejectError{Reason: ReasonCorrupt, Format: format, Err: err, Hint: "The picture is damaged and cannot be read. Please save or export it again."}
}

func largestFirst(variants []Variant) []Variant {
	sorted := slices.Clone(variants)
	slices.SortStableFunc(sorted, func(a, b Variant) int { return b.Width*b.Height - a.Width*a.Height })
	return sorted
}
