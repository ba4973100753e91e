// Package ear hears a caller: it turns the 20 ms frames of a line into the onsets, partial
// and final transcripts that a conversation reacts to, and a text line's inputs into the
// same events. It imports dialog and media; package ear/endpoint judges the end of a turn.
package ear

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

const (
	speechOn  = 0.6 // probability from which silence becomes speech
	speechOff = 0.4 // probability below which speech becomes silence

	onsetFrames   = 3  // frames of speech that make an onset
	prerollFrames = 20 // frames before the onset's decision the recogniser also hears
	pauseTime     = 200 * time.Millisecond
	longestSpeech = 60 * time.Second // of one utterance, whatever the Endpointer thinks

	// speechQueue is how many utterances may wait for a recogniser slower than the
	// caller. When it is full no utterance begins; what is said then is lost.
	speechQueue = 4
)

// voiceEar hears speech: voice activity, a recogniser and an Endpointer over a
// Source. The pump reads frames and never waits for the recogniser, which runs beside it.
type Voice struct {
	agent  *dialog.Agent
	source media.Source
	newID  func(string) string

	detector   dialog.VoiceDetector
	endpointer dialog.Endpointer
	queue      chan *utterance
	lastReply  atomic.Pointer[string]
	echo       reflection
	latest     atomic.Pointer[latest]
	deaf       atomic.Bool
	replay     func(dialog.Heard) // takes what is heard, in Replay

	// The pump's.
	frame      []int16
	Narrowband bool // source has nothing above 4 kHz
	preroll    [prerollFrames][media.EarFrame]int16
	rolled     int       // frames ever written to preroll since it was cleared
	sounds     bool      // there is speech, the caller's or the agent's own
	voiced     bool      // the caller's
	score      int       // of an onset or a resumption, in frames
	since      time.Time // of the score's first frame
	current    *utterance
	between    time.Duration // since the last utterance
	turnEvidence
}

// turnEvidence is what the pump knows of the utterance under way.
type turnEvidence struct {
	lasted, spoken, silence time.Duration
	own                     time.Duration // speech that was the agent's
	paused                  bool          // Offset was told
	maybe                   bool          // MaybeFinished was told in this pause
	maybeWords              string        // with it
}

// latest is a recogniser's latest transcript of an utterance.
type latest struct {
	speech *utterance
	dialog.Transcript
}

func NewVoice(agent *dialog.Agent, source media.Source, newID func(string) string) *Voice {
	e := &Voice{
		agent: agent, source: source, newID: newID,
		queue: make(chan *utterance, speechQueue),
		frame: make([]int16, media.EarFrame),
	}
	if agent.Detector != nil {
		e.detector = agent.Detector()
	}
	e.endpointer = NewEndpointer(agent.Language)
	if agent.Endpointer != nil {
		e.endpointer = agent.Endpointer()
	}
	return e
}

// hears reports whether there is all it takes to hear speech.
func (e *Voice) CanHear() bool { return e.agent.Recognizer != nil && e.detector != nil }

// ask tells what the agent said last. Safe for concurrent use.
func (e *Voice) SetLastReply(text string) { e.lastReply.Store(&text) }

// Listen implements Ear.
func (e *Voice) Listen(ctx context.Context, heard chan<- dialog.Heard) error {
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if e.CanHear() {
		r := &recognition{ear: e, heard: heard}
		work.Go(func() { r.run(ctx) })
	} else {
		e.deaf.Store(true)
	}
	defer func() {
		if e.current != nil {
			e.current.end()
			e.current = nil
		}
	}()
	for {
		err := e.source.ReadFrame(e.frame)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		e.hear(ctx, time.Now(), heard)
		if e.replay != nil && e.current != nil {
			e.current.settle(ctx)
		}
	}
}

// Replay listens to source as a call of agent does, but as fast as its frames come:
// before it asks for the next one the recogniser has taken the last, so that words are
// as late as the recogniser needs sound for them. heard is called with what the caller
// did, one at a time. It returns when source or ctx ends.
func Replay(ctx context.Context, agent *dialog.Agent, source media.Source, heard func(dialog.Heard)) error {
	n := 0
	e := NewVoice(agent, source, func(prefix string) string { n++; return prefix + strconv.Itoa(n) })
	if !e.CanHear() {
		return errors.New("the agent has no ears for speech")
	}
	var one sync.Mutex
	e.replay = func(h dialog.Heard) {
		one.Lock()
		defer one.Unlock()
		heard(h)
	}
	return e.Listen(ctx, nil)
}

