package eval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/dialog/ear"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

// turnTimeout is how long a reply may take. A language model with tools needs some seconds.
const turnTimeout = time.Minute

// Happened is what the agent did in a turn.
type Happened struct {
	Reply    string   `json:"reply"`
	Tools    []string `json:"tools,omitempty"`   // that ran, by name
	Sources  []string `json:"sources,omitempty"` // pages that were shown, by file
	HasEnded bool     `json:"ended,omitempty"`
}

// DialogTurn is one turn of a conversation and its score.
type DialogTurn struct {
	Conversation string `json:"conversation"`
	Kind         string `json:"kind"`
	Number       int    `json:"turn"` // from 1
	Caller       string `json:"caller"`
	Happened
	IsChecked bool     `json:"checked"` // the suite says what the reply must be like
	Problems  []string `json:"problems,omitempty"`
}

// DialogScore counts the checked turns of a kind.
type DialogScore struct {
	Kind          string  `json:"kind"` // "all" for the sum
	Conversations int     `json:"conversations"`
	Turns         int     `json:"turns"`
	Right         int     `json:"right"`
	Percent       float64 `json:"percent"`
}

// RunDialog holds one conversation of the suite with the agent, in a session of its own.
// The conversation is text: spoken lines are given as a recognizer would write them.
func (s *Suite) RunDialog(ctx context.Context, agent *dialog.Agent, d Dialogue) ([]DialogTurn, error) {
	ctx, cancel := context.WithCancel(tools.WithCaller(ctx, tools.Caller{Session: "eval_" + d.Name}))
	defer cancel()
	c := &scriptedCaller{inputs: make(chan dialog.Heard), speech: make(chan dialog.Heard), events: make(chan dialog.Event, 1024), ended: make(chan struct{})}
	line := dialog.Line{Inputs: c.inputs, HasKeypad: true, Emit: func(e dialog.Event) {
		select {
		case c.events <- e:
		case <-ctx.Done():
		}
	}}
	o := conversation.Options{Now: s.clock(d, agent), Ear: ear.Text(c.speech)}
	go func() {
		defer close(c.ended)
		_, _ = conversation.Run(ctx, agent, line, o) // its events say how it ended
	}()
	turns, err := c.run(ctx, d)
	cancel()
	<-c.ended
	return turns, err
}

// clock returns the clock of a conversation; nil is the real one.
func (s *Suite) clock(d Dialogue, agent *dialog.Agent) func() time.Time {
	text := d.Now
	if text == "" {
		text = s.Now
	}
	now, err := parseNow(text)
	if err != nil || now.IsZero() {
		return nil
	}
	zone := agent.Handover.Hours.In(now).Location()
	began, start := time.Now(), time.Date(now.Year(), now.Month(), now.Day(), now.Hour(), now.Minute(), 0, 0, zone)
	return func() time.Time { return start.Add(time.Since(began)) }
}

// scriptedCaller says the lines of a Dialogue.
type scriptedCaller struct {
	inputs chan dialog.Heard // typed text and keys
	speech chan dialog.Heard
	events chan dialog.Event
	ended  chan struct{} // closed when the conversation has ended
	ticket string        // that was opened last
	items  int
}

// run says all lines, each after the reply to the one before.
func (c *scriptedCaller) run(ctx context.Context, d Dialogue) ([]DialogTurn, error) {
	if _, err := c.await(ctx, dialog.ReplyEnded); err != nil {
		return nil, fmt.Errorf("%s: greeting: %w", d.Name, err)
	}
	turns := make([]DialogTurn, len(d.Turns))
	hasEnded := false
	for i, l := range d.Turns {
		t := &turns[i]
		*t = DialogTurn{Conversation: d.Name, Kind: d.Kind, Number: i + 1, Caller: c.fill(l.said()), IsChecked: l.isChecked()}
		if hasEnded {
			t.Problems = []string{"the conversation has ended before"}
			continue
		}
		l.Want, l.Not = c.fillAll(l.Want), c.fillAll(l.Not)
		err := c.do(ctx, l)
		if err == nil {
			t.Happened, err = c.await(ctx, dialog.TurnEnded)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: turn %d: %w", d.Name, t.Number, err)
		}
		wait := shortWait
		if l.Ends {
			wait = turnTimeout
		}
		hasEnded = c.hasEnded(wait)
		t.HasEnded = hasEnded
		if t.IsChecked {
			t.Problems = l.problems(t.Happened)
		}
	}
	return turns, nil
}

