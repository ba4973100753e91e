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
	"frontdesk/tools"
)

const (
	maxGuesses    = 4     // of one utterance, at its pauses
	maxHasty      = 3     // and while the caller speaks
	guessSteps    = 3     // of a reply that are made ahead
	defaultTokens = 50000 // that a call may discard
	tokenLetters  = 4     // bytes of text of a token, where the model does not count
)

// guess is a reply made ahead of the end of the turn: what the model and the tools that
// only read gave, and the sound of the first clause. Nothing of it shows until the turn
// turns out to have been what was guessed; then the reply finds its steps already made.
// The loop starts, commits and discards it; it works beside the loop.
type guess struct {
	words  []string // of the caller
	ctx    context.Context
	cancel context.CancelFunc
	began  time.Time

	mu    sync.Mutex
	steps map[string]*replay.Buffer[dialog.Chunk] // by what was asked
	tools map[string]*guessedTool                 // by call
	spent dialog.Usage
}

type guessedTool struct {
	done   chan struct{} // closed behind result
	result tools.Result
}

// maybe prepares a reply to what the caller has said, if that were all.
func (l *loop) maybe(h dialog.Heard) {
	u := l.floor.utterances[h.Item]
	words := plainWords(printable(h.Text))
	if u == nil || len(words) == 0 || l.handing {
		return
	}
	if l.guess != nil && slices.Equal(l.guess.words, words) {
		return
	}
	l.discard()
	if !l.mayGuess(u, h) {
		return
	}
	if h.StillSpeaking {
		u.hasty++
	} else {
		u.guesses++
	}
	g := &guess{words: words, began: time.Now(), steps: make(map[string]*replay.Buffer[dialog.Chunk]), tools: make(map[string]*guessedTool)}
	g.ctx, g.cancel = context.WithCancel(l.ctx)
	l.guess = g
	p := l.promptWith(dialog.Message{Role: dialog.User, Text: strings.TrimSpace(printable(h.Text))})
	mouth, _ := l.mouth.(dialog.Preparer)
	l.spawn(func() func() {
		g.run(l.agent, p, mouth)
		return nil
	})
}

// mayGuess reports whether a reply may be prepared now.
func (l *loop) mayGuess(u *utterance, h dialog.Heard) bool {
	limit := l.agent.Speculation.MaxTokens
	if limit == 0 {
		limit = defaultTokens
	}
	return !l.agent.Speculation.Disabled && l.discarded.Input+l.discarded.Output < limit &&
		u.guesses < maxGuesses && (!h.StillSpeaking || u.hasty < maxHasty) && len(l.floor.utterances) == 1 &&
		l.reply == nil && l.awaited == nil && len(l.pending) == 0 && l.outcome == "" && !isGoodbye(h.Text)
}

// promptWith is what the model would be asked if m were said now.
func (l *loop) promptWith(m dialog.Message) dialog.Prompt {
	before := l.history.messages
	l.history.add(m)
	p := l.prompt(&reply{steps: 1})
	l.history.messages = before
	return p
}

// discard throws a guess away and counts what it has cost.
func (l *loop) discard() {
	g := l.guess
	if g == nil {
		return
	}
	l.guess = nil
	g.cancel()
	spent := g.usage()
	for _, u := range []*dialog.Usage{&l.discarded, &l.wasted} {
		u.Input += spent.Input
		u.Output += spent.Output
	}
}

// commit gives the guess to the reply, when the caller did say that.
func (l *loop) commit(r *reply) {
	if g := l.guess; g != nil && slices.Equal(g.words, plainWords(r.turn.Caller)) {
		l.guess, r.guess = nil, g
		r.turn.Times.Speculated = g.began
		context.AfterFunc(r.ctx, g.cancel)
	}
	l.discard()
	r.turn.Discarded, l.wasted = l.wasted, dialog.Usage{}
}

// run makes the reply's steps ahead, as long as they use no tool that has an effect.
func (g *guess) run(agent *dialog.Agent, p dialog.Prompt, mouth dialog.Preparer) {
	var work sync.WaitGroup
	defer work.Wait()
	opened := false
	say := func(clause string) { // the first one
		clause = strings.TrimSpace(plain(clause))
		if opened || clause == "" || mouth == nil {
			return
		}
		opened = true
		work.Go(func() { mouth.Prepare(g.ctx, clause) })
	}
	for range guessSteps {
		text, calls, ok := g.step(agent.Model, p, say)
		if !ok || len(calls) == 0 || !onlyRead(agent, calls) {
			return
		}
		p.Messages = append(slices.Clone(p.Messages), dialog.Message{Role: dialog.Assistant, Text: strings.TrimSpace(text), Calls: calls})
		for _, c := range calls {
			result := g.use(agent, c)
			p.Messages = append(p.Messages, dialog.Message{Role: dialog.ToolRole, Result: &result})
		}
	}
}

