package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/redact"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/session/sqlite"
	"frontdesk/tools/workflow"
)

// testNode is a data folder, its session store and its archiver.
type testNode struct {
	store    *sqlite.Store
	archiver *Archiver
	dir      string
	closers  []func() error
}

// openNode opens the data folder dir, as a node does when it starts. The caller must call
// close.
func openNode(ctx context.Context, dir string, id *age.X25519Identity, summarizer dialog.Model) (n *testNode, err error) {
	n = &testNode{dir: dir}
	defer func() {
		if err != nil {
			_ = n.close()
		}
	}()
	conn, err := db.Open(filepath.Join(dir, "frontdesk.db"))
	if err != nil {
		return n, err
	}
	n.closers = append(n.closers, conn.Close)
	if n.store, err = sqlite.Open(ctx, conn); err != nil {
		return n, err
	}
	folder := filepath.Join(dir, "archive")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return n, err
	}
	a, err := Open(ctx, "file://"+folder+"?metadata=skip&no_tmp_dir=true", []age.Recipient{id.Recipient()}, []age.Identity{id})
	if err != nil {
		return n, err
	}
	n.closers = append(n.closers, a.Close)
	// FRONTDESK_POSTGRES may name a Postgres server to test with.
	workflows, err := workflow.Open(ctx, workflow.Options{
		Node: "node " + rand.Text(), URL: os.Getenv("FRONTDESK_POSTGRES"), Path: filepath.Join(dir, "workflows.db"), Lease: time.Second, Log: zap.NewNop(),
	})
	if err != nil {
		return n, err
	}
	n.closers = append(n.closers, workflows.Close)
	n.archiver = New(Options{
		Store: n.store, Archive: a, Node: "node " + rand.Text(), RecordingsDir: filepath.Join(dir, "recordings"),
		Redact: redact.Kinds, Workflows: workflows, Summarizer: summarizer, Log: zap.NewNop(),
	})
	for range 10 { // a busy machine may take longer than the short lease allows
		if err = workflows.Launch(ctx); err == nil {
			break
		}
	}
	return n, err
}

func mustOpenNode(t *testing.T, dir string, id *age.X25519Identity, summarizer dialog.Model) *testNode {
	t.Helper()
	n, err := openNode(t.Context(), dir, id, summarizer)
	require.NoError(t, err)
	return n
}

func (n *testNode) close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	return errors.Join(errs...)
}

func (n *testNode) mustClose(t *testing.T) {
	t.Helper()
	if err := n.close(); err != nil {
		t.Error(err)
	}
}

// addSession puts a session with a recording into the data folder.
func (n *testNode) addSession(t testing.TB, id string, state session.State) {
	t.Helper()
	lease, err := n.store.Acquire(t.Context(), id, "a call", time.Minute, false)
	require.NoError(t, err)
	var entries []session.Entry
	for i, m := range []dialog.Message{
		{ID: "a", Role: dialog.User, Text: "Hello, " + secretText + ", and my card is 4111 1111 1111 1111."},
		{ID: "b", Role: dialog.Assistant, Text: "Thank you, " + secretText + "."},
	} {
		body, err := json.Marshal(m)
		require.NoError(t, err)
		entries = append(entries, session.Entry{ID: fmt.Sprint("1-", i+1), Kind: "message", At: time.Now().UTC(), Body: body})
	}
	state.Agent, state.Seq = "demo", 2
	require.NoError(t, n.store.Commit(t.Context(), lease, entries, state, time.Hour))
	require.NoError(t, n.store.Release(t.Context(), lease))
	recordings := filepath.Join(n.dir, "recordings")
	require.NoError(t, os.MkdirAll(recordings, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(recordings, id+"-rtc_1.wav"), bytes.Repeat([]byte(secretText), 1000), 0o600))
}

// archiveAll runs the archiver until no session that is over remains.
func (n *testNode) archiveAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if err := n.archiver.RunOnce(ctx); err != nil {
			return err
		}
		remaining := 0
		if err := n.store.List(ctx, func(_ string, s session.State) error {
			if s.IsOver() {
				remaining++
			}
			return nil
		}); err != nil {
			return err
		}
		if remaining == 0 && len(recordings(n.archiver.o.RecordingsDir, "sess_1")) == 0 {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond): // a resumed workflow runs in the background
		case <-ctx.Done():
			return fmt.Errorf("%d sessions are not archived: %w", remaining, ctx.Err())
		}
	}
}

