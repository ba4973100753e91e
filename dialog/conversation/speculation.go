package conversation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/internal/replay"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/words"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const (
	maxGuessesAtPauses       = 4     // of one utterance
	maxGuessesInSpeech       = 3     // of one utterance
	maxGuessSteps            = 3     // of a reply that are prepared
	defaultSpeculationTokens = 50000 // that a call may discard
	bytesPerToken            = 4     // estimate where the model does not count
)

// speculation prepares replies before the caller's turn is certainly over.
type speculation struct {
	guess            *guess // may become the next reply; nil for none
	discarded        dialog.Usage
	discardedForTurn dialog.Usage // since the last turn began
}

// guess is a reply that is prepared in case the caller has finished: what the model writes,
// what tools that only read return, and the audio of the first clause. Nothing of it shows
// until the caller's turn is over and its words are those of the guess; then the reply finds
// its steps here instead of asking again. The owner starts, commits and discards it.
type guess struct {
	words    []string // of the caller
	evidence gate.Evidence
	gate     *gate.Gate
	ctx      context.Context
	cancel   context.CancelFunc
	started  time.Time

	mu      sync.Mutex
	answers map[string]*replay.Buffer[dialog.Chunk] // by fingerprint of the prompt
	results map[string]*preparedResult              // by tool and arguments
	usage   dialog.Usage
}

type preparedResult struct {
	done   chan struct{} // closed when result is set
	result tools.Result
}

// speculate prepares a reply to what the caller has said so far.
func (c *conversation) speculate(h dialog.Heard) {
	u := c.floor.utterances[h.Item]
	said := words.Split(words.Printable(h.Text))
	if u == nil || len(said) == 0 || u.isDistant && c.reply != nil {
		return
	}
	if g := c.speculation.guess; g != nil && slices.Equal(g.words, said) {
		return
	}
	c.discardSpeculation()
	if !c.maySpeculate(u, h) {
		return
	}
	if h.StillSpeaking {
		u.guessesInSpeech++
	} else {
		u.guessesAtPauses++
	}
	g := &guess{
		words: said, evidence: c.evidence(words.Printable(h.Text)), gate: c.o.Gate, started: time.Now(),
		answers: make(map[string]*replay.Buffer[dialog.Chunk]), results: make(map[string]*preparedResult),
	}
	g.ctx, g.cancel = context.WithCancel(c.tasks.ctx)
	c.speculation.guess = g
	p := c.promptAfter(dialog.Message{Role: dialog.User, Text: strings.TrimSpace(words.Printable(h.Text))})
	preparer, _ := c.audio.mouth.(dialog.Preparer)
	c.spawn(func() { g.prepare(c.agent, p, preparer) })
}

// promptAfter returns what the model would be asked if m were added to the history.
func (c *conversation) promptAfter(m dialog.Message) dialog.Prompt {
	h := c.recall.history
	before := h.messages
	h.add(m)
	p := c.prompt(&reply{}, 1)
	h.messages = before
	return p
}

// discardSpeculation cancels the guess and counts what it has cost.
func (c *conversation) discardSpeculation() {
	g := c.speculation.guess
	if g == nil {
		return
	}
	c.speculation.guess = nil
	g.cancel()
	usage := g.tokens()
	c.speculation.discarded.Add(usage)
	c.speculation.discardedForTurn.Add(usage)
}

// commitSpeculation gives the guess to r if the caller said what was guessed.
func (c *conversation) commitSpeculation(r *reply) {
	if g := c.speculation.guess; g != nil && slices.Equal(g.words, words.Split(r.turn.Caller)) {
		c.speculation.guess, r.guess = nil, g
		r.turn.Times.Speculated = g.started
		context.AfterFunc(r.ctx, g.cancel)
	}
	c.discardSpeculation()
	r.turn.Discarded, c.speculation.discardedForTurn = c.speculation.discardedForTurn, dialog.Usage{}
}

// prepare makes the steps of the reply, as long as they call only tools that read.
func (g *guess) prepare(agent *dialog.Agent, p dialog.Prompt, preparer dialog.Preparer) {
	var audio sync.WaitGroup
	defer audio.Wait()
	isFirst := true
	onClause := func(clause string) {
		clause = strings.TrimSpace(plain(clause))
		if !isFirst || clause == "" || preparer == nil {
			return
		}
		isFirst = false
		audio.Go(func() { preparer.Prepare(g.ctx, clause) })
	}
	for range maxGuessSteps {
		text, calls, ok := g.ask(agent.Model, p, onClause)
		if !ok || len(calls) == 0 || !onlyRead(agent, calls) {
			return
		}
		p.Messages = append(slices.Clone(p.Messages), dialog.Message{Role: dialog.Assistant, Text: strings.TrimSpace(text), Calls: calls})
		for _, call := range calls {
			result := g.run(agent, call)
			p.Messages = append(p.Messages, dialog.Message{Role: dialog.ToolRole, Result: &result})
		}
	}
}

