package conversation

import (
	"strings"
	"time"

	"frontdesk/dialog"
)

const (
	defaultFiller = 900 * time.Millisecond
	fillAgain     = 300 * time.Millisecond // later, when the caller speaks just then
)

var defaultFillers = []string{"One moment.", "Let me check that.", "Just a second."}

// fillerText returns a's filler for turn n, or "" for none.
func fillerText(a *dialog.Agent, n int) string {
	texts := a.Filler.Texts
	if texts == nil && (a.Language == "" || strings.HasPrefix(strings.ToLower(a.Language), "en")) {
		texts = defaultFillers
	}
	if len(texts) == 0 {
		return ""
	}
	return texts[n%len(texts)]
}

// awaitWords has a filler said when a spoken reply takes long to find its first words.
func (l *loop) awaitWords(t *turn) {
	if _, isVoice := l.mouth.(dialog.Ducker); !isVoice || t.Typed {
		return
	}
	wait := l.agent.Filler.After
	if wait <= 0 {
		wait = defaultFiller
	}
	if !t.Times.Endpoint.IsZero() {
		wait -= time.Since(t.Times.Endpoint)
	}
	l.filling.set(max(wait, 0))
}

// fill says the filler, unless the reply has found its words. A turn has one at most.
func (l *loop) fill() {
	r := l.reply
	if r == nil || r.turn == nil || r.turn.filled || r.isCut || r.closed {
		return
	}
	if len(l.floor.utterances) > 0 { // the caller has the floor
		l.filling.set(fillAgain)
		return
	}
	text := fillerText(l.agent, r.turn.Number)
	if text == "" || !r.script.first(text) {
		return
	}
	r.turn.filled, r.filler = true, text
	r.written.WriteString(text)
	l.tell(dialog.Event{Kind: dialog.ReplyText, Turn: l.turns, Response: r.id, Item: r.item, Text: text})
}

// silent reports whether nothing was written but the filler.
func (r *reply) silent() bool {
	return strings.TrimSpace(r.written.String()) == r.filler
}
