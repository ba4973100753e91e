package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/session/sqlite"
)

// desk is a data folder with what archives its sessions.
type desk struct {
	store *sqlite.Store
	after *After
	dir   string
	close func()
}

// openDesk opens the data folder dir, as a node does when it starts.
func openDesk(t testing.TB, dir string, id *age.X25519Identity, scribe dialog.Model) *desk {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	sessions, err := db.Open(filepath.Join(dir, "frontdesk.db"))
	must(err)
	store, err := sqlite.Open(t.Context(), sessions)
	must(err)
	work, err := db.Open(filepath.Join(dir, "workflows.db"))
	must(err)
	work.SetMaxOpenConns(4)
	kept := filepath.Join(dir, "archive")
	must(os.MkdirAll(kept, 0o700))
	a, err := Open(t.Context(), "file://"+kept+"?metadata=skip&no_tmp_dir=true", []age.Recipient{id.Recipient()}, []age.Identity{id})
	must(err)
	o := Options{
		Store: store, Archive: a, Node: "here", Records: filepath.Join(dir, "recordings"),
		Redact: Kinds, Scribe: scribe, Log: zap.NewNop(),
	}
	if o.Database = os.Getenv("FRONTDESK_POSTGRES"); o.Database == "" { // a server to try it with
		o.SQLite = work
	}
	after, err := Start(t.Context(), o)
	must(err)
	return &desk{store: store, after: after, dir: dir, close: func() {
		if err := after.Close(); err != nil {
			t.Error(err)
		}
		a.Close()
		work.Close()
		sessions.Close()
	}}
}

// held puts a session with a recording into the data folder.
func (d *desk) held(t testing.TB, id string, state session.State) {
	t.Helper()
	lease, err := d.store.Acquire(t.Context(), id, "a call", time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	var entries []session.Entry
	for n, m := range []dialog.Message{
		{ID: "a", Role: dialog.User, Text: "Hello, " + secretWords + ", and my card is 4111 1111 1111 1111."},
		{ID: "b", Role: dialog.Assistant, Text: "Thank you, " + secretWords + "."},
	} {
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, session.Entry{ID: "1-" + string(rune('1'+n)), Kind: "message", At: time.Now().UTC(), Body: body})
	}
	state.Agent, state.Seq = "demo", 2
	if err := d.store.Commit(t.Context(), lease, entries, state, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := d.store.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	records := filepath.Join(d.dir, "recordings")
	if err := os.MkdirAll(records, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(records, id+"-rtc_1.wav"), bytes.Repeat([]byte(secretWords), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
}

// look archives until nothing that is over is left.
func (d *desk) look(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		if err := d.after.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := 0
		if err := d.store.List(t.Context(), func(_ string, s session.State) error {
			if s.IsOver() {
				left++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if left == 0 && len(d.after.recordings("sess_1")) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions are left", left)
		}
		select {
		case <-time.After(50 * time.Millisecond): // a workflow that was taken up again is at it
		case <-t.Context().Done():
			return
		}
	}
}

// readable fails for every file of the data folder that holds what was said.
func readable(t *testing.T, dir string) {
	t.Helper()
	for _, f := range objects(t, dir) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("marmalade")) || bytes.Contains(b, []byte("4111")) {
			t.Errorf("%s can be read", f)
		}
	}
}

// TestMain is the node that dies, when asked to be.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ARCHIVE_NODE"); dir != "" {
		os.Args = []string{os.Args[0], "-test.run", "^TestNode$"}
	}
	os.Exit(m.Run())
}

func TestNode(t *testing.T) {
	dir := os.Getenv("ARCHIVE_NODE")
	if dir == "" {
		t.Skip("a part of TestASessionIsArchivedOnceWhateverDies")
	}
	id, err := age.ParseX25519Identity(os.Getenv("ARCHIVE_IDENTITY"))
	if err != nil {
		t.Fatal(err)
	}
	stepped = func(at string) {
		if at == os.Getenv("ARCHIVE_DIES") {
			if self, err := os.FindProcess(os.Getpid()); err == nil {
				_ = self.Kill()
			}
			select {}
		}
	}
	d := openDesk(t, dir, id, nil)
	defer d.close()
	d.look(t)
}

