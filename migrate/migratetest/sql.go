package migratetest

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

// TestSQL runs the rules for a SQL database and a driver: those of [TestTarget], and those of files. open makes a new, empty database and returns
// how to connect to it; the suite closes the connections.
func TestSQL(t *testing.T, dialect sqldb.Dialect, open func(t *testing.T) (connect func() *sql.DB)) {
	s := Subject{
		Open: func(t *testing.T) func() migrate.Target {
			connect := open(t)
			return func() migrate.Target { return target(t, connect(), dialect) }
		},
		Go: func(version int64, name string, up, down Func) migrate.Migration {
			part := func(f Func) func(context.Context, sqldb.Tx) error {
				if f == nil {
					return nil
				}
				return func(ctx context.Context, _ sqldb.Tx) error { return f(ctx) }
			}
			return migrate.Go(version, name, part(up), part(down))
		},
	}
	t.Run("functions", func(t *testing.T) { TestTarget(t, s) })
	tests := []struct {
		name string
		run  func(*testing.T, *database)
	}{
		{"a file that fails leaves nothing", testAtomicFile},
		{"a file that was run is not run again", testOnce},
		{"a file without transaction goes on where it stopped", testResume},
		{"a Go function is in the transaction of its row", testGoTx},
		{"a function that ends the transaction is found out", testCommitted},
		{"eight runners of one file without transaction", testEightStepwise},
		{"no connection leaks", testLeaks},
		{"the original's table is taken over", testAdopt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, &database{t: t, dialect: dialect, connect: open(t)}) })
	}
}

