package db

import (
	"path/filepath"
	"testing"

	"frontdesk/internal/require"
)

func TestMigrateRunsEachStepOnceInOrder(t *testing.T) {
	db, err := Open(filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	defer db.Close()
	ctx := t.Context()
	steps := []string{"CREATE TABLE x (a)", "ALTER TABLE x ADD COLUMN b", "INSERT INTO x VALUES (1, 2)"}
	for n := 1; n <= len(steps); n++ {
		for range 2 {
			require.NoError(t, Migrate(ctx, db, "x", steps[:n]...))
		}
	}
	var rows int
	if err := db.QueryRow("SELECT count(*) FROM x WHERE b = 2").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if err := Migrate(ctx, db, "x", steps[:1]...); err == nil {
		t.Error("Migrate accepted a database of a newer program")
	}
	if err := Migrate(ctx, db, "x", append(steps, "DELETE FROM x", "nonsense")...); err == nil {
		t.Error("Migrate accepted an invalid step")
	}
	if err := db.QueryRow("SELECT count(*) FROM x").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("after a failed migration: got %d rows, %v", rows, err)
	}
}
