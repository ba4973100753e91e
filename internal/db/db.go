// Package db opens SQLite databases and brings their schemas up to date. Session stores,
// tickets, workflows and the ledger of calls use it; several of them can
// share one database. It imports internal/fault.
package db

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"frontdesk/internal/fault"
)

// Open opens the database at path and creates it and its folder if they are missing. A
// commit is on the disk when it returns (WAL, synchronous=FULL), and deleted data is
// overwritten. There is one connection, so that writers queue inside this process in
// order and do not poll the file's lock. The error has the code Storage.
func Open(path string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700) // private: the database holds what callers say
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the folder of the database cannot be created")
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(3000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(ON)"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "the database cannot be opened")
	}
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		db.Close()
		return nil, fault.Wrap(err, fault.Storage, "the database cannot be opened")
	}
	return db, nil
}
