package migrate_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing/fstest"

	"github.com/cruddur/avatarkit/migrate"
)

func Example() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	fsys := fstest.MapFS{"20240102030405_create_crud.sql": {Data: []byte("-- migrate:up\nCREATE TABLE crud (id INTEGER);\n\n-- migrate:down\nDROP TABLE crud;\n")}}

	m, err := migrate.New(migrate.SQL(db, migrate.SQLite), fsys, nil)
	if err != nil {
		panic(err)
	}
	steps, err := m.Up(context.Background())
	for _, s := range steps {
		fmt.Println(s.Direction, s.Version, s.Name)
	}
	pending, _ := m.Pending(context.Background())
	fmt.Println(err, pending)
	// Output:
	// up 20240102030405 create_crud
	// <nil> 0
}
