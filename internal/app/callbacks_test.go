package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/signaling/sip"
	"frontdesk/signaling/sip/dialplan"
	"frontdesk/tools"
	"frontdesk/tools/callback"
	"frontdesk/tools/workflow"
	"frontdesk/web"
)

const callersLine = "+4930123456"

// telephones is another SIP server: the telephones of a caller and of a person of the team.
type telephones struct {
	address string
	caller  *desktest.Desk
	person  *desktest.Desk
	heard   chan float64 // shares of the person's tone in what the caller hears

	mu       sync.Mutex
	busy     int // of the caller's next calls
	answered []string
}

const personsTone = 700

// freeUDP returns a free address on this machine.
func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer c.Close()
	return c.LocalAddr().String()
}

// openSIP opens a SIP server with a trunk to another one.
func openSIP(t *testing.T, address string, ports int, trunk sip.Trunk, desk *desktest.Desk, admit sip.Admit) *sip.Server {
	t.Helper()
	ledger, err := dialplan.OpenLedger(t.Context(), desk.DB)
	require.NoError(t, err)
	trunk.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	s, err := sip.New(sip.Options{Listen: []string{"udp://" + address}, MinPort: ports, MaxPort: ports + 499, Ledger: ledger, Trunks: []sip.Trunk{trunk}, Log: zap.NewNop()})
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() { s.Serve(context.Background(), admit) })
	t.Cleanup(func() { s.Close(); serving.Wait() })
	return s
}

// openTelephones opens the telephones. The caller says a few words and waits; the person says a
// tone again and again.
func openTelephones(t *testing.T) *telephones {
	t.Helper()
	p := &telephones{address: freeUDP(t), heard: make(chan float64, 100)}
	p.caller = desktest.New(t, &dialog.Agent{
		Name: "caller", Greeting: "Hello?", Model: desktest.EchoModel{}, Synthesizer: desktest.ToneVoice{Hz: 300, Duration: 600 * time.Millisecond},
		Recognizer: desktest.ToneRecognizer{Hz: personsTone, Shares: p.heard}, Detector: desktest.NewLoudnessDetector,
	})
	p.person = desktest.New(t, &dialog.Agent{
		Name: "person", Greeting: "Desk.", Model: desktest.EchoModel{}, Synthesizer: desktest.ToneVoice{Hz: personsTone, Duration: time.Second},
		Silence: dialog.Silence{Prompt: "Hello?", Wait: time.Second, MaxPrompts: 100},
	})
	openSIP(t, p.address, 46000, sip.Trunk{Name: "office", Numbers: map[string]string{callersLine: "caller", "200": "person"}}, p.caller,
		func(ctx context.Context, c session.Caller) (*session.Call, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if c.Agent == "caller" && p.busy > 0 {
				p.busy--
				return nil, fault.New(fault.NotFound, "out of order")
			}
			p.answered = append(p.answered, c.Agent)
			if c.Agent == "person" {
				return p.person.Admit(ctx, c)
			}
			call, err := p.caller.Admit(ctx, c)
			if err == nil { // the caller hangs up after a while
				time.AfterFunc(8*time.Second, call.HangUp)
			}
			return call, err
		})
	return p
}

// office is a node that makes call-backs over SIP.
type office struct {
	tickets *tools.Tickets
	flows   *workflow.Engine
}

// openOffice opens a node whose agent makes call-backs as c says.
func openOffice(t *testing.T, phones *telephones, allowed string, c dialog.CallBack) *office {
	t.Helper()
	agent := &dialog.Agent{
		Name: "shop", Title: "Willow Lane", Language: "en-US", Greeting: "Hello.", Model: desktest.EchoModel{},
		Synthesizer: desktest.ToneVoice{Hz: 500, Duration: 300 * time.Millisecond},
		Handover:    dialog.Handover{To: "200", SkipConfirmation: true, CallBack: c},
	}
	var telephone *sip.Server
	desk := desktest.New(t, agent, func(o *session.Options) {
		o.Dial = func(ctx context.Context, to string) (dialog.Line, func(), error) { return telephone.Ring(ctx, to) }
	})
	plan := dialplan.Plan{Prefixes: map[string]float64{allowed: 0, "2": 0}, Calls: 10, PerMinute: 100, PerDay: 100, Longest: time.Minute}
	telephone = openSIP(t, freeUDP(t), 47000, sip.Trunk{Name: "phones", Server: phones.address, From: "100", Plan: plan}, desk, desk.Admit)
	o := &office{}
	var err error
	o.tickets, err = tools.OpenTickets(t.Context(), desk.DB)
	require.NoError(t, err)
	o.flows, err = workflow.Open(t.Context(), workflow.Options{Node: "office", Path: filepath.Join(t.TempDir(), "workflows.db"), Log: zap.NewNop()})
	require.NoError(t, err)
	n := &node{desk: desk.Desk, telephone: telephone, metrics: web.NewMetrics(), log: zap.NewNop(),
		agents: &agentSet{byName: map[string]*dialog.Agent{"shop": agent}, defaultName: "shop", tickets: o.tickets}}
	run, stop := n.keepCallBacks(o.flows)
	require.NoError(t, o.flows.Launch(t.Context()))
	stopRunning := inBackground(run)
	t.Cleanup(func() {
		stopRunning()
		if err := o.flows.Close(); err != nil {
			t.Error(err)
		}
		stop()
	})
	return o
}

