// Package ear hears a caller. It turns the 20 ms frames of a line into the onsets, partial
// and final transcripts that a conversation reacts to, and the inputs of a text line into
// the same events. It imports dialog, media and internal/fault; package ear/endpoint judges
// when a turn is over.
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
	prerollFrames = 20 // frames before the onset is detected that the recognizer also hears
	pauseTime     = 200 * time.Millisecond
	maxUtterance  = 60 * time.Second // whatever the Endpointer decides

	// utteranceQueue is how many utterances may wait for a recognizer that is slower than
	// the caller. While it is full no utterance begins, and what the caller says is lost.
	utteranceQueue = 4
)

// Voice is the Ear of a line with audio: voice activity detection, a recognizer and an
// Endpointer. Listen reads frames and never waits for the recognizer, which runs on its own
// goroutine.
type Voice struct {
	// Narrowband says that the source has no audio above 4 kHz. Set it before Listen.
	Narrowband bool

	agent      *dialog.Agent
	source     media.Source
	newID      func(prefix string) string
	detector   dialog.VoiceDetector
	endpointer dialog.Endpointer
	queue      chan *utterance // to the recognizer
	lastReply  atomic.Pointer[string]
	latest     atomic.Pointer[latest]
	hasFailed  atomic.Bool        // the recognizer cannot be used any more
	replay     func(dialog.Heard) // receives the events of a Replay; nil in a call
	pump       pump
}

// pump is the state of the goroutine in Listen.
type pump struct {
	frame          []int16
	echo           echo
	preroll        [prerollFrames][media.EarFrame]int16
	prerollVoiced  [prerollFrames]bool
	prerolled      int  // frames written to preroll since the last utterance
	hasSpeech      bool // the last frame held speech: the caller's, or the agent's as echo
	callerSpeaks   bool // it was the caller's
	onsetScore     int  // frames of speech towards an onset, less those without
	onsetStart     time.Time
	sinceUtterance time.Duration
	current        *utterance // nil between utterances
	progress       progress
	noise          noiseMeter
	distance       distance
}

// progress is what the pump knows of the current utterance.
type progress struct {
	total, speech, silence time.Duration
	echo                   time.Duration // speech that was the agent's
	isPaused               bool          // Offset was sent
	maybeFinished          bool          // MaybeFinished was sent in this pause
	maybeFinishedText      string        // with that transcript
}

// latest is the recognizer's latest transcript of an utterance.
type latest struct {
	utterance *utterance
	dialog.Transcript
}

// NewVoice returns an ear of agent for source. newID makes the ids of conversation items.
func NewVoice(agent *dialog.Agent, source media.Source, newID func(prefix string) string) *Voice {
	e := &Voice{
		agent: agent, source: source, newID: newID,
		queue: make(chan *utterance, utteranceQueue),
		pump:  pump{frame: make([]int16, media.EarFrame)},
	}
	if agent.Detector != nil {
		e.detector = agent.Detector()
	}
	if agent.Endpointer != nil {
		e.endpointer = agent.Endpointer()
	} else {
		e.endpointer = NewEndpointer(agent.Language)
	}
	return e
}

// CanHear reports whether the agent has a recognizer and a voice detector.
func (e *Voice) CanHear() bool { return e.agent.Recognizer != nil && e.detector != nil }

// SetLastReply says what the agent said last, for the Endpointer. It is safe for concurrent
// use.
func (e *Voice) SetLastReply(text string) { e.lastReply.Store(&text) }

// Listen implements dialog.Ear.
func (e *Voice) Listen(ctx context.Context, heard chan<- dialog.Heard) error {
	var recognizing sync.WaitGroup
	defer recognizing.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if e.CanHear() {
		r := &recognition{ear: e, heard: heard}
		recognizing.Go(func() { r.run(ctx) })
	} else {
		e.hasFailed.Store(true)
	}
	defer e.endUtterance()
	for {
		err := e.source.ReadFrame(e.pump.frame)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		e.processFrame(ctx, time.Now(), heard)
		if u := e.pump.current; e.replay != nil && u != nil {
			u.waitUntilRead(ctx)
		}
	}
}

