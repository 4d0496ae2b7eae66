package migrate

import (
	"context"
	"log/slog"
	"time"
)

// A Target is what migrations change, together with the history of these changes: a database (package sqldb), or a bucket (package bucket).
// Package migratetest holds the rules as tests.
type Target interface {
	// Check refuses a part that the target cannot run. It does no I/O. A file's parts are checked when it is read.
	Check(m *Migration, d Direction) error
	// History returns the records in order of application, without a lock. No history yet is no error. That of the original tool is
	// a [LegacyError]. Without details it may leave out all but Version, State and Checksum, and the order.
	History(ctx context.Context, details bool) ([]Record, error)
	// Locked calls run while no other runner of the same history runs. Its context ends with the cause [ErrLockLost] when the lock is
	// lost. If the lock is not to be had within wait (zero: until ctx ends) the error is [ErrLocked].
	Locked(ctx context.Context, wait time.Duration, log *slog.Logger, run func(context.Context, Session) error) error
}

// A Session is a target under lock.
type Session interface {
	// History is as Target's with details, and is called before the other two.
	History(ctx context.Context) ([]Record, error)
	// Apply runs one part and records it, in one transaction if target and part allow. [ErrConflict] means that the history is
	// not what the job was planned from; nothing was done then.
	Apply(ctx context.Context, j Job) error
	// Write removes the records of versions and adds records, in one transaction. It takes the place of the original tool's history.
	Write(ctx context.Context, remove []int64, add []Record) error
}

// A Job is one step for a Session to do.
type Job struct {
	Migration *Migration
	Direction Direction
	Resume    *Record // where an earlier attempt stopped; nil for a new one
	Record    Record  // to be written when going up, without Order and Duration
	Progress  func(done, total int)
}

// Part returns what is to run.
func (j Job) Part() *Part { return j.Migration.Part(j.Direction) }
