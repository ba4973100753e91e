package db

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"frontdesk/internal/fault"
)

const (
	postgresConnections = 16
	postgresPing        = 10 * time.Second
)

// OpenPostgres opens the Postgres database at url, which nodes share. The error has the code
// Storage and does not show the URL, which may hold a password.
func OpenPostgres(ctx context.Context, url string) (*sql.DB, error) {
	conn, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fault.New(fault.Storage, "the Postgres database cannot be opened: correct its URL")
	}
	conn.SetMaxOpenConns(postgresConnections)
	ctx, cancel := context.WithTimeout(ctx, postgresPing)
	defer cancel()
	if err := conn.PingContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fault.New(fault.Storage, "the Postgres database does not answer: start it, or correct its URL")
	}
	return conn, nil
}

// IsPostgres reports whether conn is a Postgres database.
func IsPostgres(conn *sql.DB) bool {
	_, ok := conn.Driver().(*stdlib.Driver)
	return ok
}

// Dialect returns a schema in the dialect of conn: {serial} is a primary key that the database
// counts up and never gives twice, {integer} has 64 bits, {bytes} are bytes. Queries that
// number their parameters ($1) run on both databases as they are.
func Dialect(conn *sql.DB, schema string) string {
	types := []string{"{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT", "{integer}", "INTEGER", "{bytes}", "BLOB"}
	if IsPostgres(conn) {
		types = []string{"{serial}", "BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY", "{integer}", "BIGINT", "{bytes}", "BYTEA"}
	}
	return strings.NewReplacer(types...).Replace(schema)
}

// Lock makes transactions with the same key wait for each other, until each ends. Those of
// SQLite always do.
func Lock(ctx context.Context, conn *sql.DB, tx *sql.Tx, key string) error {
	if !IsPostgres(conn) {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, key)
	return err
}
