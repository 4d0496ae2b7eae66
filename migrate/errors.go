package migrate

import (
	"context"
	"errors"
	"fmt"
	"path"
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
	ErrCommitted    = errors.New("the migration ended its own transaction")
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
	at := fmt.Sprintf("migration %d_%s", e.Version, e.Name)
	if e.File != "" {
		at = place(e.File, e.Line, e.Column)
	}
	statement := ""
	if e.Statement > 0 {
		statement = fmt.Sprintf(", statement %d", e.Statement)
	}
	done := ""
	if n := len(e.Done); n > 0 {
		done = fmt.Sprintf(" (%d before it done, the last was %s %d_%s)", n, e.Done[n-1].Direction, e.Done[n-1].Version, e.Done[n-1].Name)
	}
	return fmt.Sprintf("%s: %s%s: %v%s", at, e.Direction, statement, e.Err, done)
}

func (e *Error) Unwrap() error { return e.Err }

// LegacyError is [ErrLegacy] with what the original tool's table says.
type LegacyError struct {
	Rows    int
	LastRun string // the greatest last_successful_run as text: all begin with ten digits of seconds
}

func (e *LegacyError) Error() string { return ErrLegacy.Error() }

func (e *LegacyError) Unwrap() error { return ErrLegacy }

// last returns the last run as a version, zero if nothing ran.
func (e *LegacyError) last() (int64, error) {
	version, ok := legacyVersion(e.LastRun)
	switch {
	case e.Rows == 0:
		return 0, errors.New("the original tool's table has no row, so it does not say what was applied: drop it and use baseline")
	case !ok && e.LastRun != "0" && e.LastRun != "":
		return 0, fmt.Errorf("last_successful_run %q is not 15 to 17 digits", e.LastRun)
	}
	return version, nil
}

// place writes file:line:column without what is zero.
func place(file string, numbers ...int) string {
	for _, n := range numbers {
		if n > 0 {
			file += fmt.Sprint(":", n)
		}
	}
	return file
}

func fileError(file string, line int, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", ErrFile, place(path.Base(file), line), fmt.Errorf(format, args...))
}

// because adds why ctx ended, which drivers do not always say.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// wrap is for what a caller sees.
func wrap(err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("migrate: %w", err)
}
