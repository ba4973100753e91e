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

// Dialect returns a schema in the dialect of conn: {serial} is a primary key that the database
// counts up and never gives twice. Queries that number their parameters ($1) run on both
// databases as they are.
func Dialect(conn *sql.DB, schema string) string {
	serial := "INTEGER PRIMARY KEY AUTOINCREMENT"
	if _, isPostgres := conn.Driver().(*stdlib.Driver); isPostgres {
		serial = "BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY"
	}
	return strings.ReplaceAll(schema, "{serial}", serial)
}
