package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"testing/fstest"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

// In a program the files come from an embed.FS.
var crudFiles = fstest.MapFS{
	"20240102030405_create_crud.sql": {Data: []byte("-- migrate:up\nCREATE TABLE crud (id INTEGER);\n\n-- migrate:down\nDROP TABLE crud;\n")},
	"20240203040506_add_bio.sql":     {Data: []byte("-- migrate:up\nALTER TABLE crud ADD COLUMN bio TEXT;\n")},
}

func openMemory() *sql.DB {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	return db
}

func sqlite(db *sql.DB) migrate.Target {
	target, err := sqldb.New(db, sqldb.SQLite, nil)
	if err != nil {
		log.Fatal(err)
	}
	return target
}

// Every instance of a service does this at start.
func Example() {
	ctx := context.Background()
	db := openMemory()
	defer db.Close()
	m, err := migrate.New(sqlite(db), crudFiles, nil)
	if err != nil {
		log.Fatal(err)
	}
	steps, err := m.Up(ctx)
	for _, s := range steps {
		fmt.Println(s.Direction, s.Version, s.Name)
	}
	pending, _ := m.Pending(ctx)
	fmt.Println(err, pending)
	// Output:
	// up 20240102030405 create_crud
	// up 20240203040506 add_bio
	// <nil> 0
}

func ExampleNew() {
	db := openMemory()
	defer db.Close()
	_, err := migrate.New(sqlite(db), nil, &migrate.Options{Dir: "/migrations"})
	fmt.Println(err)
	// Output:
	// migrate: folder "/migrations" is not a path of a file system
	// neither a file system nor functions
}

func ExampleGo() {
	db := openMemory()
	defer db.Close()
	fill := migrate.Go(20240304050607, "fill_bio", func(ctx context.Context, tx sqldb.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE crud SET bio = 'none' WHERE bio IS NULL")
		return err
	}, nil)
	m, err := migrate.New(sqlite(db), crudFiles, &migrate.Options{Go: []migrate.Migration{fill}})
	if err != nil {
		log.Fatal(err)
	}
	steps, err := m.Up(context.Background())
	fmt.Println(len(steps), err)
	_, err = m.Down(context.Background(), 1)
	fmt.Println(errors.Is(err, migrate.ErrIrreversible))
	// Output:
	// 3 <nil>
	// true
}

func ExampleMigrator_Plan() {
	db := openMemory()
	defer db.Close()
	m, err := migrate.New(sqlite(db), crudFiles, nil)
	if err != nil {
		log.Fatal(err)
	}
	steps, err := m.Plan().UpTo(context.Background(), 20240102030405)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(steps[0].SQL)
	pending, _ := m.Pending(context.Background())
	fmt.Println(pending)
	// Output:
	// CREATE TABLE crud (id INTEGER);
	//
	// 2
}
