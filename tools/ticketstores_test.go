package tools

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/postgrestest"
	"frontdesk/internal/require"
	"frontdesk/internal/valkeytest"
)

// opener opens tickets in an empty database.
type opener func(t testing.TB) (*Tickets, *sql.DB)

// ticketTests are what every store of tickets must do.
var ticketTests = map[string]func(*testing.T, opener){
	"DetailsAndWordsAreKept":                  testDetailsAndWordsAreKept,
	"CallersCorrectWithdrawAndReopen":         testCallersCorrectWithdrawAndReopen,
	"CallersChangeThePriority":                testCallersChangeThePriority,
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
	"CallBackIsKeptUntilItIsSettled":          testCallBackIsKeptUntilItIsSettled,
	"EndedTicketsDropTheirCallBack":           testEndedTicketsDropTheirCallBack,
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

// TestTicketIsOpenedOnceThoughTheConnectionBreaksDuringTheCommit breaks it before the database
// has the commit, and before its answer arrives.
func TestTicketIsOpenedOnceThoughTheConnectionBreaksDuringTheCommit(t *testing.T) {
	server := postgrestest.Start(t, "fsync=off")
	for _, isStored := range []bool{false, true} {
		t.Run(fmt.Sprint(isStored), func(t *testing.T) {
			relay := valkeytest.NewRelay(t, server.Addr)
			url := server.NewDatabase(t)
			conn, err := db.OpenPostgres(t.Context(), strings.Replace(url, server.Addr, relay.Addr, 1))
			require.NoError(t, err)
			defer conn.Close()
			s, err := OpenTickets(t.Context(), conn)
			require.NoError(t, err)
			direct, err := db.OpenPostgres(t.Context(), url)
			require.NoError(t, err)
			defer direct.Close()
			count := func() (n int) {
				require.NoError(t, direct.QueryRow(`SELECT count(*) FROM tickets`).Scan(&n))
				return n
			}
			news := 0
			s.Listen(func(context.Context, *sql.Tx, TicketNews) error {
				if news++; news > 1 {
					return nil
				}
				hold := relay.HoldRequests
				if isStored {
					hold = relay.HoldReplies
				}
				hold()
				go func() {
					defer func() { relay.Break(); relay.Up() }()
					for deadline := time.Now().Add(10 * time.Second); isStored && count() == 0 && time.Now().Before(deadline); {
						time.Sleep(time.Millisecond)
					}
				}()
				return nil
			})
			ctx, cancel := context.WithTimeout(WithCaller(t.Context(), Caller{Session: "sess_A"}), 10*time.Second)
			defer cancel()
			created, err := s.Create(ctx, "call_1", Ticket{Subject: "printer stopped working"})
			require.NoError(t, err)
			if _, err := s.GetAsOperator(ctx, created.ID); err != nil || count() != 1 {
				t.Errorf("%v; %d tickets, want 1", err, count())
			}
			if want := map[bool]int{false: 2, true: 1}[isStored]; news != want {
				t.Errorf("the ticket was written %d times, want %d", news, want)
			}
		})
	}
}

// BenchmarkTickets measures operations as callers make them, 16 at once, with every commit on
// the disk: a ticket is opened, read, noted on and closed.
func BenchmarkTickets(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchmarkTickets(b, openTickets) })
	b.Run("Postgres", func(b *testing.B) { benchmarkTickets(b, inPostgres(postgrestest.Start(b))) })
}

func benchmarkTickets(b *testing.B, open opener) {
	s, _ := open(b)
	const callers = 16
	var turns atomic.Int64
	var work sync.WaitGroup
	b.ResetTimer()
	for caller := range callers {
		work.Go(func() {
			ctx := WithCaller(b.Context(), Caller{Session: fmt.Sprint("sess_", caller)})
			var id TicketID
			for n := turns.Add(1); n <= int64(b.N); n = turns.Add(1) {
				call := fmt.Sprint("call_", n)
				var err error
				switch {
				case id == 0:
					var t Ticket
					t, err = s.Create(ctx, call, Ticket{Subject: "printer stopped working", Contact: "ann@example.org"})
					id = t.ID
				case n%4 == 0:
					_, err = s.UpdateAsCaller(ctx, call, id, "", Change{Note: "it smokes"})
				case n%4 == 1:
					_, err = s.UpdateAsCaller(ctx, call, id, "", Change{Status: Closed})
					id = 0
				default:
					_, err = s.GetAsCaller(ctx, id, "")
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
