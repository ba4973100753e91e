package conversation

import (
	"strings"
	"time"

	"frontdesk/dialog"
)

const (
	defaultSilence        = 10 * time.Second
	defaultSilencePrompts = 2
	silenceOnTextLine     = 15 * time.Minute
	silenceWithoutHearing = 2 * time.Minute  // the caller may not be able to type
	silenceInBackground   = 20 * time.Second // while a tool runs, for which the caller may wait in silence
	digitWait             = 2 * time.Second  // between two digits of a number
	maxDigits             = 64
)

// silence is the wait for a caller after the agent has finished.
type silence struct {
	timeout alarm
	prompts int // said since the caller last did something
}

// silenceTimedOut asks whether the caller is still there. After the agent's number of
// prompts it says goodbye and ends the conversation, but not while a tool still runs.
func (c *conversation) silenceTimedOut() {
	s := c.agent.Silence
	if s.MaxPrompts == 0 {
		s.MaxPrompts = defaultSilencePrompts
	}
	if s.Prompt == "" {
		s.Prompt = c.texts().prompt
	}
	if c.audio.canHear && c.tasks.background.isAwaited() {
		c.say(c.texts().tools.stillRunning, nil, "")
		return
	}
	if !c.audio.canHear || c.input.silence.prompts >= s.MaxPrompts {
		c.say(c.farewell(), nil, dialog.NoAnswer)
		return
	}
	c.input.silence.prompts++
	c.say(s.Prompt, nil, "")
}

// dtmf is the number that the caller is keying in.
type dtmf struct {
	timeout alarm // after the latest digit
	item    string
	digits  []byte
}

// digitPressed adds a DTMF digit to the number. It interrupts the agent, as speech does.
// Digits during a hand-over are not part of the conversation.
func (c *conversation) digitPressed(h dialog.Heard) {
	if c.handover.isActive {
		c.digitDuringHandover(h.Text)
		return
	}
	if c.chooseByKey(h.Text) {
		return
	}
	d := &c.input.dtmf
	if len(h.Text) != 1 || !strings.Contains("0123456789*#ABCD", h.Text) || len(d.digits) == maxDigits {
		return
	}
	c.input.silence.prompts = 0
	c.input.silence.timeout.Stop()
	if c.reply != nil {
		c.cutReply()
	}
	if len(d.digits) == 0 {
		d.item = h.Item
	}
	d.digits = append(d.digits, h.Text[0])
	d.timeout.set(digitWait)
	if h.Text == "#" {
		c.numberEntered()
	}
}

// numberEntered answers the number that the caller has keyed in.
func (c *conversation) numberEntered() {
	d := &c.input.dtmf
	d.timeout.Stop()
	text := string(d.digits)
	d.digits = nil
	c.addPending(d.item, text, true)
	c.input.wantsAnswer = true
	c.proceed()
}