// wantNoPlainText fails the test for every file of the data folder that contains what was said.
func wantNoPlainText(t *testing.T, dir string) {
	t.Helper()
	for _, f := range listFiles(t, dir) {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		if bytes.Contains(b, []byte("marmalade")) || bytes.Contains(b, []byte("4111 1111")) {
			t.Errorf("%s contains plain text", f)
		}
	}
}

// Environment variables that make the test program a node that archives one data folder.
const (
	nodeDirVariable      = "ARCHIVE_NODE"
	nodeIdentityVariable = "ARCHIVE_IDENTITY"
	crashPointVariable   = "ARCHIVE_CRASH" // the number of the point at which the node kills itself; 0 for none
)

// TestMain runs a node if the environment says so, else the tests.
func TestMain(m *testing.M) {
	dir := os.Getenv(nodeDirVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := runNode(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runNode archives the sessions of a data folder.
func runNode(dir string) error {
	id, err := age.ParseX25519Identity(os.Getenv(nodeIdentityVariable))
	if err != nil {
		return err
	}
	crash, err := strconv.ParseInt(os.Getenv(crashPointVariable), 10, 64)
	if err != nil {
		return err
	}
	var points atomic.Int64
	leaseTTL = time.Second / 2
	onStep = func(string) {
		if points.Add(1) == crash {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
			select {}
		}
	}
	n, err := openNode(context.Background(), dir, id, nil)
	if err != nil {
		return err
	}
	return errors.Join(n.archiveAll(context.Background()), n.close())
}

var crashSeeds = flag.Int("crashseeds", archivePoints, "seeds of the crash test")

// archivePoints is how often onStep is called: before and after each of the four steps, when
// three of them have the session's lease, and before the session is deleted and after it.
const archivePoints = 13

// TestSessionIsArchivedOnceWhereverANodeCrashes kills a node at a point, and another one at a
// later one.
func TestSessionIsArchivedOnceWhereverANodeCrashes(t *testing.T) {
	for seed := range *crashSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dir, id := t.TempDir(), newIdentity(t)
			node := func(crash int) ([]byte, error) {
				c := exec.CommandContext(t.Context(), os.Args[0])
				c.Env = append(os.Environ(), nodeDirVariable+"="+dir, crashPointVariable+"="+strconv.Itoa(crash), nodeIdentityVariable+"="+id.String())
				return c.CombinedOutput()
			}
			n := mustOpenNode(t, dir, id, nil)
			n.addSession(t, "sess_1", session.State{Ended: "done"})
			n.mustClose(t)
			if out, err := node(1 + seed%archivePoints); err == nil || len(out) > 0 {
				t.Fatalf("the node did not crash: %s", out)
			}
			if out, err := node(1 + seed*5%archivePoints); len(out) > 0 { // it may end before this point
				t.Fatalf("the second node failed: %v: %s", err, out)
			}
			if out, err := node(0); err != nil {
				t.Fatalf("the last node failed: %v: %s", err, out)
			}
			checkArchivedOnce(t, dir, id)
		})
	}
}

// checkArchivedOnce fails the test unless the session is in the archive, and nowhere else.
func checkArchivedOnce(t *testing.T, dir string, id *age.X25519Identity) {
	t.Helper()
	wantNoPlainText(t, dir)
	a := open(t, filepath.Join(dir, "archive"), id)
	r, err := a.Get(t.Context(), "sess_1")
	require.NoError(t, err)
	var audio bytes.Buffer
	if err := a.Copy(t.Context(), &audio, r, r.Recordings[0]); err != nil || !strings.Contains(audio.String(), "marmalade") {
		t.Errorf("the recording differs, error %v", err)
	}
	if len(r.Entries) != 2 || !strings.Contains(string(r.Entries[0].Body), secretText+", and my card is [card number]") || !strings.Contains(r.Summary, "[card number]") {
		t.Errorf("got the record %+v, want two entries with the card number redacted", r)
	}
	n := 0
	for _, err := range a.List(t.Context()) {
		require.NoError(t, err)
		n++
	}
	if n != 1 {
		t.Errorf("the archive has %d sessions, want one", n)
	}
}

