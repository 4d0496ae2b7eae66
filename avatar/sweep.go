package avatar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// Swept counts what [Processor.Sweep] deleted.
type Swept struct {
	// Superseded is how many versions had been superseded for the grace time.
	Superseded int
	// Orphans is how many versions were begun and never finished, and how many files were left by killed processes.
	Orphans int
	// Erased is how many versions and private objects were void by an erasure.
	Erased int
	// Originals is how many originals were deleted or, if refused and so configured, quarantined.
	Originals int
	// Records is how many records, marks of attempts that were left behind, and tombstones had served their time.
	Records int
}

// Sweep deletes what nobody needs any more: versions that were superseded longer ago than the grace time, unfinished versions that nobody will
// finish, originals of refused uploads and of versions that are gone, old records. It mends the stable name where a crash left it behind.
//
// Call it from time to time, such as daily, after Recover. It may run beside everything else and beside itself. It lists what is published once, and
// needs three listings and as many reads as there are records for each subject.
func (p *Processor) Sweep(ctx context.Context) (out Swept, err error) {
	ctx, end := p.tel.start(ctx, "avatar.Sweep")
	defer func() { end("done", nil, err) }()
	s := &sweeper{Processor: p, now: p.opts.Now(), pending: map[string]bool{}, sources: map[string]bool{}, stones: map[string]tombstone{}}
	err = errors.Join(s.findPending(ctx), s.findTombstones(ctx))
	if err != nil {
		return s.out, err
	}
	for _, step := range []func(context.Context) error{s.sweepAssets, s.sweepUploads, s.sweepAttempts, s.sweepErased, s.sweepTombstones, s.sweepLeftovers} {
		if err := step(ctx); err != nil {
			return s.out, err
		}
	}
	return s.out, nil
}

// sweeper is one pass.
type sweeper struct {
	*Processor
	now     time.Time
	pending map[string]bool      // prefixes of versions that are still to be made
	sources map[string]bool      // keys of originals that they are made of
	stones  map[string]tombstone // by key
	out     Swept
}

func (s *sweeper) findPending(ctx context.Context) error {
	var scanned int
	for u, err := range s.unhandled(ctx, &scanned) {
		if err != nil {
			return err
		}
		s.pending[s.keys.version(s.keys.publicID(u.subject), u.id)] = true
	}
	for obj, err := range list(ctx, s.uploads, s.keys.intents(), "") {
		if err != nil {
			return fmt.Errorf("avatar: list what is to be made: %w", err)
		}
		var in intent
		if err := readJSON(ctx, s.uploads, obj.Key, &in); err != nil {
			continue // done since
		}
		subject, id, _ := strings.Cut(stemOf(obj, s.keys.intents()), "/")
		s.pending[s.keys.version(s.keys.publicID(subject), id)] = true
		s.sources[in.Original] = true
	}
	return nil
}

func (s *sweeper) findTombstones(ctx context.Context) error {
	for obj, err := range list(ctx, s.uploads, s.keys.erased(), "") {
		if err != nil {
			return fmt.Errorf("avatar: list the tombstones: %w", err)
		}
		var stone tombstone
		if err := readJSON(ctx, s.uploads, obj.Key, &stone); err != nil {
			return err
		}
		s.stones[obj.Key] = stone
	}
	return nil
}

// sweepTombstones removes those that no late upload can come up against any more.
func (s *sweeper) sweepTombstones(ctx context.Context) error {
	for key, stone := range s.stones {
		if s.now.Sub(stone.ErasedAt) < s.opts.RecordAge+s.opts.GrantLifetime+lateness {
			continue
		}
		if err := remove(ctx, s.uploads, key); err != nil {
			return fmt.Errorf("avatar: delete a tombstone: %w", err)
		}
		s.out.Records++
	}
	return nil
}

// sweepLeftovers removes what killed processes were writing to files.
func (s *sweeper) sweepLeftovers(ctx context.Context) error {
	if err := s.sweepLeftoversBelow(ctx, s.assets, s.keys.published); err != nil {
		return err
	}
	for _, prefix := range append(s.keys.private(), s.keys.erased(), s.keys.backfills()) {
		if err := s.sweepLeftoversBelow(ctx, s.uploads, prefix); err != nil {
			return err
		}
	}
	return nil
}

