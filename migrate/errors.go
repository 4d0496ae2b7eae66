package migrate

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

var (
	ErrLocked       = errors.New("another runner holds the migration lock")
	ErrLockLost     = errors.New("the migration lock was lost")
	ErrConflict     = errors.New("another runner changed the history")
	ErrEdited       = errors.New("an applied migration was edited")
	ErrMissing      = errors.New("an applied migration has no file")
	ErrLate         = errors.New("a migration is older than one that is applied")
	ErrHalfway      = errors.New("a migration stopped half way")
	ErrIrreversible = errors.New("the migration has no down part")
	ErrCommitted    = errors.New("the file ended its own transaction")
	ErrLegacy       = errors.New("the history is the original tool's single row: run adopt")
	ErrFile         = errors.New("a migration file is wrong")
)

// Error is a migration that failed, and where.
type Error struct {
	Version   int64
	Name      string
	File      string // empty for functions
	Direction Direction
	Line      int    // in File, from 1; zero when unknown
	Column    int    // in bytes from 1; zero when unknown
	Statement int    // of the part, from 1; zero when unknown
	Done      []Step // steps of the same run that went well and stay
	Err       error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	} else {
		fmt.Fprintf(&b, "migration %d_%s", e.Version, e.Name)
	}
	fmt.Fprintf(&b, ": %s", e.Direction)
	if e.Statement > 0 {
		fmt.Fprintf(&b, ", statement %d", e.Statement)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if n := len(e.Done); n > 0 {
		fmt.Fprintf(&b, " (%d before it done, the last was %s %d_%s)", n, e.Done[n-1].Direction, e.Done[n-1].Version, e.Done[n-1].Name)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

func fileError(file string, line int, format string, args ...any) error {
	at := path.Base(file)
	if line > 0 {
		at = fmt.Sprintf("%s:%d", at, line)
	}
	return fmt.Errorf("migrate: %w: %s: %w", ErrFile, at, fmt.Errorf(format, args...))
}
