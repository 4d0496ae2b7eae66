// Command migrate changes a database by the files of a folder or bucket, with the package migrate.
//
//	migrate new NAME                       write an empty migration
//	migrate up [VERSION]                   apply what is pending
//	migrate down [N]                       take back the last N (1)
//	migrate redo [N]                       take back the last N (1) and apply them again
//	migrate to VERSION                     apply up to VERSION and take back what is newer
//	migrate status | plan | validate       look only
//	migrate baseline VERSION               record up to VERSION as applied without running it
//	migrate adopt [-yes]                   take over the original tool's schema_information
//	migrate repair VERSION applied|pending settle a version by hand
//
// Flags, also from the environment: -dir (MIGRATE_DIR), a folder or a bucket's URL (s3://, gs://, azblob://, file://); -db
// (DATABASE_URL), postgres://… or sqlite:PATH. -json prints JSON, -check makes status fail when something is pending.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 pending (status -check), 4 refused: files and history disagree, 5 another runner holds the lock.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/cruddur/avatarkit/migrate"
)

const (
	done = iota
	failed
	usage
	pending
	refused
	locked
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is one call of the program.
type command struct {
	dir, db            string
	table, schema      string
	json, check, yes   bool
	late, missing, old bool
	wait               time.Duration
	name               string
	args               []string
	out, log           io.Writer
}

func run(ctx context.Context, args []string, env func(string) string, out, log io.Writer) int {
	c := command{out: out, log: log}
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&c.dir, "dir", cmp.Or(env("MIGRATE_DIR"), "migrations"), "`folder` or bucket URL of the migrations")
	flags.StringVar(&c.db, "db", env("DATABASE_URL"), "`URL` of the database")
	flags.StringVar(&c.table, "table", "", "history `table` (schema_information)")
	flags.StringVar(&c.schema, "schema", "", "PostgreSQL `schema` of the history table (the current one)")
	flags.BoolVar(&c.json, "json", false, "print JSON")
	flags.BoolVar(&c.check, "check", false, "status: exit 3 when migrations are pending")
	flags.BoolVar(&c.yes, "yes", false, "adopt: do it, do not only show the plan")
	flags.BoolVar(&c.late, "allow-late", false, "apply migrations that are older than applied ones")
	flags.BoolVar(&c.missing, "allow-missing", false, "go on although applied migrations have no file")
	flags.BoolVar(&c.old, "allow-edited", false, "go on although applied files were edited")
	flags.DurationVar(&c.wait, "wait", 0, "how long to wait for another runner (0: for ever)")
	flags.Usage = func() {
		fmt.Fprintln(log, "usage: migrate [flags] new NAME | up [VERSION] | down [N] | redo [N] | to VERSION | status | plan [down N | to VERSION] | validate | baseline VERSION | adopt | repair VERSION applied|pending")
		flags.PrintDefaults()
	}
	for len(args) > 0 { // flags may stand anywhere
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return done
			}
			return usage
		}
		if args = flags.Args(); len(args) > 0 {
			c.args, args = append(c.args, args[0]), args[1:]
		}
	}
	if len(c.args) == 0 {
		flags.Usage()
		return usage
	}
	c.name, c.args = c.args[0], c.args[1:]
	code, err := c.do(ctx)
	if err != nil {
		fmt.Fprintf(log, "migrate %s: %v\n", c.name, err)
		if code == usage {
			flags.Usage()
		}
	}
	return code
}

func (c *command) do(ctx context.Context) (int, error) {
	if c.name == "new" {
		if len(c.args) != 1 {
			return usage, errors.New("new needs a name")
		}
		path, err := create(c.dir, c.args[0], time.Now())
		if err != nil {
			return failed, err
		}
		return done, c.print(map[string]string{"file": path}, func() { fmt.Fprintln(c.out, path) })
	}
	act, err := c.action()
	if err != nil {
		return usage, err
	}
	m, closer, err := c.open(ctx)
	if err != nil {
		return failed, err
	}
	defer closer()
	code, err := act(ctx, m)
	return max(code, codeOf(err)), err
}

type action func(context.Context, *migrate.Migrator) (int, error)

