package outbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"slices"
	"time"
)

// claim is an event that this node alone may send to a destination until its lease ends.
type claim struct {
	destination, topic, owner string
	seq                       int64
	event                     Event
	attempts                  int       // before this one
	tried                     time.Time // of the first attempt; zero if this is the first
}

// claim leases the oldest topic of a destination that has an event to send, and returns that
// event; nil if there is nothing to do now.
func (s *Store) claim(ctx context.Context, destination, node string, lease time.Duration) (*claim, error) {
	now := time.Now()
	c := &claim{destination: destination, owner: node + " " + rand.Text()}
	err := s.db.QueryRowContext(ctx, `SELECT d.topic FROM outbox_deliveries d WHERE d.destination = $1 AND d.dead = 0 AND d.next <= $2
		AND NOT EXISTS (SELECT 1 FROM outbox_deliveries f WHERE f.destination = $1 AND f.dead = 0 AND f.topic = d.topic AND f.seq < d.seq)
		AND NOT EXISTS (SELECT 1 FROM outbox_leases l WHERE l.destination = $1 AND l.topic = d.topic AND l.until > $2)
		ORDER BY d.seq LIMIT 1`, destination, now.UnixMilli()).Scan(&c.topic)
	if err == sql.ErrNoRows {
		return nil, nil
	}
	if err != nil {
		return nil, storageFault(ctx, err)
	}
	isClaimed := false
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO outbox_leases (destination, topic, owner, until) VALUES ($1, $2, $3, $4)
			ON CONFLICT (destination, topic) DO UPDATE SET owner = excluded.owner, until = excluded.until WHERE outbox_leases.until <= $5`,
			destination, c.topic, c.owner, now.Add(lease).UnixMilli(), now.UnixMilli())
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err // another node was first
		}
		isClaimed, err = c.read(ctx, tx, now)
		if err == nil && !isClaimed {
			err = c.release(ctx, tx)
		}
		return err
	})
	if err != nil || !isClaimed {
		return nil, err
	}
	return c, nil
}

// read reads the first event of the claim's topic. It returns false if another node has
// delivered what was to be sent, or has postponed it.
func (c *claim) read(ctx context.Context, tx *sql.Tx, now time.Time) (bool, error) {
	var next, tried int64
	var body string
	err := tx.QueryRowContext(ctx, `SELECT d.seq, d.attempts, d.tried, d.next, e.body FROM outbox_deliveries d
		JOIN outbox_events e ON e.seq = d.seq WHERE d.destination = $1 AND d.topic = $2 AND d.dead = 0 ORDER BY d.seq LIMIT 1`,
		c.destination, c.topic).Scan(&c.seq, &c.attempts, &tried, &next, &body)
	if err == sql.ErrNoRows || err == nil && next > now.UnixMilli() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if tried > 0 {
		c.tried = time.UnixMilli(tried)
	}
	if json.Unmarshal([]byte(body), &c.event) != nil {
		c.event = Event{} // send makes it a dead letter, so that the others go on
	}
	return true, nil
}

func (c *claim) release(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM outbox_leases WHERE destination = $1 AND topic = $2 AND owner = $3`, c.destination, c.topic, c.owner)
	return err
}

// outcome is what became of an attempt.
type outcome struct {
	isDone, isDead bool
	next           time.Time // of the next attempt, unless done or dead
	problem        string
}

// finish records the outcome of an attempt and ends its lease. It does nothing if another
// node has the lease by now.
func (s *Store) finish(ctx context.Context, c *claim, o outcome) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM outbox_leases WHERE destination = $1 AND topic = $2 AND owner = $3`, c.destination, c.topic, c.owner)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if !o.isDone {
			dead := 0
			if o.isDead {
				dead = 1
			}
			_, err = tx.ExecContext(ctx, `UPDATE outbox_deliveries SET dead = $1, attempts = $2, tried = $3, next = $4, error = $5
				WHERE destination = $6 AND seq = $7`, dead, c.attempts+1, c.tried.UnixMilli(), o.next.UnixMilli(), o.problem, c.destination, c.seq)
			return err
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM outbox_deliveries WHERE destination = $1 AND seq = $2`, c.destination, c.seq); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE outbox_events SET body = ''
			WHERE seq = $1 AND NOT EXISTS (SELECT 1 FROM outbox_deliveries d WHERE d.seq = $1)`, c.seq)
		return err
	})
}

// hasten makes everything that waits for a destination due now.
func (s *Store) hasten(ctx context.Context, destination string) error {
	now := time.Now().UnixMilli()
	_, err := s.db.ExecContext(ctx, `UPDATE outbox_deliveries SET next = $1 WHERE destination = $2 AND dead = 0 AND next > $1`, now, destination)
	return storageFault(ctx, err)
}

// bury makes dead letters of what has waited since before the time given for destinations
// that are not among the present ones, which nobody tries to reach.
func (s *Store) bury(ctx context.Context, before time.Time, present []string) (buried int64, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT destination FROM outbox_deliveries WHERE dead = 0`)
	if err != nil {
		return 0, storageFault(ctx, err)
	}
	var absent []string
	for rows.Next() {
		var name string
		if err = rows.Scan(&name); err != nil {
			break
		}
		if !slices.Contains(present, name) {
			absent = append(absent, name)
		}
	}
	_ = rows.Close()
	for _, name := range absent {
		if err == nil {
			var result sql.Result
			result, err = s.db.ExecContext(ctx, `UPDATE outbox_deliveries SET dead = 1, error = 'the destination is not configured, or is turned off'
				WHERE destination = $1 AND dead = 0 AND seq IN (SELECT seq FROM outbox_events WHERE at < $2)`, name, before.UnixMilli())
			if err == nil {
				n, _ := result.RowsAffected()
				buried += n
			}
		}
	}
	return buried, storageFault(ctx, err)
}
