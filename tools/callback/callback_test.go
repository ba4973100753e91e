package callback

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/hours"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/workflow"
)

// phones are the telephones of callers: what they answer, and how often they rang.
type phones struct {
	mu      sync.Mutex
	answers []Result // of the next calls; NoAnswer when they are used up
	rings   map[string]int
	by      []By
}

func (p *phones) ring(key string, by By) Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rings[key]++
	p.by = append(p.by, by)
	if len(p.answers) == 0 {
		return NoAnswer
	}
	answer := p.answers[0]
	p.answers = p.answers[1:]
	return answer
}

// desk is a node with tickets, workflows and a telephone.
type desk struct {
	*Keeper
	tickets  *tools.Tickets
	flows    *workflow.Engine
	phones   *phones
	settings Settings
	transfer chan error // ends the transfers

	mu   sync.Mutex
	news []tools.TicketNews
}

// openDesk opens a node in a new folder.
func openDesk(t *testing.T, s Settings, change ...func(*Options)) *desk {
	t.Helper()
	dir := t.TempDir()
	conn, err := db.Open(filepath.Join(dir, "tickets.db"))
	require.NoError(t, err)
	d := &desk{settings: s, phones: &phones{rings: make(map[string]int)}, transfer: make(chan error, 1)}
	d.tickets, err = tools.OpenTickets(t.Context(), conn)
	require.NoError(t, err)
	d.tickets.Listen(func(_ context.Context, _ *sql.Tx, n tools.TicketNews) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.news = append(d.news, n)
		return nil
	})
	d.flows, err = workflow.Open(t.Context(), workflow.Options{Node: "one", Path: filepath.Join(dir, "workflows.db"), Log: zap.NewNop()})
	require.NoError(t, err)
	o := Options{
		Tickets: d.tickets, Flows: d.flows, Settings: func(string) Settings { return d.settings }, Log: zap.NewNop(),
		AwaitTransfer: func(ctx context.Context, _ tools.Ticket) error {
			select {
			case err := <-d.transfer:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		CanCall: func(t tools.Ticket, _ By) bool { return t.Line != "" },
		Call: func(_ context.Context, key string, _ tools.Ticket, by By) (Result, error) {
			return d.phones.ring(key, by), nil
		},
		IsCalling: func(string) bool { return false },
		Poll:      10 * time.Millisecond, Retry: time.Millisecond,
	}
	for _, c := range change {
		c(&o)
	}
	d.Keeper = New(o)
	require.NoError(t, d.flows.Launch(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
		if err := d.flows.Close(); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
	return d
}

// handOver lets a caller ask for a person, and returns the ticket.
func handOver(t *testing.T, tickets *tools.Tickets, caller tools.Caller) tools.TicketID {
	t.Helper()
	for _, tool := range tickets.Tools("A colleague calls you back.") {
		if tool.Spec().Name != "hand_over" {
			continue
		}
		result, err := tool.Call(tools.WithCaller(t.Context(), caller), tools.Call{ID: "call", Name: "hand_over", Arguments: json.RawMessage(`{"reason":"wants a person"}`)})
		require.NoError(t, err)
		var out struct{ Ticket string }
		require.NoError(t, json.Unmarshal(result.Output, &out))
		id, _ := tools.ParseTicketID(out.Ticket)
		return id
	}
	t.Fatal("there is no tool hand_over")
	return 0
}

// finish waits until the workflow of a ticket is over.
func (d *desk) finish(t *testing.T, id tools.TicketID) workflow.Info {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	w, err := d.flows.Wait(ctx, Name+"."+id.String()+".1")
	require.NoError(t, err)
	left, err := d.tickets.CallBacks(t.Context())
	require.NoError(t, err)
	for _, c := range left {
		if c.Ticket == id {
			t.Errorf("a call-back is left: %+v", c)
		}
	}
	return w
}

// notes returns what is noted on a ticket, without the times of calls.
func (d *desk) notes(t *testing.T, id tools.TicketID) (texts []string) {
	t.Helper()
	ticket, err := d.tickets.GetAsOperator(t.Context(), id)
	require.NoError(t, err)
	all := textsFor(ticket.Language)
	for _, n := range ticket.Notes {
		text, _, _ := strings.Cut(n.Text, " "+strings.TrimSuffix(all.next, "%s."))
		if !strings.HasPrefix(text, strings.TrimSuffix(all.planned, "%s.")) {
			texts = append(texts, text)
		}
	}
	return texts
}

// told counts what the listener heard.
func (d *desk) told() (promised, missed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.news {
		if n.IsCallback {
			promised++
		}
		if n.IsMissed {
			missed++
		}
	}
	return promised, missed
}

// awaitWait waits until the workflow of a ticket waits, and returns until when.
func (d *desk) awaitWait(t *testing.T, id tools.TicketID) time.Time {
	t.Helper()
	for range 1000 {
		if w, err := d.flows.Get(Name + "." + id.String() + ".1"); err == nil && w.Due != nil {
			return *w.Due
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the workflow does not wait")
	return time.Time{}
}

var caller = tools.Caller{Session: "s", Number: "+4930123456", Agent: "shop", Language: "en-US"}

func TestCallsUntilSomebodyAnswers(t *testing.T) {
	for _, by := range []By{Agent, Person} {
		d := openDesk(t, Settings{By: by, Delay: 20 * time.Millisecond, Tries: 4})
		d.phones.answers = []Result{Busy, NoPerson, Answered, Busy}
		id := handOver(t, d.tickets, caller)
		if w := d.finish(t, id); w.State != workflow.Completed {
			t.Errorf("got %+v, want completed", w)
		}
		want := []string{"Call-back, call 1 of 4: the line was busy.", "Call-back, call 2 of 4: nobody of the team took the call.", "Call-back, call 3 of 4: the caller answered."}
		if got := d.notes(t, id); !slices.Equal(got, want) {
			t.Errorf("the ticket says %q, want %q", got, want)
		}
		if promised, missed := d.told(); promised != 1 || missed != 0 || d.phones.by[0] != by {
			t.Errorf("%d promises and %d missed call-backs were told, the calls are by %v", promised, missed, d.phones.by)
		}
	}
}

func TestMissedCallBackIsTold(t *testing.T) {
	d := openDesk(t, Settings{By: Agent, Delay: 10 * time.Millisecond, Tries: 2})
	german := caller
	german.Language = "de-DE"
	german.CallBack.From = time.Now().Add(30 * time.Millisecond)
	id := handOver(t, d.tickets, german)
	d.finish(t, id)
	notes := d.notes(t, id)
	if len(notes) != 2 || notes[1] != "Rückruf, Anruf 2 von 2: Niemand hat abgenommen. Der zugesagte Rückruf fand nicht statt." {
		t.Errorf("the ticket says %q", notes)
	}
	last := d.news[len(d.news)-1]
	if !last.IsMissed || last.Attempts != 2 || last.Due.UnixMilli() != german.CallBack.From.UnixMilli() {
		t.Errorf("told of %+v, want the promised time and 2 calls", last)
	}
}

// Calls that cannot be begun, as over a limit of the dial plan, are no tries.
func TestCallThatCannotBeginIsBegunAgain(t *testing.T) {
	var attempts int
	d := openDesk(t, Settings{By: Agent, Delay: time.Millisecond, Tries: 1}, func(o *Options) {
		o.Call = func(context.Context, string, tools.Ticket, By) (Result, error) {
			if attempts++; attempts < 4 {
				return "", workflow.NotDone(fault.New(fault.Limited, "daily limit of 2 calls reached"))
			}
			return Answered, nil
		}
	})
	id := handOver(t, d.tickets, caller)
	d.finish(t, id)
	if got := d.notes(t, id); attempts != 4 || len(got) != 1 || !strings.HasSuffix(got[0], "the caller answered.") {
		t.Errorf("%d attempts, and the ticket says %q", attempts, got)
	}
}

func TestTeamIsWatched(t *testing.T) {
	settings := Settings{By: Team, Within: 300 * time.Millisecond}
	d := openDesk(t, settings)
	forgotten, touched := handOver(t, d.tickets, caller), handOver(t, d.tickets, tools.Caller{Session: "other"})
	_, err := d.tickets.UpdateAsOperator(t.Context(), "", touched, tools.Change{Assignee: "Eve", By: "Eve"})
	require.NoError(t, err)
	d.finish(t, forgotten)
	d.finish(t, touched)
	if got := d.notes(t, forgotten); len(got) != 1 || got[0] != textsFor("en").untouched {
		t.Errorf("the ticket says %q", got)
	}
	if got := d.notes(t, touched); len(got) != 0 {
		t.Errorf("a ticket that somebody works on says %q", got)
	}
	if _, missed := d.told(); missed != 1 || len(d.phones.rings) != 0 {
		t.Errorf("%d missed call-backs were told, and %v were called", missed, d.phones.rings)
	}
}

// Nobody is called whose line is not known; the team must act.
func TestCallerWithoutALineIsTheTeams(t *testing.T) {
	d := openDesk(t, Settings{By: Agent, Delay: time.Millisecond, Within: 50 * time.Millisecond})
	id := handOver(t, d.tickets, tools.Caller{Session: "web"})
	d.finish(t, id)
	if _, missed := d.told(); missed != 1 || len(d.phones.rings) != 0 {
		t.Errorf("%d missed call-backs were told, and %v were called", missed, d.phones.rings)
	}
}

func TestTransferDecidesWhetherACallBackIsPromised(t *testing.T) {
	transferable := caller
	transferable.CanTransfer = true
	for name, c := range map[string]struct {
		isSolved bool
		calls    int
	}{"taken": {true, 0}, "nobody": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, Settings{By: Agent, Delay: time.Millisecond})
			d.phones.answers = []Result{Answered}
			id := handOver(t, d.tickets, transferable)
			if promised, _ := d.told(); promised != 0 {
				t.Error("a call-back was promised before the transfer")
			}
			if c.isSolved {
				_, err := d.tickets.UpdateAsOperator(t.Context(), "", id, tools.Change{Status: tools.Solved})
				require.NoError(t, err)
			}
			d.transfer <- nil
			d.finish(t, id)
			if promised, missed := d.told(); promised != c.calls || missed != 0 || len(d.phones.rings) != c.calls {
				t.Errorf("%d promises, %d missed, calls %v, want %d", promised, missed, d.phones.rings, c.calls)
			}
		})
	}
}

func TestEndingTheTicketEndsTheCallBack(t *testing.T) {
	for name, end := range map[string]func(d *desk, id tools.TicketID) error{
		"solved": func(d *desk, id tools.TicketID) error {
			_, err := d.tickets.UpdateAsOperator(t.Context(), "", id, tools.Change{Status: tools.Solved})
			return err
		},
		"withdrawn": func(d *desk, id tools.TicketID) error {
			_, err := d.tickets.UpdateAsCaller(tools.WithCaller(t.Context(), caller), "", id, "", tools.Change{Status: tools.Withdrawn})
			return err
		},
		"erased": func(d *desk, id tools.TicketID) error { return d.tickets.Erase(t.Context(), id) },
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, Settings{By: Agent, Delay: time.Hour})
			id := handOver(t, d.tickets, caller)
			if at := d.awaitWait(t, id); time.Until(at) < 59*time.Minute || time.Until(at) > time.Hour {
				t.Errorf("it waits until %v, want in an hour", at)
			}
			require.NoError(t, end(d, id))
			if w := d.finish(t, id); w.State != workflow.Completed {
				t.Errorf("got %+v, want completed", w)
			}
			if _, missed := d.told(); missed != 0 || len(d.phones.rings) != 0 {
				t.Errorf("%d missed call-backs were told, and %v were called", missed, d.phones.rings)
			}
		})
	}
}

