package tools

import (
	"context"
	"database/sql"
	"fmt"

	"frontdesk/internal/db"
)

// ticket_calls makes calls idempotent: it has the session and id of each call, and a digest
// of its arguments.
const ticketSchema = `
CREATE TABLE tickets (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	subject     TEXT NOT NULL,
	description TEXT NOT NULL,
	contact     TEXT NOT NULL,
	session     TEXT NOT NULL,
	status      TEXT NOT NULL,
	priority    TEXT NOT NULL,
	created     INTEGER NOT NULL,
	updated     INTEGER NOT NULL
);
INSERT INTO sqlite_sequence (name, seq) VALUES ('tickets', 1000);
CREATE INDEX tickets_by_status ON tickets (status, updated);
CREATE TABLE ticket_notes (
	ticket INTEGER NOT NULL REFERENCES tickets (id),
	at     INTEGER NOT NULL,
	text   TEXT NOT NULL,
	status TEXT NOT NULL
);
CREATE INDEX ticket_notes_by_ticket ON ticket_notes (ticket);
CREATE TABLE ticket_calls (
	session TEXT NOT NULL,
	call    TEXT NOT NULL,
	digest  BLOB NOT NULL,
	ticket  INTEGER NOT NULL REFERENCES tickets (id),
	PRIMARY KEY (session, call)
) WITHOUT ROWID;`

// The second version has whose a ticket is, its number in the older format, and for a day
// who named which number without proof. proof is a digest of the contact that was given, and
// empty without one.
const ticketOwnerSchema = `
ALTER TABLE tickets ADD COLUMN former INTEGER;
ALTER TABLE tickets ADD COLUMN known TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN line TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX tickets_by_former ON tickets (former) WHERE former IS NOT NULL;
CREATE INDEX tickets_by_session ON tickets (session);
CREATE TABLE ticket_failures (
	scope  TEXT NOT NULL,
	ticket INTEGER NOT NULL,
	proof  BLOB NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (scope, ticket, proof)
) WITHOUT ROWID;
CREATE INDEX ticket_failures_by_ticket ON ticket_failures (ticket);
CREATE INDEX ticket_failures_by_time ON ticket_failures (at);`

// ticketPostgresSchema is the second version for Postgres, which had no first one. rowid has
// the name and the order of SQLite's.
const ticketPostgresSchema = `
CREATE TABLE tickets (
	id          BIGINT PRIMARY KEY,
	former      BIGINT UNIQUE,
	subject     TEXT NOT NULL,
	description TEXT NOT NULL,
	contact     TEXT NOT NULL,
	session     TEXT NOT NULL,
	known       TEXT NOT NULL,
	line        TEXT NOT NULL,
	status      TEXT NOT NULL,
	priority    TEXT NOT NULL,
	created     BIGINT NOT NULL,
	updated     BIGINT NOT NULL
);
CREATE INDEX tickets_by_status ON tickets (status, updated);
CREATE INDEX tickets_by_session ON tickets (session);
CREATE TABLE ticket_notes (
	rowid  BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	ticket BIGINT NOT NULL REFERENCES tickets (id),
	at     BIGINT NOT NULL,
	text   TEXT NOT NULL,
	status TEXT NOT NULL
);
CREATE INDEX ticket_notes_by_ticket ON ticket_notes (ticket);
CREATE TABLE ticket_calls (
	session TEXT NOT NULL,
	call    TEXT NOT NULL,
	digest  BYTEA NOT NULL,
	ticket  BIGINT NOT NULL REFERENCES tickets (id),
	PRIMARY KEY (session, call)
);
CREATE TABLE ticket_failures (
	scope  TEXT NOT NULL,
	ticket BIGINT NOT NULL,
	proof  BYTEA NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (scope, ticket, proof)
);
CREATE INDEX ticket_failures_by_ticket ON ticket_failures (ticket);
CREATE INDEX ticket_failures_by_time ON ticket_failures (at);`

// The third version has the agent that opened a ticket.
const ticketAgentSchema = `
ALTER TABLE tickets ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN language TEXT NOT NULL DEFAULT '';`

// The fourth version has what the team works with. author is a session, or a person of the
// team.
const ticketDeskSchema = `
ALTER TABLE tickets ADD COLUMN category TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN product TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN since TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN tried TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN said TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN assignee TEXT NOT NULL DEFAULT '';
ALTER TABLE ticket_notes ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE ticket_notes ADD COLUMN reply {integer} NOT NULL DEFAULT 0;
CREATE INDEX tickets_by_known ON tickets (known) WHERE known != '';
CREATE INDEX tickets_by_line ON tickets (line) WHERE line != '';
CREATE INDEX tickets_by_update ON tickets (updated);
CREATE INDEX ticket_calls_by_ticket ON ticket_calls (ticket);`

// OpenTickets opens the tickets in conn, SQLite or Postgres, which other parts may share. The
// caller closes conn.
func OpenTickets(ctx context.Context, conn *sql.DB) (*Tickets, error) {
	steps := []string{ticketSchema, ticketOwnerSchema}
	if db.IsPostgres(conn) {
		steps = []string{ticketPostgresSchema}
	}
	steps = append(steps, ticketAgentSchema, db.Dialect(conn, ticketDeskSchema), ticketCallBackSchema)
	if err := db.Migrate(ctx, conn, "tickets", steps...); err != nil {
		return nil, ticketFault(ctx, err)
	}
	s := &Tickets{db: conn}
	if err := s.renumber(ctx); err != nil {
		return nil, ticketFault(ctx, fmt.Errorf("give older tickets new numbers: %w", err))
	}
	return s, nil
}

// insertTicket stores a new ticket.
func insertTicket(ctx context.Context, tx *sql.Tx, id TicketID, t Ticket, now int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tickets (id, subject, description, contact, session, known, line, agent, language,
			category, product, since, tried, said, status, priority, created, updated)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		id, t.Subject, t.Description, t.Contact, t.Session, t.Known, t.Line, t.Agent, t.Language,
		t.Category, t.Product, t.Since, t.Tried, t.Said, t.Status, t.Priority, now, now)
	return err
}

// renumber gives tickets with a number of the older format a random id. Their number stays
// as Former.
func (s *Tickets) renumber(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	older, err := queryIDs(ctx, tx, `SELECT id FROM tickets WHERE id < $1`, firstTicketID)
	if err != nil || len(older) == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `PRAGMA defer_foreign_keys = ON`); err != nil { // until the commit
		return err
	}
	for _, former := range older {
		id, err := newTicketID(ctx, tx)
		if err != nil {
			return err
		}
		for _, change := range []string{
			`UPDATE tickets SET id = $1, former = $2 WHERE id = $2`,
			`UPDATE ticket_notes SET ticket = $1 WHERE ticket = $2`,
			`UPDATE ticket_calls SET ticket = $1 WHERE ticket = $2`,
		} {
			if _, err := tx.ExecContext(ctx, change, id, former); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
