package avatar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/google/uuid"

	"github.com/cruddur/avatarkit/avatar/internal/sniff"
)

// findAdoption looks whether the subject's stable name is still the original system's, and nothing newer is there. The version gets an id of the time
// when that object was written: the same each time, and older than every upload since.
func (b *backfill) findAdoption(ctx context.Context, subject string) (*task, error) {
	from := b.keys.aliasKey(subject)
	attrs, err := b.assets.Attributes(ctx, from)
	if err = notExist(err); errors.Is(err, fs.ErrNotExist) {
		return nil, nil // erased since it was listed
	}
	if err != nil {
		return nil, fmt.Errorf("avatar: look at the original system's picture: %w", err)
	}
	if attrs.Metadata[aliasOf] != "" {
		return nil, nil
	}
	id := adoptedID(subject, attrs.ModTime)
	m, err := b.Current(ctx, subject)
	if err != nil && !errors.Is(err, ErrNoPicture) {
		return nil, err
	}
	if m.UploadID > id {
		return nil, nil
	}
	rec, err := b.readRecord(ctx, subject, id)
	switch {
	case err != nil:
		return nil, err
	case rec != nil && rec.Outcome == OutcomeRejected:
		return nil, rec.reject()
	case rec != nil:
		return nil, nil
	}
	u := upload{subject: subject, id: id}
	t := &task{job: job{upload: u, original: u, action: "adopt"}, bucket: b.assets, key: from, size: attrs.Size}
	t.prepare = func(ctx context.Context) error { return b.copyIn(ctx, t) }
	return t, nil
}

// copyIn makes the picture an original, under the extension that its bytes ask for.
func (b *backfill) copyIn(ctx context.Context, t *task) error {
	r, err := t.bucket.NewReader(ctx, t.key, nil)
	if err != nil {
		return fmt.Errorf("avatar: open the original system's picture: %w", notExist(err))
	}
	defer r.Close()
	limit := b.render.MaxBytes()
	var data bytes.Buffer
	n, err := data.ReadFrom(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return fmt.Errorf("avatar: read the original system's picture: %w", err)
	case n > limit:
		return &RejectError{Reason: ReasonTooManyBytes, Limit: limit, Got: n}
	}
	format := sniff.Detect(data.Bytes())
	kind, known := typeOf(func(t imageType) bool { return t.format == format })
	if !known {
		return unsupported(format)
	}
	t.upload.ext, t.original.ext = kind.ext, kind.ext
	_, err = put(ctx, b.uploads, b.keys.uploadKey(t.upload), data.Bytes(), putOptions{contentType: kind.mediaType, once: true})
	if err != nil {
		return fmt.Errorf("avatar: keep the original system's picture: %w", err)
	}
	return nil
}

// adoptedID is a UUIDv7 of the time when the picture was written; the rest of it depends on the subject only.
func adoptedID(subject string, written time.Time) string {
	digest := sha256.Sum256([]byte("avatarkit adopted\x00" + subject))
	u := uuid.UUID(digest[:16])
	ms := uint64(max(written.UnixMilli(), 0))
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = 0x70 | u[6]&0x0f
	u[8] = 0x80 | u[8]&0x3f
	return u.String()
}
