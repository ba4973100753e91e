package db

import (
	"context"
	"database/sql"
	"fmt"
)

// Migrate brings one part of a database up to date. Several parts share a database, so
// each part has its own version: the number of its steps that have run. To change a
// schema, append a step; never edit one.
func Migrate(ctx context.Context, db *sql.DB, part string, steps ...string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", part, err)
	}
	defer tx.Rollback()
	if err := Lock(ctx, db, tx, "schema"); err != nil { // another node may start, too
		return fmt.Errorf("migrate %s: %w", part, err)
	}
	_, err = tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (part TEXT PRIMARY KEY, version INTEGER NOT NULL)`)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", part, err)
	}
	var version int
	err = tx.QueryRowContext(ctx, `SELECT version FROM schema_version WHERE part = $1`, part).Scan(&version)
	if err != nil && err != sql.ErrNoRows {
		return fmt.Errorf("migrate %s: %w", part, err)
	}
	if version > len(steps) {
		return fmt.Errorf("migrate %s: the database has version %d, newer than this program (version %d): use a newer program", part, version, len(steps))
	}
	if version == len(steps) {
		return nil
	}
	for i, step := range steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("migrate %s to version %d: %w", part, version+i+1, err)
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO schema_version (part, version) VALUES ($1, $2)
		ON CONFLICT (part) DO UPDATE SET version = excluded.version`, part, len(steps))
	if err != nil {
		return fmt.Errorf("migrate %s: %w", part, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("migrate %s: %w", part, err)
	}
	return nil
}