// An operator lets the call be made now, or cancels it.
func TestOperatorWakesAndCancels(t *testing.T) {
	d := openDesk(t, Settings{By: Agent, Delay: time.Hour})
	d.phones.answers = []Result{Answered}
	woken := handOver(t, d.tickets, caller)
	d.awaitWait(t, woken)
	_, err := d.flows.Wake(t.Context(), flowID(tools.PromisedCallBack{Ticket: woken, Round: 1}), "operator")
	require.NoError(t, err)
	d.finish(t, woken)
	if got := d.notes(t, woken); len(got) != 1 || !strings.HasSuffix(got[0], "the caller answered.") {
		t.Errorf("the ticket says %q", got)
	}
	canceled := handOver(t, d.tickets, tools.Caller{Session: "other", Number: "+4930123456"})
	d.awaitWait(t, canceled)
	require.NoError(t, d.flows.Cancel(t.Context(), flowID(tools.PromisedCallBack{Ticket: canceled, Round: 1})))
	if w := d.finish(t, canceled); w.State != workflow.Compensated {
		t.Errorf("got %+v, want compensated", w)
	}
	if got := d.notes(t, canceled); len(got) != 1 || got[0] != textsFor("en").canceled || len(d.phones.rings) != 1 {
		t.Errorf("the ticket says %q, and %v were called", got, d.phones.rings)
	}
}

