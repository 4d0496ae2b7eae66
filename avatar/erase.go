package avatar

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// Receipt proves what [Processor.Erase] did. It is personal data: its keys name the subject.
type Receipt struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	// ErasedAt is when the erasure took hold. Every upload granted until then is void.
	ErasedAt time.Time `json:"erased_at"`
	// VerifiedAt is when a listing showed that nothing of it is left.
	VerifiedAt time.Time `json:"verified_at"`
	// Uploads and Assets are the keys that were found and deleted from each bucket, in the order of deletion.
	Uploads []string `json:"uploads"`
	Assets  []string `json:"assets"`
	// Kept is how many objects of uploads granted later were found and left alone.
	Kept int `json:"kept"`
}

// tombstone voids the uploads of a subject up to an id.
type tombstone struct {
	Until    string    `json:"until"`
	ErasedAt time.Time `json:"erased_at"`
}

// Erase deletes everything of subject: originals, quarantine, every version, the stable name, records. It then lists all of it again, and
// returns a receipt only if nothing is left. After an error, call again.
//
// What was granted before the call and arrives or finishes after it is void: it never becomes current for longer than a moment, and is deleted by
// whoever processes it, or by the sweep. What is granted later is a new beginning and stays (of what is granted during the call nobody can say); so does an unused grant of an issuer whose clock was
// ahead, if it is used within that time. Only a digest of the subject with a time is kept until such late uploads can no longer come. The
// stable name goes too, and the original system's object of that name. Erase cannot reach older generations that a store with object versioning
// keeps, nor caches: give those a lifecycle rule and a purge.
func (p *Processor) Erase(ctx context.Context, subject string) (receipt Receipt, err error) {
	ctx, end := p.tel.start(ctx, "avatar.Erase")
	defer func() { end("erased", nil, err) }()
	publicID, err := p.PublicID(subject)
	if err != nil {
		return Receipt{}, err
	}
	stone, err := p.newTombstone(ctx, subject, publicID)
	if err != nil {
		return Receipt{}, err
	}
	for written := ""; written < stone.Until; { // a second time only if somebody was making a version anew meanwhile
		if _, err := putJSON(ctx, p.uploads, p.keys.erasedKey(publicID), stone, false); err != nil {
			return Receipt{}, fmt.Errorf("avatar: write the tombstone: %w", err)
		}
		written = stone.Until
		if stone.Until, err = p.lastMadeOf(ctx, subject, stone); err != nil {
			return Receipt{}, err
		}
	}
	receipt = Receipt{Kind: p.kind.Name, Subject: subject, ErasedAt: stone.ErasedAt}
	const rounds = 5 // work that was under way may write once more
	for range rounds {
		left, err := p.eraseOnce(ctx, subject, publicID, stone, &receipt)
		if err != nil {
			return receipt, err
		}
		if left == 0 {
			receipt.VerifiedAt = p.opts.Now().UTC()
			return receipt, p.auditEvent(ctx, AuditEvent{Action: "erase", Subject: subject, Outcome: OutcomeErased})
		}
	}
	return receipt, errors.New("avatar: erase: objects keep appearing; call Erase again")
}

// newTombstone voids every id up to now, and what is there already though its issuer's clock was ahead of ours.
func (p *Processor) newTombstone(ctx context.Context, subject, publicID string) (stone tombstone, err error) {
	// Two erasures may have clocks that differ: what was void stays so.
	if err := readJSON(ctx, p.uploads, p.keys.erasedKey(publicID), &stone); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return stone, fmt.Errorf("avatar: read the tombstone: %w", err)
	}
	ids, err := p.versions(ctx, publicID)
	if err != nil {
		return stone, err
	}
	for obj, err := range list(ctx, p.uploads, p.keys.uploads+subject+"/", "") {
		if err != nil {
			return stone, fmt.Errorf("avatar: list the originals: %w", err)
		}
		if u, ok := p.keys.parseUpload(obj.Key); ok {
			ids = append(ids, u.id)
		}
	}
	stone.ErasedAt = p.opts.Now().UTC()
	stone.Until = max(stone.Until, lastID(stone.ErasedAt))
	for _, id := range ids {
		stone.Until = max(stone.Until, id)
	}
	return stone, nil
}

