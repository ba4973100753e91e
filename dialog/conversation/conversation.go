// Package conversation holds one conversation: it decides who speaks, asks the model for
// replies, runs tool calls, and keeps the history, the journal and the memory of the
// session. It speaks text: an Ear yields what the caller did, a Mouth says a reply and
// returns what the caller heard.
//
// One goroutine owns a conversation's state, the one in Run. Cancelling a context is the
// interruption. It imports dialog, dialog/ear, dialog/mouth, tools and media.
package conversation

import (
	"context"
	"crypto/rand"

	"frontdesk/dialog"
	"frontdesk/dialog/ear"
	"frontdesk/dialog/mouth"
	"frontdesk/media"
	"frontdesk/tools"
)

// Options is what a conversation needs beside its agent.
type Options struct {
	Instructions string                     // in place of the agent's, unless ""
	Greeting     string                     // likewise
	Tools        []tools.Spec               // the client's own tools, answered by ToolOutput
	Journal      dialog.Journal             // nil keeps nothing
	History      []dialog.Message           // what was said before, oldest first; no greeting is said then
	LastTurn     int                        // number of the last turn of History
	Memory       *dialog.Memory             // of History, or of the caller; or nil
	Resume       *dialog.ResumeState        // what was being said then and is to go on, or nil
	Drain        <-chan struct{}            // closed to end the conversation between two sentences; nil never does
	NewID        func(prefix string) string // makes "item_…", "resp_…", "call_…"; unique in the session
}

// Conversation is one session's talk over one line.
type Conversation struct {
	agent *dialog.Agent
	o     Options
}

// New prepares a conversation of agent.
func New(agent *dialog.Agent, o Options) *Conversation {
	if o.NewID == nil {
		o.NewID = func(prefix string) string { return prefix + rand.Text() }
	}
	return &Conversation{agent: agent, o: o}
}

// Run talks until the conversation ends, the caller is gone or ctx ends. It joins
// every goroutine it started: a tool with an effect that is under way is waited for,
// and its result recorded. The error says why the line broke or ctx ended.
func (c *Conversation) Run(ctx context.Context, line dialog.Line) (dialog.Outcome, error) {
	l := newLoop(ctx, c.agent, c.o, line)
	defer l.stop()
	ears := []dialog.Ear{ear.Text(line.Inputs)}
	if line.Source != nil {
		voice := ear.NewVoice(c.agent, line.Source, c.o.NewID)
		voice.Narrowband = line.Narrowband
		l.asked = voice.SetLastReply
		l.hearing = voice.CanHear()
		ears = append(ears, voice)
		if line.Sink != nil {
			line.Sink = voice.DetectEcho(line.Sink)
		}
	}
	if line.Sink != nil && c.agent.Synthesizer != nil {
		l.speakThrough(media.NewPlayout(line.Sink))
	}
	return l.run(ears)
}

// speakThrough gives the conversation a voice.
func (l *loop) speakThrough(play *media.Playout) {
	voice := mouth.NewVoice(l.agent, play)
	voice.OnAudioStarted = l.sounding
	l.setVoice = voice.SetVoice
	l.mouth = voice
	l.spawn(func() func() {
		err := play.Run(l.ctx)
		return func() {
			if err != nil && l.ctx.Err() == nil {
				l.end(dialog.CallerGone, err)
			}
		}
	})
}
