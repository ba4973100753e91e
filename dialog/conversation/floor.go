package conversation

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

const (
	// insistWait is how long speech over the agent lasts until it is an interruption
	// although its words are none or do not tell. The voice is held meanwhile, so that
	// waiting costs the caller nothing.
	insistWait = 1200 * time.Millisecond
	// surelySpeech is how long the caller speaks until several words stop the agent. The first
	// guesses of a recogniser at a short sound are often wrong.
	surelySpeech = 850 * time.Millisecond
	// briefSpeech is how long the ears take a sound to last at most that is a back-channel
	// although one word in it is none. With the room around it, that is 550 ms of voice.
	briefSpeech = 950 * time.Millisecond
	// assentWait is how long before the end of a question a yes may come.
	assentWait = 1500 * time.Millisecond
)

// floor is who speaks: the caller's utterances under way, and what becomes of the
// agent's voice meanwhile.
type floor struct {
	utterances map[string]*utterance // by item; one ends with its Final
	alarm      alarm                 // runs while the caller speaks over the agent
	gate       *gate
	unsure     bool         // the latest onset may be an echo
	level      media.Level  // of the agent's voice
	owes       string       // what the agent says next, unless the caller says something first
	cutBy      string       // the item it stopped for
	murmur     dialog.Heard // the latest back-channel
}

// utterance is one the caller is speaking.
type utterance struct {
	timing
	talking bool   // there is sound now
	words   string // so far
	stopped bool   // CallerStopped was told
	guesses int    // replies prepared for it at its pauses
	hasty   int    // and while it was spoken
}

// lasted is how long the caller has spoken.
func (u *utterance) lasted() time.Duration {
	if u.talking || u.speechEnd.IsZero() {
		return time.Since(u.onset)
	}
	return u.speechEnd.Sub(u.onset)
}

func newFloor() floor {
	return floor{utterances: make(map[string]*utterance), alarm: newAlarm(), gate: new(gate)}
}

func (f *floor) talking() bool {
	for _, u := range f.utterances {
		if u.talking {
			return true
		}
	}
	return false
}

// gate keeps a reply from beginning while the caller speaks. Safe for concurrent use.
type gate struct {
	mu   sync.Mutex
	shut chan struct{} // nil while open
}

func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		g.shut = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

// wait returns when the gate is open or ctx ends.
func (g *gate) wait(ctx context.Context) {
	for ctx.Err() == nil {
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if shut == nil {
			return
		}
		select {
		case <-shut:
		case <-ctx.Done():
		}
	}
}

func (l *loop) onset(h dialog.Heard) {
	if !l.hearing {
		return
	}
	l.quiet.alarm.Stop()
	u := l.floor.utterances[h.Item]
	if u == nil {
		u = &utterance{timing: timing{onset: h.At}}
		l.floor.utterances[h.Item] = u
		l.tell(dialog.Event{Kind: dialog.CallerStarted, At: h.At, Turn: l.turns + 1, Item: h.Item})
	}
	u.talking = true
	l.floor.unsure = h.MayBeEcho
	l.discard() // there is more to come
	l.floor.gate.hold()
	if l.reply != nil && l.reply.audible {
		l.overlap()
	}
}

// stir lowers the agent's voice for a sound that may become speech.
func (l *loop) stir() {
	if l.hearing && l.reply != nil && l.reply.audible && l.floor.level == media.Full {
		l.duck(media.Low)
	}
}

// calm brings it back when nothing came of the sound.
func (l *loop) calm() {
	if l.floor.level == media.Low && !l.floor.talking() {
		l.duck(media.Full)
	}
}

// overlap holds the agent's voice until it is known whether the caller interrupts: words
// said beneath the caller's own would be lost.
func (l *loop) overlap() {
	if l.floor.unsure { // a little more of the voice tells whether this is its echo
		l.duck(media.Low)
	} else {
		l.duck(media.Held)
	}
	l.floor.alarm.set(insistWait)
}

func (l *loop) duck(to media.Level) {
	if d, ok := l.mouth.(dialog.Ducker); ok && l.floor.level != to {
		l.floor.level = to
		d.Duck(to)
	}
}

func (l *loop) offset(h dialog.Heard) {
	u := l.floor.utterances[h.Item]
	if u == nil {
		return
	}
	u.talking = false
	u.speechEnd = h.At
	l.floor.alarm.Stop()
	if u.words != "" && isBackchannel(u.words) {
		l.duck(media.Full)
	}
	if h.Reason != "" {
		u.why, u.endpoint = h.Reason, time.Now()
		l.stopped(h.Item, u)
	}
}

func (l *loop) stopped(item string, u *utterance) {
	if !u.stopped {
		u.stopped = true
		l.tell(dialog.Event{Kind: dialog.CallerStopped, At: u.speechEnd, Turn: l.turns + 1, Item: item})
	}
}

