package profile

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Profile is one person as the world may see them.
type Profile struct {
	// Subject is the identity provider's id. It is never part of the JSON form.
	Subject string `json:"-"`
	// Handle is unique without regard to case, and shown as it was chosen.
	Handle string `json:"handle"`
	// DisplayName is 1 to MaxDisplayName grapheme clusters.
	DisplayName string `json:"display_name"`
	// Bio is at most MaxBio grapheme clusters; empty when there is none. It may hold line feeds.
	Bio string `json:"bio"`
	// CrudsCount is the number of activities that are not replies and have not expired.
	CrudsCount int64 `json:"cruds_count"`
	// Version counts edits of DisplayName and Bio, from 1.
	Version int64 `json:"version"`
	// Pictures maps a kind, such as "avatar", to the upload id of its current picture. A kind without one is absent.
	Pictures map[string]string `json:"pictures"`
	// CreatedAt and UpdatedAt are in UTC, to the microsecond.
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ETag returns the strong entity tag (RFC 9110, section 8.8.3) of the editable part: the quoted version, for If-Match.
func (p Profile) ETag() string { return strconv.Quote(strconv.FormatInt(p.Version, 10)) }

// Activity is one message of a person: a crud, or a reply to one.
type Activity struct {
	// UUID is the activity's public id, a UUIDv7.
	UUID string `json:"uuid"`
	// Handle and DisplayName are the author's, as they are now.
	Handle      string `json:"handle"`
	DisplayName string `json:"display_name"`
	Message     string `json:"message"`
	// ReplyTo is the UUID of the activity that this one answers; empty for a crud of its own.
	ReplyTo   string    `json:"reply_to,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is when the activity disappears; zero means never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Sentinels, matched with errors.Is.
var (
	// ErrNotFound means that no such person or activity exists.
	ErrNotFound = errors.New("profile: not found")
	// ErrHandleTaken means that another person has the handle, perhaps in other case.
	ErrHandleTaken = errors.New("profile: handle is taken: choose another")
	// ErrExists means that the subject has a profile already.
	ErrExists = errors.New("profile: subject has a profile already")
	// ErrCursor means that a cursor was not made by Activities.
	ErrCursor = errors.New("profile: malformed cursor: pass Page.Next of an earlier call, or none")
)

// ConflictError means that the profile was edited since the version that the caller read.
type ConflictError struct {
	// Current is the version that is stored now.
	Current int64
}

// Error says which version is current.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("profile: edited meanwhile: read it again (version is now %d)", e.Current)
}

// ValidationError lists all that is wrong with an input, one entry for each field.
type ValidationError struct {
	Fields []FieldError
}

// FieldError is one fault of one field.
type FieldError struct {
	// Field is the JSON name of the field; empty when the input as a whole is at fault.
	Field string `json:"field"`
	// Code is one of the Code constants.
	Code string `json:"code"`
	// Limit is the limit that was passed, in the code's unit; 0 for codes without one.
	Limit int `json:"limit,omitempty"`
	// Got is what was given, in the unit of Limit.
	Got int `json:"got,omitempty"`
}

// The codes of FieldError, stable across releases.
const (
	CodeRequired      = "required"           // empty, or nothing but spaces and invisible characters
	CodeTooShort      = "too_short"          // fewer than Limit characters
	CodeTooLong       = "too_long"           // more than Limit grapheme clusters
	CodeTooManyBytes  = "too_many_bytes"     // more than Limit bytes of UTF-8
	CodeInvalidChars  = "invalid_characters" // control, bidirectional or invisible characters, or not UTF-8
	CodeWrongType     = "wrong_type"         // not a JSON string, or not an object
	CodeUnknownField  = "unknown_field"      // not a field that can be edited
	CodeDuplicate     = "duplicate_field"    // the same member twice
	CodeMalformedJSON = "malformed_json"     // not JSON at all
)

// Error lists the faults, without the values.
func (e *ValidationError) Error() string {
	s := "profile: invalid:"
	for i, f := range e.Fields {
		if i > 0 {
			s += ","
		}
		s += " " + f.Field + " " + f.Code
		if f.Limit > 0 {
			s += fmt.Sprintf(" (%d, limit %d)", f.Got, f.Limit)
		}
	}
	return s
}