// A ticket that was closed by mistake and opened again has its call-back again.
func TestReopenedTicketIsCalledBack(t *testing.T) {
	d := openDesk(t, Settings{By: Agent, Delay: 300 * time.Millisecond})
	d.phones.answers = []Result{Answered}
	id := handOver(t, d.tickets, caller)
	ctx := tools.WithCaller(t.Context(), caller)
	for _, status := range []tools.Status{tools.Withdrawn, tools.Open} {
		_, err := d.tickets.UpdateAsCaller(ctx, "", id, "", tools.Change{Status: status})
		require.NoError(t, err)
	}
	wait, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for round, ring := range []int{0, 1} {
		for {
			w, err := d.flows.Wait(wait, flowID(tools.PromisedCallBack{Ticket: id, Round: round + 1}))
			if isGone(err) && wait.Err() == nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			require.NoError(t, err)
			if w.State != workflow.Completed || d.phones.rings[w.ID+"/call 1"] != ring {
				t.Errorf("got %+v, calls %v", w, d.phones.rings)
			}
			break
		}
	}
}

func TestCallsAreMadeInTheOpeningHours(t *testing.T) {
	h, err := hours.New(hours.Config{Timezone: "Europe/Berlin", Open: map[string]string{"mon-sun": "8:00-20:00"}})
	require.NoError(t, err)
	d := openDesk(t, Settings{By: Agent, Hours: h, Delay: 15 * time.Hour}) // at some hour it is closed then
	at := h.In(d.awaitWait(t, handOver(t, d.tickets, caller)))
	if !h.IsOpen(at) || time.Until(at) < 15*time.Hour-time.Minute {
		t.Errorf("the call is made at %v", at)
	}
}

func TestEveryLanguageHasEveryText(t *testing.T) {
	for language, text := range byLanguage {
		for _, r := range []Result{Answered, Busy, NoAnswer, Declined, Machine, Unreachable, NoPerson, Unknown} {
			if text.results[r] == "" {
				t.Errorf("%s has no text for %s", language, r)
			}
		}
		for _, s := range []string{text.try, text.planned, text.next, text.missed, text.untouched, text.canceled} {
			if s == "" {
				t.Errorf("%s misses a text", language)
			}
		}
	}
}
