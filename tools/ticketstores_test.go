package tools

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"frontdesk/internal/db"
	"frontdesk/internal/postgrestest"
	"frontdesk/internal/require"
)

// opener opens tickets in an empty database.
type opener func(t testing.TB) (*Tickets, *sql.DB)

// ticketTests are what every store of tickets must do.
var ticketTests = map[string]func(*testing.T, opener){
	"DetailsAndWordsAreKept":                  testDetailsAndWordsAreKept,
	"CallersCorrectWithdrawAndReopen":         testCallersCorrectWithdrawAndReopen,
	"DraftIsContinued":                        testDraftIsContinued,
	"TicketsAreListedAndErased":               testTicketsAreListedAndErased,
	"CreateStoresTheTicket":                   testCreateStoresTheTicket,
	"SameCallCreatesOneTicket":                testSameCallCreatesOneTicket,
	"SameUpdateHappensOnce":                   testSameUpdateHappensOnce,
	"UpdateAllowsOnlySomeStatusChanges":       testUpdateAllowsOnlySomeStatusChanges,
	"InvalidTicketsAreRefused":                testInvalidTicketsAreRefused,
	"TicketTools":                             testTicketTools,
	"TicketAnswersOnlyToItsCaller":            testTicketAnswersOnlyToItsCaller,
	"UnknownAndForeignTicketsAnswerTheSame":   testUnknownAndForeignTicketsAnswerTheSame,
	"WrongNumbersAreLimited":                  testWrongNumbersAreLimited,
	"RepeatedAndSpeculativeFailuresCountOnce": testRepeatedAndSpeculativeFailuresCountOnce,
	"TicketWithoutContactSaysSo":              testTicketWithoutContactSaysSo,
	"ContactIsAddedOnceByTheOwner":            testContactIsAddedOnceByTheOwner,
	"ContactOfALineIsNotReplacedLater":        testContactOfALineIsNotReplacedLater,
	"CallerWithoutTheNumberFindsTheirTickets": testCallerWithoutTheNumberFindsTheirTickets,
	"TicketTextsArePrintable":                 testTicketTextsArePrintable,
}

func TestTicketsInSQLite(t *testing.T) {
	for name, test := range ticketTests {
		t.Run(name, func(t *testing.T) { test(t, openTickets) })
	}
}

func TestTicketsInPostgres(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off")
	for name, test := range ticketTests {
		t.Run(name, func(t *testing.T) { test(t, inPostgres(server)) })
	}
}

func openTickets(t testing.TB) (*Tickets, *sql.DB) {
	t.Helper()
	conn, err := db.Open(filepath.Join(t.TempDir(), "t.db"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	s, err := OpenTickets(t.Context(), conn)
	require.NoError(t, err)
	return s, conn
}

func inPostgres(server *postgrestest.Server) opener {
	return func(t testing.TB) (*Tickets, *sql.DB) {
		t.Helper()
		conn, err := db.OpenPostgres(context.Background(), server.NewDatabase(t))
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		s, err := OpenTickets(t.Context(), conn)
		require.NoError(t, err)
		return s, conn
	}
}
