package storage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Filter says which objects are uploads. Everything else that a notification announces is dropped, counted and logged:
// a store's configuration is often wider than the uploads, and whoever may post to a webhook could name any object.
// So is a key that [ValidateKey] refuses, since no grant can have named it.
type Filter struct {
	// Buckets are the buckets that uploads arrive in. Empty means any bucket.
	Buckets []string
	// Prefixes begin the keys of uploads, such as "uploads/avatars/". Empty means any key.
	Prefixes []string
	// Output are the prefixes that the application itself writes below, such as "avatars/". An event from there means that
	// notifications are set up too widely, and would make a loop if it were handled: it is dropped and logged as an error.
	// None may overlap with Prefixes.
	Output []string
}

func (f Filter) check() error {
	var faults []error
	if len(f.Buckets) == 0 && len(f.Prefixes) == 0 {
		faults = append(faults, errors.New("Filter: name Buckets or Prefixes; an empty filter would take any object"))
	}
	if slices.Contains(f.Buckets, "") || slices.Contains(f.Prefixes, "") || slices.Contains(f.Output, "") {
		faults = append(faults, errors.New("Filter: an empty bucket or prefix"))
	}
	for _, out := range f.Output {
		if out == "" {
			continue
		}
		if len(f.Prefixes) == 0 {
			faults = append(faults, fmt.Errorf("Filter: Output %q needs Prefixes that keep uploads apart from it", out))
		}
		for _, in := range f.Prefixes {
			if strings.HasPrefix(in, out) || strings.HasPrefix(out, in) {
				faults = append(faults, fmt.Errorf("Filter: Output %q and the prefix %q overlap: that would loop", out, in))
			}
		}
	}
	return errors.Join(faults...)
}

func (f Filter) clone() Filter {
	return Filter{
		Buckets:  slices.Clone(f.Buckets),
		Prefixes: slices.Clone(f.Prefixes),
		Output:   slices.Clone(f.Output),
	}
}

// judge returns outcomeHandled for an upload, or why the event is dropped.
func (f Filter) judge(e ObjectCreated) outcome {
	begins := func(prefix string) bool { return strings.HasPrefix(e.Key, prefix) }
	switch {
	case len(f.Buckets) > 0 && !slices.Contains(f.Buckets, e.Bucket):
		return outcomeForeignBucket
	case slices.ContainsFunc(f.Output, begins):
		return outcomeOwnOutput
	case len(f.Prefixes) > 0 && !slices.ContainsFunc(f.Prefixes, begins):
		return outcomeForeignKey
	case ValidateKey(e.Key) != nil:
		return outcomeForeignKey // no grant can have named it
	}
	return outcomeHandled
}
