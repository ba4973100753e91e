package caller

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// book keeps what the server tells of the call, by turn: what it heard belongs to the
// turn in which it began to be said, a response to the turn in which it was created.
type book struct {
	now     *turn            // number 0 is the greeting
	last    *turn            // the one before
	open    map[string]*turn // utterances that are being heard, by item
	under   map[string]*reply
	stirred time.Time    // when the server last told something of the conversation
	trouble *fault.Error // the last error it told
}

// turn is one exchange: what the caller says and what comes back.
type turn struct {
	utterance
	number    int
	item      string // of a typed text
	began     time.Time
	until     time.Time // when the next one began; zero until then
	speechEnd time.Time // when the last word was spoken, or the text sent; zero until then
	spoken    bool      // everything has been sent
	heard     []string
	replies   []*reply
	record    *dialog.Turn // the server's own, nil until it came
	owed      bool         // the server understood something to which no response has ended yet
}

// reply is one of the agent's responses.
type reply struct {
	turn   *turn
	text   string
	status string // "" while it is under way
}

func newBook() book {
	return book{now: &turn{}, open: make(map[string]*turn), under: make(map[string]*reply), stirred: time.Now()}
}

// begin ends the turn before and starts the next.
func (b *book) begin(number int, u utterance) *turn {
	t := &turn{utterance: u, number: number, item: "item_" + rand.Text(), began: time.Now(), spoken: u.text, owed: u.text}
	b.now.until = t.began
	b.last, b.now = b.now, t
	return t
}

// note takes an event of the conversation.
func (b *book) note(e event) {
	switch e.Type {
	case "input_audio_buffer.speech_started":
		b.open[e.ItemID] = b.now
	case "conversation.item.input_audio_transcription.completed":
		b.understood(e)
	case "conversation.item.added":
		if e.Item.ID == b.now.item && b.now.text {
			b.now.heard = append(b.now.heard, b.now.said)
		}
	case "response.created":
		r := &reply{turn: b.now}
		b.under[e.Response.ID] = r
		b.now.replies = append(b.now.replies, r)
	case "response.output_audio_transcript.done", "response.output_text.done":
		if r := b.under[e.ResponseID]; r != nil {
			r.text = join(r.text, e.Transcript, e.Text)
		}
	case "response.done":
		if r := b.under[e.Response.ID]; r != nil {
			r.status = e.Response.Status
			r.turn.owed = false
			delete(b.under, e.Response.ID)
		}
	case "frontdesk.turn":
		b.recorded(e)
	default:
		return
	}
	b.stirred = time.Now()
}

// recorded takes the server's record of a turn: that of the turn with these words.
func (b *book) recorded(e event) {
	var r dialog.Turn
	if json.Unmarshal(e.Turn, &r) != nil || r.Caller == "" {
		return
	}
	for _, t := range []*turn{b.now, b.last} {
		if t != nil && t.record == nil && strings.Contains(join(t.heard...), r.Caller) {
			t.record = &r
			return
		}
	}
}

// understood takes the words of an utterance, which may be none.
func (b *book) understood(e event) {
	t := b.open[e.ItemID]
	if t == nil {
		t = b.now
	}
	delete(b.open, e.ItemID)
	if e.Transcript != "" {
		t.heard = append(t.heard, e.Transcript)
		t.owed = true
	}
}

// settled reports whether nothing of t is under way: no utterance is being heard, no
// response is missing or unfinished.
func (b *book) settled(t *turn) bool {
	for _, of := range b.open {
		if of == t {
			return false
		}
	}
	for _, r := range t.replies {
		if r.status == "" {
			return false
		}
	}
	return !t.owed
}

// answered reports whether a response to t came to its own end.
func (t *turn) answered() bool {
	for _, r := range t.replies {
		if r.status != "" && r.status != "cancelled" {
			return true
		}
	}
	return false
}

// interrupted reports whether the last response was cut short.
func (t *turn) interrupted() bool {
	return len(t.replies) > 0 && t.replies[len(t.replies)-1].status == "cancelled"
}

// reply is what the agent said. A response that was cut short, and another given in its
// place, is no part of it.
func (t *turn) reply() string {
	all := ""
	for i, r := range t.replies {
		if r.status != "cancelled" || i == len(t.replies)-1 {
			all = join(all, r.text)
		}
	}
	return all
}

// join puts spaces between texts that are not empty.
func join(texts ...string) string {
	var some []string
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			some = append(some, t)
		}
	}
	return strings.Join(some, " ")
}