// Replay listens to source as in a call of agent, but as fast as source yields frames:
// before the next frame is read the recognizer has read the last one, so that transcripts
// come as late in the audio as the recognizer needs. heard is called with one event at a
// time. Replay returns when source or ctx ends.
func Replay(ctx context.Context, agent *dialog.Agent, source media.Source, heard func(dialog.Heard)) error {
	n := 0
	e := NewVoice(agent, source, func(prefix string) string { n++; return prefix + strconv.Itoa(n) })
	if !e.CanHear() {
		return errors.New("the agent has no recognizer or no voice detector")
	}
	var mu sync.Mutex
	e.replay = func(h dialog.Heard) {
		mu.Lock()
		defer mu.Unlock()
		heard(h)
	}
	return e.Listen(ctx, nil)
}

// MarkVoice returns for each whole frame of pcm whether an ear with this detector takes it
// for speech.
func MarkVoice(d dialog.VoiceDetector, pcm []int16) []bool {
	marks := make([]bool, 0, len(pcm)/media.EarFrame)
	hasSpeech := false
	for len(pcm) >= media.EarFrame {
		hasSpeech = isSpeech(d.Detect(pcm[:media.EarFrame]), hasSpeech)
		marks, pcm = append(marks, hasSpeech), pcm[media.EarFrame:]
	}
	return marks
}

// isSpeech reports whether a frame is speech. wasSpeech says that the frame before it was.
func isSpeech(probability float32, wasSpeech bool) bool {
	return probability >= speechOn || wasSpeech && probability >= speechOff
}

// processFrame handles the frame in e.pump.frame, which arrived at now.
func (e *Voice) processFrame(ctx context.Context, now time.Time, heard chan<- dialog.Heard) {
	if e.hasFailed.Load() {
		e.endUtterance()
		return
	}
	p := &e.pump
	probability := e.detector.Detect(p.frame)
	hasSpeech := isSpeech(probability, p.hasSpeech)
	isEcho := p.echo.detect(p.frame, hasSpeech)
	p.hasSpeech, p.callerSpeaks = hasSpeech, hasSpeech && !isEcho
	if !hasSpeech && p.echo.isExcluded() { // the background is without the agent's own voice
		p.noise.addBackground(p.frame)
	}
	switch {
	case !p.callerSpeaks:
		if p.onsetScore == 1 && p.current == nil {
			e.send(ctx, heard, dialog.Heard{Kind: dialog.FalseOnset, At: now})
		}
		p.onsetScore = max(p.onsetScore-1, 0)
	case p.onsetScore == 0:
		p.onsetScore, p.onsetStart = 1, now.Add(-media.FrameTime)
		if p.current == nil {
			e.send(ctx, heard, dialog.Heard{Kind: dialog.PossibleOnset, At: p.onsetStart})
		}
	default:
		p.onsetScore = min(p.onsetScore+1, onsetFrames)
	}
	if p.current == nil {
		e.detectOnset(ctx, heard)
	} else {
		e.followUtterance(ctx, now, heard)
	}
}

// detectOnset begins an utterance when there is enough speech.
func (e *Voice) detectOnset(ctx context.Context, heard chan<- dialog.Heard) {
	p := &e.pump
	p.sinceUtterance += media.FrameTime
	copy(p.preroll[p.prerolled%prerollFrames][:], p.frame)
	p.prerollVoiced[p.prerolled%prerollFrames] = p.callerSpeaks
	p.prerolled++
	if p.onsetScore < onsetFrames || len(e.queue) == utteranceQueue {
		return
	}
	u := newUtterance(e.newID("item_"))
	u.mayBeEcho = p.echo.isPossible()
	p.distance.begin()
	for i := max(0, p.prerolled-prerollFrames); i < p.prerolled; i++ {
		frame, isVoiced := p.preroll[i%prerollFrames][:], p.prerollVoiced[i%prerollFrames]
		u.add(frame, isVoiced)
		if isVoiced {
			p.distance.add(meanSquare(frame))
		}
	}
	p.current, p.prerolled = u, 0
	p.progress = progress{speech: onsetFrames * media.FrameTime}
	e.endpointer.Reset(max(0, p.sinceUtterance-onsetFrames*media.FrameTime))
	p.sinceUtterance = 0
	e.send(ctx, heard, dialog.Heard{Kind: dialog.Onset, Item: u.item, IsDistant: p.distance.isDistant, At: p.onsetStart})
	e.queue <- u // has room: only this goroutine sends
}