func target(t *testing.T, db *sql.DB, dialect sqldb.Dialect) migrate.Target {
	t.Helper()
	target, err := sqldb.New(closed(t, db), dialect, nil)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func closed(t *testing.T, db *sql.DB) *sql.DB {
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// database is an empty database under test.
type database struct {
	t       *testing.T
	dialect sqldb.Dialect
	connect func() *sql.DB
}

// migrator returns one with a connection of its own, for files given as names and contents.
func (d *database) migrator(list ...string) *migrate.Migrator {
	d.t.Helper()
	m, err := migrate.New(target(d.t, d.connect(), d.dialect), files(list...), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

func files(list ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(list); i += 2 {
		m[list[i]] = &fstest.MapFile{Data: []byte(list[i+1])}
	}
	return m
}

func (d *database) exec(query string) {
	d.t.Helper()
	if _, err := closed(d.t, d.connect()).Exec(query); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
}

func (d *database) count(query string) (n int) {
	d.t.Helper()
	if err := closed(d.t, d.connect()).QueryRow(query).Scan(&n); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func testAtomicFile(t *testing.T, d *database) {
	m := d.migrator("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);", "20240102000000_b.sql", "-- migrate:up\nCREATE TABLE b (id INTEGER);\nINSERT INTO a VALUES (1);\n\nINSERT INTO nowhere VALUES (1);")
	_, err := m.Up(context.Background())
	var e *migrate.Error
	if !errors.As(err, &e) || e.Version != 20240102000000 || e.Line != 5 || e.Statement != 3 || names(e.Done) != "up a" {
		t.Fatalf("%#v", err)
	}
	if n := d.count("SELECT count(*) FROM a"); n != 0 {
		t.Errorf("%d rows were left", n)
	}
	if n := d.count("SELECT count(*) FROM schema_information"); n != 1 {
		t.Errorf("%d rows of history", n)
	}
}

func testOnce(t *testing.T, d *database) {
	const text = "-- migrate:up\nCREATE TABLE a (id INTEGER);\n-- migrate:down\nDROP TABLE a;"
	took(t, "up a")(d.migrator("20240101000000_a.sql", text).Up(context.Background()))
	took(t, "")(d.migrator("20240101000000_a.sql", text).Up(context.Background()))
	if _, err := d.migrator("20240101000000_a.sql", text+" ").Up(context.Background()); !errors.Is(err, migrate.ErrEdited) {
		t.Errorf("edited: %v", err)
	}
	if _, err := d.migrator("20240102000000_b.sql", text).Up(context.Background()); !errors.Is(err, migrate.ErrMissing) {
		t.Errorf("missing: %v", err)
	}
	took(t, "down a")(d.migrator("20240101000000_a.sql", text).Down(context.Background(), 1))
}

func testResume(t *testing.T, d *database) {
	ctx := context.Background()
	d.exec("CREATE TABLE a (id INTEGER)")
	const before, after = "-- migrate:up no-transaction\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\n", "INSERT INTO a VALUES (3);\n"
	var e *migrate.Error
	if _, err := d.migrator("20240101000000_a.sql", before+"INSERT INTO nowhere VALUES (1);\n"+after).Up(ctx); !errors.As(err, &e) || e.Statement != 3 || e.Line != 4 {
		t.Fatalf("%#v", err)
	}
	if list, err := d.migrator("20240101000000_a.sql", before+after).Status(ctx); err != nil || list[0].State != migrate.Applying || list[0].Statements != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := d.migrator("20240101000000_a.sql", "-- migrate:up no-transaction\nINSERT INTO a VALUES (7);\nINSERT INTO a VALUES (2);\n"+after).Up(ctx); !errors.Is(err, migrate.ErrHalfway) {
		t.Fatalf("what was done is edited: %v", err)
	}
	took(t, "up a")(d.migrator("20240101000000_a.sql", before+after).Up(ctx))
	took(t, "")(d.migrator("20240101000000_a.sql", before+after).Up(ctx))
	if n := d.count("SELECT count(*) * 10 + sum(id) FROM a"); n != 36 {
		t.Errorf("count and sum %d", n)
	}
}

func testGoTx(t *testing.T, d *database) {
	ctx := context.Background()
	broken := errors.New("broken")
	list := []migrate.Migration{migrate.Go(20240101000000, "a", func(ctx context.Context, tx sqldb.Tx) error {
		if _, err := tx.ExecContext(ctx, "CREATE TABLE a (id INTEGER)"); err != nil {
			return err
		}
		return broken
	}, nil)}
	if _, err := newMigrator(t, target(t, d.connect(), d.dialect), nil, list...).Up(ctx); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	d.exec("CREATE TABLE a (id INTEGER)") // not there
}

func testCommitted(t *testing.T, d *database) {
	ctx := context.Background()
	m := newMigrator(t, target(t, d.connect(), d.dialect), nil, migrate.Go(20240101000000, "a", func(ctx context.Context, tx sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, "CREATE TABLE a (id INTEGER); COMMIT")
		return err
	}, nil))
	if _, err := m.Up(ctx); !errors.Is(err, migrate.ErrCommitted) {
		t.Fatal(err)
	}
	if _, err := m.Up(ctx); !errors.Is(err, migrate.ErrHalfway) {
		t.Fatalf("run again: %v", err)
	}
	took(t, "up a")(m.Repair(ctx, 20240101000000, true))
	took(t, "")(m.Up(ctx))
}

func testEightStepwise(t *testing.T, d *database) {
	const statements = 40
	d.exec("CREATE TABLE a (id INTEGER)")
	text := "-- migrate:up no-transaction\n" + strings.Repeat("INSERT INTO a VALUES (1);\n", statements)
	var wg sync.WaitGroup
	for range 8 {
		m := d.migrator("20240101000000_a.sql", text)
		wg.Go(func() {
			if _, err := m.Up(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := d.count("SELECT count(*) FROM a"); n != statements {
		t.Errorf("%d of %d statements were done", n, statements)
	}
}

func testLeaks(t *testing.T, d *database) {
	db := d.connect()
	m, err := migrate.New(target(t, db, d.dialect), files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);\n-- migrate:down\nDROP TABLE a;", "20240102000000_b.sql", "-- migrate:up\nnonsense;"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, _ = m.Up(ctx)
	_, _ = m.Status(ctx)
	_, _ = m.Redo(ctx, 1)
	cancel()
	_, _ = m.Down(ctx, 1)
	_, _ = m.Pending(ctx)
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections are still in use", n)
	}
}

func testAdopt(t *testing.T, d *database) {
	ctx := context.Background()
	list := []string{"20230517103412_a.sql", "-- migrate:up\nnot run;", "20240101000000_b.sql", "-- migrate:up\nCREATE TABLE b (id INTEGER);"}
	d.exec("CREATE TABLE schema_information (id INTEGER UNIQUE, last_successful_run TEXT); INSERT INTO schema_information VALUES (1, '16843196527889276')")
	if _, err := d.migrator(list...).Up(ctx); !errors.Is(err, migrate.ErrLegacy) {
		t.Fatal(err)
	}
	took(t, "up a")(d.migrator(list...).Plan().Adopt(ctx))
	took(t, "up a")(d.migrator(list...).Adopt(ctx))
	took(t, "up b")(d.migrator(list...).Up(ctx))
	if n := d.count("SELECT count(*) FROM schema_information_original"); n != 1 {
		t.Errorf("%d rows of the original are kept", n)
	}
}
