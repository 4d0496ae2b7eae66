package migrate

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Direction is where a step goes: Up or Down.
type Direction string

const (
	Up   Direction = "up"
	Down Direction = "down"
)

// A Migration is one version: a file or, from [Go], a pair of functions.
type Migration struct {
	Version  int64  // YYYYMMDDHHMMSS, UTC
	Name     string // [a-z0-9_]+
	File     string // path in the file system, empty for functions
	Checksum string // SHA-256 of the file in hex; empty for functions and while the file was not fetched
	Size     int64  // bytes of the file; zero as Checksum is empty
	Up, Down Part   // an empty Down is irreversible

	text     []byte // of the file, once it was read
	parsed   bool   // the parts are there
	embedded bool   // the file costs nothing to read: embed.FS has no times
}

// Part returns the part that runs in direction d.
func (m *Migration) Part(d Direction) *Part {
	if d == Down {
		return &m.Down
	}
	return &m.Up
}

// A Part is one direction of a migration.
type Part struct {
	SQL            string
	Func           func(ctx context.Context, handle any) error // instead of SQL
	Takes          func(handle any) bool                       // whether Func can be called with such a handle
	Line           int                                         // where SQL begins in the file, from 1
	NoTransaction  bool
	ForeignKeysOff bool
	Irreversible   bool          // there is no such part
	Timeout        time.Duration // zero means none
}

// Go returns a migration made of functions. The type of their handle, an sqldb.Tx, a *sql.Conn or a *bucket.Run, tells the target what to pass:
// see packages sqldb and bucket. A nil down is irreversible. [New] refuses a migration whose handle its target does not have.
func Go[T any](version int64, name string, up, down func(ctx context.Context, handle T) error) Migration {
	part := func(f func(context.Context, T) error) Part {
		if f == nil {
			return Part{Irreversible: true}
		}
		return Part{
			Takes: func(handle any) bool { _, ok := handle.(T); return ok },
			Func:  func(ctx context.Context, handle any) error { return f(ctx, handle.(T)) },
		}
	}
	return Migration{Version: version, Name: name, Up: part(up), Down: part(down), parsed: true}
}

// A Record is one row of the history: what is known of a version that was applied, or is half way.
type Record struct {
	Version    int64         `json:"version"`
	Name       string        `json:"name"`
	Checksum   string        `json:"checksum,omitempty"` // of the file; empty for functions. While not Applied: of the statements done so far
	Size       int64         `json:"size,omitempty"`
	Order      int64         `json:"order,omitempty"` // of application, from 1 with gaps
	State      State         `json:"state"`
	InDoubt    bool          `json:"in_doubt,omitempty"`   // a statement outside a transaction was begun and its end is not known
	Statements int           `json:"statements,omitempty"` // done, of a no-transaction part
	AppliedAt  time.Time     `json:"applied_at,omitzero"`
	Duration   time.Duration `json:"duration_ns,omitempty"`
	By         string        `json:"by,omitempty"`
}

// State is that of a version: in the history, or as [Migrator.Status] reports it.
type State string

const (
	Pending   State = "pending"   // not in the history
	Applied   State = "applied"   // done
	Applying  State = "applying"  // an up part stopped half way
	Reverting State = "reverting" // a down part stopped half way
)

const versionForm = "20060102150405"

// ParseVersion reads a version YYYYMMDDHHMMSS and refuses what is not a time.
func ParseVersion(s string) (int64, error) {
	if _, err := time.Parse(versionForm, s); err != nil || len(s) != len(versionForm) {
		if v, ok := legacyVersion(s); ok {
			return 0, fmt.Errorf("version %q counts seconds since 1970 in the form of the original tool; write %d", s, v)
		}
		return 0, fmt.Errorf("version %q is not a time YYYYMMDDHHMMSS", s)
	}
	return strconv.ParseInt(s, 10, 64)
}

// legacyVersion reads the original's versions: seconds since 1970 with their fraction, printed without the point, 15 to 17 digits.
func legacyVersion(s string) (version int64, ok bool) {
	if _, err := strconv.ParseUint(s, 10, 64); err != nil || len(s) < 15 || len(s) > 17 {
		return 0, false
	}
	seconds, _ := strconv.ParseInt(s[:10], 10, 64)
	version, err := strconv.ParseInt(time.Unix(seconds, 0).UTC().Format(versionForm), 10, 64)
	return version, err == nil
}

// CheckName refuses a migration's name that is not made of a-z, 0-9 and single underscores between them, or is longer than 100 bytes.
func CheckName(name string) error {
	if len(name) > 100 || !isName(name) {
		return fmt.Errorf("name %q is not made of a-z, 0-9 and single underscores (at most 100)", name)
	}
	return nil
}

func isName(s string) bool {
	before := byte('_')
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '_' || before == '_') {
			return false
		}
		before = c
	}
	return before != '_'
}
