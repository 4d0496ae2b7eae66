package migrate_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cruddur/avatarkit/migrate"
)

// The original tool's faults, one by one: regression case 7.

func TestOriginalIDsAreRefusedWithTheirTime(t *testing.T) {
	fsys := fstest.MapFS{}
	for _, id := range []string{"16843196527889276", "168865974536313", "1688807575097205", "16888083837917128"} {
		fsys[id+"_x.sql"] = &fstest.MapFile{Data: []byte("-- migrate:up\n")}
	}
	m := migrator(t, memory(t), fsys, nil)
	_, err := m.Up(context.Background())
	if !errors.Is(err, migrate.ErrFile) {
		t.Fatal(err)
	}
	for _, want := range []string{"20230517103412", "20230706160905", "20230708091255", "20230708092623"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestAdoptOriginal(t *testing.T) {
	fsys := files("20230517103412_a.sql", "-- migrate:up\n", "20230706160905_b.sql", "-- migrate:up\n", "20230708091255_c.sql", "-- migrate:up\n", "20230708092623_d.sql", "-- migrate:up\n")
	tests := []struct {
		name, table, adopted, up string
		fails                    bool
	}{
		{"17 digits", "(id INTEGER PRIMARY KEY, last_successful_run TEXT); INSERT INTO schema_information VALUES (1, '16843196527889276')", "ua", "ub uc ud", false},
		{"15 digits, no id", "(last_successful_run TEXT); INSERT INTO schema_information VALUES ('168865974536313')", "ua ub", "uc ud", false},
		{"16 digits, rows", "(last_successful_run TEXT); INSERT INTO schema_information VALUES ('1688807575097205'), ('0')", "ua ub uc", "ud", false},
		{"nothing ran", "(last_successful_run TEXT); INSERT INTO schema_information VALUES ('0')", "", "ua ub uc ud", false},
		{"row missing", "(last_successful_run TEXT)", "", "", true},
		{"not a time", "(last_successful_run TEXT); INSERT INTO schema_information VALUES ('yesterday')", "", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := context.Background()
			db := memory(t)
			if _, err := db.Exec("CREATE TABLE schema_information " + tt.table); err != nil {
				t.Fatal(err)
			}
			m := migrator(t, db, fsys, nil)
			if _, err := m.Up(ctx); !errors.Is(err, migrate.ErrLegacy) {
				t.Fatalf("up on the original's table: %v", err)
			}
			if tt.fails {
				if _, err := m.Adopt(ctx); err == nil {
					t.Fatal("adopted")
				}
				return
			}
			must(t, tt.adopted)(m.Plan().Adopt(ctx))
			must(t, tt.adopted)(m.Adopt(ctx))
			must(t, tt.up)(m.Up(ctx))
			var kept int
			if err := db.QueryRow("SELECT count(*) FROM schema_information_original").Scan(&kept); err != nil || kept == 0 {
				t.Errorf("%d rows kept, %v", kept, err)
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	base := files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);\n-- migrate:down\nDROP TABLE a;", "20240103000000_c.sql", "-- migrate:up\nCREATE TABLE c (id INTEGER);")
	late := files("20240102000000_b.sql", "-- migrate:up\nCREATE TABLE b (id INTEGER);")
	for k, v := range base {
		late[k] = v
	}
	edited := files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id BIGINT);\n", "20240103000000_c.sql", string(base["20240103000000_c.sql"].Data))
	missing := files("20240103000000_c.sql", string(base["20240103000000_c.sql"].Data))
	lineEnds := files("20240101000000_a.sql", "\ufeff"+strings.ReplaceAll(string(base["20240101000000_a.sql"].Data), "\n", "\r\n"), "20240103000000_c.sql", string(base["20240103000000_c.sql"].Data))
	tests := []struct {
		name string
		fsys fstest.MapFS
		opts migrate.Options
		want error
		up   string
	}{
		{"late refused", late, migrate.Options{}, migrate.ErrLate, ""},
		{"late allowed", late, migrate.Options{Late: migrate.Allow}, nil, "ub"},
		{"late ignored", late, migrate.Options{Late: migrate.Ignore}, nil, ""},
		{"edited refused", edited, migrate.Options{}, migrate.ErrEdited, ""},
		{"edited allowed", edited, migrate.Options{Edited: migrate.Allow}, nil, ""},
		{"missing refused", missing, migrate.Options{}, migrate.ErrMissing, ""},
		{"missing allowed", missing, migrate.Options{Missing: migrate.Allow}, nil, ""},
		{"line ends are not edits", lineEnds, migrate.Options{}, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := context.Background()
			db := memory(t)
			must(t, "ua uc")(migrator(t, db, base, nil).Up(ctx))
			m := migrator(t, db, tt.fsys, &tt.opts)
			steps, err := m.Up(ctx)
			if !errors.Is(err, tt.want) || versions(steps) != tt.up {
				t.Errorf("%q, %v; want %q, %v", versions(steps), err, tt.up, tt.want)
			}
			if tt.name == "edited refused" {
				must(t, "ua")(m.Repair(ctx, 20240101000000, true))
				must(t, "")(m.Up(ctx))
			}
			if tt.name == "missing refused" {
				must(t, "da")(m.Repair(ctx, 20240101000000, false))
				must(t, "")(m.Up(ctx))
			}
		})
	}
}

func TestIrreversible(t *testing.T) {
	ctx := context.Background()
	for _, text := range []string{"-- migrate:up\n", "-- migrate:irreversible\n-- migrate:up\n"} {
		m := migrator(t, memory(t), files("20240101000000_a.sql", text), nil)
		must(t, "ua")(m.Up(ctx))
		if _, err := m.Down(ctx, 1); !errors.Is(err, migrate.ErrIrreversible) {
			t.Error(err)
		}
	}
}

// Late files were applied last, so they go first.
func TestDownIsInOrderOfApplication(t *testing.T) {
	ctx := context.Background()
	db := memory(t)
	one := files("20240102000000_b.sql", "-- migrate:up\n-- migrate:down\n")
	two := files("20240101000000_a.sql", "-- migrate:up\n-- migrate:down\n", "20240102000000_b.sql", "-- migrate:up\n-- migrate:down\n")
	must(t, "ub")(migrator(t, db, one, nil).Up(ctx))
	m := migrator(t, db, two, &migrate.Options{Late: migrate.Allow})
	must(t, "ua")(m.Up(ctx))
	must(t, "da db")(m.Down(ctx, 5))
	must(t, "ua ub")(m.Up(ctx))
}

func TestHistoryDroppedAndSchemaKept(t *testing.T) {
	ctx := context.Background()
	db := memory(t)
	m := migrator(t, db, three, nil)
	must(t, "ua ub uc")(m.Up(ctx))
	if _, err := db.Exec("DROP TABLE schema_information"); err != nil {
		t.Fatal(err)
	}
	var e *migrate.Error
	if _, err := m.Up(ctx); !errors.As(err, &e) || e.Line != 2 {
		t.Fatalf("applied again: %v", err)
	}
	must(t, "ua ub uc")(m.Baseline(ctx, 20240103000000))
	must(t, "")(m.Up(ctx))
	must(t, "dc")(m.Down(ctx, 1))
}

// The tables were made anew by hand and are empty of what the history says: which versions that concerns only their owner can say.
func TestSchemaRecreatedAndHistoryKept(t *testing.T) {
	ctx := context.Background()
	db := memory(t)
	m := migrator(t, db, three, nil)
	must(t, "ua ub uc")(m.Up(ctx))
	if _, err := db.Exec("DROP TABLE b; DROP TABLE c"); err != nil {
		t.Fatal(err)
	}
	var e *migrate.Error
	if _, err := m.Down(ctx, 1); !errors.As(err, &e) || e.Version != 20240103000000 {
		t.Fatalf("down of what is not there: %v", err)
	}
	must(t, "")(m.Up(ctx))
	for _, version := range []int64{20240102000000, 20240103000000} {
		if _, err := m.Repair(ctx, version, false); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "ub uc")(m.Up(ctx))
	must(t, "dc db da")(m.Down(ctx, 3))
}

// backwards lists the newest file first.
type backwards struct{ fstest.MapFS }

func (b backwards) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := b.MapFS.ReadDir(name)
	slices.Reverse(list)
	return list, err
}

func TestNewestListedFirst(t *testing.T) {
	m, err := migrate.New(target(t, memory(t)), backwards{three}, nil)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "ua ub uc")(m.Up(context.Background()))
}

