package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

const (
	migrations = 1000
	starts     = 40 // with nothing to do, for one sample: one alone is less than the server's clock tells
)

// benchMigrate compares applying 1,000 migrations, and starting again when all are applied, with goose as a library and with psql, which
// keeps no history. The time is that by the clock, and that of the processors, of client and server, which is steadier. SQLite is a file; PostgreSQL is the server of
// DATABASE_URL on this machine, as a superuser: databases are made and dropped. Without it that half is left out. Each start opens its own connections.
func benchMigrate(ctx context.Context, opts options) ([]result, error) {
	dir, err := os.MkdirTemp("", "avatarkit-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := writeMigrations(dir); err != nil {
		return nil, err
	}
	databases := []*bed{sqliteBed(dir)}
	if dsn := os.Getenv("DATABASE_URL"); dsn == "" {
		fmt.Fprintln(opts.log, "migrate: DATABASE_URL is not set, PostgreSQL is left out")
	} else if b, err := postgresBed(ctx, dir, dsn); err != nil {
		return nil, err
	} else {
		databases = append(databases, b)
	}
	var all []result
	memory := map[string]fs.FS{}
	for _, tool := range []string{"ours", "goose"} {
		if memory[tool], err = load(filepath.Join(dir, tool)); err != nil {
			return nil, err
		}
	}
	for _, b := range databases {
		b.memory = memory
		if opts.part != "" && opts.part != b.name {
			continue
		}
		for against, bar := range b.bars {
			fmt.Fprintf(opts.log, "migrate: %s against %s\n", b.name, against)
			results, err := b.compare(ctx, opts.rounds, against, bar)
			if err != nil {
				return nil, err
			}
			all = append(all, results...)
		}
	}
	return all, nil
}

// writeMigrations makes the same changes as files of ours, of goose, and as one script for psql with a transaction for each.
func writeMigrations(dir string) error {
	var script strings.Builder
	err := errors.Join(os.Mkdir(filepath.Join(dir, "ours"), 0o755), os.Mkdir(filepath.Join(dir, "goose"), 0o755))
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range migrations {
		name := at.Add(time.Duration(i)*time.Second).Format("20060102150405") + "_change.sql"
		change := fmt.Sprintf("CREATE TABLE bench_%d (id BIGINT PRIMARY KEY, name TEXT NOT NULL);\nALTER TABLE bench_%d ADD COLUMN note TEXT;\n", i, i)
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "ours", name), []byte("-- migrate:up\n"+change), 0o644),
			os.WriteFile(filepath.Join(dir, "goose", name), []byte("-- +goose Up\n"+change), 0o644))
		fmt.Fprintf(&script, "BEGIN;\n%sCOMMIT;\n", change)
	}
	return errors.Join(err, os.WriteFile(filepath.Join(dir, "script.sql"), []byte(script.String()), 0o644))
}

// bed is a kind of database to measure on.
type bed struct {
	name   string
	dir    string
	bars   map[string]float64 // of applying, by opponent
	fresh  func(context.Context) (dsn string, drop func() error, err error)
	open   func(dsn string) (*sql.DB, error)
	server func() (time.Duration, error) // processor time of the server so far
	memory map[string]fs.FS              // the files of each tool, as embed.FS has them
	tools  map[string]func(ctx context.Context, b *bed, dsn string, files fs.FS) error
}

// cost is what one run of a tool takes, in milliseconds.
type cost struct{ wall, cpu float64 }

// compare interleaves ours with an opponent: 1,000 migrations of a fresh database, and starts with nothing to do. The first round does not count.
func (b *bed) compare(ctx context.Context, rounds int, against string, bar float64) ([]result, error) {
	const apply, memory, folder = "1,000 migrations", "nothing to do, embedded files", "nothing to do, files in a folder"
	samples := map[string]map[string][]cost{apply: {}, memory: {}, folder: {}} // by case and tool
	for n := range rounds + 1 {
		tools := []string{"ours", against}
		if n%2 == 1 {
			slices.Reverse(tools)
		}
		for _, tool := range tools {
			dsn, drop, err := b.fresh(ctx)
			if err != nil {
				return nil, err
			}
			run := func(name string, times int, files fs.FS) {
				var c cost
				if err == nil {
					c, err = b.timed(ctx, times, tool, dsn, files)
				}
				if n > 0 {
					samples[name][tool] = append(samples[name][tool], c)
				}
			}
			files := os.DirFS(filepath.Join(b.dir, tool))
			run(apply, 1, files)
			if against == "goose" { // psql keeps no history, so it cannot start again
				run(folder, starts, files)
				run(memory, starts, b.memory[tool])
			}
			if err := errors.Join(err, drop()); err != nil {
				return nil, err
			}
		}
	}
	all := resultsOf(b.name+", "+apply, samples[apply], against, bar)
	if against == "goose" {
		all = append(all, resultsOf(b.name+", "+memory, samples[memory], against, 1)...)
		all = append(all, resultsOf(b.name+", "+folder, samples[folder], against, 1)...)
	}
	return all, nil
}

