package conversation

import (
	"time"

	"frontdesk/dialog"
)

const (
	defaultFillerAfter = 900 * time.Millisecond
	fillerRetry        = 300 * time.Millisecond // later, while the caller speaks
)

// fillerText returns the filler for turn n, or "" for none.
func (c *conversation) fillerText(n int) string {
	texts := c.agent.Filler.Texts
	if texts == nil {
		texts = c.texts().fillers
	}
	if len(texts) == 0 {
		return ""
	}
	return texts[n%len(texts)]
}

// startFillerTimer starts the wait for the first words of a spoken reply.
func (c *conversation) startFillerTimer(t *turn) {
	if _, isVoice := c.audio.mouth.(dialog.Ducker); !isVoice || t.Typed {
		return
	}
	wait := c.agent.Filler.After
	if wait <= 0 {
		wait = defaultFillerAfter
	}
	if !t.Times.Endpoint.IsZero() {
		wait -= time.Since(t.Times.Endpoint)
	}
	c.filler.set(max(wait, 0))
}
