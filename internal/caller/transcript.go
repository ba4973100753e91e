package caller

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// transcript assigns the server's events to turns: an utterance belongs to the turn in
// which it began, a response to the turn in which it was created.
type transcript struct {
	current   *turn // number 0 is the greeting
	previous  *turn
	open      map[string]*turn  // utterances that the server is recognizing, by item
	responses map[string]*reply // responses in progress, by id
	lastEvent time.Time         // when the conversation last progressed
	lastError *fault.Error      // that the server reported
}

// turn is what the caller says and the replies to it.
type turn struct {
	utterance
	number      int
	item        string // of a typed text
	start       time.Time
	end         time.Time // when the next turn began; zero until then
	speechEnd   time.Time // when the last word was spoken, or the text was sent; zero until then
	isSent      bool      // all of the utterance has been sent
	heard       []string  // what the server understood
	replies     []*reply
	record      *dialog.Turn // the server's record of the turn; nil until it arrives
	awaitsReply bool         // the server understood something and has not finished a response to it
}

// reply is one of the agent's responses.
type reply struct {
	turn   *turn
	text   string
	status string // "" while it is in progress
}

func newTranscript() transcript {
	return transcript{
		current: &turn{}, open: make(map[string]*turn), responses: make(map[string]*reply), lastEvent: time.Now(),
	}
}

// begin ends the current turn and starts the next.
func (tr *transcript) begin(number int, u utterance) *turn {
	t := &turn{
		utterance: u, number: number, item: "item_" + rand.Text(), start: time.Now(),
		isSent: u.isTyped, awaitsReply: u.isTyped,
	}
	tr.current.end = t.start
	tr.previous, tr.current = tr.current, t
	return t
}

// add applies an event of the conversation.
func (tr *transcript) add(e event) {
	switch e.Type {
	case "input_audio_buffer.speech_started":
		tr.open[e.ItemID] = tr.current
	case "conversation.item.input_audio_transcription.completed":
		tr.addTranscription(e)
	case "conversation.item.added":
		if e.Item.ID == tr.current.item && tr.current.isTyped {
			tr.current.heard = append(tr.current.heard, tr.current.said)
		}
	case "response.created":
		r := &reply{turn: tr.current}
		tr.responses[e.Response.ID] = r
		tr.current.replies = append(tr.current.replies, r)
	case "response.output_audio_transcript.done", "response.output_text.done":
		if r := tr.responses[e.ResponseID]; r != nil {
			r.text = joinTexts(r.text, e.Transcript, e.Text)
		}
	case "response.done":
		if r := tr.responses[e.Response.ID]; r != nil {
			r.status = e.Response.Status
			r.turn.awaitsReply = false
			delete(tr.responses, e.Response.ID)
		}
	case "frontdesk.turn":
		tr.addRecord(e)
	default:
		return
	}
	tr.lastEvent = time.Now()
}

// addRecord gives the server's record of a turn to the turn in which its words were heard.
func (tr *transcript) addRecord(e event) {
	var record dialog.Turn
	if json.Unmarshal(e.Turn, &record) != nil || record.Caller == "" {
		return
	}
	for _, t := range []*turn{tr.current, tr.previous} {
		if t != nil && t.record == nil && strings.Contains(joinTexts(t.heard...), record.Caller) {
			t.record = &record
			return
		}
	}
}

// addTranscription adds the words of an utterance, which may be none, to its turn.
func (tr *transcript) addTranscription(e event) {
	t := tr.open[e.ItemID]
	if t == nil {
		t = tr.current
	}
	delete(tr.open, e.ItemID)
	if e.Transcript != "" {
		t.heard = append(t.heard, e.Transcript)
		t.awaitsReply = true
	}
}

// isSettled reports whether the server has nothing of t in progress: it recognizes no
// utterance, and no response is missing or unfinished.
func (tr *transcript) isSettled(t *turn) bool {
	for _, of := range tr.open {
		if of == t {
			return false
		}
	}
	for _, r := range t.replies {
		if r.status == "" {
			return false
		}
	}
	return !t.awaitsReply
}

// hasReply reports whether a response to t has finished without being cut off.
func (t *turn) hasReply() bool {
	for _, r := range t.replies {
		if r.status != "" && r.status != "cancelled" {
			return true
		}
	}
	return false
}

// wasCutOff reports whether the last response was cut off.
func (t *turn) wasCutOff() bool {
	return len(t.replies) > 0 && t.replies[len(t.replies)-1].status == "cancelled"
}

// reply returns what the agent said. It omits a response that was cut off and replaced by
// another.
func (t *turn) reply() string {
	all := ""
	for i, r := range t.replies {
		if r.status != "cancelled" || i == len(t.replies)-1 {
			all = joinTexts(all, r.text)
		}
	}
	return all
}

// joinTexts joins the non-empty texts with spaces.
func joinTexts(texts ...string) string {
	var nonEmpty []string
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			nonEmpty = append(nonEmpty, t)
		}
	}
	return strings.Join(nonEmpty, " ")
}
