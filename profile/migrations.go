package profile

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations returns the tables of this package as migrations: files YYYYMMDDHHMMSS_name.sql with the parts "-- migrate:up" and
// "-- migrate:down", the same text for SQLite and PostgreSQL. All names begin with avatarkit_.
func Migrations() fs.FS {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		return files // cannot happen: the name is a constant and valid
	}
	return sub
}
