package conversation

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/media"
)

const (
	// overlapWait is how long the caller speaks over the agent before that is a barge-in,
	// whatever the words. The agent's audio is held meanwhile, so nothing is lost. It exceeds
	// most laughter: bouts last 0.9 s on average, with a standard deviation of 0.8 s (J.-A.
	// Bachorowski et al., "The acoustic features of human laughter", 2001).
	overlapWait = 2 * time.Second
	// certainSpeech is how long the caller speaks before several words are a barge-in.
	// First transcripts of a short noise are often wrong.
	certainSpeech = 850 * time.Millisecond
	// briefSpeech is the longest utterance with one ordinary word that is still taken for a
	// backchannel. Of it, 550 ms are voice; the rest is silence around it.
	briefSpeech = 950 * time.Millisecond
	// distantDuck is how long the agent is ducked for a voice that is much softer than the
	// caller's. The caller exceeds that level after 140 ms (p95).
	distantDuck = 500 * time.Millisecond
	// urgentWords is the number of words up to which a voice much softer than the caller's
	// stops the agent if one of them is urgent: somebody calls out. A television says more.
	urgentWords     = 4
	noisyUtterances = 2 // in a row, after which the caller is told of the noise

	// affirmationWait is how long before the end of a question a backchannel answers it.
	affirmationWait = 1500 * time.Millisecond
)

// floor tracks who is speaking: the utterances of the caller, and what they do to the
// agent's audio.
type floor struct {
	utterances     map[string]*utterance // by item; each ends with its final transcript
	overlapTimeout alarm                 // runs while the caller speaks over the agent
	start          *latch                // closed while the caller speaks
	level          media.Level           // of the agent's audio
	nextReply      string                // text the agent says next if the caller says nothing first
	noisy          int                   // utterances in a row that were hard to understand
	noiseReply     string                // text about the noise that the agent has to say when it has nothing else to say
	interruptedBy  string                // item of the utterance that stopped the agent
	backchannel    dialog.Heard          // the latest one
}

// utterance is one that the caller has begun.
type utterance struct {
	speechTiming
	isDistant       bool      // the voice is much softer than the caller's
	closeSince      time.Time // when it began, or was found not to be distant
	isSpeaking      bool      // the caller's audio holds speech now
	text            string    // the partial transcript
	over            *reply    // the reply that was audible when it began, or nil
	toldStopped     bool      // CallerStopped was emitted
	guessesAtPauses int       // replies prepared for it at its pauses
	guessesInSpeech int       // replies prepared while the caller spoke
}

// speechTiming is when the caller's part of a turn happened.
type speechTiming struct {
	onset, speechEnd, endpoint, transcript time.Time
	endpointReason                         string
}

// duration is how long the caller has spoken.
func (u *utterance) duration() time.Duration {
	if u.isSpeaking || u.speechEnd.IsZero() {
		return time.Since(u.closeSince)
	}
	return u.speechEnd.Sub(u.closeSince)
}

func newFloor() floor {
	return floor{utterances: make(map[string]*utterance), overlapTimeout: newAlarm(), start: new(latch)}
}

// callerSpeaks reports whether somebody speaks who is not distant.
func (f *floor) callerSpeaks() bool {
	for _, u := range f.utterances {
		if u.isSpeaking && !u.isDistant {
			return true
		}
	}
	return false
}

// latch keeps a reply from starting while the caller speaks. It is safe for concurrent use.
type latch struct {
	mu     sync.Mutex
	opened chan struct{} // closed when the latch opens; nil while it is open
}

func (l *latch) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened == nil {
		l.opened = make(chan struct{})
	}
}

func (l *latch) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened != nil {
		close(l.opened)
		l.opened = nil
	}
}

// wait returns when the latch is open or ctx ends.
func (l *latch) wait(ctx context.Context) {
	for ctx.Err() == nil {
		l.mu.Lock()
		opened := l.opened
		l.mu.Unlock()
		if opened == nil {
			return
		}
		select {
		case <-opened:
		case <-ctx.Done():
		}
	}
}

func (c *conversation) onset(h dialog.Heard) {
	if !c.audio.canHear {
		return
	}
	c.input.silence.timeout.Stop()
	u := c.floor.utterances[h.Item]
	if u == nil {
		u = &utterance{speechTiming: speechTiming{onset: h.At}, closeSince: h.At}
		if c.reply != nil && c.reply.isAudible {
			u.over = c.reply
		}
		c.floor.utterances[h.Item] = u
		c.emit(dialog.Event{Kind: dialog.CallerStarted, At: h.At, Turn: c.turns + 1, Item: h.Item})
	}
	u.isSpeaking, u.isDistant = true, h.IsDistant
	if u.isDistant && c.reply != nil { // the caller waits for the agent: it is hardly the caller
		if c.reply.isAudible && !c.floor.callerSpeaks() {
			c.setLevel(media.Low)
			c.floor.overlapTimeout.set(distantDuck)
		}
		return
	}
	c.discardSpeculation() // the caller has more to say
	c.floor.start.close()
	if c.reply != nil && c.reply.isAudible {
		c.holdAudio()
	}
}