// followUtterance adds the frame to the current utterance and ends it when the Endpointer
// says so.
func (e *Voice) followUtterance(ctx context.Context, now time.Time, heard chan<- dialog.Heard) {
	p := &e.pump
	u, g := p.current, &p.progress
	e.addFrame()
	if p.callerSpeaks && p.distance.add(meanSquare(p.frame)) {
		e.send(ctx, heard, dialog.Heard{Kind: dialog.DistanceChanged, Item: u.item, IsDistant: p.distance.isDistant, At: now})
	}
	switch {
	case g.isPaused && p.callerSpeaks && p.onsetScore == onsetFrames:
		g.isPaused, g.maybeFinished = false, false
		e.send(ctx, heard, dialog.Heard{Kind: dialog.Onset, Item: u.item, IsDistant: p.distance.isDistant, At: p.onsetStart})
	case !g.isPaused && g.silence >= pauseTime:
		g.isPaused = true
		e.send(ctx, heard, dialog.Heard{Kind: dialog.Offset, Item: u.item, At: now.Add(-g.silence)})
	}
	var transcript dialog.Transcript
	if l := e.latest.Load(); l != nil && l.utterance == u {
		transcript = l.Transcript
	}
	v := e.endpointer.Judge(e.evidence(transcript))
	if g.total >= maxUtterance {
		v = dialog.Verdict{Finished: true, Reason: "too long"}
	}
	switch {
	case v.Finished:
		e.send(ctx, heard, dialog.Heard{Kind: dialog.Offset, Item: u.item, At: now.Add(-g.silence), Reason: v.Reason})
		if u.isEcho = g.echo > g.speech; !u.isEcho {
			p.distance.end(!p.echo.isExcluded())
		}
		ratio, isKnown := p.noise.ratio()
		u.isNoisy = isKnown && ratio < noisyRatio
		p.onsetScore, p.callerSpeaks, p.hasSpeech = 0, false, false
		e.endUtterance()
	case v.MaybeFinished && (!g.maybeFinished || g.maybeFinishedText != transcript.Text):
		g.maybeFinished, g.maybeFinishedText = true, transcript.Text
		e.send(ctx, heard, dialog.Heard{Kind: dialog.MaybeFinished, Item: u.item, Text: transcript.Text, StillSpeaking: g.silence == 0, At: now})
	}
}

// addFrame adds the frame to the current utterance and its durations.
func (e *Voice) addFrame() {
	p := &e.pump
	u, g := p.current, &p.progress
	u.add(p.frame, p.callerSpeaks)
	g.total += media.FrameTime
	if p.hasSpeech && !p.callerSpeaks {
		g.echo += media.FrameTime
	}
	if p.callerSpeaks {
		g.speech += media.FrameTime
		g.silence = 0
		u.markSpeech()
		p.noise.addVoice(p.frame)
	} else if g.silence += media.FrameTime; g.silence == earlySilence {
		u.signalPause()
	}
}

// endUtterance ends the current utterance, if there is one.
func (e *Voice) endUtterance() {
	if e.pump.current != nil {
		e.pump.current.end()
		e.pump.current = nil
	}
}

func (e *Voice) evidence(t dialog.Transcript) dialog.Evidence {
	ev := dialog.Evidence{
		Frame: e.pump.frame, IsSpeech: e.pump.callerSpeaks,
		Silence: e.pump.progress.silence,
		Words:   t.Text, Final: t.Final,
	}
	if text := e.lastReply.Load(); text != nil {
		ev.LastReply = *text
	}
	return ev
}

// send sends h to the conversation, which always reads. It is called a few times for each
// utterance, not for each frame.
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