func (s *sweeper) sweepLeftoversBelow(ctx context.Context, b *blob.Bucket, prefix string) error {
	for obj, err := range leftovers(ctx, b, prefix) {
		if err != nil {
			return fmt.Errorf("avatar: list what was left behind: %w", err)
		}
		if s.now.Sub(obj.ModTime) < s.opts.OrphanAge {
			continue // somebody may be writing it
		}
		if err := remove(ctx, b, obj.Key); err != nil {
			return fmt.Errorf("avatar: delete what was left behind: %w", err)
		}
		s.out.Orphans++
	}
	return nil
}

// folder is what one version's objects tell.
type folder struct {
	id       string
	manifest time.Time // zero: none
	youngest time.Time
	pictures []*blob.ListObject
}

// holds says whether one of the pictures has the bytes of the stable name, as far as a listing tells.
func (f folder) holds(alias *blob.ListObject) bool {
	return alias != nil && slices.ContainsFunc(f.pictures, func(p *blob.ListObject) bool {
		return p.Size == alias.Size && (p.MD5 == nil || alias.MD5 == nil || bytes.Equal(p.MD5, alias.MD5))
	})
}

// sweepAssets goes through one listing of all that is published, which holds each public id's objects in one run.
func (s *sweeper) sweepAssets(ctx context.Context) error {
	var publicID string
	var alias *blob.ListObject
	var folders []folder
	flush := func() error {
		if publicID == "" {
			return nil
		}
		err := s.sweepPerson(ctx, publicID, alias, folders)
		publicID, alias, folders = "", nil, nil
		return err
	}
	for obj, err := range list(ctx, s.assets, s.keys.published, "") {
		if err != nil {
			return fmt.Errorf("avatar: list what is published: %w", err)
		}
		name := strings.TrimPrefix(obj.Key, s.keys.published)
		owner, rest, deep := strings.Cut(name, "/")
		if !deep {
			owner = strings.TrimSuffix(owner, ".jpg")
		}
		if !subjectPattern.MatchString(owner) {
			continue
		}
		if owner != publicID {
			if err := flush(); err != nil {
				return err
			}
			publicID = owner
		}
		if !deep {
			alias = obj
			continue
		}
		folders = addTo(folders, obj, rest)
	}
	return flush()
}

// addTo adds an object to the folder of its version; folders come in order.
func addTo(folders []folder, obj *blob.ListObject, rest string) []folder {
	id, name, _ := strings.Cut(rest, "/")
	if !validID(id) {
		return folders
	}
	if len(folders) == 0 || folders[len(folders)-1].id != id {
		folders = append(folders, folder{id: id})
	}
	f := &folders[len(folders)-1]
	if name == manifestName {
		f.manifest = obj.ModTime
	} else {
		f.pictures = append(f.pictures, obj)
	}
	if obj.ModTime.After(f.youngest) {
		f.youngest = obj.ModTime
	}
	return folders
}

// sweepPerson deletes versions of one public id. Going from the newest to the oldest, it knows what supersedes each.
func (s *sweeper) sweepPerson(ctx context.Context, publicID string, alias *blob.ListObject, folders []folder) error {
	stone := s.stones[s.keys.erasedKey(publicID)]
	var newer, current folder // the next newer whole version, and the newest
	var doomed []string
	for i := len(folders) - 1; i >= 0; i-- {
		f := folders[i]
		switch {
		case f.id <= stone.Until:
			s.out.Erased++
		case f.manifest.IsZero():
			if s.now.Sub(f.youngest) < s.opts.OrphanAge || s.pending[s.keys.version(publicID, f.id)] {
				continue
			}
			s.out.Orphans++
		case newer.id != "" && s.now.Sub(newer.manifest) >= s.opts.GraceTime:
			s.out.Superseded++ // by what supersedes all older ones, too
		default:
			if current.id == "" {
				current = f
			}
			newer = f
			continue
		}
		doomed = append(doomed, f.id)
	}
	for i := len(doomed) - 1; i >= 0; i-- { // oldest first, as Erase
		if err := s.removeVersion(ctx, publicID, doomed[i]); err != nil {
			return err
		}
	}
	// A stable name without versions is the original system's, unless its owner was erased.
	wrong := current.id != "" && !current.holds(alias) || current.id == "" && alias != nil && stone.Until != ""
	if len(doomed) > 0 || wrong {
		_, err := s.syncAlias(ctx, publicID)
		return err
	}
	return nil
}