// distanceChanged lets the agent go on if the voice is much softer than the caller's, and
// holds the agent if it is not any more.
func (c *conversation) distanceChanged(h dialog.Heard) {
	u := c.floor.utterances[h.Item]
	if u == nil || !c.audio.canHear {
		return
	}
	u.isDistant = h.IsDistant
	switch {
	case !u.isDistant:
		u.closeSince = h.At
		c.discardSpeculation()
		c.floor.start.close()
		if c.reply != nil && c.reply.isAudible && u.isSpeaking {
			c.holdAudio()
		}
	case c.reply != nil && !c.floor.callerSpeaks():
		c.floor.overlapTimeout.Stop()
		c.setLevel(media.Full)
		c.floor.start.open()
	}
}

// possibleOnset ducks the agent for audio that may become speech.
func (c *conversation) possibleOnset() {
	if c.audio.canHear && c.reply != nil && c.reply.isAudible && c.floor.level == media.Full {
		c.setLevel(media.Low)
	}
}

// falseOnset ends the ducking of a possibleOnset that was no speech.
func (c *conversation) falseOnset() {
	if c.floor.level == media.Low && !c.floor.callerSpeaks() {
		c.setLevel(media.Full)
	}
}

// holdAudio holds the agent's audio until it is known whether the caller interrupts: what
// the agent says beneath the caller's voice would be lost.
func (c *conversation) holdAudio() {
	c.setLevel(media.Held)
	c.floor.overlapTimeout.set(overlapWait)
}

// setLevel plays, ducks or holds the agent's audio.
func (c *conversation) setLevel(to media.Level) {
	if d, ok := c.audio.mouth.(dialog.Ducker); ok && c.floor.level != to {
		c.floor.level = to
		d.Duck(to)
	}
}

func (c *conversation) offset(h dialog.Heard) {
	u := c.floor.utterances[h.Item]
	if u == nil {
		return
	}
	u.isSpeaking = false
	u.speechEnd = h.At
	c.floor.overlapTimeout.Stop()
	if u.text != "" && words.IsBackchannel(u.text) {
		c.setLevel(media.Full)
	}
	if h.Reason != "" {
		u.endpointReason, u.endpoint = h.Reason, time.Now()
		c.emitStopped(h.Item, u)
	}
}

func (c *conversation) emitStopped(item string, u *utterance) {
	if !u.toldStopped {
		u.toldStopped = true
		c.emit(dialog.Event{Kind: dialog.CallerStopped, At: u.speechEnd, Turn: c.turns + 1, Item: item})
	}
}

func (c *conversation) partialTranscript(h dialog.Heard) {
	u := c.floor.utterances[h.Item]
	if u == nil {
		return
	}
	u.text = words.Printable(h.Text)
	if g := c.speculation.guess; g != nil && !slices.Equal(g.words, words.Split(u.text)) {
		c.discardSpeculation()
	}
	c.emit(dialog.Event{Kind: dialog.CallerPartial, Turn: c.turns + 1, Item: h.Item, Text: u.text})
	r := c.reply
	switch {
	case r == nil || !r.isAudible || u.isDistant:
	case words.IsBackchannel(u.text) || h.MayBeEcho && mayBeEchoOf(u.text, r.text.written.String()):
		c.setLevel(media.Low)
	case c.stopsAgent(u.text) || !words.MayBeNoise(u.text) && u.duration() >= certainSpeech:
		c.bargeIn(h.Item, "words")
	default:
		c.setLevel(media.Held)
	}
}

// stopsAgent reports whether text is a barge-in however short it is. In other languages
// than English every text is.
func (c *conversation) stopsAgent(text string) bool {
	return !words.IsEnglish(c.agent.Language) || words.IsUrgent(text)
}

// overlapTimedOut stops the agent for a caller who keeps speaking over it.
func (c *conversation) overlapTimedOut() {
	for item, u := range c.floor.utterances {
		if u.isSpeaking && !u.isDistant && (u.text == "" || !words.IsBackchannel(u.text)) && c.reply != nil {
			c.bargeIn(item, "lasting speech")
			return
		}
	}
	if !c.floor.callerSpeaks() {
		c.setLevel(media.Full)
	}
}

// bargeIn stops the agent for an utterance that is not over yet.
func (c *conversation) bargeIn(item, reason string) {
	c.floor.interruptedBy = item
	c.cutReplyFor(reason)
}

