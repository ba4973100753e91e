package conversation

import (
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/words"
)

const (
	defaultFillerAfter = 900 * time.Millisecond
	fillerRetry        = 300 * time.Millisecond // later, while the caller speaks
)

var defaultFillers = []string{"One moment.", "Let me check that.", "Just a second."}

// fillerText returns a's filler for turn n, or "" for none.
func fillerText(a *dialog.Agent, n int) string {
	texts := a.Filler.Texts
	if texts == nil && words.IsEnglish(a.Language) {
		texts = defaultFillers
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
