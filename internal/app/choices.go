package app

import (
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/internal/agentfile"
)

// choices returns the agents that callers of an agent may choose by a key. It logs and
// omits those that do not work.
func (o *agentOpener) choices(list []agentfile.Choice, agent string) []dialog.Choice {
	var out []dialog.Choice
	for _, c := range list {
		chosen := o.set.byName[c.Agent]
		if chosen == nil {
			o.log.Warn("choice omitted: no agent of that name works", zap.String("agent", agent), zap.String("choice", c.Agent))
			continue
		}
		text := c.Text
		if text == "" {
			text = conversation.ChoiceText(chosen.Language, c.Key)
		}
		if text == "" {
			o.log.Warn("choice omitted: it needs a text, because there is none in the language of the chosen agent",
				zap.String("agent", agent), zap.String("choice", c.Agent), zap.String("language", chosen.Language))
			continue
		}
		out = append(out, dialog.Choice{Key: c.Key, Agent: chosen, Text: text})
	}
	return out
}
