package profile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// SetPicture makes an upload the current picture of a kind, if its id is greater than that of any picture that the subject ever had
// or erased; ids of one length sort by time of issue. It reports whether the picture changed: repeating a call or calling
// late changes nothing. Errors: ErrNotFound.
func (s *SQLStore) SetPicture(ctx context.Context, subject, kind, uploadID string) (changed bool, err error) {
	if kind == "" || uploadID == "" {
		return false, errors.New("profile: set picture: kind and upload id must not be empty")
	}
	changed, err = s.putPicture(ctx, subject, kind, func(id string, erased bool) (string, bool, bool) {
		return uploadID, false, uploadID > id
	})
	if err != nil {
		return false, fmt.Errorf("profile: set picture: %w", err)
	}
	return changed, nil
}

// ClearPicture takes the picture of a kind away, after an erasure. Uploads whose ids are not greater than through, or than that of the
// picture taken away, never come back. through may be empty. It reports whether there was a picture. Errors: ErrNotFound.
func (s *SQLStore) ClearPicture(ctx context.Context, subject, kind, through string) (cleared bool, err error) {
	had := false
	_, err = s.putPicture(ctx, subject, kind, func(id string, erased bool) (string, bool, bool) {
		had = id != "" && !erased
		return max(id, through), true, true
	})
	if err != nil {
		return false, fmt.Errorf("profile: clear picture: %w", err)
	}
	return had, nil
}

// putPicture replaces the row of a kind by what next makes of it, if next says so. It compares and swaps in Go, since the order
// of text in SQL depends on the database's collation.
func (s *SQLStore) putPicture(ctx context.Context, subject, kind string, next func(id string, erased bool) (string, bool, bool)) (bool, error) {
	for {
		done, changed, err := s.tryPutPicture(ctx, subject, kind, next)
		if err != nil || done {
			return changed, err
		}
	}
}

func (s *SQLStore) tryPutPicture(ctx context.Context, subject, kind string, next func(string, bool) (string, bool, bool)) (done, changed bool, err error) {
	var profileID, id string
	var erased int64
	err = s.db.QueryRowContext(ctx, `
		SELECT p.uuid, coalesce(i.upload_id, ''), coalesce(i.erased, 0)
		FROM avatarkit_profiles p LEFT JOIN avatarkit_pictures i ON i.profile_uuid = p.uuid AND i.kind = $1
		WHERE p.subject = $2`, kind, subject).Scan(&profileID, &id, &erased)
	if errors.Is(err, sql.ErrNoRows) {
		return true, false, ErrNotFound
	}
	if err != nil {
		return true, false, err
	}
	newID, newErased, write := next(id, erased != 0)
	if !write {
		return true, false, nil
	}
	flag := 0
	if newErased {
		flag = 1
	}
	var res sql.Result
	if id == "" {
		res, err = s.db.ExecContext(ctx, `
			INSERT INTO avatarkit_pictures (profile_uuid, kind, upload_id, erased) VALUES ($1, $2, $3, $4)
			ON CONFLICT (profile_uuid, kind) DO UPDATE SET upload_id = excluded.upload_id, erased = excluded.erased
			WHERE avatarkit_pictures.upload_id = ''`, profileID, kind, newID, flag)
	} else {
		res, err = s.db.ExecContext(ctx, `
			UPDATE avatarkit_pictures SET upload_id = $1, erased = $2
			WHERE profile_uuid = $3 AND kind = $4 AND upload_id = $5 AND erased = $6`, newID, flag, profileID, kind, id, erased)
	}
	if err != nil {
		return true, false, err
	}
	n, err := res.RowsAffected()
	return n == 1, n == 1, err
}

// pictures returns the current upload id of each kind.
func (s *SQLStore) pictures(ctx context.Context, profileID string) (map[string]string, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT kind, upload_id FROM avatarkit_pictures WHERE profile_uuid = $1 AND erased = 0 ORDER BY kind`, profileID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	pictures := map[string]string{}
	for rows.Next() {
		var kind, id string
		if err := rows.Scan(&kind, &id); err != nil {
			return nil, err
		}
		pictures[kind] = id
	}
	return pictures, rows.Err()
}