// action reads the arguments before anything is opened.
func (c *command) action() (action, error) {
	first := func(missing int64) (int64, error) {
		if len(c.args) == 0 && missing >= 0 {
			return missing, nil
		}
		if len(c.args) == 0 {
			return 0, fmt.Errorf("%s needs a version", c.name)
		}
		n, err := strconv.ParseInt(c.args[0], 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not a number", c.args[0])
		}
		return n, nil
	}
	limit := map[string]int{"up": 1, "down": 1, "redo": 1, "to": 1, "plan": 2, "baseline": 1, "repair": 2}
	if len(c.args) > limit[c.name] {
		return nil, fmt.Errorf("too many arguments: %q", c.args)
	}
	switch c.name {
	case "up", "to", "down", "redo", "baseline":
		fallback := map[string]int64{"up": latest, "to": -1, "down": 1, "redo": 1, "baseline": -1}[c.name]
		n, err := first(fallback)
		return c.steps(c.name, n), err
	case "plan":
		what := "up"
		if len(c.args) > 0 {
			what, c.args = c.args[0], c.args[1:]
		}
		fallback, ok := map[string]int64{"up": latest, "to": -1, "down": 1, "redo": 1, "baseline": -1}[what]
		if !ok {
			return nil, fmt.Errorf("plan what? %q", what)
		}
		n, err := first(fallback)
		inner := c.steps(what, n)
		return func(ctx context.Context, m *migrate.Migrator) (int, error) { return inner(ctx, m.Plan()) }, err
	case "status":
		return c.status, nil
	case "validate":
		return c.validate, nil
	case "adopt":
		return c.adopt, nil
	case "repair":
		n, err := first(-1)
		if err == nil && (len(c.args) != 2 || c.args[1] != "applied" && c.args[1] != "pending") {
			err = errors.New("repair VERSION applied|pending")
		}
		return func(ctx context.Context, m *migrate.Migrator) (int, error) {
			steps, err := m.Repair(ctx, n, c.args[1] == "applied")
			return c.report(steps, err)
		}, err
	}
	return nil, fmt.Errorf("no command %q", c.name)
}

const latest = 1<<63 - 1

func (c *command) steps(what string, n int64) action {
	return func(ctx context.Context, m *migrate.Migrator) (int, error) {
		switch what {
		case "up":
			return c.report(m.UpTo(ctx, n))
		case "down":
			return c.report(m.Down(ctx, int(n)))
		case "redo":
			return c.report(m.Redo(ctx, int(n)))
		case "to":
			return c.report(m.To(ctx, n))
		}
		return c.report(m.Baseline(ctx, n))
	}
}

func (c *command) report(steps []migrate.Step, err error) (int, error) {
	if steps == nil {
		steps = []migrate.Step{}
	}
	printed := c.print(steps, func() {
		for _, s := range steps {
			fmt.Fprintf(c.out, "%-4s %d_%s", s.Direction, s.Version, s.Name)
			if s.Duration > 0 {
				fmt.Fprintf(c.out, " (%v)", s.Duration.Round(time.Millisecond))
			}
			fmt.Fprintln(c.out)
			if s.SQL != "" {
				fmt.Fprintln(c.out, s.SQL)
			}
		}
		if len(steps) == 0 && err == nil {
			fmt.Fprintln(c.out, "nothing to do")
		}
	})
	return done, errors.Join(err, printed)
}

func (c *command) status(ctx context.Context, m *migrate.Migrator) (int, error) {
	list, err := m.Status(ctx)
	if err != nil {
		return failed, err
	}
	code := done
	err = c.print(list, func() {
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		for _, s := range list {
			note := ""
			for what, is := range map[string]bool{" late": s.Late, " missing": s.Missing, " edited": s.Edited} {
				if is {
					note += what
				}
			}
			at := ""
			if !s.AppliedAt.IsZero() {
				at = s.AppliedAt.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%d\t%s\t%s%s\t%s\t%s\n", s.Version, s.Name, s.State, note, at, s.By)
		}
		_ = w.Flush()
	})
	for _, s := range list {
		if c.check && s.State != migrate.Applied {
			code = pending
		}
	}
	return code, err
}

func (c *command) validate(ctx context.Context, m *migrate.Migrator) (int, error) {
	err := m.Validate(ctx)
	valid := err == nil
	message := ""
	if err != nil {
		message = err.Error()
	}
	return done, errors.Join(err, c.print(map[string]any{"valid": valid, "error": message}, func() {
		if valid {
			fmt.Fprintln(c.out, "files and history agree")
		}
	}))
}

func (c *command) adopt(ctx context.Context, m *migrate.Migrator) (int, error) {
	if c.yes {
		return c.report(m.Adopt(ctx))
	}
	code, err := c.report(m.Plan().Adopt(ctx))
	if err == nil {
		fmt.Fprintln(c.log, "nothing was changed; these become history with -yes")
	}
	return code, err
}

func (c *command) print(v any, plain func()) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(v)
	}
	plain()
	return nil
}

func codeOf(err error) int {
	if err == nil {
		return done
	}
	for _, refusal := range []error{migrate.ErrEdited, migrate.ErrMissing, migrate.ErrLate, migrate.ErrHalfway, migrate.ErrIrreversible, migrate.ErrLegacy, migrate.ErrFile} {
		if errors.Is(err, refusal) {
			return refused
		}
	}
	if errors.Is(err, migrate.ErrLocked) {
		return locked
	}
	return failed
}
