package avatartest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

var (
	errDead   = errors.New("avatartest: the process has ended")
	errExists = errors.New("avatartest: there is such an object")
)

// failure is a store's answer that says nothing of the object. Which one it is must make no difference.
type failure struct {
	text  string
	code  gcerrors.ErrorCode
	cause error
}

func (f *failure) Error() string { return "avatartest: injected: " + f.text }
func (f *failure) Unwrap() error { return f.cause }

var timeout = &failure{"time-out", gcerrors.DeadlineExceeded, context.DeadlineExceeded} // of the HTTP client: the caller has time left

var failures = []*failure{
	timeout,
	{"409 ConditionalRequestConflict", gcerrors.Unknown, nil}, // S3: writes that must not replace anything have met
	{"503 SlowDown", gcerrors.Unknown, nil},
	{"429 rateLimitExceeded", gcerrors.ResourceExhausted, nil}, // GCS
	{"connection reset", gcerrors.Unknown, syscall.ECONNRESET},
}

// fault is what befalls one operation.
type fault int

const (
	none   fault = iota
	before       // it fails without an effect
	after        // it has its effect, and the answer is lost
	torn         // its data breaks off half way
	twice        // the answer is lost, and the client, which is the store's own, makes the request again
	ended        // the caller's context ends: what heeds it fails from here on
)

// machine is one process, as the buckets see it.
type machine struct {
	w    *world
	dead bool
	// weak splits a write that must not replace anything into a look and a write, as stores without conditional writes do.
	weak bool
	// gate is asked before each operation. It says what befalls it, and whether it is the last one of this process.
	gate func(op, key string) (f fault, last bool)
}

// step runs one operation under the gate. tear is its half; nil if it has none.
func (m *machine) step(ctx context.Context, op, key string, effect, tear func() error) error {
	if m.dead {
		return errDead
	}
	f, last := m.gate(op, key)
	m.w.tick()
	m.dead = m.dead || last
	m.w.disturbed = m.w.disturbed || last || f != none
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case f == none, f == ended:
		return effect()
	case f == after:
		_ = effect()
	case f == torn && tear != nil:
		return errors.Join(m.w.failure(), tear())
	case f == twice:
		_ = effect()
		return effect()
	}
	return m.w.failure()
}

// bucket is a driver over a part of another bucket.
type bucket struct {
	*machine
	inner  *blob.Bucket
	prefix string
}

func (m *machine) bucket(inner *blob.Bucket) *blob.Bucket {
	return blob.NewBucket(&bucket{m, inner, m.w.prefix})
}

func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	var injected *failure
	switch {
	case errors.Is(err, errExists):
		return gcerrors.FailedPrecondition
	case errors.Is(err, errDead):
		return gcerrors.Unknown
	case errors.As(err, &injected):
		return injected.code
	}
	return gcerrors.Code(err)
}

func (b *bucket) As(i any) bool                 { return b.inner.As(i) }
func (b *bucket) ErrorAs(err error, i any) bool { return b.inner.ErrorAs(err, i) }
func (b *bucket) Close() error                  { return nil }

func (b *bucket) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errors.ErrUnsupported
}

func (b *bucket) Attributes(ctx context.Context, key string) (out *driver.Attributes, err error) {
	err = b.step(ctx, "attributes", key, func() error {
		a, err := b.inner.Attributes(ctx, b.prefix+key)
		if err != nil {
			return err
		}
		out = &driver.Attributes{
			CacheControl: a.CacheControl, ContentType: a.ContentType, Metadata: a.Metadata, ModTime: b.w.written(key, a.ModTime),
			Size: a.Size, MD5: a.MD5, ETag: a.ETag, AsFunc: func(any) bool { return false },
		}
		return nil
	}, nil)
	return out, err
}

func (b *bucket) ListPaged(ctx context.Context, o *driver.ListOptions) (out *driver.ListPage, err error) {
	err = b.step(ctx, "list", o.Prefix, func() error {
		token := o.PageToken
		if len(token) == 0 {
			token = blob.FirstPageToken
		}
		objects, next, err := b.inner.ListPage(ctx, token, b.pageSize(o.PageSize), &blob.ListOptions{Prefix: b.prefix + o.Prefix, Delimiter: o.Delimiter})
		if err != nil && err != io.EOF {
			return err
		}
		out = &driver.ListPage{NextPageToken: next}
		for _, obj := range objects {
			key := strings.TrimPrefix(obj.Key, b.prefix)
			out.Objects = append(out.Objects, &driver.ListObject{
				Key: key, ModTime: b.w.written(key, obj.ModTime), Size: obj.Size, MD5: obj.MD5, IsDir: obj.IsDir, AsFunc: func(any) bool { return false },
			})
		}
		return nil
	}, nil)
	return out, err
}

