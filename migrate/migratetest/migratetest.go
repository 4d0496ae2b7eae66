// Package migratetest checks that a [migrate.Target] keeps the rules, of a SQL database ([TestSQL]) or of anything else ([TestTarget]).
package migratetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cruddur/avatarkit/migrate"
)

// Func is a part of a migration that does nothing to the target.
type Func func(context.Context) error

// Subject is a kind of target under test.
type Subject struct {
	// Open makes something new and empty, and returns how one runner after another reaches it, as if each were a process of its own.
	Open func(t *testing.T) (connect func() migrate.Target)
	// Go makes a migration of the kind of functions that the target takes, which call up and down. A nil down stays nil.
	Go func(version int64, name string, up, down Func) migrate.Migration
}

// TestTarget runs the rules that hold for every target.
func TestTarget(t *testing.T, s Subject) {
	tests := []struct {
		name string
		run  func(*testing.T, Subject)
	}{
		{"a look writes nothing", testLook},
		{"up, down, redo, to", testDirections},
		{"a failure stops the run and the next goes on", testFailure},
		{"a context ends the run", testCancel},
		{"eight runners at once", testEight},
		{"a waiter gives up in time", testWait},
		{"records are read as they were written", testRecords},
		{"baseline and repair", testByHand},
		{"down takes the last applied first", testOrder},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, s) })
	}
}

func nothing(context.Context) error { return nil }

