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
	unsaid     []dialog.Choice // to be said when nothing else is
	saying     *reply          // says a choice
	isOpen     bool            // a key chooses an agent
	isChecking bool            // whether the chosen agent may continue the call
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
	if len(c.input.choices.unsaid) == 0 || c.input.choices.isChecking || len(c.floor.utterances) > 0 { // the caller has the floor
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
	c.input.choices.saying = r
	c.startReply(r, false)
	return true
}

// chooseByKey ends the conversation for another agent if key leads to one that may continue the
// call, and reports whether key leads to any.
func (c *conversation) chooseByKey(key string) bool {
	i := slices.IndexFunc(c.o.Choices, func(o dialog.Choice) bool { return o.Key == key })
	if !c.input.choices.isOpen || i < 0 || len(c.input.dtmf.digits) > 0 {
		return false
	}
	if c.input.choices.isChecking {
		return true
	}
	c.input.silence.prompts = 0
	c.input.silence.timeout.Stop()
	agent := c.o.Choices[i].Agent
	if agent.Name == c.agent.Name {
		c.keepAgent()
		return true
	}
	c.input.choices.isChecking = true
	c.spawn(func() {
		err := c.o.Choose(c.tasks.ctx, agent)
		c.do(func() { c.agentChecked(agent, err) })
	})
	return true
}

// keepAgent goes on with the agent that the caller talks to, because the caller chose it. A
// greeting is not cut, and needs no other answer.
func (c *conversation) keepAgent() {
	isSaid := c.reply == nil || c.reply == c.input.choices.saying
	if isSaid && c.floor.nextReply == "" {
		c.floor.nextReply = c.texts().choiceKept
	}
	c.stopSayingChoice()
	c.input.choices = choices{}
	c.proceed()
}

// agentChecked ends the conversation for the agent that the caller chose. With err, the agent may
// not continue the call: the caller hears so in its voice, and this conversation continues.
func (c *conversation) agentChecked(agent *dialog.Agent, err error) {
	c.input.choices.isChecking = false
	switch {
	case c.outcome != "" || c.handover.isActive:
	case err == nil:
		if c.reply != nil {
			c.cutReply() // by the caller: the next conversation has nothing to resume
		}
		c.end(dialog.Chosen, nil)
	default:
		if textsFor(agent.Language) == shownTexts {
			agent = c.agent
		}
		text := textsFor(agent.Language).choiceRefused
		c.emit(dialog.Event{Kind: dialog.NoticeRaised, Turn: c.turns, Notice: &dialog.Notice{Code: "choice_refused", Text: text, Err: err}})
		c.input.choices.unsaid = slices.Concat([]dialog.Choice{{Agent: agent, Text: text}}, c.input.choices.unsaid)
		c.stopSayingChoice()
		c.proceed()
	}
}

// stopSayingChoice cuts the current reply if it says a choice.
func (c *conversation) stopSayingChoice() {
	if c.reply != nil && c.reply == c.input.choices.saying {
		c.cutReply()
	}
}
