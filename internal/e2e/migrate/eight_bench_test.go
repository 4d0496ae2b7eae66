//go:build unix

package migrate_test

import (
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cruddur/avatarkit/internal/e2e/postgres"
)

// BenchmarkEightProcesses reports the time from the start of eight processes to the end of the last, in times of one process that does the
// same work alone, one after the other. The work is long against the start of a process.
func BenchmarkEightProcesses(b *testing.B) {
	fsys := fstest.MapFS{}
	for i := range 400 {
		fsys[fmt.Sprintf("20240201%06d_x.sql", 10000*(i/3600)+100*(i/60%60)+i%60)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"-- migrate:up\nCREATE TABLE x%d (id BIGINT PRIMARY KEY, name TEXT NOT NULL);\nALTER TABLE x%d ADD COLUMN note TEXT;\n", i, i)}
	}
	plain := fstest.MapFS{}
	for name, f := range fsys {
		plain[name] = f
	}
	fsys["20240202000000_index.sql"] = &fstest.MapFile{Data: []byte("-- migrate:up no-transaction\nCREATE INDEX CONCURRENTLY x0_name ON x0 (name);\n")}
	tests := []struct {
		name, driver string
		files        fstest.MapFS
		fresh        func() string
	}{
		{"PostgreSQL", "pgx", fsys, func() string { return postgres.Start(b) }},
		{"PgBouncer", "pgx", fsys, func() string { return postgres.Bouncer(b, postgres.Start(b), 5) + "&default_query_exec_mode=exec" }},
		{"SQLite", "sqlite", plain, func() string { return "file:" + b.TempDir() + "/db" }},
		{"SQLite in WAL", "sqlite", plain, func() string { return "file:" + b.TempDir() + "/db?_pragma=journal_mode(WAL)" }},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			dir := write(b, tt.files)
			var one, all time.Duration
			for b.Loop() {
				dsn := tt.fresh()
				begin := time.Now()
				start(b, tt.driver, dsn, dir).steps(b)
				one += time.Since(begin)
				all += eight(b, tt.driver, tt.fresh(), dir, len(tt.files))
			}
			b.ReportMetric(one.Seconds()/float64(b.N), "s/one")
			b.ReportMetric(all.Seconds()/float64(b.N), "s/eight")
			b.ReportMetric(all.Seconds()/one.Seconds(), "eight/one")
			b.ReportMetric(0, "ns/op")
		})
	}
}