// newMigrator returns a migrator for target, or ends the test.
func newMigrator(t *testing.T, target migrate.Target, opts *migrate.Options, list ...migrate.Migration) *migrate.Migrator {
	t.Helper()
	o := migrate.Options{}
	if opts != nil {
		o = *opts
	}
	o.Go = list
	m, err := migrate.New(target, nil, &o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// took says that a call took the wanted steps: "up a, down b".
func took(t *testing.T, want string) func([]migrate.Step, error) {
	t.Helper()
	return func(steps []migrate.Step, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("steps %q: %v", names(steps), err)
		}
		if got := names(steps); got != want {
			t.Fatalf("steps %q, want %q", got, want)
		}
	}
}

func names(steps []migrate.Step) string {
	list := make([]string, len(steps))
	for i, s := range steps {
		list[i] = string(s.Direction) + " " + s.Name
	}
	return strings.Join(list, ", ")
}

func testLook(t *testing.T, s Subject) {
	ctx := context.Background()
	connect := s.Open(t)
	m := newMigrator(t, connect(), nil, s.Go(20240101000000, "a", nothing, nil))
	for range 2 {
		if n, err := m.Pending(ctx); n != 1 || err != nil {
			t.Fatalf("%d pending, %v", n, err)
		}
		if list, err := m.Status(ctx); err != nil || len(list) != 1 || list[0].State != migrate.Pending {
			t.Fatalf("%+v, %v", list, err)
		}
		took(t, "up a")(m.Plan().Up(ctx))
		if history, err := connect().History(ctx, true); err != nil || len(history) != 0 {
			t.Fatalf("%+v, %v", history, err)
		}
	}
}

func testDirections(t *testing.T, s Subject) {
	ctx := context.Background()
	var log []string
	note := func(what string) Func {
		return func(context.Context) error { log = append(log, what); return nil }
	}
	var list []migrate.Migration
	for i, name := range []string{"a", "b", "c"} {
		list = append(list, s.Go(20240101000000+int64(i), name, note("up "+name), note("down "+name)))
	}
	m := newMigrator(t, s.Open(t)(), nil, list...)
	for _, step := range []struct {
		want string
		call func() ([]migrate.Step, error)
	}{
		{"up a", func() ([]migrate.Step, error) { return m.UpTo(ctx, 20240101000000) }},
		{"up b, up c", func() ([]migrate.Step, error) { return m.Up(ctx) }},
		{"", func() ([]migrate.Step, error) { return m.Up(ctx) }},
		{"down c, down b, up b, up c", func() ([]migrate.Step, error) { return m.Redo(ctx, 2) }},
		{"down c", func() ([]migrate.Step, error) { return m.Down(ctx, 1) }},
		{"down b", func() ([]migrate.Step, error) { return m.To(ctx, 20240101000000) }},
		{"up b, up c", func() ([]migrate.Step, error) { return m.To(ctx, 20240101000002) }},
		{"down c, down b, down a", func() ([]migrate.Step, error) { return m.Down(ctx, 9) }},
		{"", func() ([]migrate.Step, error) { return m.Down(ctx, 1) }},
		{"up a, up b, up c", func() ([]migrate.Step, error) { return m.Up(ctx) }},
	} {
		log = nil
		took(t, step.want)(step.call())
		if got := strings.Join(log, ", "); got != step.want {
			t.Fatalf("ran %q, want %q", got, step.want)
		}
	}
}

func testFailure(t *testing.T, s Subject) {
	ctx := context.Background()
	connect := s.Open(t)
	broken := errors.New("broken")
	fails := true
	ran := map[string]int{}
	count := func(name string) Func {
		return func(context.Context) error {
			ran[name]++
			if name == "b" && fails {
				return broken
			}
			return nil
		}
	}
	list := []migrate.Migration{s.Go(20240101000000, "a", count("a"), nil), s.Go(20240102000000, "b", count("b"), nil), s.Go(20240103000000, "c", count("c"), nil)}
	steps, err := newMigrator(t, connect(), nil, list...).Up(ctx)
	var e *migrate.Error
	if !errors.As(err, &e) || !errors.Is(err, broken) || e.Version != 20240102000000 || names(e.Done) != "up a" || names(steps) != "up a" {
		t.Fatalf("%q, %v", names(steps), err)
	}
	m := newMigrator(t, connect(), nil, list...)
	if n, err := m.Pending(ctx); n != 2 || err != nil {
		t.Fatalf("%d pending, %v", n, err)
	}
	fails = false
	took(t, "up b, up c")(m.Up(ctx))
	if ran["a"] != 1 || ran["b"] != 2 || ran["c"] != 1 {
		t.Errorf("ran %v", ran)
	}
}

func testCancel(t *testing.T, s Subject) {
	connect := s.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	blocks := true
	list := []migrate.Migration{s.Go(20240101000000, "a", func(ctx context.Context) error {
		if !blocks {
			return nil
		}
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}, nil), s.Go(20240102000000, "b", nothing, nil)}
	if steps, err := newMigrator(t, connect(), nil, list...).Up(ctx); !errors.Is(err, context.Canceled) || len(steps) != 0 {
		t.Fatalf("%q, %v", names(steps), err)
	}
	blocks = false
	took(t, "up a, up b")(newMigrator(t, connect(), nil, list...).Up(context.Background()))
}

func testEight(t *testing.T, s Subject) {
	connect := s.Open(t)
	const versions = 20
	var done [versions]atomic.Int32
	var inside, steps atomic.Int32
	var list []migrate.Migration
	for i := range versions {
		list = append(list, s.Go(20240101000000+int64(i), fmt.Sprintf("v%d", i), func(context.Context) error {
			if inside.Add(1) != 1 {
				t.Error("two runners at once")
			}
			defer inside.Add(-1)
			done[i].Add(1)
			time.Sleep(time.Millisecond)
			return nil
		}, nil))
	}
	var wg sync.WaitGroup
	for range 8 {
		m := newMigrator(t, connect(), nil, list...)
		wg.Go(func() {
			took, err := m.Up(context.Background())
			if err != nil {
				t.Error(err)
			}
			steps.Add(int32(len(took)))
		})
	}
	wg.Wait()
	if n := steps.Load(); n != versions {
		t.Errorf("%d steps", n)
	}
	for i := range done {
		if n := done[i].Load(); n != 1 {
			t.Errorf("v%d ran %d times", i, n)
		}
	}
}

func testWait(t *testing.T, s Subject) {
	ctx := context.Background()
	connect := s.Open(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	list := []migrate.Migration{s.Go(20240101000000, "a", func(context.Context) error {
		close(inside)
		<-leave
		return nil
	}, nil)}
	result := make(chan error)
	go func() {
		_, err := newMigrator(t, connect(), nil, list...).Up(ctx)
		result <- err
	}()
	<-inside
	_, err := newMigrator(t, connect(), &migrate.Options{LockTimeout: 300 * time.Millisecond}, list...).Up(ctx)
	if !errors.Is(err, migrate.ErrLocked) {
		t.Errorf("the waiter got %v", err)
	}
	impatient, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if _, err = newMigrator(t, connect(), nil, list...).Up(impatient); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the waiter whose context ended got %v", err)
	}
	close(leave)
	if err := <-result; err != nil {
		t.Error(err)
	}
	took(t, "")(newMigrator(t, connect(), nil, list...).Up(ctx))
}

func testRecords(t *testing.T, s Subject) {
	ctx := context.Background()
	connect := s.Open(t)
	at := time.Date(2024, 2, 29, 23, 59, 59, 123456000, time.UTC)
	want := []migrate.Record{
		{Version: 20240102000000, Name: "b", Checksum: strings.Repeat("0f", 32), Size: 1 << 40, State: migrate.Applied, AppliedAt: at, Duration: 1234567 * time.Microsecond, By: "o'brien \"x\" ü$1 $$ :a ?@host"},
		{Version: 20240101000000, Name: "a", State: migrate.Applying, Statements: 3, AppliedAt: at.Add(time.Microsecond), By: "x"},
	}
	write := func(remove []int64, add []migrate.Record) {
		t.Helper()
		err := connect().Locked(ctx, 0, slog.New(slog.DiscardHandler), func(ctx context.Context, session migrate.Session) error {
			if _, err := session.History(ctx); err != nil {
				return err
			}
			return session.Write(ctx, remove, add)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func() []migrate.Record {
		t.Helper()
		history, err := connect().History(ctx, true)
		if err != nil {
			t.Fatal(err)
		}
		return history
	}
	write(nil, want)
	got := read()
	if len(got) != 2 || got[0].Order < 1 || got[1].Order <= got[0].Order {
		t.Fatalf("%+v", got)
	}
	for i := range got {
		want[i].Order = got[i].Order
		if !got[i].AppliedAt.Equal(want[i].AppliedAt) {
			t.Errorf("applied at %v, want %v", got[i].AppliedAt, want[i].AppliedAt)
		}
		got[i].AppliedAt = want[i].AppliedAt
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
	write([]int64{20240102000000}, nil)
	if got = read(); len(got) != 1 || got[0].Version != 20240101000000 {
		t.Errorf("%+v", got)
	}
}

func testByHand(t *testing.T, s Subject) {
	ctx := context.Background()
	never := func(context.Context) error { t.Error("ran"); return nil }
	m := newMigrator(t, s.Open(t)(), nil, s.Go(20240101000000, "a", never, nil), s.Go(20240102000000, "b", never, nil), s.Go(20240103000000, "c", nothing, nil))
	took(t, "up a, up b")(m.Plan().Baseline(ctx, 20240102000000))
	took(t, "up a, up b")(m.Baseline(ctx, 20240102000000))
	took(t, "")(m.Baseline(ctx, 20240102000000))
	took(t, "up c")(m.Up(ctx))
	took(t, "down c")(m.Repair(ctx, 20240103000000, false))
	took(t, "up c")(m.Repair(ctx, 20240103000000, true))
	if err := m.Validate(ctx); err != nil {
		t.Error(err)
	}
}

func testOrder(t *testing.T, s Subject) {
	ctx := context.Background()
	connect := s.Open(t)
	a, b := s.Go(20240101000000, "a", nothing, nothing), s.Go(20240102000000, "b", nothing, nothing)
	took(t, "up b")(newMigrator(t, connect(), nil, b).Up(ctx))
	if _, err := newMigrator(t, connect(), nil, a, b).Up(ctx); !errors.Is(err, migrate.ErrLate) {
		t.Fatal(err)
	}
	m := newMigrator(t, connect(), &migrate.Options{Late: migrate.Allow}, a, b)
	took(t, "up a")(m.Up(ctx))
	took(t, "down a")(m.Down(ctx, 1))
	took(t, "up a")(m.Up(ctx))
	took(t, "down a, down b")(m.To(ctx, 0))
}