// handOver lets a caller ask for a person, and returns what is noted on the ticket when the
// workflow is over.
func (o *office) handOver(t *testing.T, line string) (notes []string) {
	t.Helper()
	ctx := tools.WithCaller(t.Context(), tools.Caller{Session: "sess_A", Number: line, Agent: "shop", Language: "en-US"})
	tool := slices.IndexFunc(o.tickets.Tools(""), func(tool tools.Tool) bool { return tool.Spec().Name == "hand_over" })
	result, err := o.tickets.Tools("")[tool].Call(ctx, tools.Call{ID: "call_1", Name: "hand_over", Arguments: json.RawMessage(`{"reason":"the lamp is late"}`)})
	require.NoError(t, err)
	var out struct{ Ticket string }
	require.NoError(t, json.Unmarshal(result.Output, &out))
	wait, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w, err := o.flows.Wait(wait, fmt.Sprintf("%s.%s.1", callback.Name, out.Ticket))
	if err != nil || w.State != workflow.Completed {
		t.Fatalf("the workflow is %+v, %v", w, err)
	}
	id, _ := tools.ParseTicketID(out.Ticket)
	ticket, err := o.tickets.GetAsOperator(t.Context(), id)
	require.NoError(t, err)
	for _, n := range ticket.Notes {
		text, _, _ := strings.Cut(n.Text, " Next call: ")
		if !strings.HasPrefix(text, "The caller is called back automatically: ") {
			notes = append(notes, text)
		}
	}
	return notes
}

func TestAgentCallsBackOverSIP(t *testing.T) {
	phones := openTelephones(t)
	phones.busy = 1
	notes := openOffice(t, phones, "+49", dialog.CallBack{By: dialog.CallBackByAgent, Delay: 50 * time.Millisecond}).handOver(t, callersLine)
	want := []string{"Call-back, call 1 of 3: the line could not be reached.", "Call-back, call 2 of 3: the caller answered."}
	if !slices.Equal(notes, want) || !slices.Equal(phones.answered, []string{"caller"}) {
		t.Errorf("the ticket says %q and %v were called, want %q", notes, phones.answered, want)
	}
}

func TestPersonCallsBackOverSIP(t *testing.T) {
	phones := openTelephones(t)
	notes := openOffice(t, phones, "+49", dialog.CallBack{By: dialog.CallBackByPerson, Delay: 50 * time.Millisecond}).handOver(t, callersLine)
	if want := []string{"Call-back, call 1 of 3: the caller answered."}; !slices.Equal(notes, want) || !slices.Equal(phones.answered, []string{"person", "caller"}) {
		t.Errorf("the ticket says %q and %v were called, want %q, the person first", notes, phones.answered, want)
	}
	select {
	case share := <-phones.heard:
		if share < 0.5 {
			t.Errorf("the person's tone is %.0f %% of what the caller heard", 100*share)
		}
	default:
		t.Error("the caller heard nobody")
	}
}

// The dial plan does not allow the caller's line, so the team calls back; the ticket says if they
// do not.
func TestLineOutsideTheDialPlanIsTheTeams(t *testing.T) {
	phones := openTelephones(t)
	notes := openOffice(t, phones, "+44", dialog.CallBack{By: dialog.CallBackByAgent, Delay: time.Millisecond, Within: 50 * time.Millisecond}).handOver(t, callersLine)
	if len(notes) != 1 || len(phones.answered) != 0 {
		t.Errorf("the ticket says %q and %v were called", notes, phones.answered)
	}
}

func TestResultsOfCallsBecomeTries(t *testing.T) {
	for code, want := range map[fault.Code]callback.Result{
		fault.Busy: callback.Busy, fault.NoAnswer: callback.NoAnswer, fault.Declined: callback.Declined, fault.NotFound: callback.Unreachable,
		fault.Forbidden: callback.Unreachable, fault.Unavailable: callback.Unreachable, fault.Limited: "",
	} {
		got, err := resultOfError(fault.New(code, "x"))
		if got != want || (err != nil) != (code == fault.Limited) {
			t.Errorf("%s: got %q, %v, want %q", code, got, err, want)
		}
	}
	answered := time.Now()
	for _, c := range []struct {
		result   session.Result
		answered *time.Time
		want     callback.Result
	}{
		{session.HungUp, &answered, callback.Answered}, {session.Transferred, &answered, callback.Answered}, {session.Lost, &answered, callback.Answered},
		{session.Machine, &answered, callback.Machine}, {session.Silent, &answered, callback.NoAnswer}, {session.Busy, nil, callback.Busy},
		{session.Declined, nil, callback.Declined}, {session.NoAnswer, nil, callback.NoAnswer}, {session.Failed, nil, callback.Unreachable},
		{session.HungUp, nil, callback.Unreachable},
	} {
		if got := resultOfRecord(sip.Record{Result: c.result, AnsweredAt: c.answered}); got != c.want {
			t.Errorf("%s: got %s, want %s", c.result, got, c.want)
		}
	}
}

// A node without a telephone that takes over another one's call-back lets no caller down silently.
func TestNodeWithoutATelephoneCallsNobody(t *testing.T) {
	b := &callBacks{agents: &agentSet{byName: map[string]*dialog.Agent{"shop": {Name: "shop"}}}, desk: desktest.New(t, &dialog.Agent{Name: "shop"}).Desk, log: zap.NewNop()}
	ticket := tools.Ticket{Agent: "shop", Line: callersLine}
	for by, want := range map[callback.By]callback.Result{callback.Agent: callback.Unreachable, callback.Person: callback.NoPerson} {
		if got, err := b.place(t.Context(), "key", ticket, by); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", by, got, err, want)
		}
		if b.canCall(ticket, by) {
			t.Errorf("%s: a node without a telephone can call", by)
		}
	}
}