// ask stores the model's answer to p.
func (g *guess) ask(model dialog.Model, p dialog.Prompt, onClause func(string)) (text string, calls []tools.Call, ok bool) {
	b := replay.New[dialog.Chunk]()
	g.mu.Lock()
	g.answers[fingerprint(p)] = b
	g.mu.Unlock()
	estimate := dialog.Usage{Input: promptSize(p) / bytesPerToken}
	g.count(estimate)
	var cutter mouth.Cutter
	var err error
	for chunk, e := range model.Reply(g.ctx, p) {
		if err = e; err != nil {
			break
		}
		b.Add(chunk)
		text += chunk.Text
		if chunk.Call != nil {
			calls = append(calls, *chunk.Call)
		}
		if chunk.Usage != nil {
			g.count(dialog.Usage{Input: chunk.Usage.Input - estimate.Input, Output: chunk.Usage.Output - len(text)/bytesPerToken})
		}
		for clause := range cutter.Add(chunk.Text) {
			onClause(clause)
		}
		if len(text) > maxReply || len(calls) > maxCalls {
			break
		}
	}
	onClause(cutter.Flush())
	g.count(dialog.Usage{Output: len(text) / bytesPerToken})
	if err == nil {
		err = g.ctx.Err()
	}
	b.End(err)
	return text, calls, err == nil
}

// onlyRead reports whether all calls are of the agent's own tools and have no effect.
func onlyRead(agent *dialog.Agent, calls []tools.Call) bool {
	return !slices.ContainsFunc(calls, func(call tools.Call) bool {
		spec, isOwn := agent.Tools.Find(call.Name)
		return !isOwn || spec.Rule.Effect.Changes() || call.Name == endCall.Name || !json.Valid(call.Arguments)
	})
}

// run stores the result of a tool call.
func (g *guess) run(agent *dialog.Agent, call tools.Call) tools.Result {
	p := &preparedResult{done: make(chan struct{})}
	g.mu.Lock()
	g.results[callKey(call)] = p
	g.mu.Unlock()
	p.result = g.execute(agent, call)
	close(p.done)
	return p.result
}

// execute runs a call that the gate allows, as if the caller had finished.
func (g *guess) execute(agent *dialog.Agent, call tools.Call) tools.Result {
	call, err := agent.Tools.Check(call)
	if err != nil {
		return tools.Failed(call, err)
	}
	spec, _ := agent.Tools.Find(call.Name)
	decision := g.gate.Decide(g.ctx, gate.Request{
		Agent: agent.Name, Tool: call.Name, Rule: spec.Rule, Arguments: call.Arguments, Evidence: g.evidence,
	})
	if decision.Verdict != gate.Allowed {
		return tools.Failed(call, decision.Err)
	}
	return agent.Tools.Do(tools.WithSpeculation(g.ctx), call, decision.Permit)
}

// answerTo returns the prepared answer to p, which may still be growing, or nil. Each
// answer is returned once, so that a second try asks the model.
func (g *guess) answerTo(p dialog.Prompt) *replay.Buffer[dialog.Chunk] {
	if g == nil {
		return nil
	}
	key := fingerprint(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.answers[key]
	delete(g.answers, key)
	return b
}

// resultOf returns the prepared result of call, for which it may have to wait.
func (g *guess) resultOf(ctx context.Context, call tools.Call) (tools.Result, bool) {
	if g == nil {
		return tools.Result{}, false
	}
	key := callKey(call)
	g.mu.Lock()
	p := g.results[key]
	delete(g.results, key)
	g.mu.Unlock()
	if p == nil {
		return tools.Result{}, false
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return tools.Result{}, false
	}
	if p.result.Failed {
		return tools.Result{}, false // see tools.WithSpeculation
	}
	result := p.result
	result.CallID = call.ID
	return result, true
}

func (g *guess) count(u dialog.Usage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usage.Add(u)
}

func (g *guess) tokens() dialog.Usage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.usage
}

func callKey(call tools.Call) string { return call.Name + " " + string(call.Arguments) }

// fingerprint returns a key that is the same for prompts that ask the same. Ids, and case
// and punctuation of what the caller said, make no difference.
func fingerprint(p dialog.Prompt) string {
	var b strings.Builder
	for _, m := range p.Messages {
		b.WriteString(string(m.Role))
		b.WriteByte(0)
		if m.Role == dialog.User {
			b.WriteString(strings.Join(words.Split(m.Text), " "))
		} else {
			b.WriteString(strings.TrimSpace(m.Text))
		}
		for _, call := range m.Calls {
			b.WriteByte(1)
			b.WriteString(callKey(call))
		}
		if m.Result != nil {
			b.WriteByte(2)
			b.Write(m.Result.Output)
		}
		b.WriteByte(3)
	}
	b.WriteString(p.Instructions)
	for _, t := range p.Tools {
		b.WriteByte(4)
		b.WriteString(t.Name)
	}
	return b.String()
}

// promptSize returns the bytes that a model must read.
func promptSize(p dialog.Prompt) int {
	n := len(p.Instructions)
	for _, m := range p.Messages {
		n += messageSize(m)
	}
	for _, t := range p.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	return n
}
