package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// modelFunc is a Model made of a function that yields each chunk.
type modelFunc func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool)

func (f modelFunc) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) { f(ctx, p, yield) }
}

// echo answers the last message of the caller with "You said: …", or a tool's result.
var echo = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	yield(dialog.Chunk{Text: "You said: " + lastUser(p.Messages) + "."}, nil)
})

func lastUser(messages []dialog.Message) string {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == dialog.User {
			return messages[i].Text
		}
	}
	return ""
}

// caller is a test's side of a line: it sends inputs and collects what it is told.
type caller struct {
	t      *testing.T
	inputs chan dialog.Heard
	items  int

	mu     sync.Mutex
	events []dialog.Event
}

func newCaller(t *testing.T) *caller { return &caller{t: t, inputs: make(chan dialog.Heard)} }

func (c *caller) line() dialog.Line { return dialog.Line{Inputs: c.inputs, Emit: c.tell} }

func (c *caller) tell(e dialog.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
}

func (c *caller) send(h dialog.Heard) {
	if h.Item == "" {
		c.items++
		h.Item = fmt.Sprintf("in%d", c.items)
	}
	c.inputs <- h
}

// types sends text and asks for the reply to it.
func (c *caller) types(text string) {
	c.send(dialog.Heard{Kind: dialog.Typed, Text: text})
	c.send(dialog.Heard{Kind: dialog.Respond})
}

// wait lets time pass.
func (c *caller) wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// all returns the events of some kinds, of every kind when none is given.
func (c *caller) all(kinds ...dialog.EventKind) []dialog.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []dialog.Event
	for _, e := range c.events {
		for _, k := range kinds {
			if e.Kind == k {
				out = append(out, e)
			}
		}
		if len(kinds) == 0 {
			out = append(out, e)
		}
	}
	return out
}

func (c *caller) notices() string {
	var codes []string
	for _, e := range c.all(dialog.NoticeRaised) {
		codes = append(codes, e.Notice.Code)
	}
	return strings.Join(codes, " ")
}

func (c *caller) replies() []string {
	var out []string
	for _, e := range c.all(dialog.ReplyEnded) {
		out = append(out, e.Text)
	}
	return out
}

func (c *caller) turns() []dialog.Turn {
	var out []dialog.Turn
	for _, e := range c.all(dialog.TurnEnded) {
		out = append(out, *e.Finished)
	}
	return out
}

// journal keeps what it is given, as a session's does.
type fakeJournal struct {
	mu       sync.Mutex
	messages []dialog.Message
	turns    []dialog.Turn
	known    map[string]bool
	saying   *dialog.ResumeState
	memory   *dialog.Memory
	err      error
}

func (j *fakeJournal) Append(_ context.Context, r dialog.JournalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.known == nil {
		j.known = make(map[string]bool)
	}
	j.saying = r.Resume
	if r.Memory != nil {
		j.memory = r.Memory
	}
	for _, m := range r.Messages {
		if m.ID == "" || j.known[m.ID] {
			panic("a message without an ID of its own")
		}
		j.known[m.ID] = true
		j.messages = append(j.messages, m)
	}
	if r.Turn != nil {
		j.turns = append(j.turns, *r.Turn)
	}
	return j.err
}

func (j *fakeJournal) history() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return transcript(j.messages)
}

func transcript(messages []dialog.Message) string {
	var out []string
	for _, m := range messages {
		s := m.Text
		for _, c := range m.Calls {
			s += "+" + c.Name
		}
		if m.Result != nil {
			s += string(m.Result.Output)
		}
		if m.Interrupted {
			s += "–"
		}
		out = append(out, string(m.Role[0])+":"+s)
	}
	return strings.Join(out, " | ")
}

// ended is what Run returned.
type ended struct {
	outcome dialog.Outcome
	err     error
}

