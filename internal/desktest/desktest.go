// Package desktest assembles a session.Desk with fake providers for tests: a store in a
// temporary folder, one agent, and an Observer whose channels tell what happened. Only
// tests import it. It imports session, session/sqlite, dialog, media, internal/audiotest,
// internal/db and internal/fault.
package desktest

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/session/sqlite"
)

// Desk is a desk of one agent, with the parts it was assembled from.
type Desk struct {
	*session.Desk
	Tokens   *session.Tokens
	Observer *Observer
	DB       *sql.DB // of the store; nil when the test brought its own store
}

// New assembles a desk that admits calls to agent, by its name or by "". The functions in
// change alter the options before the desk is made. The end of the test closes the store,
// but ends no calls.
func New(t testing.TB, agent *dialog.Agent, change ...func(*session.Options)) *Desk {
	t.Helper()
	d := &Desk{
		Tokens:   session.NewTokens([]byte("0123456789abcdef0123456789abcdef")),
		Observer: NewObserver(),
	}
	o := session.Options{
		Tokens: d.Tokens, Node: "test", ResumeWindow: time.Hour, Observer: d.Observer, Log: zap.NewNop(),
		Agent: func(name string) (*dialog.Agent, error) {
			if name != "" && name != agent.Name {
				return nil, fault.New(fault.NotFound, "unknown agent %q", name)
			}
			return agent, nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	if o.Store == nil {
		store, conn := OpenStore(t)
		d.DB, o.Store, o.Callers = conn, store, store
	}
	d.Desk = session.NewDesk(o)
	return d
}

// OpenStore opens a store in a new folder and closes its database at the end of the test.
func OpenStore(t testing.TB) (*sqlite.Store, *sql.DB) {
	t.Helper()
	conn, err := db.Open(filepath.Join(t.TempDir(), "frontdesk.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	store, err := sqlite.Open(t.Context(), conn)
	require.NoError(t, err)
	return store, conn
}

// Observer is a session.Observer that sends endings and callers' words to channels. It
// drops what does not fit, so a test need not read both.
type Observer struct {
	Ended chan session.Ending // how each call ended
	Said  chan string         // what callers said, typed or keyed, as in the transcript
}

// NewObserver returns an Observer with room for 100 values in each channel.
func NewObserver() *Observer {
	return &Observer{Ended: make(chan session.Ending, 100), Said: make(chan string, 100)}
}

// CallStarted implements session.Observer.
func (*Observer) CallStarted(string) {}

// CallEnded implements session.Observer.
func (o *Observer) CallEnded(_ string, e session.Ending, _ time.Duration) {
	select {
	case o.Ended <- e:
	default:
	}
}

// Event implements session.Observer.
func (o *Observer) Event(_ string, e dialog.Event) {
	if e.Kind != dialog.CallerSaid {
		return
	}
	select {
	case o.Said <- e.Text:
	default:
	}
}
