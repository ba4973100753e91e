package conversation

import (
	"slices"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/media"
)

// checkReplies checks that replies come one after the other, that what was heard is the
// beginning of what was written, and that a filler comes first and once per turn.
func (c *randomConversation) checkReplies(t *testing.T) {
	t.Helper()
	current, written, heard := "", "", ""
	fillers := map[int]int{}
	for _, e := range c.eventsOf() {
		switch e.Kind {
		case dialog.ReplyStarted:
			if current != "" {
				t.Fatalf("%s started before %s had ended", e.Response, current)
			}
			current, written, heard = e.Response, "", ""
		case dialog.ReplyText:
			if strings.TrimSpace(e.Text) == randomFiller {
				if fillers[e.Turn]++; fillers[e.Turn] > 1 || written != "" {
					t.Errorf("filler number %d of turn %d, after %q", fillers[e.Turn], e.Turn, written)
				}
			}
			written += e.Text
		case dialog.ReplyHeard:
			heard += e.Text
		case dialog.ReplyEnded:
			if e.Response != current || strings.TrimSpace(heard) != e.Text || !strings.HasPrefix(written, heard) {
				t.Fatalf("%s: pieces heard %q, all that was heard %q, written %q", e.Response, heard, e.Text, written)
			}
			if e.Interrupted == (e.Status == dialog.Completed) && e.Status != dialog.Failed {
				t.Fatalf("Interrupted and Status contradict each other in %+v", e)
			}
			current = ""
		}
		if e.Response != "" && current != e.Response && (e.Kind == dialog.ReplyText || e.Kind == dialog.ReplyHeard || e.Kind == dialog.SpeakingStarted) {
			t.Fatalf("event of kind %d outside its reply %s", e.Kind, e.Response)
		}
	}
	if current != "" {
		t.Fatalf("%s did not end", current)
	}
}

// checkTurns checks that the conversation ended, and that each turn ended once and was
// recorded.
func (c *randomConversation) checkTurns(t *testing.T) {
	t.Helper()
	if c.outcome != dialog.CallerGone || c.err != nil {
		t.Errorf("Run returned %q, %v", c.outcome, c.err)
	}
	ends := map[int]int{}
	for _, turn := range c.turns() {
		ends[turn.Number]++
	}
	for n := 1; n <= len(c.turns()); n++ {
		if ends[n] != 1 {
			t.Errorf("turn %d of %d ended %d times", n, len(c.turns()), ends[n])
		}
	}
	if len(c.journal.turns) != len(c.turns()) {
		t.Errorf("%d turns ended, %d were recorded", len(c.turns()), len(c.journal.turns))
	}
}

// checkHistory checks that the agent's messages in the history are what the caller heard.
func (c *randomConversation) checkHistory(t *testing.T) {
	t.Helper()
	var heard, recorded []string
	for _, e := range c.eventsOf(dialog.ReplyEnded) {
		if e.Text != "" {
			heard = append(heard, e.Text)
		}
	}
	for _, m := range c.journal.messages {
		if m.Role == dialog.Assistant && m.Text != "" {
			recorded = append(recorded, m.Text)
		}
	}
	if !slices.Equal(recorded, heard) {
		t.Errorf("the history holds %q, the caller heard %q", recorded, heard)
	}
}

// checkUtterances checks that each word was transcribed, in order, and answered once.
// Backchannels, and what may be one while a reply is heard or read, need no answer.
func (c *randomConversation) checkUtterances(t *testing.T) {
	t.Helper()
	if c.hangsUp { // maybe in the middle of a word
		return
	}
	var transcribed []string
	mayBeNoise, isAudible := map[string]bool{}, false
	for _, e := range c.eventsOf() {
		switch {
		case e.Kind == dialog.SpeakingStarted || e.Kind == dialog.ReplyHeard:
			isAudible = true
		case e.Kind == dialog.ReplyEnded:
			isAudible = false
		case e.Kind == dialog.CallerSaid && !e.Typed:
			heard := strings.Fields(e.Text)
			for _, w := range heard {
				mayBeNoise[w] = isAudible && words.MayBeNoise(e.Text)
			}
			transcribed = append(transcribed, heard...)
		}
	}
	if !slices.Equal(transcribed, c.spoken) {
		t.Errorf("transcribed %q, spoken %q", transcribed, c.spoken)
	}
	recorded := map[string]int{}
	for _, m := range c.journal.messages {
		if m.Role == dialog.User {
			for _, w := range strings.Fields(m.Text) {
				recorded[w]++
			}
		}
	}
	for _, w := range slices.Concat(c.spoken, c.typed) {
		if w != "uh" && w != "huh" && recorded[w] != 1 && !(mayBeNoise[w] && recorded[w] == 0) {
			t.Errorf("%q is in the history %d times", w, recorded[w])
		}
	}
	var answered []string
	for _, turn := range c.turns() {
		answered = append(answered, strings.Fields(turn.Caller)...)
	}
	for w := range recorded {
		if !slices.Contains(answered, w) && !slices.Contains(c.cancelled, w) {
			t.Errorf("%q was not answered", w)
		}
	}
}

