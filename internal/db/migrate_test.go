package db

import (
	"path/filepath"
	"testing"
)

func TestMigrateRunsEachStepOnceInOrder(t *testing.T) {
	db, err := Open(filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	steps := []string{"CREATE TABLE x (a)", "ALTER TABLE x ADD COLUMN b", "INSERT INTO x VALUES (1, 2)"}
	for n := 1; n <= len(steps); n++ {
		for range 2 {
			if err := Migrate(ctx, db, "x", steps[:n]...); err != nil {
				t.Fatal(err)
			}
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
