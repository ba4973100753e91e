package tools

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/phone"
	"frontdesk/internal/words"
)

// What callers may get wrong before they must wait. A failure is a number of a ticket that
// does not exist or is not proven to be the caller's, each with each wrong contact counted
// once. Whether the ticket exists makes no difference, so that nobody can find that out.
const (
	maxSessionFailures = 5  // in a session
	maxCallerFailures  = 10 // of a line, known caller or network address
	maxTicketFailures  = 10 // wrong contacts for a number, of all sessions

	maxListed       = 5              // tickets of a caller who does not know the number
	failureWindow   = 24 * time.Hour // after which a failure no longer counts
	maxFailuresKept = 100_000        // the oldest are dropped
)

// Messages for the model. They do not say whether the ticket exists.
const (
	proofMessage = "This caller has not shown that the ticket is theirs. Ask for the e-mail address or telephone number that was given with the ticket, " +
		"and call the tool again with it as contact. Do not say whether the ticket exists."
	limitMessage = "Too many ticket numbers or contacts did not match. Do not try another one: offer to open a new ticket or to connect a person."
)

// access is how a caller may use a ticket.
type access struct {
	id       TicketID
	isOwn    bool // by session, known caller or line, without a second fact
	isOpener bool // in the session in which it was opened
}

// GetAsCaller returns a ticket of the caller in ctx with its notes. It is the caller's if it
// was opened in the same session, by the same known caller or on the same line, or if contact
// is the e-mail address or telephone number given with it. id may be its number in the older
// format. The error is ProofNeeded for every other ticket, whether it exists or not, and
// Limited after too many of them.
func (s *Tickets) GetAsCaller(ctx context.Context, id TicketID, contact string) (Ticket, error) {
	a, err := s.authorize(ctx, id, contact)
	if err != nil {
		return Ticket{}, err
	}
	return s.GetAsOperator(ctx, a.id)
}

// ListAsCaller returns the latest tickets of the caller in ctx, newest first: those that were
// opened in the same session, by the same known caller or on the same line.
func (s *Tickets) ListAsCaller(ctx context.Context) ([]Ticket, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	c := CallerOf(ctx)
	ids, err := queryIDs(ctx, tx, `SELECT id FROM tickets
		WHERE session != '' AND session = $1 OR known != '' AND known = $2 OR line != '' AND line = $3
		ORDER BY created DESC LIMIT $4`, c.Session, c.Known, c.Number, maxListed)
	var found []Ticket
	for _, id := range ids {
		var t Ticket
		if t, err = loadTicket(ctx, tx, id); err != nil {
			break
		}
		found = append(found, t)
	}
	if err != nil {
		return nil, ticketFault(ctx, err)
	}
	return found, nil
}

// authorize returns the ticket that has the number, if it is the caller's.
func (s *Tickets) authorize(ctx context.Context, number TicketID, contact string) (access, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return access{}, ticketFault(ctx, err)
	}
	defer tx.Rollback()
	a, err := s.authorizeIn(ctx, tx, number, contact)
	if err == nil || fault.From(err).Code == fault.ProofNeeded {
		if commit := tx.Commit(); commit != nil { // what is not counted is not answered
			return access{}, ticketFault(ctx, commit)
		}
	}
	if err != nil {
		return access{}, ticketFault(ctx, err)
	}
	return a, nil
}

// authorizeIn is authorize in a transaction.
func (s *Tickets) authorizeIn(ctx context.Context, tx *sql.Tx, number TicketID, contact string) (access, error) {
	var a access
	var session, known, line, stored, status string
	err := tx.QueryRowContext(ctx, `SELECT id, session, known, line, contact, status FROM tickets WHERE id = $1 OR former = $1`, number).
		Scan(&a.id, &session, &known, &line, &stored, &status)
	if err != nil && err != sql.ErrNoRows {
		return access{}, err
	}
	exists := err == nil
	facts := contactFacts(stored)
	caller := CallerOf(ctx)
	a.isOpener = exists && isSame(caller.Session, session)
	a.isOwn = a.isOpener || exists && (isSame(caller.Known, known) || phone.IsSame(caller.Number, line) ||
		hasFact(facts, phoneFact(caller.Number)))
	if a.isOwn {
		return a, nil
	}

	given := contactFacts(contact)
	if contact != "" && len(given) != 1 {
		return access{}, fault.New(fault.Invalid, "the contact is not one e-mail address or telephone number: ask for it again")
	}
	exists = exists && Status(status) != Draft // which only its caller may know of
	if err := db.Lock(ctx, s.db, tx, "ticket failures"); err != nil {
		return access{}, err
	}
	now := time.Now()
	if err := checkFailures(ctx, tx, caller, number, now); err != nil {
		return access{}, err
	}
	if exists && len(given) == 1 && hasFact(facts, given[0]) {
		return a, nil
	}
	if !IsSpeculative(ctx) {
		if err := countFailure(ctx, tx, caller, number, given, now); err != nil {
			return access{}, err
		}
	}
	return access{}, fault.New(fault.ProofNeeded, proofMessage)
}

