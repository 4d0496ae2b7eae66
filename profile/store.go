package profile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
)

// SQLStore keeps profiles in SQLite or PostgreSQL, in the tables of [Migrations]. It is safe for concurrent use. It opens and
// closes nothing: the *sql.DB stays the caller's.
//
// SQLite needs foreign keys on (PRAGMA foreign_keys) for Delete to take activities along, and a busy timeout when
// several connections write.
type SQLStore struct {
	db  *sql.DB
	now func() time.Time
}

// SQLOptions adjusts a store. The zero value is ready to use.
type SQLOptions struct {
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// NewSQLStore returns a store on db. It does no I/O. opts may be nil.
func NewSQLStore(db *sql.DB, opts *SQLOptions) *SQLStore {
	s := &SQLStore{db: db, now: time.Now}
	if opts != nil && opts.Now != nil {
		s.now = opts.Now
	}
	return s
}

// never is expires_at of what does not expire.
const never = math.MaxInt64

// Create makes the profile of a subject at its first visit. Handle and display name are checked as Update checks them.
// Errors: ValidationError, ErrExists, ErrHandleTaken.
func (s *SQLStore) Create(ctx context.Context, subject, handle, displayName string) (Profile, error) {
	var faults []FieldError
	if subject == "" {
		faults = append(faults, FieldError{Field: "subject", Code: CodeRequired})
	}
	if f := checkHandle(handle); f != nil {
		faults = append(faults, *f)
	}
	displayName, f := nameRule.clean(displayName)
	if f != nil {
		faults = append(faults, *f)
	}
	if faults != nil {
		return Profile{}, &ValidationError{Fields: faults}
	}
	if err := s.insert(ctx, subject, handle, displayName); err != nil {
		if uniqueViolation(err) {
			return Profile{}, s.taken(ctx, subject)
		}
		return Profile{}, fmt.Errorf("profile: create: %w", err)
	}
	return s.BySubject(ctx, subject)
}

func (s *SQLStore) insert(ctx context.Context, subject, handle, displayName string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	now := s.now().UnixMicro()
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO avatarkit_profiles (uuid, subject, handle, handle_key, display_name, version, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, 1, $6, $7)`,
			id.String(), subject, handle, handleKey(handle), displayName, now, now)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO avatarkit_counts (profile_uuid, cruds) VALUES ($1, 0)`, id.String())
		return err
	})
}

// taken says which of the two unique columns clashed.
func (s *SQLStore) taken(ctx context.Context, subject string) error {
	switch _, err := s.BySubject(ctx, subject); {
	case err == nil:
		return ErrExists
	case errors.Is(err, ErrNotFound):
		return ErrHandleTaken
	default:
		return err
	}
}

// ByHandle returns the profile with the handle, in any case. Errors: ErrNotFound.
func (s *SQLStore) ByHandle(ctx context.Context, handle string) (Profile, error) {
	if checkHandle(handle) != nil {
		return Profile{}, ErrNotFound
	}
	return s.read(ctx, `p.handle_key = $2`, handleKey(handle))
}

// BySubject returns the profile of the subject. Errors: ErrNotFound.
func (s *SQLStore) BySubject(ctx context.Context, subject string) (Profile, error) {
	return s.read(ctx, `p.subject = $2`, subject)
}

// read returns the profile that the condition on $2 selects, with its count and pictures.
func (s *SQLStore) read(ctx context.Context, condition, value string) (Profile, error) {
	var p Profile
	var id string
	var created, updated int64
	// The stored count holds every crud; those that have expired and wait for PurgeExpired are taken off, by index.
	err := s.db.QueryRowContext(ctx, `
		SELECT p.uuid, p.subject, p.handle, p.display_name, p.bio, p.version, p.created_at, p.updated_at,
			c.cruds - (SELECT count(*) FROM avatarkit_activities a
				WHERE a.profile_uuid = p.uuid AND a.expires_at <= $1 AND a.reply_to = '')
		FROM avatarkit_profiles p JOIN avatarkit_counts c ON c.profile_uuid = p.uuid
		WHERE `+condition, s.now().UnixMicro(), value).
		Scan(&id, &p.Subject, &p.Handle, &p.DisplayName, &p.Bio, &p.Version, &created, &updated, &p.CrudsCount)
	if errors.Is(err, sql.ErrNoRows) {
		return Profile{}, ErrNotFound
	}
	if err != nil {
		return Profile{}, fmt.Errorf("profile: read: %w", err)
	}
	p.CreatedAt, p.UpdatedAt = instant(created), instant(updated)
	if p.Pictures, err = s.pictures(ctx, id); err != nil {
		return Profile{}, fmt.Errorf("profile: read pictures: %w", err)
	}
	return p, nil
}

// Delete removes the subject's profile with all activities and picture records. Errors: ErrNotFound.
func (s *SQLStore) Delete(ctx context.Context, subject string) error {
	res, err := s.db.ExecContext(ctx, `DELETE FROM avatarkit_profiles WHERE subject = $1`, subject)
	if err != nil {
		return fmt.Errorf("profile: delete: %w", err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return ErrNotFound
	}
	return nil
}

// inTx runs f in a transaction: committed when f returns nil, else rolled back.
func (s *SQLStore) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// instant turns stored microseconds into a time. Databases differ in how they keep times, so none is kept as one.
func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// uniqueViolation recognises the error of a unique index without importing a driver: PostgreSQL drivers tell the SQLSTATE, SQLite's
// tell an extended result code or only the text.
func uniqueViolation(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState() == "23505"
	}
	var code interface{ Code() int }
	if errors.As(err, &code) {
		return code.Code() == 2067 || code.Code() == 1555 // SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return strings.Contains(err.Error(), "UNIQUE constraint failed")
}
