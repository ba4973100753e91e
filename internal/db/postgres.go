package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
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

// MayHaveCommitted reports whether a transaction whose Commit returned err may be stored all
// the same, because the connection broke before the answer came.
func MayHaveCommitted(conn *sql.DB, err error) bool {
	var refused *pgconn.PgError
	if err == nil || !IsPostgres(conn) || errors.Is(err, sql.ErrTxDone) {
		return false
	}
	return !errors.As(err, &refused) || strings.HasPrefix(refused.Code, "57") // the server was stopped
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

const (
	aloneTimeout  = time.Minute // to wait for other processes
	aloneInterval = 100 * time.Millisecond
)

// Alone runs do while no other process runs one with the same key. It is for changes of the
// schema that are not one transaction. SQLite's processes do not wait.
func Alone(ctx context.Context, conn *sql.DB, key string, do func() error) error {
	if !IsPostgres(conn) {
		return do()
	}
	session, err := conn.Conn(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	waiting, cancel := context.WithTimeout(ctx, aloneTimeout)
	defer cancel()
	// A statement that waits for the lock would hold up CREATE INDEX CONCURRENTLY.
	for isAlone := false; !isAlone; {
		if err := session.QueryRowContext(waiting, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, key).Scan(&isAlone); err != nil {
			return err
		}
		if isAlone {
			continue
		}
		select {
		case <-time.After(aloneInterval):
		case <-waiting.Done():
			return waiting.Err()
		}
	}
	err = do()
	_, unlockErr := session.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, key)
	return errors.Join(err, unlockErr)
}
