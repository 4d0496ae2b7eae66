package avatar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// ErrNoOriginal is returned when a picture is to be made again and its original is not kept any more. It matches [fs.ErrNotExist].
var ErrNoOriginal = fmt.Errorf("avatar: the original is gone: %w", fs.ErrNotExist)

// errUnhandled is returned while the current picture has no record.
var errUnhandled = errors.New("avatar: the current picture is still being handled; try again, after Recover")

// Recrop publishes the subject's current picture anew with another crop, from the original, as a version of its own that becomes current like an
// upload. The error is [ErrNoPicture] when there is no picture, [ErrNoOriginal] when its original is gone, and that of [Crop.Validate] for
// a crop that is none. When the call fails after the new version was promised, Recover completes it.
func (p *Processor) Recrop(ctx context.Context, subject string, crop Crop) (res Result, err error) {
	ctx, end := p.tel.start(ctx, "avatar.Recrop")
	defer func() { end(string(res.Outcome), res.Reject, err) }()
	if err := crop.Validate(); err != nil {
		return Result{}, err
	}
	m, err := p.Current(ctx, subject)
	if err != nil {
		return Result{}, err
	}
	original, _, err := p.originalOf(ctx, subject, m.UploadID)
	if err != nil {
		return Result{}, err
	}
	now := p.opts.Now()
	if issued := idTime(m.UploadID); !now.After(issued) { // by a clock ahead of ours
		now = issued.Add(time.Millisecond)
	}
	id, err := newID(now)
	if err != nil {
		return Result{}, err
	}
	u := upload{subject, id, original.ext}
	return p.derive(ctx, job{action: "recrop", upload: u, original: original, crop: crop})
}

// originalOf returns what a published version was made of, and its record.
func (p *Processor) originalOf(ctx context.Context, subject, id string) (upload, record, error) {
	rec, err := p.readRecord(ctx, subject, id)
	switch {
	case err != nil:
		return upload{}, record{}, err
	case rec == nil:
		return upload{}, record{}, errUnhandled
	}
	original, ok := p.keys.parseUpload(rec.Original)
	if !ok {
		return upload{}, record{}, errors.New("avatar: a damaged record")
	}
	exists, err := p.uploads.Exists(ctx, rec.Original)
	if err != nil {
		return upload{}, record{}, fmt.Errorf("avatar: look for the original: %w", err)
	}
	if !exists {
		return upload{}, *rec, ErrNoOriginal
	}
	return original, *rec, nil
}
