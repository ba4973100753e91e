// Package conversation holds one conversation: it decides who speaks, asks the model for
// replies, runs tool calls, and keeps the history, the journal and the memory of a
// session. It speaks text: an Ear yields what the caller did, a Mouth says a reply and
// returns what the caller heard.
//
// One goroutine owns the state of a conversation, the one in Run. Each reply is one
// function on a goroutine of its own (sayReply). Cancelling a context is the interruption.
//
// It imports dialog, dialog/ear, dialog/mouth, media, tools, internal/words and
// internal/fault.
package conversation

import (
	"context"
	"crypto/rand"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/ear"
	"frontdesk/dialog/mouth"
	"frontdesk/media"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// Options is what a conversation needs beside its agent and its line. The zero value
// starts a new conversation that is not stored.
type Options struct {
	Instructions string              // replaces the agent's; "" keeps them
	Purpose      string              // why we call, in our own words; it is added to the instructions
	Greeting     string              // replaces the agent's; "" keeps it
	Tools        []tools.Spec        // the client's own tools; it answers their calls with ToolOutput
	Journal      dialog.Journal      // nil stores nothing
	History      []dialog.Message    // of earlier lines, oldest first; if there is any, no greeting is said
	LastTurn     int                 // number of the last turn of History
	Opening      []dialog.Message    // that come after History and before the greeting: what Purpose is about
	Reader       dialog.Model        // reads finished turns, for agents that want it; nil: the rules alone do
	Memory       *dialog.Memory      // what is known of earlier conversations, or nil
	Overview     dialog.Overview     // what the session was about on earlier lines
	Resume       *dialog.ResumeState // a reply that an earlier line did not finish, to be continued, or nil
	// Choices are agents that a new caller may choose by a key. Choose is then called, on a
	// goroutine of its own, and Run returns Chosen. After an error the conversation continues.
	Choices []dialog.Choice
	Choose  func(context.Context, *dialog.Agent) error
	Gate    *gate.Gate      // decides about tool calls; nil counts effects in this conversation alone
	Drain   <-chan struct{} // closed to end the conversation between two sentences; may be nil
	Ear     dialog.Ear      // hears the caller speak, instead of the line's Source; may be nil
	// Now is the time of day for the model, for opening hours and for call-backs; nil is time.Now.
	Now func() time.Time

	// NewID makes ids such as "item_…", "resp_…" and "call_…", unique in the session; nil
	// makes random ones.
	NewID func(prefix string) string
}

// Run converses with the caller on line until the conversation ends, the caller has hung
// up or ctx ends. Before it returns it waits for every goroutine it started: a tool with
// an effect finishes, and its result is recorded. The error says why the line broke or ctx
// ended.
func Run(ctx context.Context, agent *dialog.Agent, line dialog.Line, o Options) (dialog.Outcome, error) {
	if o.NewID == nil {
		o.NewID = func(prefix string) string { return prefix + rand.Text() }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := newConversation(ctx, agent, line, o)
	defer c.tasks.stop()
	ears := []dialog.Ear{ear.Text(line.Inputs)}
	switch {
	case o.Ear != nil:
		c.audio.canHear = true
		ears = append(ears, o.Ear)
	case line.Source != nil:
		voice := ear.NewVoice(agent, line.Source, o.NewID)
		voice.Narrowband = line.Narrowband
		c.audio.setLastReply = voice.SetLastReply
		c.audio.canHear = voice.CanHear()
		ears = append(ears, voice)
		if line.Sink != nil {
			line.Sink = voice.DetectEcho(line.Sink)
		}
	}
	if line.Sink != nil && agent.Synthesizer != nil {
		c.startVoice(media.NewPlayout(line.Sink))
	}
	return c.run(ears)
}

// startVoice makes the agent speak through playout, which it runs.
func (c *conversation) startVoice(playout *media.Playout) {
	voice := mouth.NewVoice(c.agent, playout)
	voice.OnAudioStarted = c.audioStarted
	c.audio.setVoice = voice.SetVoice
	c.audio.mouth = voice
	c.audio.mouthOf = func(agent *dialog.Agent) dialog.Mouth {
		other := mouth.NewVoice(agent, playout)
		other.OnAudioStarted = c.audioStarted
		return other
	}
	c.spawn(func() {
		if err := playout.Run(c.tasks.ctx); err != nil && c.tasks.ctx.Err() == nil {
			c.do(func() { c.end(dialog.CallerGone, err) })
		}
	})
}
