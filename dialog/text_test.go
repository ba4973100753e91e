package dialog

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

	"frontdesk/tools"
)

// modelFunc is a Model made of a function that yields each chunk.
type modelFunc func(ctx context.Context, p Prompt, yield func(Chunk, error) bool)

func (f modelFunc) Reply(ctx context.Context, p Prompt) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) { f(ctx, p, yield) }
}

// echo answers the last message of the caller with "You said: …", or a tool's result.
var echo = modelFunc(func(_ context.Context, p Prompt, yield func(Chunk, error) bool) {
	yield(Chunk{Text: "You said: " + lastUser(p.Messages) + "."}, nil)
})

func lastUser(messages []Message) string {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == User {
			return messages[i].Text
		}
	}
	return ""
}

// caller is a test's side of a line: it sends inputs and collects what it is told.
type caller struct {
	t      *testing.T
	inputs chan Heard
	items  int

	mu     sync.Mutex
	events []Event
}

func newCaller(t *testing.T) *caller { return &caller{t: t, inputs: make(chan Heard)} }

func (c *caller) line() Line { return Line{Inputs: c.inputs, Tell: c.tell} }

func (c *caller) tell(e Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
}

func (c *caller) send(h Heard) {
	if h.Item == "" {
		c.items++
		h.Item = fmt.Sprintf("in%d", c.items)
	}
	c.inputs <- h
}

// types sends text and asks for the reply to it.
func (c *caller) types(text string) {
	c.send(Heard{Kind: Typed, Text: text})
	c.send(Heard{Kind: Respond})
}

// wait lets time pass.
func (c *caller) wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// all returns the events of some kinds, of every kind when none is given.
func (c *caller) all(kinds ...EventKind) []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Event
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
	for _, e := range c.all(Noticed) {
		codes = append(codes, e.Notice.Code)
	}
	return strings.Join(codes, " ")
}

func (c *caller) replies() []string {
	var out []string
	for _, e := range c.all(ReplyEnded) {
		out = append(out, e.Text)
	}
	return out
}

func (c *caller) turns() []Turn {
	var out []Turn
	for _, e := range c.all(TurnEnded) {
		out = append(out, *e.Record)
	}
	return out
}

// journal keeps what it is given, as a session's does.
type journal struct {
	mu       sync.Mutex
	messages []Message
	turns    []Turn
	known    map[string]bool
	saying   *Saying
	memory   *Memory
	err      error
}

func (j *journal) Append(_ context.Context, r Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.known == nil {
		j.known = make(map[string]bool)
	}
	j.saying = r.Saying
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

func (j *journal) history() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return transcript(j.messages)
}

func transcript(messages []Message) string {
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
	outcome Outcome
	err     error
}

// converse runs a conversation in virtual time while script acts the caller, then
// hangs up, unless the conversation has ended by itself.
func converse(t *testing.T, agent *Agent, o Options, script func(*caller)) (*caller, ended) {
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
			end.outcome, end.err = New(agent, o).Run(t.Context(), c.line())
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
	j := &journal{}
	c, end := converse(t, &Agent{Greeting: "Hello, how can I help?", Model: echo}, Options{Journal: j}, func(c *caller) {
		c.types("hi")
		synctest.Wait()
		c.types("more")
	})
	if end.outcome != CallerGone || end.err != nil {
		t.Errorf("ended %v, %v", end.outcome, end.err)
	}
	want := "a:Hello, how can I help? | u:hi | a:You said: hi. | u:more | a:You said: more."
	if got := j.history(); got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if n := len(c.all(SpeakingStarted, SpeakingStopped)); n > 0 {
		t.Errorf("%d events of sound on a line of text", n)
	}
	if got := c.turns(); len(got) != 2 || got[0].Number != 1 || got[1].Reply != "You said: more." || !got[1].Typed || got[1].Status != Completed {
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
var useOnce = modelFunc(func(_ context.Context, p Prompt, yield func(Chunk, error) bool) {
	last := p.Messages[len(p.Messages)-1]
	if last.Role == User {
		if !yield(Chunk{Text: "Let me see."}, nil) {
			return
		}
		for _, name := range strings.Fields(last.Text) {
			if !yield(Chunk{Call: &tools.Call{ID: "call_same", Name: name}}, nil) {
				return
			}
		}
		return
	}
	if last.Result == nil {
		yield(Chunk{Text: "Nothing new."}, nil)
		return
	}
	yield(Chunk{Text: "It says " + string(last.Result.Output) + "."}, nil)
})

func TestToolsAreUsedAndTheirResultsTold(t *testing.T) {
	agent := &Agent{Model: useOnce, Tools: registry(t, map[string]func(context.Context) (string, error){
		"look": func(context.Context) (string, error) { return `{"n":1}`, nil },
	})}
	j := &journal{}
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
