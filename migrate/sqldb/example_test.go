package sqldb_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"testing/fstest"

	_ "modernc.org/sqlite"

	"github.com/cruddur/avatarkit/migrate"
	"github.com/cruddur/avatarkit/migrate/sqldb"
)

func ExampleNew() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	target, err := sqldb.New(db, sqldb.SQLite, &sqldb.Options{Table: "crud_history"})
	if err != nil {
		log.Fatal(err)
	}
	m, err := migrate.New(target, fstest.MapFS{
		"20240102030405_create_crud.sql": {Data: []byte("-- migrate:up\nCREATE TABLE crud (id INTEGER);\n")},
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	steps, err := m.Up(context.Background())
	fmt.Println(len(steps), err)
	var n int
	err = db.QueryRow("SELECT count(*) FROM crud_history").Scan(&n)
	fmt.Println(n, err)
	// Output:
	// 1 <nil>
	// 1 <nil>
}
