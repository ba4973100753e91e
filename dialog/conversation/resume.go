package conversation

import (
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
)

// goOnRules tell a model to finish what it was saying when the line broke.
const goOnRules = "The line broke while you were speaking. Your last message is what you have said so far. " +
	"Say only what follows it: do not repeat, greet or explain."

// saying is what could be gone on with now.
func (l *loop) saying() *dialog.ResumeState {
	r := l.reply
	if r == nil || r.isCut {
		return l.broken
	}
	text := r.written.String()
	return r.saying(text[:mouth.SentenceStart(text, len(r.heard))], r.closed)
}

func (r *reply) saying(heard string, whole bool) *dialog.ResumeState {
	s := &dialog.ResumeState{Item: r.item, Text: r.written.String(), Filler: r.filler, Heard: heard, Complete: whole, Ending: r.then, At: time.Now().UTC()}
	if r.turn != nil {
		s.Turn, s.Caller = r.turn.Number, r.turn.Caller
	}
	return s
}

// keep makes what is being said durable. Of several such records only the last is.
func (l *loop) keep() {
	s := &l.scribe
	if l.o.Journal == nil {
		return
	}
	if n := len(s.queue); n > 0 {
		s.queue[n-1].Resume = l.saying()
		return
	}
	s.queue = append(s.queue, record{JournalEntry: dialog.JournalEntry{Resume: l.saying()}})
	l.saveNext()
}

// goOn says the rest of what was being said when the last line broke, from the
// beginning of the sentence, and reports whether there is any.
func (l *loop) goOn() bool {
	s := l.o.Resume
	if s == nil || s.Turn == 0 && s.Heard == "" || !strings.HasPrefix(s.Text, s.Heard) {
		return false
	}
	heard := strings.TrimSpace(s.Heard)
	if heard != "" && !slices.ContainsFunc(l.history.messages, func(m dialog.Message) bool { return m.ID == s.Item }) {
		m := dialog.Message{ID: s.Item, Role: dialog.Assistant, Text: heard, Interrupted: true}
		l.history.add(m)
		l.scribe.note(m)
	}
	rest := strings.TrimSpace(s.Text[mouth.SentenceStart(s.Text, len(s.Heard)):])
	if s.Turn == 0 || rest == "" && s.Complete {
		if rest != "" {
			l.say(rest, nil, s.Ending)
			return true
		}
		l.save(nil, nil)
		return false
	}
	l.turns++
	t := &turn{Turn: dialog.Turn{Number: l.turns, Status: dialog.Completed, EndpointReason: "resumed"}}
	if s.Turn > l.o.LastTurn { // it was not recorded
		t.Caller = s.Caller
	}
	r := l.begin(t, s.Ending)
	r.broken = s
	l.save(nil, nil)
	if s.Text == "" {
		l.step(r)
		return true
	}
	l.spawn(func() func() {
		l.recite(r, rest)
		return func() {
			switch {
			case s.Complete:
				l.close(r)
			case !r.isCut:
				r.repeated = &repeated{said: strings.Fields(strings.TrimPrefix(s.Text, s.Filler))}
				l.step(r)
			}
		}
	})
	return true
}

// part ends the conversation, if it is to, unless the caller speaks, something is being
// looked up or a sentence is under way.
func (l *loop) part(betweenSentences bool) {
	if !l.parting || l.outcome != "" || len(l.floor.utterances) > 0 || l.awaited != nil {
		return
	}
	if r := l.reply; r != nil && (!betweenSentences || r.calls.running > 0) {
		return
	}
	l.end(dialog.Drained, nil)
}

// resumed makes messages end with what the agent has said so far of a broken reply.
func (r *reply) resumed(messages []dialog.Message) []dialog.Message {
	s := r.broken
	for i := range messages {
		if messages[i].ID == s.Item {
			messages[i].Text = strings.TrimSpace(s.Text)
			return messages
		}
	}
	return append(messages, dialog.Message{ID: s.Item, Role: dialog.Assistant, Text: strings.TrimSpace(s.Text)})
}

// repeated takes what was said already from the beginning of a text that repeats it.
type repeated struct {
	said []string // words
	held []string // clauses that may be a repetition
	n    int      // words of them
}

// pass returns the new part of the next clause, and what was held back before it when
// it was no repetition.
func (p *repeated) pass(clause string) string {
	if p.said == nil {
		return clause
	}
	p.held = append(p.held, clause)
	rest := clause
	for _, word := range strings.Fields(clause) {
		if p.n == len(p.said) {
			break
		}
		if word != p.said[p.n] {
			p.said = nil
			return strings.Join(p.held, "")
		}
		p.n++
		rest = rest[strings.Index(rest, word)+len(word):]
	}
	if p.n < len(p.said) {
		return ""
	}
	p.said = nil
	return rest
}
