// Package clerk is a dialog.Model without an account and without weights: rules find out
// what a caller wants, retrieval from the agent's knowledge base gives the answer, and the
// agent's tools do the rest. It calls the same tools through the same conversation as a
// language model, and never says a fact that a tool did not give it.
//
// It has no state: a reply depends on the messages and tools of the prompt only, so the
// same prompt gets the same reply on any node. It imports dialog, tools,
// tools/gate, internal/hours and internal/words.
//
// Its rules expect English as a recognizer writes it: without punctuation and sometimes
// misheard. In German, Spanish and French it answers from pages in that language, and
// understands yes, no, numbers, tickets, goodbyes and requests for a person. In any other
// language its own phrases are English. It tells the date, the time and the opening hours, and
// does not calculate or compare.
package clerk

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/hours"
	"frontdesk/internal/words"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// The tools that the clerk knows by name. It calls those that the prompt offers.
const (
	searchKnowledge = "search_knowledge"
	createTicket    = "create_ticket"
	getTicket       = "ticket_status"
	updateTicket    = "update_ticket"
	handOver        = "hand_over"
	endCall         = "end_call"
)

// Clerk is a dialog.Model. The zero value is ready for use by any number of calls.
type Clerk struct{}

// Reply implements dialog.Model. It yields either tool calls or, once their results are in
// the prompt, the text, one sentence per chunk.
func (Clerk) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(dialog.Chunk{}, err)
			return
		}
		text, calls := newResponder(p).reply(p.Messages)
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

// responder makes one reply.
type responder struct {
	phrases     *phrases
	rules       []rule
	lexicon     *words.Lexicon
	suggestions []string
	hasTool     map[string]bool // by name
	asks        map[string]bool // tools for which the caller is asked before they run, by name
	lookups     []lookup
	language    string       // BCP 47
	hours       *hours.Hours // nil if the agent has none
	now         time.Time    // zero if the prompt does not say
}

func newResponder(p dialog.Prompt) *responder {
	r := &responder{phrases: englishPhrases, rules: englishRules, lexicon: words.LexiconOf("en"), hasTool: make(map[string]bool), asks: make(map[string]bool)}
	if p.Agent != nil {
		r.phrases, r.rules, r.suggestions = phrasesFor(p.Agent.Language), rulesFor(p.Agent.Language), p.Agent.Suggestions
		r.lexicon = words.LexiconOf(p.Agent.Language)
		r.language, r.hours, r.now = p.Agent.Language, p.Agent.Handover.Hours, p.Now
	}
	for _, spec := range p.Tools {
		r.hasTool[spec.Name] = true
		r.asks[spec.Name] = spec.Rule.Effect.Changes() && spec.Rule.Consent != gate.NoConsent
		if l, ok := newLookup(spec); ok {
			r.lookups = append(r.lookups, l)
		}
	}
	return r
}

// part is a part of a reply: an optional tool call, and what to say then.
type part struct {
	call *tools.Call
	// before is said before the call, which then asks the caller for consent.
	before string
	// next returns a further part that the result of the call makes possible, or nil.
	next func(st *state, result tools.Result) *part
	// respond gets the result of the call, or the zero Result without a call. It updates
	// st, unless the part is an answer from the knowledge base: replayTurn sees from the
	// words of such a reply what it changed.
	respond  func(st *state, result tools.Result) statement
	isAnswer bool
}

// statement is what to tell the caller.
type statement struct {
	text     string
	pages    []string // sources of the text
	question question // asked after all statements of the reply
	subject  string   // of the question, for its %s
	leadIn   string   // said right before the question
}

// tell returns a part without a tool call.
func (r *responder) tell(text string, ask question) []part {
	return []part{{respond: func(*state, tools.Result) statement { return statement{text: text, question: ask} }}}
}

// reply returns the text of the reply to the last turn, or the tool calls it needs first.
func (r *responder) reply(messages []dialog.Message) (text string, calls []tools.Call) {
	all := splitTurns(messages)
	past, current := all[:len(all)-1], &all[len(all)-1]
	isLate := len(messages) > 0 && messages[len(messages)-1].Result != nil && messages[len(messages)-1].Result.Late != ""
	if isLate { // answer the turn that called the tool
		i := turnWithCall(all, messages[len(messages)-1].Result.Late)
		if i < 0 {
			return "", nil
		}
		past, current = all[:i], &all[i]
	}
	switch { // the caller has said nothing new
	case len(past) == 0:
		return r.phrases.here, nil
	case current.heard != "" && !isLate:
		return r.phrases.ask[anythingElse], nil
	}
	st := r.replay(past)
	parts := r.decide(&st, current, past)
	own, following := current.splitCalls(parts)
	results, isDone := current.resultsOf(parts, own)
	if !isDone {
		return current.callsOf(parts)
	}
	if slices.ContainsFunc(results, isPending) || following != nil && current.resultOf(*following).Pending {
		return "", nil // the conversation says that it takes longer
	}
	text, asked := r.compose(&st, parts, results)
	if isLate {
		return text, nil
	}
	follow := r.follow(&st, parts, results, asked, text)
	switch {
	case follow == nil:
		return text, nil
	case following == nil:
		return current.callsOf([]part{*follow})
	}
	text, _ = r.compose(&st, []part{*follow}, []tools.Result{current.resultOf(*following)})
	return text, nil
}

