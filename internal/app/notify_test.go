package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/archive"
	"frontdesk/internal/config"
	"frontdesk/internal/db"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/outbox"
)

// documented returns the code blocks of docs/webhooks.md of a kind.
func documented(t *testing.T, kind string) (blocks []string) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(module, "docs/webhooks.md"))
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("(?s)```"+kind+"\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// schemas returns the documented schemas by type of event.
func schemas(t *testing.T) map[string]*jsonschema.Resolved {
	t.Helper()
	found := make(map[string]*jsonschema.Resolved)
	for _, text := range documented(t, "json schema") {
		var s jsonschema.Schema
		require.NoError(t, json.Unmarshal([]byte(text), &s))
		r, err := s.Resolve(nil)
		require.NoError(t, err)
		found[(*s.Properties["type"].Const).(string)] = r
	}
	return found
}

// collector is a destination that keeps what it gets.
type collector struct {
	mu     sync.Mutex
	events []outbox.Event
}

func (c *collector) Deliver(_ context.Context, e outbox.Event, _ string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
	return nil
}

// publishAll makes everything happen that is told of: through the tools, the reports of calls
// and those of summaries.
func publishAll(t *testing.T, s *outbox.Store, tickets *tools.Tickets) {
	t.Helper()
	ctx := tools.WithCaller(t.Context(), tools.Caller{Session: "sess_A", Number: "+4930123456", Agent: "shop", Language: "de-DE"})
	tickets.Listen(reportTicket(s))
	created, err := tickets.Create(ctx, "call_1", tools.Ticket{Subject: "Lampe \u202e defekt", Description: "Sie flackert.", Contact: "k@example.com"})
	require.NoError(t, err)
	for range 2 { // the second one is a repetition
		_, err = tickets.UpdateAsCaller(ctx, "call_2", created.ID, "", tools.Change{Note: "Seit gestern.", Status: tools.Waiting})
		require.NoError(t, err)
	}
	_, err = tickets.UpdateAsOperator(t.Context(), "", created.ID, tools.Change{Note: "Wir senden eine neue.", IsReply: true})
	require.NoError(t, err)
	_, err = tickets.UpdateAsOperator(t.Context(), "", created.ID, tools.Change{Status: tools.Withdrawn})
	require.NoError(t, err)
	for _, tool := range tickets.Tools("A person calls you back.") {
		if tool.Spec().Name == "hand_over" {
			_, err = tool.Call(ctx, tools.Call{ID: "call_3", Name: "hand_over", Arguments: json.RawMessage(`{"reason":"angry"}`)})
			require.NoError(t, err)
		}
	}
	report := reportCall(func(e outbox.Event) { require.NoError(t, s.Publish(t.Context(), e)) })
	r := session.CallReport{Call: "rtc_A", Session: "sess_A", Agent: "shop", Language: "de-DE", Transport: "sip", At: time.Now()}
	report(r)
	overview := &dialog.Overview{
		Topics: []dialog.Topic{{Intent: dialog.IntentDelivery, About: "47329", Turn: 1}, {Intent: dialog.IntentDelivery, Turn: 2}},
		Issues: []dialog.Issue{
			{ID: 1, Intent: dialog.IntentDelivery, About: "47329", Said: "Wo ist sie?", State: dialog.IssueResolved, Reason: dialog.BecauseLeft, Opened: 1, Changed: 1},
			{ID: 2, Intent: dialog.IntentOther, Said: "Sie flackert.", Ticket: created.ID.String(), State: dialog.IssueOpen, Reason: dialog.BecauseTicket, Opened: 2, Changed: 2},
		},
	}
	r.Result, r.Lasted, r.Overview = session.HungUp, 61*time.Second, overview
	report(r)
	for range 2 {
		require.NoError(t, reportSummary(s)(ctx, archive.Summary{Session: "sess_A", Agent: "shop", Text: "The lamp is broken.", Overview: overview}))
	}
	promised, err := tickets.CallBacks(ctx)
	if err != nil || len(promised) != 1 {
		t.Fatalf("got the call-backs %v, %v, want one", promised, err)
	}
	require.NoError(t, tickets.UpdateCallBack(t.Context(), "key", promised[0].Ticket, 1,
		tools.CallBackChange{IsSettled: true, IsMissed: true, Due: time.Now(), Attempts: 3, Note: "Nobody answered."}))
}

func TestEveryEventFitsItsDocumentedSchema(t *testing.T) {
	conn, err := db.Open(filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	defer conn.Close()
	s, err := outbox.Open(t.Context(), conn, []outbox.Route{{Name: "all", Content: true}, {Name: "plain", Agents: []string{"shop"}}})
	require.NoError(t, err)
	tickets, err := tools.OpenTickets(t.Context(), conn)
	require.NoError(t, err)
	publishAll(t, s, tickets)
	all, plain := &collector{}, &collector{}
	stop := inBackground(outbox.NewDispatcher(s, map[string]outbox.Destination{"all": all, "plain": plain}, outbox.Options{}).Run)
	require.NoError(t, eventually(func() bool {
		b, err := s.Backlogs(t.Context())
		return err == nil && b["all"].Waiting == 0 && b["plain"].Waiting == 0
	}))
	stop()
	byType := schemas(t)
	counts := make(map[outbox.Type]int)
	for _, e := range slices.Concat(all.events, plain.events) {
		counts[e.Type]++
		text, err := e.JSON()
		require.NoError(t, err)
		var value any
		require.NoError(t, json.Unmarshal(text, &value))
		if byType[string(e.Type)] == nil {
			t.Fatalf("docs/webhooks.md has no schema for %s", e.Type)
		}
		if err := byType[string(e.Type)].Validate(value); err != nil {
			t.Errorf("%s does not fit its schema: %v", text, err)
		}
	}
	for _, kind := range outbox.Types {
		want := map[outbox.Type]int{outbox.TicketOpened: 4, outbox.TicketChanged: 6}[kind]
		if want == 0 {
			want = 2
		}
		if counts[kind] != want {
			t.Errorf("%s arrived %d times, want %d", kind, counts[kind], want)
		}
	}
	if text, _ := json.Marshal(plain.events); bytes.Contains(text, []byte("flackert")) || bytes.Contains(text, []byte("k@example.com")) {
		t.Errorf("a destination without content got it: %s", text)
	}
	if text, _ := json.Marshal(all.events); !bytes.Contains(text, []byte("Seit gestern.")) || bytes.Contains(text, []byte(`202e`)) {
		t.Errorf("content is missing or not printable: %s", text)
	}
}

// eventually waits until is returns true.
func eventually(is func() bool) error {
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if is() {
			return nil
		}
	}
	return fmt.Errorf("it did not happen in time")
}

// TestDocumentedReceiversCheckSignatures runs the receivers of docs/webhooks.md.
func TestDocumentedReceiversCheckSignatures(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	t.Setenv("HOOK_SECRET", secret)
	t.Setenv("OTHER_SECRET", "whsec_"+strings.Repeat("QUFB", 10))
	dir := t.TempDir()
	python, goMain := filepath.Join(dir, "receiver.py"), filepath.Join(dir, "receiver.go")
	require.NoError(t, os.WriteFile(python, []byte(documented(t, "python receiver")[0]), 0o600))
	require.NoError(t, os.WriteFile(goMain, []byte(documented(t, "go receiver")[0]), 0o600))
	binary := filepath.Join(dir, "receiver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, goMain).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, command := range map[string][]string{"Python": {"python3", python}, "Go": {binary}} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skipf("%s is not installed", command[0])
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
			l.Close()
			cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], port)...)
			cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+secret)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			defer cmd.Wait() //nolint:errcheck // it is killed
			defer cmd.Process.Kill()
			url := "http://127.0.0.1:" + port + "/"
			require.NoError(t, eventually(func() bool {
				c, err := net.Dial("tcp", "127.0.0.1:"+port)
				if err == nil {
					c.Close()
				}
				return err == nil
			}))
			deliver := func(secret string) error {
				d, err := openDestination(config.Notify{Name: "hook", Type: "webhook", URL: url, Secret: secret, Private: []string{"127.0.0.0/8"}}, nil)
				require.NoError(t, err)
				return d.Deliver(t.Context(), outbox.Event{ID: "evt_1", Type: outbox.CallStarted, At: time.Now(), Data: outbox.Data{Session: "sess_A"}}, "evt_1")
			}
			require.NoError(t, deliver("${HOOK_SECRET}"))
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil || !strings.Contains(line, "evt_1") {
				t.Errorf("the receiver printed %q, %v", line, err)
			}
			if err := deliver("${OTHER_SECRET}"); err == nil {
				t.Error("the receiver accepted a wrong signature")
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
			require.NoError(t, err)
			for name, value := range map[string]string{"webhook-id": "a", "webhook-timestamp": "1614265330", "webhook-signature": "v1,x"} {
				req.Header.Set(name, value)
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("an old message: %s", resp.Status)
			}
		})
	}
}