// resultsOf compares the time by the clock and that of the processors.
func resultsOf(name string, samples map[string][]cost, against string, bar float64) []result {
	one := func(unit string, of func(cost) float64) result {
		var ours, theirs, ratios []float64
		for i := range samples["ours"] {
			a, b := of(samples["ours"][i]), of(samples[against][i])
			ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, a/b)
		}
		return result{"migrate", name, unit, median(ours), median(theirs), against, median(ratios), bar}
	}
	return []result{one("wall ms", func(c cost) float64 { return c.wall }), one("CPU ms", func(c cost) float64 { return c.cpu })}
}

// timed returns what one of n runs of a tool costs: by the clock, and in processor time of its process, its children and the server.
func (b *bed) timed(ctx context.Context, n int, tool, dsn string, files fs.FS) (cost, error) {
	before, err := b.server()
	if err != nil {
		return cost{}, err
	}
	own, children, begin := cpu(), childrenCPU(), time.Now()
	for range n {
		if err := b.tools[tool](ctx, b, dsn, files); err != nil {
			return cost{}, fmt.Errorf("%s: %w", tool, err)
		}
	}
	wall := time.Since(begin)
	own, children = cpu()-own, childrenCPU()-children
	after, err := b.server()
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(n) }
	return cost{each(wall), each(own + children + after - before)}, err
}

func applyOurs(dialect sqldb.Dialect) func(context.Context, *bed, string, fs.FS) error {
	return func(ctx context.Context, b *bed, dsn string, files fs.FS) error {
		db, err := b.open(dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		target, err := sqldb.New(db, dialect, nil)
		if err != nil {
			return err
		}
		m, err := migrate.New(target, files, nil)
		if err != nil {
			return err
		}
		_, err = m.Up(ctx)
		return err
	}
}

func applyGoose(dialect goose.Dialect) func(context.Context, *bed, string, fs.FS) error {
	return func(ctx context.Context, b *bed, dsn string, files fs.FS) error {
		db, err := b.open(dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		p, err := goose.NewProvider(dialect, db, files)
		if err != nil {
			return err
		}
		_, err = p.Up(ctx)
		return err
	}
}

func applyPsql(ctx context.Context, b *bed, dsn string, _ fs.FS) error {
	out, err := exec.CommandContext(ctx, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", filepath.Join(b.dir, "script.sql"), dsn).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func sqliteBed(dir string) *bed {
	return &bed{
		name: "SQLite", dir: dir, bars: map[string]float64{"goose": 1},
		fresh: func(context.Context) (string, func() error, error) {
			path := filepath.Join(dir, "bench.db")
			return "file:" + path, func() error { return os.Remove(path) }, nil
		},
		open:   func(dsn string) (*sql.DB, error) { return sql.Open("sqlite", dsn) },
		server: func() (time.Duration, error) { return 0, nil },
		tools: map[string]func(context.Context, *bed, string, fs.FS) error{
			"ours": applyOurs(sqldb.SQLite), "goose": applyGoose(goose.DialectSQLite3),
		},
	}
}

func postgresBed(ctx context.Context, dir, dsn string) (*bed, error) {
	admin, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a PostgreSQL URL")
	}
	at, err := url.Parse(dsn)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a URL")
	}
	var backend int
	if err := admin.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return nil, err
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", backend))
	if err != nil {
		return nil, fmt.Errorf("the server of DATABASE_URL does not run on this machine: %w", err)
	}
	parent := fields(stat)[1]
	return &bed{
		name: "PostgreSQL", dir: dir, bars: map[string]float64{"goose": 1, "psql": 1.1},
		fresh: func(ctx context.Context) (string, func() error, error) {
			const name = "avatarkit_bench"
			one := *at
			one.Path = "/" + name
			_, err := admin.ExecContext(ctx, "CREATE DATABASE "+name)
			return one.String(), func() error {
				_, err := admin.ExecContext(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
				return err
			}, err
		},
		open:   func(dsn string) (*sql.DB, error) { return sql.Open("pgx", dsn) },
		server: func() (time.Duration, error) { return endedChildren(parent) },
		tools: map[string]func(context.Context, *bed, string, fs.FS) error{
			"ours": applyOurs(sqldb.Postgres), "goose": applyGoose(goose.DialectPostgres), "psql": applyPsql,
		},
	}, nil
}

// endedChildren returns the processor time of a server's backends that have ended, after a moment in which those end that were just left.
func endedChildren(pid string) (time.Duration, error) {
	time.Sleep(200 * time.Millisecond)
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, err
	}
	f := fields(stat)
	user, err := strconv.ParseInt(f[13], 10, 64)
	system, err2 := strconv.ParseInt(f[14], 10, 64)
	return time.Duration(user+system) * time.Second / 100, errors.Join(err, err2) // clock ticks
}

// fields are those of /proc/PID/stat from the third, the state, on: proc(5).
func fields(stat []byte) []string {
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.Fields(rest)
}
