package session_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/db"
	"frontdesk/session"
	"frontdesk/session/sqlite"
)

// openingHours is a model that always gives the same answer.
type openingHours struct{}

func (openingHours) Reply(context.Context, dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Text: "We are open from nine to five."}, nil)
	}
}

// printer is an Observer that prints how calls end.
type printer struct{}

func (printer) CallStarted(string)         {}
func (printer) Event(string, dialog.Event) {}
func (printer) CallEnded(transport string, e session.Ending, _ time.Duration) {
	fmt.Printf("%s call ended: %s (%s)\n", transport, e.Result, e.Reason)
}

// A caller on a text line asks one question and hangs up. The session stays in the store,
// so that the caller can resume it with Call.ResumeToken.
func Example() {
	dir, err := os.MkdirTemp("", "session")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	conn, err := db.Open(filepath.Join(dir, "frontdesk.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	store, err := sqlite.Open(context.Background(), conn)
	if err != nil {
		fmt.Println(err)
		return
	}

	desk := session.NewDesk(session.Options{
		Store:        store,
		Tokens:       session.NewTokens([]byte("use 32 random bytes from LoadSecret")),
		Agent:        func(string) (*dialog.Agent, error) { return &dialog.Agent{Name: "desk", Model: openingHours{}}, nil },
		Limits:       session.Limits{Calls: 10},
		ResumeWindow: time.Hour,
		Observer:     printer{},
		Log:          zap.NewNop(),
	})
	call, err := desk.Admit(context.Background(), session.Caller{Transport: "text"})
	if err != nil {
		fmt.Println(err) // a fault.Error: its message is safe to show to the caller
		return
	}

	inputs, replied := make(chan dialog.Heard, 2), make(chan struct{})
	inputs <- dialog.Heard{Kind: dialog.Typed, Item: "item_1", Text: "When are you open?", At: time.Now()}
	inputs <- dialog.Heard{Kind: dialog.Respond, At: time.Now()}
	go func() {
		<-replied
		close(inputs) // the caller hangs up
	}()
	call.Run(context.Background(), dialog.Line{Inputs: inputs, Emit: func(e dialog.Event) {
		if e.Kind == dialog.ReplyEnded {
			fmt.Println("agent:", e.Text)
			close(replied)
		}
	}})

	_, entries, err := store.Load(context.Background(), call.Session())
	fmt.Println("entries in the log:", len(entries), err)

	// Output:
	// agent: We are open from nine to five.
	// text call ended: hung_up (the caller hung up)
	// entries in the log: 4 <nil>
}

// A server gives a browser a token that admits it to one agent for a minute.
func ExampleTokens() {
	tokens := session.NewTokens([]byte("use 32 random bytes from LoadSecret"))
	token, err := tokens.Mint(session.Claims{Caller: session.Caller{Agent: "desk"}, Expires: time.Now().Add(time.Minute)})
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := tokens.Verify(token)
	fmt.Println(claims.Caller.Agent, err)
	_, err = tokens.Verify(token + "x")
	fmt.Println(err)

	// Output:
	// desk <nil>
	// this token is not valid
}
