package conversation

import (
	"strings"
	"time"

	"frontdesk/dialog"
)

const (
	defaultSilence = 10 * time.Second
	defaultPrompts = 2
	idleText       = 15 * time.Minute // a caller who types may think as long
	idleDeaf       = 2 * time.Minute  // a caller who was told to type may not be able to
	digitWait      = 2 * time.Second  // between two digits of a number
	maxDigits      = 64
)

// quiet is the silence after the agent has finished.
type quiet struct {
	alarm   alarm
	prompts int // since the caller was last heard
}

func (q *quiet) active() { q.prompts = 0 }

// rearm waits for the caller, where it is the caller's turn.
func (l *loop) rearm() {
	l.quiet.alarm.Stop()
	if l.reply != nil || l.awaited != nil || len(l.floor.utterances) > 0 || len(l.digits.pressed) > 0 || l.outcome != "" || l.handing {
		return
	}
	wait := defaultSilence
	switch {
	case l.noticed["hearing_lost"]:
		wait = idleDeaf
	case !l.hearing:
		wait = idleText
	case l.agent.Silence.Wait > 0:
		wait = l.agent.Silence.Wait
	}
	l.quiet.alarm.set(wait)
}

// silent asks whether the caller is still there, and in the end gives up.
func (l *loop) silent() {
	s := l.agent.Silence
	if s.MaxPrompts == 0 {
		s.MaxPrompts = defaultPrompts
	}
	if s.Prompt == "" {
		s.Prompt = defaultPrompt
	}
	if !l.hearing || l.quiet.prompts >= s.MaxPrompts {
		l.say(l.farewell(), nil, dialog.NoAnswer)
		return
	}
	l.quiet.prompts++
	l.say(s.Prompt, nil, "")
}

// digits are the DTMF digits of a number being entered.
type digits struct {
	alarm   alarm
	item    string
	pressed []byte
}

// digit takes a key; it stops the agent as speech would.
func (l *loop) digit(h dialog.Heard) {
	if len(h.Text) != 1 || !strings.Contains("0123456789*#ABCD", h.Text) || len(l.digits.pressed) == maxDigits {
		return
	}
	l.quiet.active()
	l.quiet.alarm.Stop()
	if l.reply != nil {
		l.cut(l.reply)
	}
	d := &l.digits
	if len(d.pressed) == 0 {
		d.item = h.Item
	}
	d.pressed = append(d.pressed, h.Text[0])
	d.alarm.set(digitWait)
	if h.Text == "#" {
		l.dialled()
	}
}

// dialled answers a number that was entered.
func (l *loop) dialled() {
	d := &l.digits
	d.alarm.Stop()
	text := string(d.pressed)
	d.pressed = nil
	l.said(d.item, text, true)
	l.wanted = true
	l.proceed()
}
