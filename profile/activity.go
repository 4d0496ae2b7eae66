package profile

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// NewActivity is what a person posts.
type NewActivity struct {
	// Message is 1 to MaxMessage grapheme clusters.
	Message string
	// ReplyTo is the UUID of the activity that this one answers; empty for a crud of its own.
	ReplyTo string
	// ExpiresAt is when it disappears; zero means never.
	ExpiresAt time.Time
}

// Page selects a part of a list that is sorted newest first.
type Page struct {
	// Limit is the largest number of items; 0 means 40, more than 100 means 100.
	Limit int
	// After is Activities.Next of the page before; empty for the newest.
	After string
}

// Activities is one page.
type Activities struct {
	Items []Activity
	// Next is the cursor of the page that follows; empty when this is the last.
	Next string
}

// Post adds an activity of the subject. Errors: ValidationError; ErrNotFound for an unknown subject or an unknown ReplyTo.
func (s *SQLStore) Post(ctx context.Context, subject string, a NewActivity) (Activity, error) {
	message, f := messageRule.clean(a.Message)
	if f != nil {
		return Activity{}, &ValidationError{Fields: []FieldError{*f}}
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	expires := int64(never)
	if !a.ExpiresAt.IsZero() {
		expires = a.ExpiresAt.UnixMicro()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Activity{}, fmt.Errorf("profile: post: %w", err)
	}
	out := Activity{UUID: id.String(), Message: message, ReplyTo: a.ReplyTo, CreatedAt: now}
	if expires != never {
		out.ExpiresAt = instant(expires)
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		// The write comes first: SQLite refuses to turn a reading transaction into a writing one when another wrote meanwhile.
		_, err := tx.ExecContext(ctx, `
			INSERT INTO avatarkit_activities (uuid, profile_uuid, message, reply_to, created_at, expires_at)
			SELECT $1, p.uuid, $2, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT) FROM avatarkit_profiles p
			WHERE p.subject = $6 AND ($7 = '' OR EXISTS (SELECT 1 FROM avatarkit_activities WHERE uuid = $8))`,
			out.UUID, message, a.ReplyTo, now.UnixMicro(), expires, subject, a.ReplyTo, a.ReplyTo)
		if err != nil {
			return err
		}
		if a.ReplyTo == "" {
			_, err = tx.ExecContext(ctx, `
				UPDATE avatarkit_counts SET cruds = cruds + 1
				WHERE profile_uuid = (SELECT uuid FROM avatarkit_profiles WHERE subject = $1)`, subject)
			if err != nil {
				return err
			}
		}
		return tx.QueryRowContext(ctx, `
			SELECT p.handle, p.display_name FROM avatarkit_activities a JOIN avatarkit_profiles p ON p.uuid = a.profile_uuid
			WHERE a.uuid = $1`, out.UUID).Scan(&out.Handle, &out.DisplayName)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Activity{}, ErrNotFound
	}
	if err != nil {
		return Activity{}, fmt.Errorf("profile: post: %w", err)
	}
	return out, nil
}

// Activities returns what the handle posted and what has not expired, newest first. Errors: ErrNotFound, ErrCursor.
func (s *SQLStore) Activities(ctx context.Context, handle string, page Page) (Activities, error) {
	limit := page.Limit
	switch {
	case limit <= 0:
		limit = 40
	case limit > 100:
		limit = 100
	}
	before, beforeID, err := parseCursor(page.After)
	if err != nil {
		return Activities{}, err
	}
	if checkHandle(handle) != nil {
		return Activities{}, ErrNotFound
	}
	var profileID string
	var out Activities
	var author Activity
	err = s.db.QueryRowContext(ctx, `
		SELECT uuid, handle, display_name FROM avatarkit_profiles WHERE handle_key = $1`, handleKey(handle)).
		Scan(&profileID, &author.Handle, &author.DisplayName)
	if errors.Is(err, sql.ErrNoRows) {
		return Activities{}, ErrNotFound
	}
	if err != nil {
		return Activities{}, fmt.Errorf("profile: activities: %w", err)
	}
	rows, err := s.db.QueryContext(ctx, `
		SELECT uuid, message, reply_to, created_at, expires_at FROM avatarkit_activities
		WHERE profile_uuid = $1 AND expires_at > $2 AND (created_at < $3 OR created_at = $4 AND uuid < $5)
		ORDER BY created_at DESC, uuid DESC LIMIT $6`,
		profileID, s.now().UnixMicro(), before, before, beforeID, limit+1)
	if err != nil {
		return Activities{}, fmt.Errorf("profile: activities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		a := author
		var created, expires int64
		if err := rows.Scan(&a.UUID, &a.Message, &a.ReplyTo, &created, &expires); err != nil {
			return Activities{}, fmt.Errorf("profile: activities: %w", err)
		}
		if len(out.Items) == limit {
			last := out.Items[limit-1]
			out.Next = cursor(last.CreatedAt, last.UUID)
			break
		}
		a.CreatedAt = instant(created)
		if expires != never {
			a.ExpiresAt = instant(expires)
		}
		out.Items = append(out.Items, a)
	}
	if err := rows.Err(); err != nil {
		return Activities{}, fmt.Errorf("profile: activities: %w", err)
	}
	return out, nil
}

// PurgeExpired deletes up to limit activities that have expired, and returns how many it deleted. Reading hides them anyway; this
// keeps the table small.
func (s *SQLStore) PurgeExpired(ctx context.Context, limit int) (int, error) {
	purged := 0
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			DELETE FROM avatarkit_activities WHERE uuid IN (
				SELECT uuid FROM avatarkit_activities WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
			RETURNING profile_uuid, reply_to`, s.now().UnixMicro(), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		cruds := map[string]int64{}
		for rows.Next() {
			var profileID, replyTo string
			if err := rows.Scan(&profileID, &replyTo); err != nil {
				return err
			}
			purged++
			if replyTo == "" {
				cruds[profileID]++
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(cruds)) { // one order for all, so that two purges cannot deadlock
			if _, err := tx.ExecContext(ctx, `UPDATE avatarkit_counts SET cruds = cruds - $1 WHERE profile_uuid = $2`, cruds[id], id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("profile: purge expired: %w", err)
	}
	return purged, nil
}

// cursor names the last item of a page.
func cursor(t time.Time, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(t.UnixMicro(), 10) + " " + id))
}

// parseCursor is the inverse of cursor; the empty cursor stands before all items.
func parseCursor(s string) (micros int64, id string, err error) {
	if s == "" {
		return never, "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, "", ErrCursor
	}
	text, id, ok := strings.Cut(string(b), " ")
	micros, err = strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || uuid.Validate(id) != nil {
		return 0, "", ErrCursor
	}
	return micros, id, nil
}