// fixedModel is a model that always replies with text and err.
type fixedModel struct {
	text string
	err  error
}

func (m fixedModel) Reply(context.Context, dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) { yield(dialog.Chunk{Text: m.text}, m.err) }
}

func TestOnlySessionsThatAreOverAreArchived(t *testing.T) {
	n := mustOpenNode(t, t.TempDir(), newIdentity(t), fixedModel{text: "A card was mentioned."})
	defer n.mustClose(t)
	archiveAll := func() {
		t.Helper()
		require.NoError(t, n.archiveAll(t.Context()))
	}
	n.addSession(t, "sess_1", session.State{Until: time.Now().Add(-time.Minute)})
	n.addSession(t, "sess_2", session.State{Until: time.Now().Add(time.Hour)})
	archiveAll()
	if _, _, err := n.store.Load(t.Context(), "sess_1"); codeOf(err) != fault.NotFound {
		t.Errorf("load of the archived sess_1: got %v, want not_found", err)
	}
	if _, entries, err := n.store.Load(t.Context(), "sess_2"); err != nil || len(entries) != 2 {
		t.Errorf("load of sess_2: got %d entries, error %v; want 2", len(entries), err)
	}
	if r, err := n.archiver.o.Archive.Get(t.Context(), "sess_1"); err != nil || r.Summary != "A card was mentioned." {
		t.Errorf("got the record %+v, error %v; want the model's summary", r, err)
	}
	n.archiver.o.Retention = time.Nanosecond
	archiveAll()
	for info, err := range n.archiver.o.Archive.List(t.Context()) {
		if err != nil || !info.Erased {
			t.Errorf("listed %+v, error %v; want erased after the retention", info, err)
		}
	}
}

func TestSummaryWithoutAModelIsAnExcerpt(t *testing.T) {
	body, err := json.Marshal(dialog.Message{Role: dialog.User, Text: "Where is my lamp?"})
	require.NoError(t, err)
	entries := []session.Entry{{Kind: "message", Body: body}}
	for _, m := range []dialog.Model{nil, fixedModel{err: os.ErrClosed}, fixedModel{}} {
		if got, want := summarize(t.Context(), m, entries), "Caller: Where is my lamp?"; got != want {
			t.Errorf("summary by %v: got %q, want %q", m, got, want)
		}
	}
	if got := summarize(t.Context(), nil, nil); got != "Nothing was said." {
		t.Errorf("summary of an empty session: got %q", got)
	}
}

func TestRecordingsAreThoseOfOneSession(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"sess_1-rtc_1.wav", "sess_1-rtc_2.wav", "sess_12-rtc_3.wav", "sess_1-rtc_4.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	for id, want := range map[string]int{"sess_1": 2, "sess_12": 1, "sess_2": 0, "*": 0, "sess_?": 0, "": 0} {
		if got := recordings(dir, id); len(got) != want {
			t.Errorf("session %q has the recordings %v, want %d", id, got, want)
		}
	}
	if got := recordings(filepath.Join(dir, "missing"), "sess_1"); got != nil {
		t.Errorf("found %v in a missing folder", got)
	}
}

func TestTheOverviewIsRedactedAndTheCallerHasLeft(t *testing.T) {
	a := &Archiver{o: Options{Redact: redact.Kinds}}
	o := &dialog.Overview{
		Topics: []dialog.Topic{{Intent: dialog.IntentDelivery, About: "47329", Turn: 3}},
		Issues: []dialog.Issue{{ID: 1, Intent: dialog.IntentDelivery, Said: "mail ann@example.com", Ticket: "T-48291532", State: dialog.IssueAnswered, Opened: 1, Changed: 3}},
	}
	got, err := a.overview(session.State{Overview: o})
	require.NoError(t, err)
	i := got.Issues[0]
	if i.Said != "mail [e-mail]" || i.Ticket != "T-48291532" || i.State != dialog.IssueResolved || i.Changed != 3 || got.Topics[0] != o.Topics[0] || o.Issues[0].State != dialog.IssueAnswered {
		t.Errorf("got %+v", got)
	}
	if got, err := a.overview(session.State{}); got != nil || err != nil {
		t.Errorf("nothing became %+v, %v", got, err)
	}
}