func TestASessionIsArchivedOnceWhateverDies(t *testing.T) {
	node := func(dir, dies string, id *age.X25519Identity) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), "ARCHIVE_NODE="+dir, "ARCHIVE_DIES="+dies, "ARCHIVE_IDENTITY="+id.String())
		return c
	}
	for _, dies := range []string{
		"summarise", "summarise, done", "write", "write, done", "verify", "verify, done", "remove", "remove, done",
	} {
		t.Run(dies, func(t *testing.T) {
			t.Parallel()
			dir, id := t.TempDir(), identity(t)
			d := openDesk(t, dir, id, nil)
			d.held(t, "sess_1", session.State{Ended: "done"})
			d.close()
			if out, err := node(dir, dies, id).CombinedOutput(); err == nil {
				t.Fatalf("it did not die: %s", out)
			}
			if out, err := node(dir, "", id).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			readable(t, dir)
			a := open(t, filepath.Join(dir, "archive"), id)
			r, err := a.Get(t.Context(), "sess_1")
			if err != nil {
				t.Fatal(err)
			}
			var sound bytes.Buffer
			if err := a.Copy(t.Context(), &sound, r, r.Recordings[0]); err != nil || !strings.Contains(sound.String(), "marmalade") {
				t.Errorf("the recording: %v", err)
			}
			if len(r.Entries) != 2 || !strings.Contains(string(r.Entries[0].Body), secretWords+", and my card is [card number]") || !strings.Contains(r.Summary, "[card number]") {
				t.Errorf("%+v", r)
			}
		})
	}
}

// teller is a model that writes one text, or fails.
type teller struct {
	text string
	err  error
}

func (m teller) Reply(context.Context, dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) { yield(dialog.Chunk{Text: m.text}, m.err) }
}

func TestSessionsThatAreOverAreArchivedAndOthersLeft(t *testing.T) {
	dir, id := t.TempDir(), identity(t)
	d := openDesk(t, dir, id, teller{text: "A card was mentioned."})
	defer d.close()
	d.held(t, "sess_1", session.State{Until: time.Now().Add(-time.Minute)})
	d.held(t, "sess_2", session.State{Until: time.Now().Add(time.Hour)})
	d.look(t)
	if _, _, err := d.store.Load(t.Context(), "sess_1"); codeOf(err) != fault.NotFound {
		t.Errorf("sess_1: %v", err)
	}
	if _, entries, err := d.store.Load(t.Context(), "sess_2"); err != nil || len(entries) != 2 {
		t.Errorf("sess_2: %d entries, %v", len(entries), err)
	}
	if r, err := d.after.o.Archive.Get(t.Context(), "sess_1"); err != nil || r.Summary != "A card was mentioned." {
		t.Errorf("%+v, %v", r, err)
	}
	d.after.o.Retention = time.Nanosecond
	d.look(t)
	for k, err := range d.after.o.Archive.List(t.Context()) {
		if err != nil || !k.Erased {
			t.Errorf("%+v, %v: its time is over", k, err)
		}
	}
}

func TestAModelThatFailsLeavesASummaryOfTheWordsThemselves(t *testing.T) {
	body, err := json.Marshal(dialog.Message{Role: dialog.User, Text: "Where is my lamp?"})
	if err != nil {
		t.Fatal(err)
	}
	entries := []session.Entry{{Kind: "message", Body: body}}
	for _, m := range []dialog.Model{nil, teller{err: os.ErrClosed}, teller{}} {
		if got := summary(t.Context(), m, entries); got != "Caller: Where is my lamp?" {
			t.Errorf("%v: %q", m, got)
		}
	}
	if got := summary(t.Context(), nil, nil); got != "Nothing was said." {
		t.Errorf("%q", got)
	}
}
