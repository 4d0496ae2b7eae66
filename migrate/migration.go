package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
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
	Size     int64  // bytes of the file
	Up, Down Part   // an empty Down is irreversible

	read     bool // the parts are there
	embedded bool // the file costs nothing to read: embed.FS has no times
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

// Tx is what a Go migration of a SQL target works with: the transaction that also holds the row of its history.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Go returns a migration made of functions. The type of their handle tells the target what to pass:
//
//   - [Tx]: a SQL target calls them within the transaction of the history row.
//   - [*sql.Conn]: a SQL target calls them outside any transaction. If they fail or are killed they run again, so they must be repeatable.
//   - *bucket.Run: see package bucket.
//
// A nil down is irreversible. [New] refuses a migration whose handle its target does not have.
func Go[T any](version int64, name string, up, down func(ctx context.Context, handle T) error) Migration {
	_, inTx := any((*T)(nil)).(*Tx)
	part := func(f func(context.Context, T) error) Part {
		if f == nil {
			return Part{Irreversible: true}
		}
		return Part{
			NoTransaction: !inTx,
			Takes:         func(handle any) bool { _, ok := handle.(T); return ok },
			Func:          func(ctx context.Context, handle any) error { return f(ctx, handle.(T)) },
		}
	}
	return Migration{Version: version, Name: name, Up: part(up), Down: part(down), read: true}
}

// A Record is one row of the history: what is known of a version that was applied, or is half way.
type Record struct {
	Version    int64
	Name       string
	Checksum   string // of the file; empty for functions. While not Applied: of the statements done so far
	Size       int64
	Order      int64 // of application, from 1 with gaps
	State      State
	InDoubt    bool // a statement outside a transaction was begun and its end is not known
	Statements int  // done, of a no-transaction part
	AppliedAt  time.Time
	Duration   time.Duration
	By         string
}

// State is that of a version: in the history, or as [Migrator.Status] reports it.
type State string

const (
	Pending   State = "pending"   // not in the history
	Applied   State = "applied"   // done
	Applying  State = "applying"  // a no-transaction up part stopped; its record says where
	Reverting State = "reverting" // a no-transaction down part stopped
)

const versionForm = "20060102150405"

var nameForm = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)

// ParseVersion reads a version YYYYMMDDHHMMSS and refuses what is not a time.
func ParseVersion(s string) (int64, error) {
	if _, err := time.Parse(versionForm, s); err != nil || len(s) != 14 {
		if t, ok := legacyTime(s); ok {
			return 0, fmt.Errorf("version %q counts seconds since 1970 in the form of the original tool; write %s", s, t.Format(versionForm))
		}
		return 0, fmt.Errorf("version %q is not a time YYYYMMDDHHMMSS", s)
	}
	return strconv.ParseInt(s, 10, 64)
}

// legacyTime reads the original's versions: seconds since 1970 with their fraction, printed without the point, 15 to 17 digits.
func legacyTime(s string) (time.Time, bool) {
	if len(s) < 15 || len(s) > 17 {
		return time.Time{}, false
	}
	sec, err := strconv.ParseInt(s[:10], 10, 64)
	if _, bad := strconv.ParseUint(s, 10, 64); err != nil || bad != nil {
		return time.Time{}, false
	}
	return time.Unix(sec, 0).UTC(), true
}

// CheckName refuses a migration's name that is not made of a-z, 0-9 and single underscores between them, or is longer than 100 bytes.
func CheckName(name string) error {
	if len(name) > 100 || !nameForm.MatchString(name) {
		return fmt.Errorf("name %q is not made of a-z, 0-9 and single underscores (at most 100)", name)
	}
	return nil
}