func TestMistakesInNotifyAreNamedWithTheirPlace(t *testing.T) {
	t.Setenv("HOOK_SECRET", "hush")
	file := filepath.Join(t.TempDir(), "frontdesk.yaml")
	for name, test := range map[string]struct{ yaml, want string }{
		"secret in the file": {"{name: a, type: webhook, url: 'https://a.example/', secret: hush}", `frontdesk.yaml:2:57: notify[0].secret: a credential does not stand in this file`},
		"secret not set":     {"{name: a, type: webhook, url: 'https://a.example/', secret: '${NOT_SET}'}", "the environment variable NOT_SET is not set: set it"},
		"weak secret":        {"{name: a, type: webhook, url: 'https://a.example/', secret: '${HOOK_SECRET}'}", "notify[0].secret: must be whsec_"},
		"unknown type":       {"{name: a, type: fax}", `notify[0].type: unknown type "fax" (want webhook, email, zendesk or jira)`},
		"unknown event":      {"{name: a, type: webhook, events: [ticket.open]}", `notify[0].events[0]: unknown event "ticket.open"`},
		"name":               {"{name: 'A b', type: webhook}", "notify[0].name: invalid name"},
		"network":            {"{name: a, type: webhook, private: [x]}", `notify[0].private[0]: invalid network "x"`},
		"key of another":     {"{name: a, type: webhook, from: x@example.com}", "notify[0].from: webhook does not have it: remove it (it belongs to email)"},
		"http":               {"{name: a, type: zendesk, url: 'http://a.example/', user: u, secret: '${HOOK_SECRET}'}", "notify[0].url: http is not encrypted"},
		"mail":               {"{name: a, type: email, url: 'smtp://a.example', from: b@example.com}", "notify[0].to: must list at least one"},
	} {
		require.NoError(t, os.WriteFile(file, []byte("notify:\n  - "+test.yaml+"\n"), 0o600))
		c, err := config.Load(file, nil)
		if err == nil {
			err = c.Check()
		}
		if err == nil {
			err = checkNotify(c)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "frontdesk.yaml:2:") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if name != "unknown type" && err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

func TestOutboxCommandsAndMetrics(t *testing.T) {
	t.Setenv("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	dir := t.TempDir()
	file := filepath.Join(dir, "frontdesk.yaml")
	require.NoError(t, os.WriteFile(file, []byte("data: "+dir+"\nnotify:\n  - {name: hook, type: zendesk, url: 'http://127.0.0.1:1/', user: u, secret: '${HOOK_SECRET}', private: [127.0.0.0/8]}\n"), 0o600))
	c, err := config.Load(file, nil)
	require.NoError(t, err)
	conn, err := db.Open(filepath.Join(dir, "frontdesk.db"))
	require.NoError(t, err)
	defer conn.Close()
	s, _, metrics, stop, err := openOutbox(t.Context(), c, conn, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, s.Publish(t.Context(), outbox.Event{ID: "evt_1", Type: outbox.TicketOpened, At: time.Now(), Data: outbox.Data{Ticket: "T-1"}}))
	failed := func() string { return gathered(t, metrics) }
	require.NoError(t, eventually(func() bool { return strings.Contains(failed(), `frontdesk_outbox_failed_total{hook} 1`) }))
	stop()
	if text := failed(); !strings.Contains(text, "frontdesk_outbox_waiting{hook} 1") || !strings.Contains(text, "frontdesk_outbox_delivered_total{hook} 0") {
		t.Errorf("metrics: %s", text)
	}
	_, err = conn.Exec(`UPDATE outbox_deliveries SET dead = 1`)
	require.NoError(t, err)
	run := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := Run(append(args, "--config", file), nil, &out, &out)
		return code, out.String()
	}
	for _, step := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"outbox", "ls"}, 0, "evt_1"},
		{[]string{"outbox", "ls", "--json"}, 0, `"destination":"hook"`},
		{[]string{"outbox", "retry", "evt_2"}, 1, "there is no such dead letter"},
		{[]string{"outbox", "drop", "evt_1", "--destination", "other"}, 1, "there is no such dead letter"},
		{[]string{"outbox", "retry", "all"}, 0, "1 dead letter: sent again"},
		{[]string{"outbox", "ls"}, 0, "There are no dead letters."},
		{[]string{"config"}, 0, "secret: ${HOOK_SECRET}"},
	} {
		if code, out := run(step.args...); code != step.code || !strings.Contains(out, step.want) {
			t.Errorf("%v: exit status %d, %s; want %d, %q", step.args, code, out, step.code, step.want)
		}
	}
}

// gathered returns the values of a collector, one a line, with their labels.
func gathered(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	r := prometheus.NewRegistry()
	require.NoError(t, r.Register(c))
	families, err := r.Gather()
	require.NoError(t, err)
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.Metric {
			label := ""
			if len(m.Label) > 0 {
				label = m.Label[0].GetValue()
			}
			fmt.Fprintf(&b, "%s{%s} %v\n", f.GetName(), label, m.GetGauge().GetValue()+m.GetCounter().GetValue())
		}
	}
	return b.String()
}