func TestDownOfASingleOne(t *testing.T) {
	m := migrator(t, memory(t), files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);\n-- migrate:down\nDROP TABLE a;"), nil)
	must(t, "ua")(m.Up(context.Background()))
	must(t, "da")(m.Down(context.Background(), 1))
	must(t, "ua")(m.Up(context.Background()))
}

func TestFilesThatAreRefusedBeforeAnythingRuns(t *testing.T) {
	tests := []struct{ name, file, text string }{
		{"name", "20240102_b.sql", "-- migrate:up\n"},
		{"no time", "20241302000000_b.sql", "-- migrate:up\n"},
		{"upper case", "20240102000000_B.sql", "-- migrate:up\n"},
		{"no name", "20240102000000.sql", "-- migrate:up\n"},
		{"no up", "20240102000000_b.sql", "SELECT 1;"},
		{"empty", "20240102000000_b.sql", ""},
		{"two ups", "20240102000000_b.sql", "-- migrate:up\n-- migrate:up\n"},
		{"unknown directive", "20240102000000_b.sql", "-- migrate:up no-transactions\n"},
		{"bad timeout", "20240102000000_b.sql", "-- migrate:up timeout=soon\n"},
		{"duplicate version", "20240101000000_b.sql", "-- migrate:up\n"},
		{"commit inside", "20240102000000_b.sql", "-- migrate:up\nCREATE TABLE b (id INTEGER);\nCOMMIT;\n"},
		{"begin that does not end", "20240102000000_b.sql", "-- migrate:up no-transaction\nBEGIN;\nSELECT 1;\n"},
		{"down and irreversible", "20240102000000_b.sql", "-- migrate:irreversible\n-- migrate:up\n-- migrate:down\nSELECT 1;"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := migrator(t, memory(t), files("20240101000000_a.sql", "-- migrate:up\nCREATE TABLE a (id INTEGER);\n", tt.file, tt.text), nil)
			if steps, err := m.Up(context.Background()); !errors.Is(err, migrate.ErrFile) || len(steps) != 0 {
				t.Errorf("%v, %v", steps, err)
			}
		})
	}
}
