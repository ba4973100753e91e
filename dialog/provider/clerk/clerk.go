// Package clerk is the model that needs no account and no weights: rules tell what
// a caller wants, retrieval from the agent's knowledge base gives the answer, and
// the agent's tools do the rest. It calls the same tools through the same loop as a
// language model would, and never says a fact that a tool did not give it.
//
// It keeps nothing: each reply follows from the prompt's messages and tools alone,
// so the same prompt always gets the same reply, on any node. It imports dialog and
// tools.
//
// Its rules know English as a recogniser writes it: without punctuation, now and
// then misheard. In German, Spanish and French it answers from pages in that
// language, and understands yes, no, numbers, tickets, goodbyes and the wish for a
// person; in any other language it says its own words in English. It does not
// calculate, compare or tell today's date.
package clerk

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// The tools the clerk knows by name. It uses those the prompt offers.
const (
	searchKnowledge = "search_knowledge"
	createTicket    = "create_ticket"
	getTicket       = "ticket_status"
	updateTicket    = "update_ticket"
	handOver        = "hand_over"
	endCall         = "end_call"
)

// Clerk is a dialog.Model. The zero value is ready, and one serves every call.
type Clerk struct{}

// Reply implements dialog.Model: calls of tools first, and once their results are
// there, the text, a sentence at a time.
func (Clerk) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(dialog.Chunk{}, err)
			return
		}
		text, calls := newDesk(p).reply(p.Messages)
		for _, s := range sentences(text) {
			if !yield(dialog.Chunk{Text: s + " "}, nil) {
				return
			}
		}
		for i := range calls {
			if !yield(dialog.Chunk{Call: &calls[i]}, nil) {
				return
			}
		}
	}
}

// desk is what the clerk works with during one reply.
type desk struct {
	say     *phrases
	rules   []rule
	try     []string
	has     map[string]bool // tools
	lookups []lookup
}

func newDesk(p dialog.Prompt) *desk {
	d := &desk{say: inEnglish, rules: englishRules, has: make(map[string]bool)}
	if p.Agent != nil {
		d.say, d.rules, d.try = speak(p.Agent.Language), rulesOf(p.Agent.Language), p.Agent.Suggestions
	}
	for _, spec := range p.Tools {
		d.has[spec.Name] = true
		if l, ok := newLookup(spec); ok {
			d.lookups = append(d.lookups, l)
		}
	}
	return d
}

// part is one thing to do for the caller: perhaps a call, and then something to say.
type part struct {
	call *tools.Call
	// say is called with the call's result, or the zero Result. Unless the part is
	// an answer, it may note in m what the result teaches.
	say    func(m *memory, r tools.Result) saying
	answer bool // from the knowledge base: what it teaches is seen by its words
}

// saying is what to tell the caller.
type saying struct {
	text  string
	pages []string // the text comes from
	ask   question // to ask after all has been told
	about string   // what ask is about, where it has a place for it
	lead  string   // to say right before asking
}

func (d *desk) tell(text string, ask question) []part {
	return []part{{say: func(*memory, tools.Result) saying { return saying{text: text, ask: ask} }}}
}

// reply is the next step for messages.
func (d *desk) reply(messages []dialog.Message) (text string, calls []tools.Call) {
	all := exchanges(messages)
	now := &all[len(all)-1]
	if now.heard != "" || len(all) == 1 { // nobody said anything new
		if len(all) == 1 {
			return d.say.here, nil
		}
		return d.say.ask[anythingElse], nil
	}
	m := d.remember(all[:len(all)-1])
	parts := d.decide(&m, now, all[:len(all)-1])
	results, made := now.answers(parts)
	if made {
		text, _ = d.compose(&m, parts, results)
		return text, nil
	}
	for i, p := range parts {
		if p.call != nil {
			p.call.ID = fmt.Sprintf("call_%s_%d_%d", now.id, len(now.calls), i)
			calls = append(calls, *p.call)
		}
	}
	return "", calls
}

// remember goes through earlier exchanges for what they taught.
func (d *desk) remember(past []exchange) memory {
	var m memory
	for i := range past {
		e := &past[i]
		ask := nothing
		if i > 0 {
			ask = d.learn(&m, e, past[:i])
		}
		m.asked = d.say.asked(e.heard)
		if e.cut && m.asked == nothing { // interrupted: callers know what is coming
			m.asked = ask
		}
	}
	return m
}

// learn goes through one earlier exchange, and tells what was asked at its end. It
// spares the work of choosing an answer again where the answer was heard.
func (d *desk) learn(m *memory, e *exchange, past []exchange) question {
	parts := d.decide(m, e, past)
	results, made := e.answers(parts)
	if !made {
		return nothing
	}
	if !e.cut && len(parts) == 1 && parts[0].answer {
		m.lost++
		if !strings.Contains(e.heard, d.say.unknown) {
			m.lost = 0
		}
		return d.say.asked(e.heard)
	}
	_, ask := d.compose(m, parts, results)
	return ask
}

// compose puts together what the parts say: first the answers, then where they come
// from, then one question.
func (d *desk) compose(m *memory, parts []part, results []tools.Result) (text string, ask question) {
	var texts, pages []string
	about, lead := "", ""
	for _, p := range parts {
		var r tools.Result
		if p.call != nil && len(results) > 0 {
			r, results = results[0], results[1:]
		}
		s := p.say(m, r)
		if s.text != "" && !slices.Contains(texts, s.text) {
			texts = append(texts, s.text)
		}
		for _, page := range s.pages {
			if !slices.Contains(pages, page) {
				pages = append(pages, page)
			}
		}
		if s.ask != nothing && (ask == nothing || rank(s.ask) > rank(ask)) {
			ask, about, lead = s.ask, s.about, s.lead
		}
	}
	switch {
	case len(pages) == 1:
		texts = append(texts, fmt.Sprintf(d.say.source, pages[0]))
	case len(pages) > 1:
		texts = append(texts, fmt.Sprintf(d.say.sources, strings.Join(pages, d.say.join)))
	}
	if ask != nothing {
		words := d.say.ask[ask]
		if strings.Contains(words, "%s") {
			words = fmt.Sprintf(words, about)
		}
		if lead != "" {
			texts = append(texts, lead)
		}
		texts = append(texts, words)
	}
	return strings.Join(texts, " "), ask
}

// rank prefers questions whose answer is needed over offers.
func rank(q question) int {
	switch q {
	case anythingElse:
		return 0
	case shallTicket, elseTicket, shallPerson:
		return 1
	default:
		return 2
	}
}

// call makes a part's call; its arguments are a struct or map that encodes.
func call(name string, arguments any) *tools.Call {
	encoded, err := json.Marshal(arguments)
	if err != nil {
		encoded = []byte("{}")
	}
	return &tools.Call{Name: name, Arguments: encoded}
}
