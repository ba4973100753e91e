package eval

import (
	"context"
	"iter"
	"math"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/media"
)

const (
	afterSound   = 4000 // ms that a call continues after the sound
	noAnswer     = 8000 // ms after what the caller says first; without an answer the call is void
	quietAtStart = 500  // ms of background before the caller speaks first
)

// announcement is what the agent says when it is interrupted: fluent speech that lasts
// longer than any call here.
const announcement = "Thank you for waiting while I looked at all of the details of your latest order with us and at each of the parcels that belong to it. " +
	"The first of them left our warehouse on Monday morning and should arrive at your house before the end of this week, " +
	"and the second one follows a few days later because one of the lamps had to be sent to us by the manufacturer. " +
	"You will receive a message with the number of the parcel and the name of the driver on the morning of the delivery."

// run makes one call.
func (o *Overlap) run(ctx context.Context, agent *dialog.Agent) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &overlapCall{overlap: o, clock: time.NewTicker(media.FrameTime), ctx: ctx, done: cancel,
		down: media.NewResampler(media.MouthRate, media.EarRate)}
	defer c.clock.Stop()
	a := *agent
	a.Greeting, a.Model = "", announcer{c}
	if o.Before == nil {
		a.Greeting = announcement
	}
	line := dialog.Line{Inputs: make(chan dialog.Heard), Source: c, Sink: c, Emit: c.tell}
	if _, err := conversation.Run(ctx, &a, line, conversation.Options{}); err != nil && !c.ended {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o.judge(c.level, c.sound)
	return nil
}

// overlapCall is the caller's side of a call, as media.Source and media.Sink.
type overlapCall struct {
	overlap *Overlap
	clock   *time.Ticker
	ctx     context.Context
	done    func()
	random  uint32

	mu        sync.Mutex
	level     []float64 // mean square per frame since the agent began to speak
	read      int       // frames that were read
	sound     int       // len(level) when the recording began; 0 before
	at        int       // samples of the recording that were read
	after     int       // frames read since its speech ended
	reply     string    // ID of the announcement
	isOverlap bool      // the recording has begun, so that further replies are short
	ended     bool      // the measurement is complete
	voice     []int16   // all audio of the agent at media.EarRate
	down      *media.Resampler
}

// ReadFrame implements media.Source: a quiet room, and in it what the caller says first and
// the recording.
func (c *overlapCall) ReadFrame(frame []int16) error {
	select {
	case <-c.clock.C:
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	for i := range frame {
		c.random = c.random*1664525 + 1013904223
		frame[i] = int16(c.random>>29) - 4
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.overlap
	if o.Echo != nil {
		o.Echo.add(frame, c.voice)
	}
	c.read++
	if o.Before != nil {
		at := c.read*media.EarFrame - samples(quietAtStart)
		mix(frame, o.Before.PCM, at)
		if c.sound == 0 && c.read*20 > quietAtStart+o.Before.End+noAnswer {
			o.Void = true
			c.end()
		}
	}
	if len(c.level) == 0 || len(c.level)*20 < o.Into || o.Before != nil && c.read*20 < quietAtStart+o.Before.End {
		return nil
	}
	if c.sound == 0 {
		c.sound, c.isOverlap = max(len(c.level), 1), true
	}
	mix(frame, o.PCM, c.at)
	c.at += len(frame)
	if c.at >= samples(o.End) {
		c.after++
	}
	if c.after*20 >= afterSound {
		c.end()
	}
	return nil
}

// end ends the call. c.mu is held.
func (c *overlapCall) end() {
	c.ended = true
	c.done()
}

// mix adds pcm from the sample at on, which may be negative, to frame.
func mix(frame, pcm []int16, at int) {
	for i := range frame {
		if k := at + i; k >= 0 && k < len(pcm) {
			frame[i] = clip(float64(frame[i]) + float64(pcm[k]))
		}
	}
}

// WriteFrame implements media.Sink.
func (c *overlapCall) WriteFrame(frame []int16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	level := math.Pow(media.RMS(frame), 2)
	if c.overlap.Echo != nil {
		if frame == nil {
			frame = make([]int16, media.MouthFrame)
		}
		c.voice = c.down.Process(c.voice, frame)
	}
	if len(c.level) == 0 && level >= audible {
		if b := c.overlap.Before; b != nil {
			c.overlap.CutIn = c.read*20 < quietAtStart+b.End
		}
	}
	if len(c.level) > 0 || level >= audible {
		c.level = append(c.level, level)
	}
	return nil
}

// tell receives the events of the conversation.
func (c *overlapCall) tell(e dialog.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.overlap
	switch {
	case c.ended:
	case e.Kind == dialog.ReplyStarted && !c.isOverlap:
		c.reply = e.Response
	case e.Kind == dialog.ReplyEnded && e.Response == c.reply && e.Interrupted && c.isOverlap:
		o.Stopped = true
	case e.Kind == dialog.ReplyEnded && e.Response == c.reply && e.Interrupted:
		c.level = nil // cut in: the agent starts again when the caller has finished
	case e.Kind == dialog.CallerSaid && c.isOverlap:
		o.Said = strings.TrimSpace(o.Said + " " + e.Text)
	}
}

// announcer is a Model that gives the announcement until the recording begins, and then
// a short answer.
type announcer struct{ call *overlapCall }

func (a announcer) Reply(context.Context, dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		a.call.mu.Lock()
		text := announcement
		if a.call.isOverlap {
			text = "I see what you mean."
		}
		a.call.mu.Unlock()
		yield(dialog.Chunk{Text: text}, nil)
	}
}
