// Package migrate changes a database, or the layout of a bucket, step by step and remembers what it did.
//
//	m, err := migrate.New(migrate.SQL(db, migrate.Postgres), os.DirFS("migrations"), nil)
//	...
//	steps, err := m.Up(ctx) // safe to call from every instance at start
//
// # Files
//
// A migration is one file YYYYMMDDHHMMSS_name.sql, in any [io/fs.FS]: a folder, an embed.FS, a *blob.Bucket. The name is made
// of a-z, 0-9 and _. Comments divide the file:
//
//	-- migrate:up
//	CREATE TABLE crud (id BIGINT PRIMARY KEY);
//
//	-- migrate:down
//	DROP TABLE crud;
//
// Directives follow a marker and concern that part, or stand on a line of their own ("-- migrate:timeout=30s") and concern the
// part they stand in, or both parts when they stand before the first:
//
//	no-transaction     run statement by statement (CREATE INDEX CONCURRENTLY, VACUUM); see below
//	timeout=DURATION   cancel the part when it takes longer
//	irreversible       the down part is absent on purpose
//	foreign-keys=off   SQLite: rebuild tables without cascades; all foreign keys are checked before the commit
//
// A file without a down part cannot be taken back. Other files are ignored with a word in the log; a .sql file whose name or
// markers are wrong, or two files of one version, are refused before anything runs. Migrations in Go stand beside the files in
// Options.Go; see [Go]. A *blob.Bucket needs its SetIOFSCallback; give its folder as Options.Dir, since fs.Sub would close the bucket.
//
// # What holds
//
//   - A file runs in one transaction together with its row in the history table schema_information, so a failure, a killed
//     process or a lost connection leaves neither. The file is sent whole: functions and triggers need no special marks.
//   - An error names file, line and statement. Where the server gives no position, a file that failed quickly is run once more, statement by
//     statement, in a transaction that is rolled back: only what no transaction undoes, such as sequences, moves on.
//   - What a file sets (SET, set_config) ends with it; the next begins on a new connection. Behind a pooler use SET LOCAL.
//   - A no-transaction file is split into statements. Each runs in a transaction of its own with its progress, unless the server says that
//     it cannot; then the progress is written before and after it. The next run goes on where the last one stopped. Only a
//     statement of that last kind can have an unknown outcome after a kill: it is repeated when it is no longer running, an
//     index that was left invalid is dropped first, and "already exists" then counts as done.
//   - One runner at a time. PostgreSQL: an advisory lock in a transaction on a second connection, so the pool must allow two. It is waited for in
//     short slices, so it neither blocks CREATE INDEX CONCURRENTLY nor is lost behind PgBouncer in transaction mode (there give
//     pgx default_query_exec_mode=exec). SQLite: each transaction begins immediate and goes on only from the history that it was planned from.
//     Only what SQLite runs outside transactions (VACUUM, functions on *sql.Conn) can then run in two processes at once. A
//     runner that loses its lock stops, and the keys of the history table refuse a version that somebody else has applied.
//   - A run without pending migrations takes no lock and writes nothing.
//   - Applied files are remembered by size and SHA-256 (without byte order mark and carriage returns). Edited, missing and late files stop the run
//     unless Options say otherwise. A start with nothing to do compares the sizes, and the sums of an embed.FS. A run that has something to do
//     compares all sums, except where reading is not local (no [io/fs.ReadFileFS], such as a bucket): there [Migrator.Validate] does.
//   - Down takes back in reverse order of application.
//
// # Limits
//
// A transactional file must not contain COMMIT, ROLLBACK or BEGIN: that is refused, and found out if a function does it. Only PostgreSQL 13 or
// later and SQLite 3.35 or later.
//
// The package links the standard library and the API of OpenTelemetry, which is interfaces: without an SDK in the program its spans are nothing. Drivers,
// and gocloud.dev for package bucket, come with the caller.
package migrate