func (l *loop) partial(h dialog.Heard) {
	u := l.floor.utterances[h.Item]
	if u == nil {
		return
	}
	u.words = printable(h.Text)
	if l.guess != nil && !slices.Equal(l.guess.words, plainWords(u.words)) {
		l.discard()
	}
	l.tell(dialog.Event{Kind: dialog.CallerPartial, Turn: l.turns + 1, Item: h.Item, Text: u.words})
	r := l.reply
	switch {
	case r == nil || !r.audible:
	case isBackchannel(u.words) || h.MayBeEcho && mayRepeat(u.words, r.written.String()):
		l.duck(media.Low)
	case l.isMeant(u.words) || !isBrief(u.words) && u.lasted() >= surelySpeech:
		l.bargeIn(h.Item, "words")
	default:
		l.duck(media.Held)
	}
}

// isMeant reports whether the words alone tell that they are meant for the agent. In
// other languages than English all words do.
func (l *loop) isMeant(words string) bool {
	return !isEnglish(l.agent.Language) || isUrgent(words)
}

// insist stops the agent for a caller who keeps speaking over it.
func (l *loop) insist() {
	for item, u := range l.floor.utterances {
		if u.talking && (u.words == "" || !isBackchannel(u.words)) && l.reply != nil {
			l.bargeIn(item, "lasting speech")
			return
		}
	}
}

// bargeIn stops the agent for an utterance whose words are still coming.
func (l *loop) bargeIn(item, why string) {
	l.floor.cutBy = item
	if l.reply.why == "" {
		l.reply.why = why
	}
	l.cut(l.reply)
}

// final takes the caller's turn, unless it was nothing or only a back-channel.
func (l *loop) final(h dialog.Heard) {
	u := l.floor.utterances[h.Item]
	if u == nil {
		return
	}
	u.transcript = time.Now()
	if u.speechEnd.IsZero() {
		u.speechEnd = u.transcript
	}
	l.stopped(h.Item, u)
	l.left(h.Item)
	text := strings.TrimSpace(printable(h.Text))
	r := l.reply
	switch {
	case text == "":
		l.discard()
		l.tell(dialog.Event{Kind: dialog.CallerSaid, Turn: l.turns + 1, Item: h.Item})
		if l.floor.cutBy == h.Item { // the agent stopped for a sound that held no words
			l.floor.owes = notUnderstood
		}
		l.proceed()
	case r != nil && r.audible && !r.isCut && h.MayBeEcho && repeats(text, r.written.String()):
		l.tell(dialog.Event{Kind: dialog.CallerSaid, Turn: l.turns + 1, Item: h.Item})
	case r != nil && r.audible && !r.isCut && (isBackchannel(text) || u.lasted() < briefSpeech && !l.isMeant(text) && isBrief(text)):
		l.tell(dialog.Event{Kind: dialog.CallerSaid, Turn: l.turns + 1, Item: h.Item, Text: text})
		l.floor.murmur = dialog.Heard{Item: h.Item, Text: text, At: u.transcript}
	default:
		l.takeTurn(h.Item, text, u.timing)
	}
}

// takeTurn answers what the caller said.
func (l *loop) takeTurn(item, text string, t timing) {
	l.quiet.active()
	l.said(item, text, false)
	if !l.timing.onset.IsZero() {
		t.onset = l.timing.onset
	}
	l.timing, l.wanted = t, true
	if l.reply != nil {
		if l.reply.why == "" {
			l.reply.why = "a turn"
		}
		l.cut(l.reply)
		return
	}
	l.proceed()
}

// left ends an utterance; when it was the only one, the agent has the floor again.
func (l *loop) left(item string) {
	delete(l.floor.utterances, item)
	if len(l.floor.utterances) == 0 {
		l.floor.alarm.Stop()
		l.duck(media.Full)
		l.floor.gate.open()
	}
}

// assented takes a back-channel, or a short word that was taken for one, that came at the
// very end of a question for its answer.
func (l *loop) assented(heard string) {
	m := l.floor.murmur
	l.floor.murmur = dialog.Heard{}
	if m.Text == "" || time.Since(m.At) > assentWait || !strings.HasSuffix(heard, "?") || isBackchannel(m.Text) && !isAssent(m.Text) {
		return
	}
	l.pending = append(l.pending, dialog.Message{ID: m.Item, Role: dialog.User, Text: m.Text})
	l.wanted = true
	l.timing = timing{transcript: m.At}
}

// deaf goes on by text.
func (l *loop) deaf(err error) {
	for item, u := range l.floor.utterances {
		u.speechEnd = time.Now()
		l.stopped(item, u)
		l.left(item)
	}
	l.hearing = false
	l.notice("hearing_lost", hearingLost, err)
	l.floor.owes = hearingLost // on a telephone nobody reads
	l.proceed()
}
