package dialog

import (
	"context"
	"crypto/rand"

	"frontdesk/media"
	"frontdesk/tools"
)

// Options is what a conversation needs beside its agent.
type Options struct {
	Instructions string                     // in place of the agent's, unless ""
	Greeting     string                     // likewise
	Tools        []tools.Spec               // the client's own tools, answered by ToolOutput
	Journal      Journal                    // nil keeps nothing
	History      []Message                  // what was said before, oldest first; no greeting is said then
	Turn         int                        // number of the last turn of History
	Memory       *Memory                    // of History, or of the caller; or nil
	Saying       *Saying                    // what was being said then and is to go on, or nil
	Part         <-chan struct{}            // closed to end the conversation between two sentences; nil never does
	NewID        func(prefix string) string // makes "item_…", "resp_…", "call_…"; unique in the session
}

// Outcome is how a conversation came to its end.
type Outcome string

const (
	CallerGone  Outcome = "caller_gone" // the line closed
	Goodbye     Outcome = "goodbye"     // the caller said goodbye and was answered
	NoAnswer    Outcome = "no_answer"   // the caller fell silent
	Transferred Outcome = "transferred" // a person took over
	Parted      Outcome = "parted"      // it was asked to, and goes on elsewhere
)

// Conversation is one session's talk over one line.
type Conversation struct {
	agent *Agent
	o     Options
}

// New prepares a conversation of agent.
func New(agent *Agent, o Options) *Conversation {
	if o.NewID == nil {
		o.NewID = func(prefix string) string { return prefix + rand.Text() }
	}
	return &Conversation{agent: agent, o: o}
}

// Run talks until the conversation ends, the caller is gone or ctx ends. It joins
// every goroutine it started: a tool with an effect that is under way is waited for,
// and its result recorded. The error says why the line broke or ctx ended.
func (c *Conversation) Run(ctx context.Context, line Line) (Outcome, error) {
	l := newLoop(ctx, c.agent, c.o, line)
	defer l.stop()
	ears := []Ear{textEar(line.Inputs)}
	if line.Source != nil {
		ear := newVoiceEar(c.agent, line.Source, c.o.NewID)
		ear.narrow = line.Narrow
		l.asked = ear.ask
		l.hearing = ear.hears()
		ears = append(ears, ear)
		if line.Sink != nil {
			ear.echo.detector = media.NewEchoDetector()
			line.Sink = reflected{line.Sink, ear.echo.detector}
		}
	}
	if line.Sink != nil && c.agent.Synthesizer != nil {
		l.speakThrough(media.NewPlayout(line.Sink))
	}
	return l.run(ears)
}

// speakThrough gives the conversation a voice.
func (l *loop) speakThrough(play player) {
	mouth := newVoiceMouth(l.agent, play)
	mouth.sounding = l.sounding
	l.setVoice = mouth.setVoice
	l.mouth = mouth
	l.spawn(func() func() {
		err := play.Run(l.ctx)
		return func() {
			if err != nil && l.ctx.Err() == nil {
				l.end(CallerGone, err)
			}
		}
	})
}