// lastMadeOf is the greatest id of what was made, or is to be made, of what s voids, at least s.Until. Such a version may have been begun before the
// tombstone could be seen, under a later id. Promises are listed first, since they are struck off after the record is written.
func (p *Processor) lastMadeOf(ctx context.Context, subject string, s tombstone) (string, error) {
	last := s.Until
	for _, root := range []string{p.keys.intents(), p.keys.records()} {
		prefix := root + subject + "/"
		for obj, err := range list(ctx, p.uploads, prefix, "") {
			if err != nil {
				return "", fmt.Errorf("avatar: list what was made anew: %w", err)
			}
			if s.voids(prefix, obj) {
				continue
			}
			var made struct {
				Original string `json:"original"`
			}
			err := readJSON(ctx, p.uploads, obj.Key, &made)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			if original, ok := p.keys.parseUpload(made.Original); ok && original.id <= s.Until {
				id, _, _ := strings.Cut(strings.TrimPrefix(obj.Key, prefix), ".")
				last = max(last, id)
			}
		}
	}
	return last, nil
}

// voids says whether an object below prefix belongs to an upload that s has made void, or to none.
func (s tombstone) voids(prefix string, obj *blob.ListObject) bool {
	id, _, _ := strings.Cut(strings.TrimPrefix(obj.Key, prefix), "/")
	id, _, _ = strings.Cut(id, ".")
	return id <= s.Until
}

// private are the prefixes below which each subject has a folder.
func (k keyspace) private() []string {
	return []string{k.uploads, k.quarantine(), k.attempts(), k.intents(), k.records()}
}

// eraseOnce deletes what it finds and returns how much that was: 0 proves that nothing is left.
func (p *Processor) eraseOnce(ctx context.Context, subject, publicID string, stone tombstone, receipt *Receipt) (int, error) {
	void := func(prefix string) func(*blob.ListObject) bool {
		return func(obj *blob.ListObject) bool {
			if !stone.voids(prefix, obj) {
				receipt.Kept++
				return false
			}
			return true
		}
	}
	receipt.Kept = 0
	// Versions go oldest first, so that no older one becomes current while the newest is being deleted.
	prefix := p.keys.versionsOf(publicID)
	ids, err := p.versions(ctx, publicID)
	if err != nil {
		return 0, err
	}
	var assets []string
	for _, id := range ids {
		keys, err := p.removeBelow(ctx, p.assets, p.keys.version(publicID, id), func(*blob.ListObject) bool { return id <= stone.Until })
		assets = append(assets, keys...)
		if err != nil {
			return 0, err
		}
	}
	keys, err := p.removeBelow(ctx, p.assets, prefix, void(prefix)) // whatever else lies there
	assets = append(assets, keys...)
	if err != nil {
		return 0, err
	}
	keys, err = p.eraseAliases(ctx, subject, publicID)
	assets = append(assets, keys...)
	if err != nil {
		return 0, err
	}
	var uploads []string
	for _, root := range p.keys.private() {
		prefix := root + subject + "/"
		keys, err := p.removeBelow(ctx, p.uploads, prefix, void(prefix))
		uploads = append(uploads, keys...)
		if err != nil {
			return 0, err
		}
	}
	receipt.Assets = slices.Concat(receipt.Assets, assets)
	receipt.Uploads = slices.Concat(receipt.Uploads, uploads)
	return len(assets) + len(uploads), nil
}

// eraseAliases takes the stable name away, or lets it show what is newer. The original system's object, which has the subject for its name, goes too.
func (p *Processor) eraseAliases(ctx context.Context, subject, publicID string) (keys []string, err error) {
	stable := p.keys.aliasKey(publicID)
	had, err := p.assets.Exists(ctx, stable)
	if err != nil {
		return nil, fmt.Errorf("avatar: look at the stable name: %w", err)
	}
	current, err := p.syncAlias(ctx, publicID)
	if err != nil {
		return nil, err
	}
	if had && current == "" { // syncAlias leaves what it has not written
		keys = append(keys, stable)
	}
	if original := p.keys.aliasKey(subject); original != stable {
		attrs, err := p.assets.Attributes(ctx, original)
		if err = notExist(err); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("avatar: look at the original system's picture: %w", err)
		}
		// What names a version is the stable name of somebody whose public id looks like this subject.
		if err == nil && attrs.Metadata[aliasOf] == "" {
			keys = append(keys, original)
		}
	}
	for i, key := range keys {
		if err := remove(ctx, p.assets, key); err != nil {
			return keys[:i], fmt.Errorf("avatar: delete the stable name: %w", err)
		}
	}
	left, err := p.removeBelow(ctx, p.assets, stable+".", func(o *blob.ListObject) bool { return leftover.MatchString(o.Key) })
	return append(keys, left...), err
}

// isErased says whether Erase has voided what j is made of. A version that is made of an older original is as void as that, though its own id
// is later.
func (p *Processor) isErased(ctx context.Context, j job) (bool, error) {
	var stone tombstone // the zero one voids nothing
	err := readJSON(ctx, p.uploads, p.keys.erasedKey(p.keys.publicID(j.subject)), &stone)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("avatar: read the tombstone: %w", err)
	}
	return j.original.id <= stone.Until, nil
}
