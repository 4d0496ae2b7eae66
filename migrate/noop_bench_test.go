package migrate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cruddur/avatarkit/migrate"
)

func BenchmarkNothingToDo(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		name := fmt.Sprintf("20240101%06d_change.sql", i/3600*10000+i/60%60*100+i%60)
		text := fmt.Sprintf("-- migrate:up\nCREATE TABLE bench_%d (id BIGINT PRIMARY KEY, name TEXT NOT NULL);\nALTER TABLE bench_%d ADD COLUMN note TEXT;\n", i, i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	db := openSQLite(b, "file:"+filepath.Join(b.TempDir(), "db"))
	m, err := migrate.New(target(b, db), os.DirFS(dir), nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := m.Baseline(context.Background(), 29990101000000); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if steps, err := m.Up(context.Background()); err != nil || len(steps) != 0 {
			b.Fatal(len(steps), err)
		}
	}
}
