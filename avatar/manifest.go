package avatar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

const (
	manifestName    = "manifest.json"
	maxManifestSize = 64 << 10
	immutable       = "public, max-age=31536000, immutable"
)

// ErrNoPicture is returned when a subject has no published picture. It matches [fs.ErrNotExist].
var ErrNoPicture = fmt.Errorf("avatar: no published picture: %w", fs.ErrNotExist)

// Manifest describes one published version of a picture. It is public: it names the public id, never the subject, and tells nothing of the
// original. It lies beside its pictures as manifest.json, and is written after all of them.
type Manifest struct {
	// Kind is the kind's name, such as "avatar".
	Kind string `json:"kind"`
	// PublicID is the owner's public id.
	PublicID string `json:"public_id"`
	// UploadID is the version: of two versions the greater id is the newer.
	UploadID string `json:"upload_id"`
	// Issued is the time in UploadID, in UTC.
	Issued time.Time `json:"issued"`
	// Variants are the pictures, largest first.
	Variants []PublishedVariant `json:"variants"`
	// Placeholder is the picture's ThumbHash in standard base64.
	Placeholder string `json:"placeholder,omitempty"`
	// Color is the dominant colour as "#rrggbb".
	Color string `json:"color,omitempty"`
}

// PublishedVariant is one picture of a [Manifest].
type PublishedVariant struct {
	Name string `json:"name"`
	// Key is the object's key in the assets bucket.
	Key string `json:"key"`
	// Width and Height are in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// ContentType is the media type.
	ContentType string `json:"content_type"`
	// Size is the length in bytes.
	Size int64 `json:"size"`
	// SHA256 is the lower-case hexadecimal digest of the object.
	SHA256 string `json:"sha256"`
}

// Largest returns the largest variant; the zero value if there is none.
func (m Manifest) Largest() PublishedVariant {
	if len(m.Variants) == 0 {
		return PublishedVariant{}
	}
	return m.Variants[0]
}

// AtLeast returns the smallest variant that is at least width pixels wide, or the largest one if none is. Zero gives the largest.
func (m Manifest) AtLeast(width int) PublishedVariant {
	best := m.Largest()
	for _, v := range m.Variants {
		if width > 0 && v.Width >= width && v.Width < best.Width {
			best = v
		}
	}
	return best
}

// readManifest returns the manifest of one version; the error matches fs.ErrNotExist if there is none.
func (p *Processor) readManifest(ctx context.Context, publicID, id string) (Manifest, error) {
	var m Manifest
	err := readJSON(ctx, p.assets, p.keys.manifestKey(publicID, id), &m)
	return m, err
}

// current returns the manifest of the greatest id that has one. It lists one subject's versions, which the sweep keeps few, with one
// entry for each version.
func (p *Processor) current(ctx context.Context, publicID string) (Manifest, error) {
	ids, err := p.versions(ctx, publicID)
	if err != nil {
		return Manifest{}, err
	}
	for i := len(ids) - 1; i >= 0; i-- {
		m, err := p.readManifest(ctx, publicID, ids[i])
		if !errors.Is(err, fs.ErrNotExist) {
			return m, err
		}
	}
	return Manifest{}, ErrNoPicture
}

// versions returns the ids below a public id, oldest first, whether or not they have a manifest.
func (p *Processor) versions(ctx context.Context, publicID string) ([]string, error) {
	prefix := p.keys.versionsOf(publicID)
	var ids []string
	for obj, err := range list(ctx, p.assets, prefix, "/") {
		if err != nil {
			return nil, fmt.Errorf("avatar: list versions: %w", err)
		}
		if id, isDir := strings.CutSuffix(strings.TrimPrefix(obj.Key, prefix), "/"); isDir && validID(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// putOptions are what an object is written with.
type putOptions struct {
	contentType, cacheControl string
	metadata                  map[string]string
	once                      bool // only if there is no such object
}

// put writes an object and says whether it did: with once it does not if there is one already. It goes through Upload, since
// azureblob panics when a Writer's upload fails (gocloud.dev v0.47).
func put(ctx context.Context, b *blob.Bucket, key string, data []byte, o putOptions) (bool, error) {
	err := b.Upload(ctx, key, bytes.NewReader(data), &blob.WriterOptions{
		ContentType:  o.contentType,
		CacheControl: o.cacheControl,
		Metadata:     o.metadata,
		IfNotExist:   o.once,
	})
	if o.once && gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return false, nil
	}
	return err == nil, err
}

// putJSON is put for a value.
func putJSON(ctx context.Context, b *blob.Bucket, key string, v any, once bool) (bool, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	return put(ctx, b, key, data, putOptions{contentType: "application/json", cacheControl: "no-store", once: once})
}

// readJSON decodes an object of ours; the error matches fs.ErrNotExist if there is none.
func readJSON(ctx context.Context, b *blob.Bucket, key string, v any) error {
	r, err := b.NewReader(ctx, key, nil)
	if err != nil {
		return notExist(err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxManifestSize))
	if err != nil {
		return fmt.Errorf("avatar: read a document: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("avatar: a damaged document: %w", err)
	}
	return nil
}

// remove deletes an object; one that is gone already is no error.
func remove(ctx context.Context, b *blob.Bucket, key string) error {
	if err := b.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}

// notExist gives the store's not-found error the meaning of fs.ErrNotExist.
func notExist(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}