// hear judges the frame that arrived now.
func (e *Voice) hear(ctx context.Context, now time.Time, heard chan<- dialog.Heard) {
	if e.deaf.Load() {
		if e.current != nil {
			e.current.end()
			e.current = nil
		}
		return
	}
	p := e.detector.Detect(e.frame)
	sounds := p >= speechOn || e.sounds && p >= speechOff
	own := e.echo.heard(e.frame, sounds)
	e.sounds, e.voiced = sounds, sounds && !own
	switch {
	case !e.voiced:
		if e.score == 1 && e.current == nil {
			e.send(ctx, heard, dialog.Heard{Kind: dialog.FalseOnset, At: now})
		}
		e.score = max(e.score-1, 0)
	case e.score == 0:
		e.score, e.since = 1, now.Add(-media.FrameTime)
		if e.current == nil {
			e.send(ctx, heard, dialog.Heard{Kind: dialog.PossibleOnset, At: e.since})
		}
	default:
		e.score = min(e.score+1, onsetFrames)
	}
	if e.current == nil {
		e.await(ctx, heard)
		return
	}
	e.follow(ctx, now, heard)
}

// await looks for the onset of an utterance.
func (e *Voice) await(ctx context.Context, heard chan<- dialog.Heard) {
	e.between += media.FrameTime
	copy(e.preroll[e.rolled%prerollFrames][:], e.frame)
	e.rolled++
	if e.score < onsetFrames || len(e.queue) == speechQueue {
		return
	}
	s := newUtterance(e.newID("item_"))
	s.echo = e.echo.possible()
	for i := max(0, e.rolled-prerollFrames); i < e.rolled; i++ {
		s.add(e.preroll[i%prerollFrames][:])
	}
	e.current, e.rolled = s, 0
	e.turnEvidence = turnEvidence{spoken: onsetFrames * media.FrameTime}
	e.endpointer.Reset(max(0, e.between-onsetFrames*media.FrameTime))
	e.between = 0
	e.send(ctx, heard, dialog.Heard{Kind: dialog.Onset, Item: s.item, MayBeEcho: e.echo.unsure(), At: e.since})
	e.queue <- s // only the pump sends, and there is room
}

// follow takes a frame of the utterance under way.
func (e *Voice) follow(ctx context.Context, now time.Time, heard chan<- dialog.Heard) {
	s := e.current
	s.add(e.frame)
	e.lasted += media.FrameTime
	if e.sounds && !e.voiced {
		e.own += media.FrameTime
	}
	if e.voiced {
		e.spoken += media.FrameTime
		e.silence = 0
		s.voice()
	} else if e.silence += media.FrameTime; e.silence == earlyWait {
		s.pause()
	}
	switch {
	case e.paused && e.voiced && e.score == onsetFrames:
		e.paused, e.maybe = false, false
		e.send(ctx, heard, dialog.Heard{Kind: dialog.Onset, Item: s.item, At: e.since})
	case !e.paused && e.silence >= pauseTime:
		e.paused = true
		e.send(ctx, heard, dialog.Heard{Kind: dialog.Offset, Item: s.item, At: now.Add(-e.silence)})
	}
	words := dialog.Transcript{}
	if l := e.latest.Load(); l != nil && l.speech == s {
		words = l.Transcript
	}
	v := e.endpointer.Judge(e.evidence(words))
	if e.lasted >= longestSpeech {
		v = dialog.Verdict{Finished: true, Reason: "too long"}
	}
	switch {
	case v.Finished:
		e.send(ctx, heard, dialog.Heard{Kind: dialog.Offset, Item: s.item, At: now.Add(-e.silence), Reason: v.Reason})
		s.own = e.own > e.spoken
		e.current, e.score, e.voiced, e.sounds = nil, 0, false, false
		s.end()
	case v.MaybeFinished && (!e.maybe || e.maybeWords != words.Text):
		e.maybe, e.maybeWords = true, words.Text
		e.send(ctx, heard, dialog.Heard{Kind: dialog.MaybeFinished, Item: s.item, Text: words.Text, StillSpeaking: e.silence == 0, At: now})
	}
}

func (e *Voice) evidence(words dialog.Transcript) dialog.Evidence {
	ev := dialog.Evidence{
		Frame: e.frame, IsSpeech: e.voiced,
		Spoken: e.spoken, Silence: e.silence,
		Words: words.Text, Final: words.Final,
	}
	if asked := e.lastReply.Load(); asked != nil {
		ev.LastReply = *asked
	}
	return ev
}

// tell hands the loop something, which happens a few times per utterance; the loop
// always reads.
func (e *Voice) send(ctx context.Context, heard chan<- dialog.Heard, h dialog.Heard) {
	if e.replay != nil {
		e.replay(h)
		return
	}
	select {
	case heard <- h:
	case <-ctx.Done():
	}
}
