package dialplan

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Ledger counts the calls of each trunk and day and their cost, in a database, so that
// daily limits survive a restart.
type Ledger struct{ db *sql.DB }

// OpenLedger creates the ledger's table in db if it is missing.
func OpenLedger(ctx context.Context, db *sql.DB) (*Ledger, error) {
	_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS dialled (
		trunk TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL, spent REAL NOT NULL, PRIMARY KEY (trunk, day))`)
	if err != nil {
		return nil, fmt.Errorf("create the ledger of calls: %w", err)
	}
	return &Ledger{db: db}, nil
}

func day(now time.Time) string { return now.UTC().Format(time.DateOnly) }

// read returns how many calls a trunk made on the day of now, and their cost.
func (l *Ledger) read(ctx context.Context, trunk string, now time.Time) (calls int, spent float64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT calls, spent FROM dialled WHERE trunk = ? AND day = ?`, trunk, day(now)).Scan(&calls, &spent)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return calls, spent, err
}

// add adds calls and their cost to a trunk's day.
func (l *Ledger) add(ctx context.Context, trunk string, now time.Time, calls int, spent float64) error {
	_, err := l.db.ExecContext(ctx, `INSERT INTO dialled (trunk, day, calls, spent) VALUES (?, ?, ?, ?)
		ON CONFLICT (trunk, day) DO UPDATE SET calls = calls + excluded.calls, spent = spent + excluded.spent`, trunk, day(now), calls, spent)
	return err
}
