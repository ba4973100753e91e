package conversation

import (
	"slices"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/media"
)

// checkReplies checks that replies come one after the other, that what was heard is a
// beginning of what was written, and that a filler is only ever the first thing said.
func (c *randomConversation) checkReplies(t *testing.T) {
	t.Helper()
	open, written, heard := "", "", ""
	fillers := map[int]int{}
	for _, e := range c.all() {
		switch e.Kind {
		case dialog.ReplyStarted:
			if open != "" {
				t.Fatalf("%s began before %s had ended", e.Response, open)
			}
			open, written, heard = e.Response, "", ""
		case dialog.ReplyText:
			if strings.TrimSpace(e.Text) == filling {
				if fillers[e.Turn]++; fillers[e.Turn] > 1 || written != "" {
					t.Errorf("a filler behind %q, the %dth in turn %d", written, fillers[e.Turn], e.Turn)
				}
			}
			written += e.Text
		case dialog.ReplyHeard:
			heard += e.Text
		case dialog.ReplyEnded:
			if e.Response != open || strings.TrimSpace(heard) != e.Text || !strings.HasPrefix(written, heard) {
				t.Fatalf("%s: heard %q, in the end %q, of %q", e.Response, heard, e.Text, written)
			}
			if e.Interrupted == (e.Status == dialog.Completed) && e.Status != dialog.Failed {
				t.Fatalf("%s: %+v", e.Response, e)
			}
			open = ""
		}
		if e.Response != "" && open != e.Response && (e.Kind == dialog.ReplyText || e.Kind == dialog.ReplyHeard || e.Kind == dialog.SpeakingStarted) {
			t.Fatalf("event %d of %s outside of it", e.Kind, e.Response)
		}
	}
	if open != "" {
		t.Fatalf("%s did not end", open)
	}
}

// checkTurns checks that the randomConversation and every turn of it ended, each once, and was
// recorded.
func (c *randomConversation) checkTurns(t *testing.T) {
	t.Helper()
	if c.outcome != dialog.CallerGone || c.err != nil {
		t.Errorf("it ended as %q, %v", c.outcome, c.err)
	}
	times := map[int]int{}
	for _, turn := range c.turns() {
		times[turn.Number]++
	}
	for n := 1; n <= len(c.turns()); n++ {
		if times[n] != 1 {
			t.Errorf("turn %d of %d ended %d times", n, len(c.turns()), times[n])
		}
	}
	if len(c.journal.turns) != len(c.turns()) {
		t.Errorf("%d turns ended, %d are recorded", len(c.turns()), len(c.journal.turns))
	}
}

// checkHistory checks that the history holds of the agent what the caller heard.
func (c *randomConversation) checkHistory(t *testing.T) {
	t.Helper()
	var heard, kept []string
	for _, e := range c.all(dialog.ReplyEnded) {
		if e.Text != "" {
			heard = append(heard, e.Text)
		}
	}
	for _, m := range c.journal.messages {
		if m.Role == dialog.Assistant && m.Text != "" {
			kept = append(kept, m.Text)
		}
	}
	if !slices.Equal(kept, heard) {
		t.Errorf("the history holds %q, the caller heard %q", kept, heard)
	}
}

// checkUtterances checks that every word was understood, in order, and all but
// back-channels, and what may be one over the agent's voice, answered once.
func (c *randomConversation) checkUtterances(t *testing.T) {
	t.Helper()
	if c.hangsUp { // in the middle of a word, maybe
		return
	}
	var said []string
	brief, speaking := map[string]bool{}, false
	for _, e := range c.all() {
		switch {
		case e.Kind == dialog.SpeakingStarted:
			speaking = true
		case e.Kind == dialog.ReplyEnded:
			speaking = false
		case e.Kind == dialog.CallerSaid && !e.Typed:
			heard := strings.Fields(e.Text)
			for _, w := range heard {
				brief[w] = speaking && words.MayBeNoise(e.Text)
			}
			said = append(said, heard...)
		}
	}
	if !slices.Equal(said, c.spoken) {
		t.Errorf("understood %q, spoken %q", said, c.spoken)
	}
	kept := map[string]int{}
	for _, m := range c.journal.messages {
		if m.Role == dialog.User {
			for _, w := range strings.Fields(m.Text) {
				kept[w]++
			}
		}
	}
	for _, w := range slices.Concat(c.spoken, c.typed) {
		if w != "uh" && w != "huh" && kept[w] != 1 && !(brief[w] && kept[w] == 0) {
			t.Errorf("%q is %d times in the history", w, kept[w])
		}
	}
	var answered []string
	for _, turn := range c.turns() {
		answered = append(answered, strings.Fields(turn.Caller)...)
	}
	for w := range kept {
		if !slices.Contains(answered, w) {
			t.Errorf("%q was not answered", w)
		}
	}
}

