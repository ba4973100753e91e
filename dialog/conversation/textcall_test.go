package conversation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// fakeCaller is the far end of a line: it sends inputs and collects events.
type fakeCaller struct {
	inputs chan dialog.Heard
	items  int

	mu     sync.Mutex
	events []dialog.Event
}

func newFakeCaller() *fakeCaller { return &fakeCaller{inputs: make(chan dialog.Heard)} }

func (c *fakeCaller) line() dialog.Line { return dialog.Line{Inputs: c.inputs, Emit: c.emit} }

func (c *fakeCaller) emit(e dialog.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, e)
}

func (c *fakeCaller) send(h dialog.Heard) {
	if h.Item == "" {
		c.items++
		h.Item = fmt.Sprintf("in%d", c.items)
	}
	c.inputs <- h
}

// types sends text and asks for a reply to it.
func (c *fakeCaller) types(text string) {
	c.send(dialog.Heard{Kind: dialog.Typed, Text: text})
	c.send(dialog.Heard{Kind: dialog.Respond})
}

// wait lets time pass.
func (c *fakeCaller) wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// eventsOf returns the events of the given kinds, or all events without any.
func (c *fakeCaller) eventsOf(kinds ...dialog.EventKind) []dialog.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []dialog.Event
	for _, e := range c.events {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			out = append(out, e)
		}
	}
	return out
}

// notices returns the codes of all notices.
func (c *fakeCaller) notices() string {
	var codes []string
	for _, e := range c.eventsOf(dialog.NoticeRaised) {
		codes = append(codes, e.Notice.Code)
	}
	return strings.Join(codes, " ")
}

// replies returns what was heard of each reply.
func (c *fakeCaller) replies() []string {
	var out []string
	for _, e := range c.eventsOf(dialog.ReplyEnded) {
		out = append(out, e.Text)
	}
	return out
}

func (c *fakeCaller) turns() []dialog.Turn {
	var out []dialog.Turn
	for _, e := range c.eventsOf(dialog.TurnEnded) {
		out = append(out, *e.Finished)
	}
	return out
}

// runResult is what Run returned.
type runResult struct {
	outcome dialog.Outcome
	err     error
}

// textCall runs a conversation of text in virtual time. script is the caller, who hangs up
// at its end unless the conversation has ended before.
func textCall(t *testing.T, agent *dialog.Agent, o Options, script func(*fakeCaller)) (*fakeCaller, runResult) {
	t.Helper()
	return textCallAs(t, tools.Caller{}, agent, o, script)
}

// textCallAs is textCall with what tools know of the caller.
func textCallAs(t *testing.T, who tools.Caller, agent *dialog.Agent, o Options, script func(*fakeCaller)) (*fakeCaller, runResult) {
	t.Helper()
	var c *fakeCaller
	var r runResult
	synctest.Test(t, func(t *testing.T) {
		c = newFakeCaller()
		done := make(chan struct{})
		if o.NewID == nil {
			o.NewID = countingIDs()
		}
		go func() {
			defer close(done)
			r.outcome, r.err = Run(tools.WithCaller(t.Context(), who), agent, c.line(), o)
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
	return c, r
}

// countingIDs returns an Options.NewID that numbers its ids.
func countingIDs() func(string) string {
	var mu sync.Mutex
	n := 0
	return func(prefix string) string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprint(prefix, n)
	}
}
