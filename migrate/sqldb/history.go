package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cruddur/avatarkit/migrate"
)

// querier is a database or one of its connections.
type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// table is the history table as found.
type table struct {
	name           string // quoted
	exists, legacy bool
}

const columns = ` (
	version     BIGINT   NOT NULL PRIMARY KEY,
	name        TEXT     NOT NULL,
	checksum    TEXT     NOT NULL, -- SHA-256 in hex
	bytes       BIGINT   NOT NULL,
	seq         BIGINT   NOT NULL UNIQUE, -- order of application
	state       TEXT     NOT NULL, -- applied, applying, reverting
	in_doubt    SMALLINT NOT NULL, -- 1 while a statement runs outside a transaction
	statements  BIGINT   NOT NULL, -- done, of a no-transaction part
	applied_at  TEXT     NOT NULL, -- UTC
	duration_us BIGINT   NOT NULL,
	applied_by  TEXT     NOT NULL
)`

// timeForm is readable, sorts as text, and is the same in every database.
const timeForm = "2006-01-02T15:04:05.000000Z07:00"

// glance reads the history where it is expected. What it cannot read, history looks into.
func (t *Target) glance(ctx context.Context) ([]migrate.Record, error) {
	name := `"` + t.opts.Table + `"`
	if t.dialect == Postgres {
		query := fmt.Sprintf(`SELECT name FROM (SELECT quote_ident(%s) || '."%s"' AS name) h WHERE to_regclass(name) IS NOT NULL`, t.schema(), t.opts.Table)
		if err := t.db.QueryRowContext(ctx, query).Scan(&name); err != nil {
			return nil, err
		}
	}
	return t.read(ctx, t.db, name, false)
}

// history finds the table and reads it.
func (t *Target) history(ctx context.Context, q querier) (found table, all []migrate.Record, err error) {
	err = patiently(ctx, 0, func() error {
		if found, err = t.find(ctx, q); err != nil {
			return fmt.Errorf("look for the history table: %w", err)
		}
		all = nil
		switch {
		case found.legacy:
			legacy := &migrate.LegacyError{}
			if err = q.QueryRowContext(ctx, "SELECT count(*), coalesce(max(CAST(last_successful_run AS TEXT)), '') FROM "+found.name).Scan(&legacy.Rows, &legacy.LastRun); err == nil {
				err = legacy
			}
		case found.exists:
			all, err = t.read(ctx, q, found.name, true)
		}
		if err != nil {
			return fmt.Errorf("read the history %s: %w", found.name, err)
		}
		return nil
	})
	return found, all, err
}

func (t *Target) find(ctx context.Context, q querier) (found table, err error) {
	if t.dialect == Postgres {
		return t.findPostgres(ctx, q)
	}
	found.name = `"` + t.opts.Table + `"`
	var columns, legacy int
	err = q.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(name = 'last_successful_run'), 0) FROM pragma_table_info("+literal(t.opts.Table)+")").Scan(&columns, &legacy)
	found.exists, found.legacy = columns > 0, legacy > 0
	return found, err
}

func (t *Target) findPostgres(ctx context.Context, q querier) (found table, err error) {
	// The table of this name in another schema of the search path too: a history there must not be begun anew here. No joins: planning them
	// would be the dearest part of a start with nothing to do.
	var schema, elsewhere string
	err = q.QueryRowContext(ctx, fmt.Sprintf(`SELECT coalesce(schema, ''), here IS NOT NULL,
			EXISTS (SELECT FROM pg_attribute WHERE attrelid = here AND attname = 'last_successful_run'),
			coalesce((SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = to_regclass('"%[1]s"')), '')
		FROM (SELECT schema, to_regclass(quote_ident(schema) || '."%[1]s"') AS here FROM (SELECT %[2]s::text AS schema) s) h`,
		t.opts.Table, t.schema())).Scan(&schema, &found.exists, &found.legacy, &elsewhere)
	switch {
	case err != nil:
		return found, err
	case schema == "":
		return found, errors.New("the search path names no schema that exists; set Options.Schema")
	case !found.exists && elsewhere != "" && t.opts.Schema == "":
		return found, fmt.Errorf("schema %q has no table %s but schema %q of the search path has; set Options.Schema to the one that is meant", schema, t.opts.Table, elsewhere)
	}
	found.name = `"` + strings.ReplaceAll(schema, `"`, `""`) + `"."` + t.opts.Table + `"`
	return found, nil
}

// schema is PostgreSQL's expression for the schema of the history.
func (t *Target) schema() string {
	if t.opts.Schema == "" {
		return "current_schema()"
	}
	return literal(t.opts.Schema)
}

// read returns the rows in order. The database joins them to one text of lines and tabs, which literal keeps out of the values: a start with nothing to do reads
// them all, and 1,000 rows of their own cost it more than 1,000 files do.
func (t *Target) read(ctx context.Context, q querier, table string, details bool) ([]migrate.Record, error) {
	columns := []string{"version", "state", "checksum"}
	if details {
		columns = append(columns, "name", "bytes", "seq", "in_doubt", "statements", "duration_us", "applied_at", "applied_by")
	}
	join := "string_agg"
	if t.dialect == SQLite {
		join = "group_concat"
	}
	var text string
	query := fmt.Sprintf("SELECT coalesce(%s(%s, '\n'), '') FROM %s", join, strings.Join(columns, "||'\t'||"), table)
	if err := q.QueryRowContext(ctx, query).Scan(&text); err != nil || text == "" {
		return nil, err
	}
	all := make([]migrate.Record, 0, strings.Count(text, "\n")+1)
	values := make([]string, len(columns))
	for line := range strings.SplitSeq(text, "\n") {
		r, err := record(line, values)
		if err != nil {
			return nil, fmt.Errorf("the row %q is damaged: %w", line, err)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b migrate.Record) int { return cmp.Compare(a.Order, b.Order) })
	return all, nil
}

// record reads a row of as many values as there is room for.
func record(line string, values []string) (r migrate.Record, err error) {
	for i := range values {
		values[i], line, _ = strings.Cut(line, "\t")
	}
	number := func(i int) int64 {
		n, failed := strconv.ParseInt(values[i], 10, 64)
		err = cmp.Or(err, failed)
		return n
	}
	r = migrate.Record{Version: number(0), State: migrate.State(values[1]), Checksum: values[2]}
	if len(values) > 3 {
		r.Name, r.Size, r.Order = values[3], number(4), number(5)
		r.InDoubt, r.Statements, r.Duration, r.By = number(6) != 0, int(number(7)), time.Duration(number(8))*time.Microsecond, values[10]
		r.AppliedAt, _ = time.Parse(timeForm, values[9])
	}
	return r, err
}

// insert is the statement that adds r as the number seq. It holds its values as literals, since the simple protocol is the only one that works
// behind every pooler and leaves no portal open.
func (t table) insert(r migrate.Record, seq int64) string {
	return fmt.Sprintf("INSERT INTO %s (version, name, checksum, bytes, seq, state, in_doubt, statements, applied_at, duration_us, applied_by) VALUES (%d, %s, %s, %d, %d, %s, 0, %d, %s, %d, %s)",
		t.name, r.Version, literal(r.Name), literal(r.Checksum), r.Size, seq, literal(string(r.State)), r.Statements,
		literal(r.AppliedAt.UTC().Format(timeForm)), r.Duration.Microseconds(), literal(r.By))
}

// literal quotes s. Control characters and backslashes, which some servers take as escapes, become question marks.
func literal(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\\' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
