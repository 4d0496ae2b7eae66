package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"os/user"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
)

// Policy says what a run does about a deviation between files and history.
type Policy int

const (
	Refuse Policy = iota // stop before anything runs
	Allow                // go on with a warning; late migrations are applied
	Ignore               // go on in silence; late migrations stay pending
)

// Options of [New]; the zero value of each field is a good default. They are copied.
type Options struct {
	Dir         string        // folder in the file system; "." if empty
	Go          []Migration   // made with [Go]
	Late        Policy        // not applied, but older than one that is
	Missing     Policy        // applied, but without a file: an old program on a newer database
	Edited      Policy        // the file is not the one that was applied
	LockTimeout time.Duration // how long to wait for another runner; zero means until the context ends
	By          string        // who, for the history; user@host if empty

	Logger         *slog.Logger         // nil is silent
	TracerProvider trace.TracerProvider // nil means OpenTelemetry's global one
	OnProgress     func(Progress)       // called in the runner's goroutine; nil for none
}

// Progress tells that a step has begun (Done 0), has got on, or has ended (Done == Total).
type Progress struct {
	Step        Step
	Done, Total int // statements and the record, or objects; Total is zero when unknown
}

// A Step is one migration in one direction, done or planned.
type Step struct {
	Version   int64         `json:"version"`
	Name      string        `json:"name"`
	Direction Direction     `json:"direction"`
	Duration  time.Duration `json:"duration_ns,omitempty"` // zero in a plan
	SQL       string        `json:"sql,omitempty"`         // only in a plan; empty for functions
}

// Migrator applies migrations to one target. It is safe for concurrent use.
type Migrator struct {
	target Target
	fsys   fs.FS
	opts   Options
	tracer trace.Tracer
	dry    bool // only plans
	adopts bool // takes the original tool's history for none
}

// New returns a Migrator for target with the files of fsys and the functions of opts. fsys may be nil. It does no I/O: files are read when a
// method needs them. It never closes the database, the bucket or fsys. The error joins all that is wrong with its arguments.
func New(target Target, fsys fs.FS, opts *Options) (*Migrator, error) {
	m := &Migrator{target: target, fsys: fsys}
	if opts != nil {
		m.opts = *opts
	}
	m.opts.Dir = cmp.Or(m.opts.Dir, ".")
	m.opts.Go = slices.Clone(m.opts.Go)
	if m.opts.Logger == nil {
		m.opts.Logger = slog.New(slog.DiscardHandler)
	}
	if m.opts.By == "" {
		m.opts.By = whoami()
	}
	if m.opts.TracerProvider == nil {
		m.opts.TracerProvider = otel.GetTracerProvider()
	}
	m.tracer = m.opts.TracerProvider.Tracer("github.com/cruddur/avatarkit/migrate")
	if target == nil {
		return nil, errors.New("migrate: no target")
	}
	var faults []error
	if !fs.ValidPath(m.opts.Dir) {
		faults = append(faults, fmt.Errorf("folder %q is not a path of a file system", m.opts.Dir))
	}
	if fsys == nil && len(m.opts.Go) == 0 {
		faults = append(faults, errors.New("neither a file system nor functions"))
	}
	for i := range m.opts.Go {
		fn := &m.opts.Go[i]
		_, err := ParseVersion(fmt.Sprint(fn.Version))
		if fn.Up.Func == nil {
			err = errors.Join(err, errors.New("not made with Go, or without an up function"))
		}
		if err := errors.Join(err, CheckName(fn.Name), m.check(fn, Up), m.check(fn, Down)); err != nil {
			faults = append(faults, fmt.Errorf("function %d_%s: %w", fn.Version, fn.Name, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return m, nil
}

func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return name + "@" + host
}

// Plan returns a Migrator whose methods change nothing: they return the steps that they would take, with their SQL.
func (m *Migrator) Plan() *Migrator {
	dry := *m
	dry.dry = true
	return &dry
}

// Up applies all pending migrations in order of version, and finishes one that stopped half way. When it fails, the steps before the failure are returned with
// an [*Error].
func (m *Migrator) Up(ctx context.Context) ([]Step, error) {
	return m.run(ctx, goal{op: "up", above: math.MaxInt64, upTo: math.MaxInt64})
}

// UpTo is Up for versions up to and including version.
func (m *Migrator) UpTo(ctx context.Context, version int64) ([]Step, error) {
	return m.run(ctx, goal{op: "up", above: math.MaxInt64, upTo: version})
}

// Down takes back the n migrations that were applied last, the last one first, or as many as there are.
func (m *Migrator) Down(ctx context.Context, n int) ([]Step, error) {
	return m.run(ctx, goal{op: "down", above: math.MaxInt64, down: n})
}

// Redo takes back the last n migrations and applies them again.
func (m *Migrator) Redo(ctx context.Context, n int) ([]Step, error) {
	return m.run(ctx, goal{op: "redo", above: math.MaxInt64, down: n, redo: true})
}

// To takes back all versions above version and applies all up to it. Version 0 takes back everything.
func (m *Migrator) To(ctx context.Context, version int64) ([]Step, error) {
	return m.run(ctx, goal{op: "to", above: version, upTo: version})
}
