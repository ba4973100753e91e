package sqlite

import (
	"context"
	"database/sql"
	"time"

	"frontdesk/session"
)

const effectsSchema = `
CREATE TABLE effects (
	key   BLOB PRIMARY KEY,
	count INTEGER NOT NULL,
	ends  INTEGER NOT NULL
);
CREATE INDEX effects_by_end ON effects (ends);`

// maxWindows bounds how many windows are counted at once. Beyond it, new keys are refused
// until windows end.
const maxWindows = 100_000

// Take implements gate.Counter. It deletes the windows that have ended.
func (s *Store) Take(ctx context.Context, key string, limit int, window time.Duration) (ok bool, err error) {
	if limit <= 0 {
		return false, nil
	}
	err = s.write(ctx, func(tx *sql.Tx, now int64) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM effects WHERE ends <= ?`, now); err != nil {
			return err
		}
		taken, err := tx.ExecContext(ctx, `INSERT INTO effects (key, count, ends)
			SELECT ?1, 1, ?2 WHERE EXISTS (SELECT 1 FROM effects WHERE key = ?1) OR (SELECT count(*) FROM effects) < ?3
			ON CONFLICT (key) DO UPDATE SET count = count + 1 WHERE count < ?4`,
			[]byte(key), now+session.Milliseconds(window), maxWindows, limit)
		if err != nil {
			return err
		}
		n, err := taken.RowsAffected()
		ok = n == 1
		return err
	})
	return ok && err == nil, err
}