// replay computes the state of the conversation from the past turns.
func (r *responder) replay(past []turn) state {
	var st state
	for i := range past {
		t := &past[i]
		asked := noQuestion
		if i > 0 {
			asked = r.replayTurn(&st, t, past[:i])
		}
		st.question = r.phrases.questionIn(t.heard)
		if t.isInterrupted && st.question == noQuestion {
			st.question = asked // callers who interrupt a question know what it asks
		}
	}
	return st
}

// replayTurn updates st with one past turn and returns the question at its end. It does not
// choose an answer again if the caller heard it.
func (r *responder) replayTurn(st *state, t *turn, past []turn) question {
	parts := r.decide(st, t, past)
	own, following := t.splitCalls(parts)
	results, isDone := t.resultsOf(parts, own)
	if !isDone || slices.ContainsFunc(results, isPending) {
		return noQuestion
	}
	asked := noQuestion
	if !t.isInterrupted && len(parts) == 1 && parts[0].isAnswer {
		st.failures++
		if !strings.Contains(t.heard, r.phrases.unknown) {
			st.failures = 0
		}
		if asked = r.phrases.questionIn(t.heard); following != nil && following.Name == handOver && st.held == nil {
			asked = shallConnect
		}
	} else {
		_, asked = r.compose(st, parts, results)
	}
	if following == nil {
		return asked
	}
	follow := r.follow(st, parts, results, asked, "")
	if follow == nil && following.Name == handOver { // the conversation offered a person by itself
		follow = &r.requestPerson(st, utterance{text: t.said})[0]
	}
	if follow != nil {
		r.compose(st, []part{*follow}, []tools.Result{t.resultOf(*following)})
	}
	return noQuestion
}

// follow returns a call that follows from what the parts did, which asks the caller for
// consent: the one that their result makes possible, the person that the reply would offer, or
// the call for which the caller was asked before they asked something else. It returns nil if
// nothing follows. text is said before the call.
func (r *responder) follow(st *state, parts []part, results []tools.Result, asked question, text string) *part {
	if asked == shallConnect && r.asks[handOver] {
		p := r.requestPerson(st, utterance{text: st.topic})[0]
		p.before = text + " "
		return &p
	}
	if len(parts) == 1 && len(results) == 1 && parts[0].next != nil {
		if p := parts[0].next(st, results[0]); p != nil {
			p.before = text + " "
			return p
		}
	}
	return r.remind(st, asked, text)
}

// compose joins the statements of the parts: first the texts, then their sources, then one
// question.
func (r *responder) compose(st *state, parts []part, results []tools.Result) (text string, asked question) {
	var texts, pages []string
	var asking statement // has the question with the highest priority
	for _, p := range parts {
		var result tools.Result
		if p.call != nil && len(results) > 0 {
			result, results = results[0], results[1:]
		}
		if result.Held {
			p.before = "" // it has been said
			st.held, st.heldTurns = &p, 0
			continue
		}
		s := p.respond(st, result)
		if s.text != "" && !slices.Contains(texts, s.text) {
			texts = append(texts, s.text)
		}
		for _, page := range s.pages {
			if !slices.Contains(pages, page) {
				pages = append(pages, page)
			}
		}
		if priority(s.question) > priority(asking.question) {
			asking = s
		}
	}
	switch {
	case len(pages) == 1:
		texts = append(texts, fmt.Sprintf(r.phrases.source, pages[0]))
	case len(pages) > 1:
		texts = append(texts, fmt.Sprintf(r.phrases.sources, strings.Join(pages, r.phrases.join)))
	}
	if asking.question != noQuestion {
		if asking.leadIn != "" {
			texts = append(texts, asking.leadIn)
		}
		if asking.question == shallConnect && r.asks[handOver] { // the call asks
			return strings.Join(texts, " "), asking.question
		}
		words := r.phrases.ask[asking.question]
		if strings.Contains(words, "%s") {
			words = fmt.Sprintf(words, asking.subject)
		}
		texts = append(texts, words)
	}
	return strings.Join(texts, " "), asking.question
}

// priority ranks questions: one whose answer is needed before an offer.
func priority(q question) int {
	switch q {
	case noQuestion:
		return 0
	case anythingElse:
		return 1
	case shallOpenTicket, elseOpenTicket, shallConnect:
		return 2
	default:
		return 3
	}
}

// call returns a tool call. The arguments are a struct or map that encodes as JSON.
func call(name string, arguments any) *tools.Call {
	encoded, err := json.Marshal(arguments)
	if err != nil {
		encoded = []byte("{}")
	}
	return &tools.Call{Name: name, Arguments: encoded}
}
