package app

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/cruddur/avatarkit/avatar"
	"github.com/cruddur/avatarkit/profile"
)

// FromProcessor makes Pictures of a processor and its pipeline. base precedes the keys of published objects in URLs, such as "/"
// or "https://assets.example.org/".
func FromProcessor(p *avatar.Processor, pipeline *avatar.Pipeline, base string) Pictures {
	return processorPictures{p, pipeline, base}
}

type processorPictures struct {
	*avatar.Processor
	pipeline *avatar.Pipeline
	base     string
}

func (p processorPictures) MaxBytes() int64 { return p.pipeline.MaxBytes() }

func (p processorPictures) Status(ctx context.Context, subject, uploadID string) (Status, error) {
	s, err := p.Processor.Status(ctx, subject, uploadID)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, ErrNoUpload
	}
	if err != nil {
		return Status{}, err
	}
	status := Status{State: string(s.State), Key: s.Key}
	if r := s.Reject; r != nil {
		status.Reason, status.Hint, status.Format, status.Limit, status.Got = string(r.Reason), r.Hint, r.Format, r.Limit, r.Got
	}
	return status, nil
}

func (p processorPictures) Picture(ctx context.Context, subject, uploadID string) (Picture, error) {
	s, err := p.Processor.Status(ctx, subject, uploadID)
	if err != nil {
		return Picture{}, err
	}
	m := s.Manifest
	if m == nil { // told before the record is written: then it is the current one
		current, err := p.Current(ctx, subject)
		if err != nil {
			return Picture{}, err
		}
		m = &current
	}
	picture := Picture{URL: p.base + m.Largest().Key, Variants: map[string]string{}, Placeholder: m.Placeholder, Color: m.Color}
	for _, v := range m.Variants {
		picture.Variants[v.Name] = p.base + v.Key
	}
	return picture, nil
}

func (p processorPictures) Erase(ctx context.Context, subject string) (any, error) {
	return p.Processor.Erase(ctx, subject)
}

// Initials makes the picture of a person who has none, for avatar.HandlerOptions: the initials of the name in the profile. It takes
// the public id for the subject, so it fits processors without Options.PublicIDSecret.
func Initials(pipeline *avatar.Pipeline, profiles *profile.SQLStore) func(context.Context, string, avatar.Variant) (avatar.Picture, error) {
	return func(ctx context.Context, publicID string, v avatar.Variant) (avatar.Picture, error) {
		p, err := profiles.BySubject(ctx, publicID)
		if err != nil && !errors.Is(err, profile.ErrNotFound) {
			return avatar.Picture{}, err
		}
		set, err := pipeline.Initials(ctx, p.DisplayName, publicID)
		if err != nil {
			return avatar.Picture{}, err
		}
		i := slices.IndexFunc(set.Pictures, func(p avatar.Picture) bool { return p.Name == v.Name })
		return set.Pictures[max(i, 0)], nil
	}
}