// finalTranscript ends an utterance. It starts the caller's turn, unless the utterance had
// no words, was the agent's own voice or only a backchannel.
func (c *conversation) finalTranscript(h dialog.Heard) {
	u := c.floor.utterances[h.Item]
	if u == nil {
		return
	}
	u.transcript = time.Now()
	if u.speechEnd.IsZero() {
		u.speechEnd = u.transcript
	}
	c.emitStopped(h.Item, u)
	c.utteranceEnded(h.Item)
	c.noteNoise(h.IsNoisy)
	text := strings.TrimSpace(words.Printable(h.Text))
	r := c.reply
	isOverAgent := r != nil && r.isAudible && !r.cut.done
	if isOverAgent {
		u.over = r
	}
	switch {
	case text == "":
		c.discardSpeculation()
		c.emit(dialog.Event{Kind: dialog.CallerSaid, Turn: c.turns + 1, Item: h.Item})
		if c.floor.interruptedBy == h.Item { // the agent stopped for a sound without words
			c.floor.nextReply = c.texts().notUnderstood
		}
		c.proceed()
	case isOverAgent && u.isDistant && !callsOut(text):
		c.emit(dialog.Event{Kind: dialog.CallerSaid, Turn: c.turns + 1, Item: h.Item})
	case u.over != nil && !u.over.cut.done && h.MayBeEcho && isEchoOf(text, u.over.text.written.String()):
		c.discardSpeculation()
		c.emit(dialog.Event{Kind: dialog.CallerSaid, Turn: c.turns + 1, Item: h.Item})
		c.proceed() // a short reply may have ended before its echo
	case isOverAgent && c.isBackchannel(text, u.duration()):
		c.emit(dialog.Event{Kind: dialog.CallerSaid, Turn: c.turns + 1, Item: h.Item, Text: text})
		c.floor.backchannel = dialog.Heard{Item: h.Item, Text: text, At: u.transcript}
	default:
		c.callerTurn(h.Item, text, u.speechTiming)
	}
}

// callsOut reports whether a few words are meant to stop the agent.
func callsOut(text string) bool {
	return words.IsUrgent(text) && len(words.Split(text)) <= urgentWords
}

// noteNoise tells the caller once about noise on the line. One noisy utterance may be a
// car that passes; several in a row are the place.
func (c *conversation) noteNoise(isNoisy bool) {
	if c.floor.noisy++; !isNoisy {
		c.floor.noisy = 0
	}
	if c.floor.noisy < noisyUtterances || c.notices.active["line_noisy"] {
		return
	}
	if c.texts() != shownTexts {
		c.floor.noiseReply = c.texts().notices.lineNoisy
	}
	c.raiseNotice("line_noisy", c.texts().notices.lineNoisy, nil)
}

// isBackchannel reports whether an utterance over the agent's voice only shows that the
// caller listens. Recognizers also hear a short "uh huh" as one ordinary word.
func (c *conversation) isBackchannel(text string, d time.Duration) bool {
	return words.IsBackchannel(text) || d < briefSpeech && !c.stopsAgent(text) && words.MayBeNoise(text)
}

// callerTurn answers what the caller said.
func (c *conversation) callerTurn(item, text string, t speechTiming) {
	c.input.silence.prompts = 0
	c.addPending(item, text, false)
	if !c.input.timing.onset.IsZero() {
		t.onset = c.input.timing.onset
	}
	c.input.timing, c.input.wantsAnswer = t, true
	if c.reply != nil {
		c.cutReplyFor("a turn")
		return
	}
	c.proceed()
}

// utteranceEnded gives the floor back to the agent when no other utterance goes on.
func (c *conversation) utteranceEnded(item string) {
	delete(c.floor.utterances, item)
	if len(c.floor.utterances) == 0 {
		c.floor.overlapTimeout.Stop()
		c.setLevel(media.Full)
		c.floor.start.open()
	}
}

// acceptAffirmation treats a backchannel at the very end of a question as its answer.
// heard is what the caller heard of the reply.
func (c *conversation) acceptAffirmation(heard string) {
	b := c.floor.backchannel
	c.floor.backchannel = dialog.Heard{}
	if b.Text == "" || time.Since(b.At) > affirmationWait || !strings.HasSuffix(heard, "?") || words.IsBackchannel(b.Text) && !words.IsAffirmation(b.Text) {
		return
	}
	c.input.pending = append(c.input.pending, dialog.Message{ID: b.Item, Role: dialog.User, Text: b.Text})
	c.input.wantsAnswer = true
	c.input.timing = speechTiming{transcript: b.At}
}

// earFailed continues the conversation by text.
func (c *conversation) earFailed(err error) {
	for item, u := range c.floor.utterances {
		u.speechEnd = time.Now()
		c.emitStopped(item, u)
		c.utteranceEnded(item)
	}
	c.audio.canHear = false
	c.raiseNotice("hearing_lost", c.texts().notices.hearingLost, err)
	c.floor.nextReply = c.texts().notices.hearingLost // said too, because a telephone shows no text
	c.proceed()
}
