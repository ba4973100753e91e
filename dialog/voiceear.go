package dialog

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

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
type voiceEar struct {
	agent  *Agent
	source media.Source
	newID  func(string) string

	detector   VoiceDetector
	endpointer Endpointer
	queue      chan *speech
	asked      atomic.Pointer[string]
	echo       reflection
	latest     atomic.Pointer[latest]
	deaf       atomic.Bool
	replay     func(Heard) // takes what is heard, in Replay

	// The pump's.
	frame   []int16
	narrow  bool // source has nothing above 4 kHz
	preroll [prerollFrames][media.EarFrame]int16
	rolled  int       // frames ever written to preroll since it was cleared
	sounds  bool      // there is speech, the caller's or the agent's own
	voiced  bool      // the caller's
	score   int       // of an onset or a resumption, in frames
	since   time.Time // of the score's first frame
	current *speech
	between time.Duration // since the last utterance
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
	speech *speech
	Transcript
}

func newVoiceEar(agent *Agent, source media.Source, newID func(string) string) *voiceEar {
	e := &voiceEar{
		agent: agent, source: source, newID: newID,
		queue: make(chan *speech, speechQueue),
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
func (e *voiceEar) hears() bool { return e.agent.Recognizer != nil && e.detector != nil }

// ask tells what the agent said last. Safe for concurrent use.
func (e *voiceEar) ask(text string) { e.asked.Store(&text) }

// Listen implements Ear.
func (e *voiceEar) Listen(ctx context.Context, heard chan<- Heard) error {
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if e.hears() {
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
func Replay(ctx context.Context, agent *Agent, source media.Source, heard func(Heard)) error {
	n := 0
	e := newVoiceEar(agent, source, func(prefix string) string { n++; return prefix + strconv.Itoa(n) })
	if !e.hears() {
		return errors.New("the agent has no ears for speech")
	}
	var one sync.Mutex
	e.replay = func(h Heard) {
		one.Lock()
		defer one.Unlock()
		heard(h)
	}
	return e.Listen(ctx, nil)
}

// hear judges the frame that arrived now.
func (e *voiceEar) hear(ctx context.Context, now time.Time, heard chan<- Heard) {
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
			e.tell(ctx, heard, Heard{Kind: Calm, At: now})
		}
		e.score = max(e.score-1, 0)
	case e.score == 0:
		e.score, e.since = 1, now.Add(-media.FrameTime)
		if e.current == nil {
			e.tell(ctx, heard, Heard{Kind: Stir, At: e.since})
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
func (e *voiceEar) await(ctx context.Context, heard chan<- Heard) {
	e.between += media.FrameTime
	copy(e.preroll[e.rolled%prerollFrames][:], e.frame)
	e.rolled++
	if e.score < onsetFrames || len(e.queue) == speechQueue {
		return
	}
	s := newSpeech(e.newID("item_"))
	s.echo = e.echo.possible()
	for i := max(0, e.rolled-prerollFrames); i < e.rolled; i++ {
		s.add(e.preroll[i%prerollFrames][:])
	}
	e.current, e.rolled = s, 0
	e.turnEvidence = turnEvidence{spoken: onsetFrames * media.FrameTime}
	e.endpointer.Reset(max(0, e.between-onsetFrames*media.FrameTime))
	e.between = 0
	e.tell(ctx, heard, Heard{Kind: Onset, Item: s.item, Echo: e.echo.unsure(), At: e.since})
	e.queue <- s // only the pump sends, and there is room
}

// follow takes a frame of the utterance under way.
func (e *voiceEar) follow(ctx context.Context, now time.Time, heard chan<- Heard) {
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
		e.tell(ctx, heard, Heard{Kind: Onset, Item: s.item, At: e.since})
	case !e.paused && e.silence >= pauseTime:
		e.paused = true
		e.tell(ctx, heard, Heard{Kind: Offset, Item: s.item, At: now.Add(-e.silence)})
	}
	words := Transcript{}
	if l := e.latest.Load(); l != nil && l.speech == s {
		words = l.Transcript
	}
	v := e.endpointer.Judge(e.evidence(words))
	if e.lasted >= longestSpeech {
		v = Verdict{Finished: true, Why: "too long"}
	}
	switch {
	case v.Finished:
		e.tell(ctx, heard, Heard{Kind: Offset, Item: s.item, At: now.Add(-e.silence), Why: v.Why})
		s.own = e.own > e.spoken
		e.current, e.score, e.voiced, e.sounds = nil, 0, false, false
		s.end()
	case v.Maybe && (!e.maybe || e.maybeWords != words.Text):
		e.maybe, e.maybeWords = true, words.Text
		e.tell(ctx, heard, Heard{Kind: MaybeFinished, Item: s.item, Text: words.Text, Speaks: e.silence == 0, At: now})
	}
}

func (e *voiceEar) evidence(words Transcript) Evidence {
	ev := Evidence{
		Frame: e.frame, Speech: e.voiced,
		Spoken: e.spoken, Silence: e.silence,
		Words: words.Text, Final: words.Final,
	}
	if asked := e.asked.Load(); asked != nil {
		ev.Asked = *asked
	}
	return ev
}

// tell hands the loop something, which happens a few times per utterance; the loop
// always reads.
func (e *voiceEar) tell(ctx context.Context, heard chan<- Heard, h Heard) {
	if e.replay != nil {
		e.replay(h)
		return
	}
	select {
	case heard <- h:
	case <-ctx.Done():
	}
}
