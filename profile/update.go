package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Update is a partial edit: a nil field is left as it is.
type Update struct {
	DisplayName *string
	// Bio may point to "" to clear it.
	Bio *string
}

// ParseUpdate reads {"display_name": …, "bio": …}. An absent member leaves the field, null clears the bio, and anything else than a
// string is a fault; so are other members. The error is a *ValidationError with all faults.
func ParseUpdate(body []byte) (Update, error) {
	members, fault := object(body)
	if fault != nil {
		return Update{}, &ValidationError{Fields: []FieldError{*fault}}
	}
	var u Update
	var faults []FieldError
	for _, m := range members {
		var value *string
		if err := json.Unmarshal(m.value, &value); err != nil {
			faults = append(faults, FieldError{Field: m.name, Code: CodeWrongType})
			continue
		}
		switch {
		case m.name == "bio" && value == nil:
			u.Bio = new(string)
		case m.name == "bio":
			u.Bio = value
		case m.name == "display_name" && value == nil:
			faults = append(faults, FieldError{Field: m.name, Code: CodeRequired})
		case m.name == "display_name":
			u.DisplayName = value
		}
	}
	if faults != nil {
		return Update{}, &ValidationError{Fields: faults}
	}
	return u, nil
}

type member struct {
	name  string
	value json.RawMessage
}

// object splits a JSON object into its members, refusing all that a map would hide: duplicates and trailing data.
func object(body []byte) ([]member, *FieldError) {
	if !utf8.Valid(body) {
		return nil, &FieldError{Code: CodeInvalidChars}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil {
		return nil, &FieldError{Code: CodeMalformedJSON}
	} else if t != json.Delim('{') {
		return nil, &FieldError{Code: CodeWrongType}
	}
	var members []member
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, &FieldError{Code: CodeMalformedJSON}
		}
		m := member{name: key.(string)} // the decoder gives object keys as strings
		if err := dec.Decode(&m.value); err != nil {
			return nil, &FieldError{Code: CodeMalformedJSON}
		}
		switch {
		case m.name != "display_name" && m.name != "bio":
			return nil, &FieldError{Field: excerpt(m.name), Code: CodeUnknownField}
		case seen[m.name]:
			return nil, &FieldError{Field: m.name, Code: CodeDuplicate}
		}
		seen[m.name] = true
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, &FieldError{Code: CodeMalformedJSON}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &FieldError{Code: CodeMalformedJSON}
	}
	return members, nil
}

// excerpt keeps a stranger's member name short enough to be repeated to them.
func excerpt(name string) string {
	if len(name) <= 40 {
		return name
	}
	cut := 40
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut]
}

// clean returns the update as it is stored.
func (u Update) clean() (Update, error) {
	var faults []FieldError
	apply := func(rule textRule, s *string) *string {
		if s == nil {
			return nil
		}
		text, f := rule.clean(*s)
		if f != nil {
			faults = append(faults, *f)
		}
		return &text
	}
	out := Update{DisplayName: apply(nameRule, u.DisplayName), Bio: apply(bioRule, u.Bio)}
	if faults != nil {
		return Update{}, &ValidationError{Fields: faults}
	}
	return out, nil
}

// Update edits the subject's profile and returns it as it is then. version is the one that the caller read: when another edit came
// between, the error is a *ConflictError and nothing changes. Version 0 edits whatever is there.
// Errors: ValidationError, ConflictError, ErrNotFound.
func (s *SQLStore) Update(ctx context.Context, subject string, u Update, version int64) (Profile, error) {
	u, err := u.clean()
	if err != nil {
		return Profile{}, err
	}
	// Two parameters for one value, since not every driver binds a number that stands twice.
	res, err := s.db.ExecContext(ctx, `
		UPDATE avatarkit_profiles SET
			display_name = coalesce($1, display_name),
			bio          = coalesce($2, bio),
			updated_at   = $3,
			version      = version + 1
		WHERE subject = $4 AND (CAST($5 AS BIGINT) = 0 OR version = $6)`,
		u.DisplayName, u.Bio, s.now().UnixMicro(), subject, version, version)
	if err != nil {
		return Profile{}, fmt.Errorf("profile: update: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return Profile{}, fmt.Errorf("profile: update: %w", err)
	}
	p, err := s.BySubject(ctx, subject)
	if err == nil && n == 0 {
		return Profile{}, &ConflictError{Current: p.Version}
	}
	return p, err
}