// checkSound compares what was played with what was heard, which is counted in words.
func (c *randomConversation) checkSound(t *testing.T) {
	t.Helper()
	played := 0
	for _, f := range c.speaker.frames {
		if f > 0 {
			played += media.MouthFrame
		}
	}
	least, most := 0, 0
	for _, e := range c.all(dialog.ReplyEnded) {
		n := letters(e.Text) * perLetter
		least += n
		most += n + 2*media.MouthFrame
		if e.Interrupted {
			most += 15 * perLetter // the word that was cut
		}
	}
	if c.silentVoice { // what it failed to say was read
		least = 0
	}
	if played < least || played > most {
		t.Errorf("%d samples were played; what was heard is %d to %d", played, least, most)
	}
}

// checkGuesses checks that what shows of a turn, be it words or the use of tools, answers
// what the caller said in that turn, and nothing the caller only seemed to have said.
func (c *randomConversation) checkGuesses(t *testing.T) {
	t.Helper()
	callers := map[int][]string{}
	for _, turn := range c.turns() {
		callers[turn.Number] = words.Split(turn.Caller)
		if c.cautious && (!turn.Times.Speculated.IsZero() || turn.Discarded != (dialog.Usage{})) {
			t.Errorf("guessed, and was not to: %+v", turn)
		}
	}
	said := map[string]bool{}
	for _, m := range c.journal.messages {
		if m.Role == dialog.User {
			said[strings.Join(words.Split(m.Text), " ")] = true
		}
	}
	shown := map[int]bool{}
	for _, e := range c.all(dialog.ReplyText, dialog.ReplyHeard, dialog.ToolStarted, dialog.ToolEnded) {
		text := e.Text
		if e.Call != nil {
			text = e.Call.ID
		}
		for _, n := range stamps(text) {
			shown[n] = true
			question, caller := c.model.asks[n], callers[e.Turn]
			if !said[question] || len(caller) > 0 && !strings.HasSuffix(" "+strings.Join(caller, " "), " "+question) {
				t.Fatalf("turn %d, in which the caller said %q, shows %q, an answer to %q", e.Turn, caller, text, question)
			}
		}
	}
	for _, m := range c.journal.messages {
		for _, call := range m.Calls {
			for _, n := range stamps(call.ID) {
				if !shown[n] {
					t.Errorf("the history holds the call %q, which never was", call.ID)
				}
			}
		}
	}
}

// checkEffects checks that what has an effect ran when its reply had come to it, once,
// and to its end.
func (c *randomConversation) checkEffects(t *testing.T) {
	t.Helper()
	var began []dialog.Event
	for _, e := range c.all(dialog.ToolStarted) {
		if e.Call.Name == "refund_write" {
			began = append(began, e)
		}
	}
	if len(began) != len(c.effects.runs) || c.effects.stopped > 0 {
		t.Fatalf("%d effects were to be, %d ran, %d were stopped", len(began), len(c.effects.runs), c.effects.stopped)
	}
	for i, e := range began {
		if c.effects.runs[i].Before(e.At) {
			t.Errorf("%s ran %v too early", e.Call.ID, e.At.Sub(c.effects.runs[i]))
		}
	}
}

// count notes what happened, so that one can see that all of it did.
func (c *randomConversation) count(seen map[string]int) {
	seen["effects"] += len(c.effects.runs)
	for _, turn := range c.turns() {
		seen["turns"]++
		if !turn.Times.Speculated.IsZero() {
			seen["guesses kept"]++
		}
		if turn.Discarded != (dialog.Usage{}) {
			seen["guesses thrown away"]++
		}
		if turn.Interrupted {
			seen["interruptions"]++
		}
		if turn.Status == dialog.Failed {
			seen["failures"]++
		}
		if strings.Contains(turn.Written, filling) {
			seen["fillers"]++
		}
	}
}
