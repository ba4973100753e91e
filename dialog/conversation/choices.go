package conversation

import (
	"slices"
	"strings"

	"frontdesk/dialog"
)

// choices are the agents that a new caller may choose by a key. The caller hears them after
// the greeting, each in the voice of the agent it leads to, and may press a key until the
// first turn. Whoever says something instead stays with the agent that answered.
type choices struct {
	unsaid []dialog.Choice // to be said when nothing else is
	isOpen bool            // a key chooses an agent
}

// ChoiceText returns what tells callers to press key for a language, in that language; "" if
// there is no text in it.
func ChoiceText(language, key string) string {
	t := textsFor(language)
	if t == shownTexts {
		return ""
	}
	return strings.ReplaceAll(t.choice, "%s", key)
}

// offerChoices opens the choice of an agent. Only callers with a keypad hear of it.
func (c *conversation) offerChoices() {
	c.input.choices.isOpen = len(c.o.Choices) > 0
	if c.line.HasKeypad {
		c.input.choices.unsaid = c.o.Choices
	}
}

// sayNextChoice says the next choice and reports whether there was one.
func (c *conversation) sayNextChoice() bool {
	if len(c.input.choices.unsaid) == 0 || len(c.floor.utterances) > 0 { // the caller has the floor
		return false
	}
	next := c.input.choices.unsaid[0]
	c.input.choices.unsaid = c.input.choices.unsaid[1:]
	m := c.audio.mouth
	if c.audio.mouthOf != nil && next.Agent.Synthesizer != nil {
		m = c.audio.mouthOf(next.Agent)
	}
	r := c.newReplyBy(nil, m)
	r.given = next.Text
	c.startReply(r, false)
	return true
}

// chooseByKey ends the conversation for another agent if key leads to one, and reports
// whether it does.
func (c *conversation) chooseByKey(key string) bool {
	i := slices.IndexFunc(c.o.Choices, func(o dialog.Choice) bool { return o.Key == key })
	if !c.input.choices.isOpen || i < 0 || len(c.input.dtmf.digits) > 0 {
		return false
	}
	c.o.Choose(c.o.Choices[i].Agent)
	if c.reply != nil {
		c.cutReply() // by the caller: the next conversation has nothing to resume
	}
	c.end(dialog.Chosen, nil)
	return true
}