// checkAudio checks that the duration of the played audio matches the text that was heard.
func (c *randomConversation) checkAudio(t *testing.T) {
	t.Helper()
	played := c.speaker.framesWithAudio() * media.MouthFrame
	least, most := 0, 0
	for _, e := range c.eventsOf(dialog.ReplyEnded) {
		n := letters(e.Text) * samplesPerLetter
		least += n
		most += n + 2*media.MouthFrame
		if e.Interrupted {
			// The word that was cut, and what is not counted of a clause that is still being
			// synthesized: 65 ms per letter are assumed, fakeSynthesizer takes 50 ms.
			most += 15*samplesPerLetter + n*3/10
		}
	}
	if c.voiceMayFail { // what it failed to say was shown as text
		least = 0
	}
	if played < least || played > most {
		t.Errorf("%d samples were played, want %d to %d for the text that was heard", played, least, most)
	}
}

// checkGuesses checks that the text and tool calls of each turn answer what the caller said
// in it: nothing of a discarded guess shows.
func (c *randomConversation) checkGuesses(t *testing.T) {
	t.Helper()
	callers := map[int][]string{}
	for _, turn := range c.turns() {
		callers[turn.Number] = words.Split(turn.Caller)
		if c.speculationIsOff && (!turn.Times.Speculated.IsZero() || turn.Discarded != (dialog.Usage{})) {
			t.Errorf("speculation is off, but used in %+v", turn)
		}
	}
	said := map[string]bool{}
	for _, m := range c.journal.messages {
		if m.Role == dialog.User {
			said[strings.Join(words.Split(m.Text), " ")] = true
		}
	}
	shown := map[int]bool{}
	for _, e := range c.eventsOf(dialog.ReplyText, dialog.ReplyHeard, dialog.ToolStarted, dialog.ToolEnded) {
		text := e.Text
		if e.Call != nil {
			text = e.Call.ID
		}
		for _, n := range stamps(text) {
			shown[n] = true
			question, caller := c.model.questions[n], callers[e.Turn]
			if !said[question] || len(caller) > 0 && !strings.HasSuffix(" "+strings.Join(caller, " "), " "+question) {
				t.Fatalf("turn %d shows %[3]q, which answers %[4]q, but the caller said %[2]q", e.Turn, caller, text, question)
			}
		}
	}
	for _, m := range c.journal.messages {
		for _, call := range m.Calls {
			for _, n := range stamps(call.ID) {
				if !shown[n] {
					t.Errorf("the history holds the call %q, which never started", call.ID)
				}
			}
		}
	}
}

// checkEffects checks that each call of a tool with an effect ran once, after ToolStarted,
// and to its end.
func (c *randomConversation) checkEffects(t *testing.T) {
	t.Helper()
	var calls []dialog.Event
	for _, e := range c.eventsOf(dialog.ToolStarted) {
		if e.Call.Name == "refund_write" {
			calls = append(calls, e)
		}
	}
	if len(calls) != len(c.refunds.runs) || c.refunds.cancelled > 0 {
		t.Fatalf("%d calls started, the tool ran %d times and was cancelled %d times", len(calls), len(c.refunds.runs), c.refunds.cancelled)
	}
	for i, e := range calls {
		if c.refunds.runs[i].Before(e.At) {
			t.Errorf("%s ran %v before its ToolStarted", e.Call.ID, e.At.Sub(c.refunds.runs[i]))
		}
	}
}

// count counts what happened, to show that every kind of thing did.
func (c *randomConversation) count(seen map[string]int) {
	seen["effects"] += len(c.refunds.runs)
	for _, turn := range c.turns() {
		seen["turns"]++
		if !turn.Times.Speculated.IsZero() {
			seen["guesses used"]++
		}
		if turn.Discarded != (dialog.Usage{}) {
			seen["guesses discarded"]++
		}
		if turn.Interrupted {
			seen["interruptions"]++
		}
		if turn.Status == dialog.Failed {
			seen["failures"]++
		}
		if strings.Contains(turn.Written, randomFiller) {
			seen["fillers"]++
		}
	}
}