// isSame reports whether two identities are the same. Nobody has the empty one.
func isSame(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

var (
	contactEmail = regexp.MustCompile(`[^\s@<>()\[\],;:"]+@[^\s@<>()\[\],;:"]+\.[^\s@<>()\[\],;:".]+`)
	contactPhone = regexp.MustCompile(`\+?\d[\d ()/.\-]{5,}\d`)
)

// contactFacts returns the e-mail addresses and telephone numbers in text in a form that is
// the same however they are written.
func contactFacts(text string) (facts []string) {
	text = strings.ToLower(ticketText(text))
	for _, e := range contactEmail.FindAllString(text, -1) {
		facts = append(facts, "email "+e)
	}
	text = contactEmail.ReplaceAllString(text, ";")
	for _, p := range contactPhone.FindAllString(text, -1) {
		if f := phoneFact(p); f != "" {
			facts = append(facts, f)
		}
	}
	if len(facts) == 0 {
		if f := phoneFact(words.SpokenDigits(text)); f != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// phoneFact returns the fact that a telephone number is, or "" if it is not one.
func phoneFact(number string) string {
	key := phone.Key(number)
	if !phone.IsSubscriber(key) {
		return ""
	}
	return "phone " + key
}

// hasFact reports whether fact is one of facts, in a time that does not depend on how much
// of it is right.
func hasFact(facts []string, fact string) bool {
	wanted := sha256.Sum256([]byte(fact))
	found := 0
	for _, f := range facts {
		sum := sha256.Sum256([]byte(f))
		found |= subtle.ConstantTimeCompare(sum[:], wanted[:])
	}
	return found == 1 && fact != ""
}

// failureScopes returns under which names the failures of a caller are counted: their
// session, and what is best known of them beyond it.
func failureScopes(c Caller) (session, who string) {
	session = "session " + c.Session
	switch {
	case c.Known != "":
		who = "known " + c.Known
	case c.Number != "":
		who = "line " + phone.Key(c.Number)
	case c.Address != "":
		who = "address " + network(c.Address)
	}
	return session, who
}

// network returns the part of an address that one customer of a provider has: the whole
// IPv4 address, or the first 64 bits of an IPv6 address.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		p, err := netip.ParseAddrPort(address)
		if err != nil {
			return address
		}
		ip = p.Addr()
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// checkFailures returns Limited if the caller or the number had too many failures.
func checkFailures(ctx context.Context, tx *sql.Tx, c Caller, number TicketID, now time.Time) error {
	session, who := failureScopes(c)
	since := now.Add(-failureWindow).UnixMilli()
	var ofSession, ofCaller, ofTicket int
	err := tx.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM ticket_failures WHERE scope = $1 AND at > $4),
		(SELECT count(*) FROM ticket_failures WHERE scope = $2 AND at > $4),
		(SELECT count(*) FROM ticket_failures WHERE ticket = $3 AND at > $4 AND length(proof) > 0 AND scope LIKE 'session %')`,
		session, who, number, since).Scan(&ofSession, &ofCaller, &ofTicket)
	if err != nil {
		return err
	}
	if ofSession >= maxSessionFailures || who != "" && ofCaller >= maxCallerFailures || ofTicket >= maxTicketFailures {
		return fault.New(fault.Limited, limitMessage)
	}
	return nil
}

// countFailure records that the caller named a number without proof, and forgets what no
// longer counts.
func countFailure(ctx context.Context, tx *sql.Tx, c Caller, number TicketID, given []string, now time.Time) error {
	proof := []byte{}
	if len(given) > 0 {
		sum := sha256.Sum256([]byte(given[0]))
		proof = sum[:8] // enough to recognize the same contact
	}
	session, who := failureScopes(c)
	for _, scope := range []string{session, who} {
		if scope == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO ticket_failures (scope, ticket, proof, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (scope, ticket, proof) DO UPDATE SET at = excluded.at`, scope, number, proof, now.UnixMilli()); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM ticket_failures
		WHERE at <= $1 OR at <= coalesce((SELECT at FROM ticket_failures ORDER BY at DESC LIMIT 1 OFFSET $2), 0)`,
		now.Add(-failureWindow).UnixMilli(), maxFailuresKept)
	return err
}