// converse runs a conversation in virtual time while script acts the caller, then
// hangs up, unless the conversation has ended by itself.
func converse(t *testing.T, agent *dialog.Agent, o Options, script func(*caller)) (*caller, ended) {
	t.Helper()
	var c *caller
	var end ended
	synctest.Test(t, func(t *testing.T) {
		c = newCaller(t)
		done := make(chan struct{})
		if o.NewID == nil {
			o.NewID = counter()
		}
		go func() {
			defer close(done)
			end.outcome, end.err = Run(t.Context(), agent, c.line(), o)
		}()
		synctest.Wait()
		script(c)
		synctest.Wait()
		select {
		case <-done:
		default:
			close(c.inputs)
		}
		<-done
	})
	return c, end
}

func counter() func(string) string {
	var mu sync.Mutex
	n := 0
	return func(prefix string) string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprint(prefix, n)
	}
}

func TestATypedQuestionIsAnswered(t *testing.T) {
	j := &fakeJournal{}
	c, end := converse(t, &dialog.Agent{Greeting: "Hello, how can I help?", Model: echo}, Options{Journal: j}, func(c *caller) {
		c.types("hi")
		synctest.Wait()
		c.types("more")
	})
	if end.outcome != dialog.CallerGone || end.err != nil {
		t.Errorf("ended %v, %v", end.outcome, end.err)
	}
	want := "a:Hello, how can I help? | u:hi | a:You said: hi. | u:more | a:You said: more."
	if got := j.history(); got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if n := len(c.all(dialog.SpeakingStarted, dialog.SpeakingStopped)); n > 0 {
		t.Errorf("%d events of sound on a line of text", n)
	}
	if got := c.turns(); len(got) != 2 || got[0].Number != 1 || got[1].Reply != "You said: more." || !got[1].Typed || got[1].Status != dialog.Completed {
		t.Errorf("turns %+v", got)
	}
}

// registry makes tools of functions, by name; a name that ends in "!" writes.
func registry(t testing.TB, funcs map[string]func(context.Context) (string, error)) *tools.Registry {
	t.Helper()
	var list []tools.Tool
	for name, f := range funcs {
		effect := tools.Reads
		if strings.HasSuffix(name, "_write") {
			effect = tools.Writes
		}
		list = append(list, toolFunc{tools.Spec{Name: name, Parameters: json.RawMessage(`{"type":"object"}`), Effect: effect}, f})
	}
	r, err := tools.NewRegistry(list...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type toolFunc struct {
	spec tools.Spec
	f    func(context.Context) (string, error)
}

func (f toolFunc) Spec() tools.Spec { return f.spec }

func (f toolFunc) Call(ctx context.Context, _ tools.Call) (tools.Result, error) {
	out, err := f.f(ctx)
	return tools.Result{Output: json.RawMessage(out)}, err
}

// useOnce is a model that uses the tools named in the caller's text, then tells the results.
var useOnce = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	last := p.Messages[len(p.Messages)-1]
	if last.Role == dialog.User {
		if !yield(dialog.Chunk{Text: "Let me see."}, nil) {
			return
		}
		for _, name := range strings.Fields(last.Text) {
			if !yield(dialog.Chunk{Call: &tools.Call{ID: "call_same", Name: name}}, nil) {
				return
			}
		}
		return
	}
	if last.Result == nil {
		yield(dialog.Chunk{Text: "Nothing new."}, nil)
		return
	}
	yield(dialog.Chunk{Text: "It says " + string(last.Result.Output) + "."}, nil)
})

func TestToolsAreUsedAndTheirResultsTold(t *testing.T) {
	agent := &dialog.Agent{Model: useOnce, Tools: registry(t, map[string]func(context.Context) (string, error){
		"look": func(context.Context) (string, error) { return `{"n":1}`, nil },
	})}
	j := &fakeJournal{}
	c, _ := converse(t, agent, Options{Journal: j}, func(c *caller) {
		c.types("look")
		synctest.Wait()
		c.types("look nothing")
	})
	want := `u:look | a:+look | t:{"n":1} | a:Let me see. It says {"n":1}.`
	if got := j.history(); !strings.HasPrefix(got, want) {
		t.Errorf("history %q", got)
	}
	if got := c.turns()[1].Tools; len(got) != 2 || got[0].CallID == got[1].CallID {
		t.Errorf("tools %+v", got)
	}
	if got := c.notices(); got != "tool_failed" {
		t.Errorf("notices %q", got)
	}
}