// pageSize is how many objects a page has: few, so that there are many pages. Folders have one page of everything.
func (b *bucket) pageSize(want int) int {
	var info os.FileInfo
	if b.w.page == 0 || b.inner.As(&info) {
		return want
	}
	return b.w.page
}

// reader is an open object; left counts down to where it breaks off, if that is not negative.
type reader struct {
	*blob.Reader
	attrs  driver.ReaderAttributes
	left   int64
	broken error
}

func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attrs }
func (r *reader) As(any) bool                          { return false }

func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, r.broken
	}
	if r.left > 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.Reader.Read(p)
	if r.left > 0 {
		r.left -= int64(n)
	}
	return n, err
}

func (b *bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	var out *reader
	open := func() error {
		if out != nil { // a second time
			_ = out.Close()
			out = nil
		}
		r, err := b.inner.NewRangeReader(ctx, b.prefix+key, offset, length, nil)
		if err != nil {
			return err
		}
		attrs := driver.ReaderAttributes{ContentType: r.ContentType(), ModTime: b.w.written(key, r.ModTime()), Size: r.Size()}
		out = &reader{r, attrs, -1, nil}
		return nil
	}
	err := b.step(ctx, "read", key, open, func() error {
		if err := open(); err != nil {
			return err
		}
		out.left = out.attrs.Size / 2
		return nil
	})
	switch {
	case out == nil:
		return nil, err
	case err != nil && out.left < 0: // the answer is lost
		return nil, errors.Join(err, out.Close())
	}
	out.broken = err
	return out, nil
}

// writer keeps what is written until it is closed: only then the store gets to know of it.
type writer struct {
	bytes.Buffer
	ctx   context.Context // of the write, as in gocloud.dev's own drivers
	close func(data []byte) error
}

func (w *writer) Close() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	return w.close(w.Bytes())
}

func (b *bucket) NewTypedWriter(ctx context.Context, key, contentType string, o *driver.WriterOptions) (driver.Writer, error) {
	opts := &blob.WriterOptions{
		CacheControl: o.CacheControl, ContentType: contentType, ContentMD5: o.ContentMD5, Metadata: o.Metadata, IfNotExist: o.IfNotExist,
	}
	return &writer{ctx: ctx, close: func(data []byte) error {
		if b.weak && opts.IfNotExist {
			if err := b.lookFirst(ctx, key); err != nil {
				return err
			}
			opts.IfNotExist = false
		}
		return b.step(ctx, "write", key, func() error {
			err := b.inner.Upload(ctx, b.prefix+key, bytes.NewReader(data), opts)
			if err == nil {
				b.w.stamp(key)
			}
			return err
		}, func() error {
			// A process that ends cannot complete its request. A source that fails is not enough: gocloud.dev v0.47 then completes
			// the object on memory and files with what came before.
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			half := io.MultiReader(bytes.NewReader(data[:len(data)/2]), failing{cancel})
			if b.inner.Upload(ctx, b.prefix+key, half, opts) == nil {
				return errors.New("avatartest: the store took half an object")
			}
			return nil
		})
	}}, nil
}

func (b *bucket) lookFirst(ctx context.Context, key string) error {
	return b.step(ctx, "look", key, func() error {
		exists, err := b.inner.Exists(ctx, b.prefix+key)
		if exists {
			return errExists
		}
		return err
	}, nil)
}

// failing is where a source breaks off.
type failing struct{ cancel func() }

func (f failing) Read([]byte) (int, error) {
	f.cancel()
	return 0, io.ErrUnexpectedEOF
}

func (b *bucket) Copy(ctx context.Context, dst, src string, _ *driver.CopyOptions) error {
	return b.step(ctx, "copy", dst, func() error {
		err := b.inner.Copy(ctx, b.prefix+dst, b.prefix+src, nil)
		if err == nil {
			b.w.stamp(dst)
		}
		return err
	}, nil)
}

func (b *bucket) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	return b.step(ctx, "delete", key, func() error { return b.inner.Delete(ctx, b.prefix+key) }, nil)
}
