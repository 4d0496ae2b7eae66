package avatar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// shortCache lets a cache answer for a minute, and with what it has while it asks again.
const shortCache = "public, max-age=60, stale-while-revalidate=600"

// aliasOf is the metadata of the stable name that says which version it shows.
const aliasOf = "upload_id"

// errSlow is returned when so much time has passed since the first write that the sweep might take the pictures for an orphan's.
var errSlow = errors.New("avatar: publishing took longer than a quarter of Options.OrphanAge; try again")

// publish writes the pictures and then, if there is none yet, the manifest.
func (p *Processor) publish(ctx context.Context, j job, set *Set) (Manifest, error) {
	publicID := p.keys.publicID(j.subject)
	m := Manifest{
		Kind: p.kind.Name, PublicID: publicID, UploadID: j.id, Issued: idTime(j.id),
		Placeholder: set.Placeholder, Color: set.Color,
	}
	start := p.opts.Now()
	for _, picture := range set.Pictures {
		v, err := p.writePicture(ctx, p.keys.pictureKey(publicID, j.id, picture.Name, picture.Ext), picture)
		if err != nil {
			return m, fmt.Errorf("avatar: write variant %s: %w", picture.Name, err)
		}
		m.Variants = append(m.Variants, v)
	}
	if p.opts.Now().Sub(start) > p.opts.OrphanAge/4 {
		return m, errSlow
	}
	// Erase may have passed while the picture was rendered or moderated.
	if erased, err := p.isErased(ctx, j); err != nil {
		return m, err
	} else if erased {
		return m, errErased
	}
	written, err := putJSON(ctx, p.assets, p.keys.manifestKey(publicID, j.id), m, true)
	if err != nil {
		return m, fmt.Errorf("avatar: write the manifest: %w", err)
	}
	if !written { // another worker was first; its manifest counts
		m, err = p.readManifest(ctx, publicID, j.id)
	}
	return m, err
}

// writePicture writes one variant once. If it is there already, of an earlier or a concurrent attempt, what is there is described: its key is
// immutable from the moment that a manifest names it.
func (p *Processor) writePicture(ctx context.Context, key string, pic Picture) (PublishedVariant, error) {
	digest := sha256.Sum256(pic.Data)
	v := PublishedVariant{
		Name: pic.Name, Key: key, Width: pic.Width, Height: pic.Height, ContentType: pic.ContentType,
		Size: int64(len(pic.Data)), SHA256: hex.EncodeToString(digest[:]),
	}
	o := putOptions{contentType: pic.ContentType, cacheControl: immutable, once: true, metadata: map[string]string{
		"width": strconv.Itoa(pic.Width), "height": strconv.Itoa(pic.Height),
	}}
	written, err := put(ctx, p.assets, key, pic.Data, o)
	if written || err != nil {
		return v, err
	}
	attrs, err := p.assets.Attributes(ctx, key)
	if err != nil {
		return v, err
	}
	if p.opts.Now().Sub(attrs.ModTime) > p.opts.OrphanAge/4 {
		// What a crash left so long ago may be swept as an orphan under our hands: make it young.
		o.once = false
		_, err := put(ctx, p.assets, key, pic.Data, o)
		return v, err
	}
	data, err := p.assets.ReadAll(ctx, key)
	if err != nil || bytes.Equal(data, pic.Data) {
		return v, err
	}
	digest = sha256.Sum256(data)
	v.Size, v.SHA256, v.ContentType = int64(len(data)), hex.EncodeToString(digest[:]), attrs.ContentType
	if w, err := strconv.Atoi(attrs.Metadata["width"]); err == nil {
		v.Width = w
	}
	if h, err := strconv.Atoi(attrs.Metadata["height"]); err == nil {
		v.Height = h
	}
	return v, nil
}

// syncAlias rewrites the stable name until it shows what is current, or is gone when nothing is, and returns the current id. Whoever
// writes last has looked after writing, so the last word is right; a crash in between is repeated, since no record was written.
func (p *Processor) syncAlias(ctx context.Context, publicID string) (string, error) {
	const rounds = 20
	for range rounds {
		m, err := p.current(ctx, publicID)
		if err != nil && !errors.Is(err, ErrNoPicture) {
			return "", err
		}
		agrees, err := p.aliasShows(ctx, publicID, m)
		if err != nil || agrees {
			return m.UploadID, err
		}
		if err := p.writeAlias(ctx, publicID, m); err != nil {
			return "", err
		}
	}
	return "", errors.New("avatar: the stable name keeps changing; try again")
}

// aliasShows reports whether the stable name shows m, or is gone if m is zero.
func (p *Processor) aliasShows(ctx context.Context, publicID string, m Manifest) (bool, error) {
	attrs, err := p.assets.Attributes(ctx, p.keys.aliasKey(publicID))
	err = notExist(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m.UploadID == "", nil
	case err != nil && onFiles(p.assets):
		return false, nil // a crash cut the attributes short, and only writing them again helps
	case err != nil:
		return false, fmt.Errorf("avatar: look at the stable name: %w", err)
	case m.UploadID == "":
		return false, nil
	}
	// One that is not ours is the original system's; it goes when the subject gets a picture here. The size is compared as well, since
	// fileblob replaces the attributes a moment before the content.
	return attrs.Metadata[aliasOf] == m.UploadID && attrs.Size == m.Largest().Size, nil
}

// writeAlias copies the largest variant of m to the stable name, or deletes that when m is zero.
func (p *Processor) writeAlias(ctx context.Context, publicID string, m Manifest) error {
	key := p.keys.aliasKey(publicID)
	if m.UploadID == "" {
		return remove(ctx, p.assets, key)
	}
	v := m.Largest()
	data, err := p.assets.ReadAll(ctx, v.Key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil // swept or erased since: the next round sees
	}
	if err != nil {
		return fmt.Errorf("avatar: read the current picture: %w", err)
	}
	_, err = put(ctx, p.assets, key, data, putOptions{
		contentType: v.ContentType, cacheControl: shortCache, metadata: map[string]string{aliasOf: m.UploadID},
	})
	if err != nil {
		return fmt.Errorf("avatar: write the stable name: %w", err)
	}
	return nil
}

// removeVersion deletes one version, its manifest first, so that what is current is always whole. It returns the keys that it deleted.
func (p *Processor) removeVersion(ctx context.Context, publicID, id string) error {
	_, err := p.removeBelow(ctx, p.assets, p.keys.version(publicID, id), func(*blob.ListObject) bool { return true })
	return err
}

// removeBelow deletes the objects below prefix that match, manifests first, and what was left of such by killed processes, and returns the keys.
// Who is writing one of them right now gets an error.
func (p *Processor) removeBelow(ctx context.Context, b *blob.Bucket, prefix string, match func(*blob.ListObject) bool) ([]string, error) {
	var manifests, others []string
	for _, objects := range []iter.Seq2[*blob.ListObject, error]{list(ctx, b, prefix, ""), leftovers(ctx, b, prefix)} {
		for obj, err := range objects {
			switch {
			case err != nil:
				return nil, fmt.Errorf("avatar: list what to delete: %w", err)
			case !match(obj):
			case isManifest(obj.Key):
				manifests = append(manifests, obj.Key)
			default:
				others = append(others, obj.Key)
			}
		}
	}
	keys := slices.Concat(manifests, others)
	for i, key := range keys {
		if err := remove(ctx, b, key); err != nil {
			return keys[:i], fmt.Errorf("avatar: delete: %w", err)
		}
	}
	return keys, nil
}

func isManifest(key string) bool { return strings.HasSuffix(key, "/"+manifestName) }
