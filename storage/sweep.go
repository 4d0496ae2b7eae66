package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// SweepConfig says which objects [Sweep] removes.
type SweepConfig struct {
	// Prefix begins the keys to look at, such as "uploads/avatars/". Required; it must end with a slash, so that it cannot
	// reach into a folder whose name only begins alike.
	Prefix string
	// OlderThan is how long ago an object must have been written. At least one hour: it has to be longer than any upload
	// may wait for its event.
	OlderThan time.Duration
	// Keep spares an object, such as an upload that is yet to be processed. Nil spares none. An error spares it too.
	Keep func(ctx context.Context, key string) (bool, error)
	// DryRun reports what would be removed and removes nothing.
	DryRun bool
	// MaxObjects bounds how many objects are looked at. Zero means 10,000.
	MaxObjects int
	// Page continues where an earlier receipt's Next says; nil begins at the beginning.
	Page []byte
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

// SweepReceipt says what [Sweep] did, or in a dry run would have done.
type SweepReceipt struct {
	DryRun  bool          `json:"dry_run"`
	Before  time.Time     `json:"before"` // objects written before were removed
	Listed  int           `json:"listed"`
	Kept    int           `json:"kept"` // old enough, but spared by Keep
	Removed []SweptObject `json:"removed"`
	Bytes   int64         `json:"bytes"`          // of the removed objects
	Next    []byte        `json:"next,omitempty"` // where to continue; nil after the last object
}

// SweptObject is one removed object.
type SweptObject struct {
	Key     string    `json:"key"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
}

const sweepPage = 500

// Sweep removes abandoned uploads from a store that has no lifecycle rules: what is below the prefix and older than
// the age. An object that cannot be removed does not stop the others; the errors come joined beside the receipt, which
// lists exactly what was removed. Objects that vanish meanwhile are no error, so that sweeps may overlap.
func Sweep(ctx context.Context, bucket *blob.Bucket, cfg SweepConfig) (SweepReceipt, error) {
	if err := cfg.check(); err != nil {
		return SweepReceipt{}, err
	}
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	limit := cfg.MaxObjects
	if limit == 0 {
		limit = 10_000
	}
	receipt := SweepReceipt{DryRun: cfg.DryRun, Before: now().Add(-cfg.OlderThan).UTC(), Removed: []SweptObject{}}
	page := cfg.Page
	if len(page) == 0 {
		page = blob.FirstPageToken
	}
	var faults []error
	for receipt.Listed < limit {
		objects, next, err := bucket.ListPage(ctx, page, min(sweepPage, limit-receipt.Listed), &blob.ListOptions{Prefix: cfg.Prefix})
		if errors.Is(err, io.EOF) {
			receipt.Next = nil
			break
		}
		if err != nil {
			return receipt, errors.Join(append(faults, fmt.Errorf("storage: sweep: list: %w", Error(err)))...)
		}
		for _, o := range objects {
			if err := receipt.sweep(ctx, bucket, cfg, o); err != nil {
				faults = append(faults, err)
			}
		}
		receipt.Next = next
		if page = next; len(next) == 0 {
			break
		}
	}
	return receipt, errors.Join(faults...)
}

func (cfg *SweepConfig) check() error {
	var faults []error
	if !strings.HasSuffix(cfg.Prefix, "/") || cfg.Prefix == "/" {
		faults = append(faults, fmt.Errorf("storage: sweep: Prefix %q must name a folder and end with a slash", cfg.Prefix))
	}
	if cfg.OlderThan < time.Hour {
		faults = append(faults, fmt.Errorf("storage: sweep: OlderThan %s is less than an hour", cfg.OlderThan))
	}
	if cfg.MaxObjects < 0 {
		faults = append(faults, errors.New("storage: sweep: MaxObjects is negative"))
	}
	return errors.Join(faults...)
}

// sweep removes one listed object if it is due, and writes it down.
func (r *SweepReceipt) sweep(ctx context.Context, bucket *blob.Bucket, cfg SweepConfig, o *blob.ListObject) error {
	r.Listed++
	if o.IsDir || !o.ModTime.Before(r.Before) {
		return nil
	}
	if cfg.Keep != nil {
		keep, err := cfg.Keep(ctx, o.Key)
		if keep || err != nil {
			r.Kept++
			return err
		}
	}
	if !r.DryRun {
		if err := bucket.Delete(ctx, o.Key); err != nil {
			if gcerrors.Code(err) == gcerrors.NotFound {
				return nil
			}
			return fmt.Errorf("storage: sweep: remove: %w", Error(err))
		}
	}
	r.Removed = append(r.Removed, SweptObject{Key: o.Key, Size: o.Size, ModTime: o.ModTime.UTC()})
	r.Bytes += o.Size
	return nil
}
