package avatar

import (
	"context"
	"fmt"
	"strings"

	"gocloud.dev/blob"
)

// sweepUploads goes through the subjects that have records; what has none is for Process and Recover.
func (s *sweeper) sweepUploads(ctx context.Context) error {
	for obj, err := range list(ctx, s.uploads, s.keys.records(), "/") {
		if err != nil {
			return fmt.Errorf("avatar: list the subjects: %w", err)
		}
		subject := strings.TrimSuffix(strings.TrimPrefix(obj.Key, s.keys.records()), "/")
		if !obj.IsDir || !subjectPattern.MatchString(subject) {
			continue
		}
		if err := s.sweepSubject(ctx, subject); err != nil {
			return err
		}
	}
	return nil
}

func (s *sweeper) sweepSubject(ctx context.Context, subject string) error {
	records, err := s.recordsOf(ctx, subject)
	if err != nil {
		return err
	}
	ids, err := s.versions(ctx, s.keys.publicID(subject))
	if err != nil {
		return err
	}
	for _, id := range ids {
		if rec, ok := records[id]; ok && rec.Outcome == OutcomeRejected {
			if err := s.mend(ctx, rec); err != nil {
				return err
			}
		}
	}
	needed := map[string]bool{}
	live := map[string]bool{}
	for _, id := range ids {
		live[id] = true
		if rec, ok := records[id]; ok && !s.opts.DiscardOriginals {
			needed[rec.Original] = true
		}
	}
	originals := map[string]bool{}
	for obj, err := range list(ctx, s.uploads, s.keys.uploads+subject+"/", "") {
		if err != nil {
			return fmt.Errorf("avatar: list originals: %w", err)
		}
		u, ok := s.keys.parseUpload(obj.Key)
		rec, handled := records[u.id]
		if !ok || !handled || needed[obj.Key] || s.sources[obj.Key] || s.now.Before(idTime(u.id).Add(s.opts.GrantLifetime+lateness)) {
			originals[u.id] = ok
			continue
		}
		if err := s.dispose(ctx, u, rec); err != nil {
			return err
		}
	}
	for id, rec := range records {
		if live[id] || originals[id] || s.now.Sub(rec.Handled) < s.opts.RecordAge {
			continue
		}
		if err := s.forget(ctx, subject, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *sweeper) recordsOf(ctx context.Context, subject string) (map[string]record, error) {
	records := map[string]record{}
	for obj, err := range list(ctx, s.uploads, s.keys.records()+subject+"/", "") {
		if err != nil {
			return nil, fmt.Errorf("avatar: list records: %w", err)
		}
		var rec record
		if err := readJSON(ctx, s.uploads, obj.Key, &rec); err != nil {
			return nil, err
		}
		records[rec.UploadID] = rec
	}
	return records, nil
}

// dispose takes an original away: a refused one to quarantine, if so configured.
func (s *sweeper) dispose(ctx context.Context, u upload, rec record) error {
	key := s.keys.uploadKey(u)
	if rec.Outcome == OutcomeRejected && s.opts.Quarantine {
		if err := s.uploads.Copy(ctx, s.keys.quarantineKey(u), key, nil); err != nil {
			return fmt.Errorf("avatar: quarantine: %w", err)
		}
	}
	if err := remove(ctx, s.uploads, key); err != nil {
		return fmt.Errorf("avatar: delete an original: %w", err)
	}
	s.out.Originals++
	return nil
}

// mend completes a version that one worker published and died, while another refused it.
func (s *sweeper) mend(ctx context.Context, rec record) error {
	original, ok := s.keys.parseUpload(rec.Original)
	if !ok {
		return nil
	}
	_, err := s.repeat(ctx, job{upload: upload{rec.Subject, rec.UploadID, original.ext}, original: original, crop: rec.Crop, action: "sweep"}, rec)
	return err
}

// forget deletes a record.
func (s *sweeper) forget(ctx context.Context, subject, id string) error {
	if err := remove(ctx, s.uploads, s.keys.recordKey(subject, id)); err != nil {
		return fmt.Errorf("avatar: delete a record: %w", err)
	}
	s.out.Records++
	return nil
}

// sweepAttempts removes marks that a crash left, unless they still count: the upload is not handled yet.
func (s *sweeper) sweepAttempts(ctx context.Context) error {
	for obj, err := range list(ctx, s.uploads, s.keys.attempts(), "") {
		if err != nil {
			return fmt.Errorf("avatar: list the marks of attempts: %w", err)
		}
		subject, rest, _ := strings.Cut(strings.TrimPrefix(obj.Key, s.keys.attempts()), "/")
		id, _, _ := strings.Cut(rest, "/")
		if s.now.Sub(obj.ModTime) < s.opts.OrphanAge || s.pending[s.keys.version(s.keys.publicID(subject), id)] {
			continue
		}
		if err := remove(ctx, s.uploads, obj.Key); err != nil {
			return fmt.Errorf("avatar: delete the mark of an attempt: %w", err)
		}
		s.out.Records++
	}
	return nil
}

// sweepErased removes what was written for an erased subject by somebody who passed Erase and crashed.
func (s *sweeper) sweepErased(ctx context.Context) error {
	if len(s.stones) == 0 {
		return nil
	}
	for _, root := range s.keys.private() {
		for obj, err := range list(ctx, s.uploads, root, "/") {
			if err != nil {
				return fmt.Errorf("avatar: list the subjects: %w", err)
			}
			subject := strings.TrimSuffix(strings.TrimPrefix(obj.Key, root), "/")
			stone := s.stones[s.keys.erasedKey(s.keys.publicID(subject))]
			if !obj.IsDir || stone.Until == "" {
				continue
			}
			keys, err := s.removeBelow(ctx, s.uploads, obj.Key, func(o *blob.ListObject) bool { return stone.voids(obj.Key, o) })
			s.out.Erased += len(keys)
			if err != nil {
				return err
			}
		}
	}
	return nil
}