// step records what the model gives.
func (g *guess) step(model dialog.Model, p dialog.Prompt, say func(string)) (text string, calls []tools.Call, ok bool) {
	s := replay.New[dialog.Chunk]()
	g.mu.Lock()
	g.steps[fingerprint(p)] = s
	g.mu.Unlock()
	estimate := dialog.Usage{Input: size(p) / tokenLetters}
	g.spend(estimate)
	var c mouth.Cutter
	var err error
	for chunk, e := range model.Reply(g.ctx, p) {
		if err = e; err != nil {
			break
		}
		s.Add(chunk)
		text += chunk.Text
		if chunk.Call != nil {
			calls = append(calls, *chunk.Call)
		}
		if chunk.Usage != nil {
			g.spend(dialog.Usage{Input: chunk.Usage.Input - estimate.Input, Output: chunk.Usage.Output - len(text)/tokenLetters})
		}
		for clause := range c.Add(chunk.Text) {
			say(clause)
		}
		if len(text) > maxReply || len(calls) > maxCalls {
			break
		}
	}
	say(c.Flush())
	g.spend(dialog.Usage{Output: len(text) / tokenLetters})
	if err == nil {
		err = g.ctx.Err()
	}
	s.End(err)
	return text, calls, err == nil
}

// onlyRead reports whether calls are all of the agent's own tools that only read.
func onlyRead(agent *dialog.Agent, calls []tools.Call) bool {
	return !slices.ContainsFunc(calls, func(c tools.Call) bool {
		spec, ok := agent.Tools.Find(c.Name)
		return !ok || spec.Effect == tools.Writes || c.Name == endCall.Name || !json.Valid(c.Arguments)
	})
}

func (g *guess) use(agent *dialog.Agent, c tools.Call) tools.Result {
	t := &guessedTool{done: make(chan struct{})}
	g.mu.Lock()
	g.tools[callKey(c)] = t
	g.mu.Unlock()
	t.result = agent.Tools.Do(g.ctx, c)
	close(t.done)
	return t.result
}

// reply is what the model was asked ahead, nil when it was something else.
func (g *guess) reply(p dialog.Prompt) *replay.Buffer[dialog.Chunk] {
	if g == nil {
		return nil
	}
	key := fingerprint(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.steps[key]
	delete(g.steps, key) // a second try asks anew
	return s
}

// result is what a tool gave ahead.
func (g *guess) result(ctx context.Context, c tools.Call) (tools.Result, bool) {
	if g == nil {
		return tools.Result{}, false
	}
	key := callKey(c)
	g.mu.Lock()
	t := g.tools[key]
	delete(g.tools, key)
	g.mu.Unlock()
	if t == nil {
		return tools.Result{}, false
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		return tools.Result{}, false
	}
	result := t.result
	result.CallID = c.ID
	return result, true
}

func (g *guess) spend(u dialog.Usage) {
	g.mu.Lock()
	g.spent.Input += u.Input
	g.spent.Output += u.Output
	g.mu.Unlock()
}

func (g *guess) usage() dialog.Usage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spent
}

func callKey(c tools.Call) string { return c.Name + " " + string(c.Arguments) }

// fingerprint is the same for prompts that ask the same: ids, and how the last words of
// the caller are written, make no difference.
func fingerprint(p dialog.Prompt) string {
	var b strings.Builder
	for _, m := range p.Messages {
		b.WriteString(string(m.Role))
		b.WriteByte(0)
		if m.Role == dialog.User {
			b.WriteString(strings.Join(plainWords(m.Text), " "))
		} else {
			b.WriteString(strings.TrimSpace(m.Text))
		}
		for _, c := range m.Calls {
			b.WriteByte(1)
			b.WriteString(callKey(c))
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

// size is how many bytes a model must read.
func size(p dialog.Prompt) int {
	n := len(p.Instructions)
	for _, m := range p.Messages {
		n += weight(m)
	}
	for _, t := range p.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	return n
}
