// Package migrate changes a database, or the layout of a bucket, step by step and remembers what it did.
//
//	target, err := sqldb.New(db, sqldb.Postgres, nil)
//	m, err := migrate.New(target, os.DirFS("migrations"), nil)
//	steps, err := m.Up(ctx) // safe to call from every instance at start
//
// Package sqldb is the target for SQL databases, package bucket the one for buckets; they say what holds when something fails there.
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
//	no-transaction     run statement by statement (CREATE INDEX CONCURRENTLY, VACUUM); see package sqldb
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
//   - One runner at a time. One that loses its lock stops, and the keys of the history refuse a version that somebody else has applied. A run
//     without pending migrations takes no lock and writes nothing.
//   - Applied files are remembered by SHA-256 (without byte order mark and carriage returns). Edited, missing and late files stop the run
//     unless Options say otherwise. A start with nothing to do compares names, and the sums of an embed.FS; it reads no file elsewhere. A run that has
//     something to do compares all sums, except where reading is not local (no [io/fs.ReadFileFS], such as a bucket): there [Migrator.Validate] does.
//   - Down takes back in reverse order of application.
//
// The package links the standard library and the API of OpenTelemetry, which is interfaces: without an SDK in the program its spans are nothing.
package migrate