// shortWait is how long the end of a conversation may take that should not end.
const shortWait = 5 * time.Millisecond

// hasEnded reports whether the conversation ends within d.
func (c *scriptedCaller) hasEnded(d time.Duration) bool {
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	for {
		select {
		case <-c.ended:
			return true
		case <-c.events:
		case <-timeout.C:
			return false
		}
	}
}

// fill replaces the placeholder by the ticket that was opened last.
func (c *scriptedCaller) fill(text string) string {
	return strings.ReplaceAll(text, "{ticket}", c.ticket)
}

func (c *scriptedCaller) fillAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = c.fill(t)
	}
	return out
}

// do sends what the caller does.
func (c *scriptedCaller) do(ctx context.Context, l Line) error {
	c.items++
	item := fmt.Sprintf("item_%d", c.items)
	var inputs []dialog.Heard
	to := c.inputs
	switch {
	case l.Say != "":
		to = c.speech
		inputs = []dialog.Heard{{Kind: dialog.Onset}, {Kind: dialog.Offset, Reason: "script"}, {Kind: dialog.Final, Text: c.fill(l.Say)}}
	case l.Type != "":
		inputs = []dialog.Heard{{Kind: dialog.Typed, Text: c.fill(l.Type)}, {Kind: dialog.Respond}}
	default:
		for _, key := range l.Keys {
			inputs = append(inputs, dialog.Heard{Kind: dialog.DTMF, Text: string(key)})
		}
	}
	for _, h := range inputs {
		h.Item = item
		select {
		case to <- h:
		case <-c.ended: // await says so
			return nil
		case <-time.After(turnTimeout):
			return fault.New(fault.Timeout, "the agent takes no input")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// await collects what happens until an event of a kind, or the end of the conversation.
func (c *scriptedCaller) await(ctx context.Context, until dialog.EventKind) (Happened, error) {
	var h Happened
	timeout := time.NewTimer(turnTimeout)
	defer timeout.Stop()
	for {
		select {
		case e := <-c.events:
			c.note(&h, e)
			if e.Kind == until {
				return h, nil
			}
		case <-c.ended:
			return h, nil
		case <-timeout.C:
			return h, fault.New(fault.Timeout, "no reply within %s", turnTimeout)
		case <-ctx.Done():
			return h, ctx.Err()
		}
	}
}

// note adds an event to what happened.
func (c *scriptedCaller) note(h *Happened, e dialog.Event) {
	switch e.Kind {
	case dialog.ReplyEnded:
		h.Reply = strings.TrimSpace(h.Reply + " " + e.Text)
	case dialog.ToolStarted:
		h.Tools = append(h.Tools, e.Call.Name)
	case dialog.ToolEnded:
		for _, n := range e.Result.Notes {
			switch n.Kind {
			case "source":
				h.Sources = append(h.Sources, n.ID)
			case "ticket":
				c.ticket = n.ID
			}
		}
	}
}

// ScoreDialogs counts the turns by kind, in the order of kinds, with the sum at the end.
func ScoreDialogs(turns []DialogTurn) []DialogScore {
	var out []DialogScore
	all := DialogScore{Kind: "all"}
	for _, t := range turns {
		i := slices.IndexFunc(out, func(s DialogScore) bool { return s.Kind == t.Kind })
		if i < 0 {
			i = len(out)
			out = append(out, DialogScore{Kind: t.Kind})
		}
		for _, s := range []*DialogScore{&out[i], &all} {
			if t.Number == 1 {
				s.Conversations++
			}
			if t.IsChecked {
				s.Turns++
			}
			if t.IsChecked && len(t.Problems) == 0 {
				s.Right++
			}
		}
	}
	slices.SortStableFunc(out, func(a, b DialogScore) int { return strings.Compare(a.Kind, b.Kind) })
	out = append(out, all)
	for i := range out {
		out[i].Percent = 100 * float64(out[i].Right) / float64(max(out[i].Turns, 1))
	}
	return out
}
