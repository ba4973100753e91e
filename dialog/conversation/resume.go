package conversation

import (
	"slices"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
)

// resumeRules tell a model to finish what it was saying when the line broke.
const resumeRules = "The line broke while you were speaking. Your last message is what you have said so far. " +
	"Say only what follows it: do not repeat, greet or explain."

// resume is how the conversation continues over another line.
type resume struct {
	state      *dialog.ResumeState // the reply that the end of this line cut off, or nil
	isDraining bool                // the conversation is to end between two sentences
}

// resumeState returns what another line would continue with now.
func (c *conversation) resumeState() *dialog.ResumeState {
	r := c.reply
	if r == nil || r.cut.done {
		return c.resume.state
	}
	text := r.text.written.String()
	return r.resumeState(text[:mouth.SentenceStart(text, len(r.text.heard))])
}

func (r *reply) resumeState(heard string) *dialog.ResumeState {
	s := &dialog.ResumeState{
		Item: r.item, Text: r.text.written.String(), Filler: r.text.filler, Heard: heard,
		Complete: r.text.isComplete, Ending: r.ending, At: time.Now().UTC(),
	}
	if r.turn != nil {
		s.Turn, s.Caller = r.turn.Number, r.turn.Caller
	}
	return s
}

// resumeReply says the rest of a reply that an earlier line did not finish, from the
// beginning of the sentence, and reports whether there is any.
func (c *conversation) resumeReply() bool {
	s := c.o.Resume
	if s == nil || s.Turn == 0 && s.Heard == "" || !strings.HasPrefix(s.Text, s.Heard) {
		return false
	}
	heard := strings.TrimSpace(s.Heard)
	if heard != "" && !slices.ContainsFunc(c.recall.history.messages, func(m dialog.Message) bool { return m.ID == s.Item }) {
		c.addMessage(dialog.Message{ID: s.Item, Role: dialog.Assistant, Text: heard, Interrupted: true})
	}
	rest := strings.TrimSpace(s.Text[mouth.SentenceStart(s.Text, len(s.Heard)):])
	if s.Turn == 0 || rest == "" && s.Complete {
		if rest != "" {
			c.say(rest, nil, s.Ending)
			return true
		}
		c.save(nil, nil)
		return false
	}
	c.turns++
	t := &turn{Turn: dialog.Turn{Number: c.turns, Status: dialog.Completed, EndpointReason: "resumed"}}
	if s.Turn > c.o.LastTurn { // the turn is not in the history
		t.Caller = s.Caller
	}
	r := c.newReply(t)
	r.resumes, r.ending = s, s.Ending
	r.given = rest
	c.save(nil, nil)
	c.startReply(r, !s.Complete)
	return true
}

// withResumed returns messages with what the agent has already said of s at their end.
func withResumed(messages []dialog.Message, s *dialog.ResumeState) []dialog.Message {
	for i := range messages {
		if messages[i].ID == s.Item {
			messages[i].Text = strings.TrimSpace(s.Text)
			return messages
		}
	}
	return append(messages, dialog.Message{ID: s.Item, Role: dialog.Assistant, Text: strings.TrimSpace(s.Text)})
}

// repetition removes from the beginning of a text what was said before.
type repetition struct {
	said    []string // words; nil once the text differs or all are removed
	held    []string // clauses that may be a repetition
	matched int      // words of held
}

func newRepetition(s *dialog.ResumeState) *repetition {
	return &repetition{said: strings.Fields(strings.TrimPrefix(s.Text, s.Filler))}
}

// remove returns what is new in the next clause. Clauses that may be a repetition are held
// back, and returned with the clause that shows that they are none.
func (p *repetition) remove(clause string) string {
	if p.said == nil {
		return clause
	}
	p.held = append(p.held, clause)
	rest := clause
	for _, word := range strings.Fields(clause) {
		if p.matched == len(p.said) {
			break
		}
		if word != p.said[p.matched] {
			p.said = nil
			return strings.Join(p.held, "")
		}
		p.matched++
		rest = rest[strings.Index(rest, word)+len(word):]
	}
	if p.matched < len(p.said) {
		return ""
	}
	p.said = nil
	return rest
}
