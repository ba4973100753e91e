// Package mouth says replies: it cuts text into clauses, synthesizes them one ahead of
// playout, and reports by the sample what the caller heard. It imports dialog and media.
package mouth

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"frontdesk/dialog"
	"frontdesk/dialog/internal/replay"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	// lookAhead is how many clauses may be synthesised and not yet heard to their end.
	lookAhead = 2
	// letterTime is how long a letter is taken to last until its clause is whole.
	letterTime = 65 * time.Millisecond
	voiceWait  = 6 * time.Second // for a synthesizer's next piece of sound
)

var errSilentVoice = fault.New(fault.Timeout, "the voice fell silent").Retryable(0)

// voiceMouth speaks: a Synthesizer and paced playout. It is a Ducker. What was heard
// is counted in whole words, by the samples that left: within a clause, time is
// shared out by letters.
type Voice struct {
	synth          dialog.Synthesizer
	play           *media.Playout
	voice          atomic.Pointer[dialog.Voice]
	OnAudioStarted func() // called when the first sound of a Say leaves
	ready          atomic.Pointer[prepared]
}

// prepared is the sound of a clause that may be said soon.
type prepared struct {
	ctx   context.Context
	text  string
	voice dialog.Voice
	sound *replay.Buffer[[]int16]
}

// Prepare implements Preparer.
func (m *Voice) Prepare(ctx context.Context, text string) {
	p := &prepared{ctx: ctx, text: text, voice: *m.voice.Load(), sound: replay.New[[]int16]()}
	m.ready.Store(p)
	for pcm, err := range m.synth.Speak(ctx, text, p.voice) {
		if err != nil {
			p.sound.End(err)
			return
		}
		p.sound.Add(pcm)
	}
	p.sound.End(ctx.Err())
}

// sound is that of a clause, prepared or made now.
func (m *Voice) sound(ctx context.Context, text string) iter.Seq2[[]int16, error] {
	voice := *m.voice.Load()
	p := m.ready.Swap(nil)
	if p != nil && p.ctx.Err() == nil && p.text == text && p.voice == voice {
		return p.sound.All(ctx)
	}
	return m.synth.Speak(ctx, text, voice)
}

func NewVoice(agent *dialog.Agent, play *media.Playout) *Voice {
	m := &Voice{synth: agent.Synthesizer, play: play, OnAudioStarted: func() {}}
	m.SetVoice(dialog.Voice{Language: agent.Language, Name: agent.Voice})
	return m
}

func (m *Voice) SetVoice(v dialog.Voice) { m.voice.Store(&v) }

// Duck implements Ducker.
func (m *Voice) Duck(to media.Level) { m.play.Duck(to) }

// Say implements Mouth.
func (m *Voice) Say(ctx context.Context, clauses iter.Seq[string], progress func(piece string)) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &saying{from: m.play.Played(), free: make(chan struct{}, lookAhead)}
	synthesis := make(chan error, 1)
	go func() { synthesis <- m.synthesise(ctx, s, clauses) }()

	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	working := synthesis
	var err error
	for {
		played := m.play.Played() - s.from
		if played > 0 && !s.sounded {
			s.sounded = true
			m.OnAudioStarted()
		}
		if piece := s.advance(played); piece != "" {
			progress(piece)
		}
		if working == nil && s.played(played) {
			return s.heard.String(), err
		}
		select {
		case err = <-working:
			working = nil
		case <-tick.C:
		case <-ctx.Done():
			m.play.Flush()
			if piece := s.advance(m.play.Played() - s.from); piece != "" {
				progress(piece)
			}
			if working != nil {
				<-working
				m.play.Flush() // what it wrote meanwhile
			}
			return s.heard.String(), nil
		}
	}
}

// synthesise makes the sound of clauses, at most lookAhead of them ahead of what is heard.
func (m *Voice) synthesise(ctx context.Context, s *saying, clauses iter.Seq[string]) error {
	for clause := range clauses {
		select {
		case s.free <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		c := s.begin(clause)
		err := m.voiced(ctx, s, c)
		if err != nil && c.samples == 0 && fault.IsRetryable(err) && ctx.Err() == nil {
			err = m.voiced(ctx, s, c)
		}
		if ctx.Err() != nil {
			return nil
		}
		s.end(c, err)
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *Voice) voiced(ctx context.Context, s *saying, c *spoken) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(voiceWait, func() { cancel(errSilentVoice) })
	defer watchdog.Stop()
	for pcm, err := range m.sound(ctx, strings.TrimSpace(c.text)) {
		watchdog.Stop() // a full queue is not the voice's fault
		if err == nil {
			s.grow(c, len(pcm))
			err = m.play.Write(ctx, pcm)
		}
		if err != nil && context.Cause(ctx) != errSilentVoice {
			return err
		}
		watchdog.Reset(voiceWait)
	}
	if context.Cause(ctx) == errSilentVoice {
		return errSilentVoice
	}
	return nil
}

// saying is what one Say has on its way. The synthesis adds, the Say counts what is heard.
type saying struct {
	from    int64         // the playout's position when it began
	free    chan struct{} // one for each clause not yet heard to its end
	heard   strings.Builder
	sounded bool

	mu      sync.Mutex
	clauses []*spoken // not yet heard to their end
	written int64     // samples of all clauses
}

// spoken is a clause and its sound.
type spoken struct {
	text    string
	letters int
	start   int64 // samples of this Say before it
	samples int64 // of its own so far
	whole   bool  // there will be no more
	failed  bool  // and its sound is not all there
	told    int   // bytes of text that were heard
}

func (s *saying) begin(text string) *spoken {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &spoken{text: text, letters: letters(text), start: s.written}
	s.clauses = append(s.clauses, c)
	return c
}

func (s *saying) grow(c *spoken, samples int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.samples += int64(samples)
	s.written += int64(samples)
}

func (s *saying) end(c *spoken, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.whole, c.failed = true, err != nil
}

// played reports whether everything synthesised has left.
func (s *saying) played(samples int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return samples >= s.written
}

// advance returns the text that was heard since the last call, now that so many
// samples of this Say have left.
func (s *saying) advance(samples int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var piece strings.Builder
	for len(s.clauses) > 0 {
		c := s.clauses[0]
		n := c.heard(samples)
		piece.WriteString(c.text[c.told:n])
		c.told = n
		if n < len(c.text) {
			break
		}
		s.clauses = s.clauses[1:]
		<-s.free
	}
	s.heard.WriteString(piece.String())
	return piece.String()
}

// heard is how many bytes of the clause's text were heard: whole words, with the
// white space behind them.
func (c *spoken) heard(samples int64) int {
	in := samples - c.start
	if c.whole && !c.failed && in >= c.samples {
		return len(c.text)
	}
	total := c.samples
	if !c.whole || c.failed {
		total = max(total, int64(c.letters)*int64(letterTime.Milliseconds())*media.MouthRate/1000)
	}
	if in <= 0 || total == 0 {
		return c.told
	}
	limit := float64(in) / float64(total) * float64(c.letters)
	if !c.whole {
		limit = min(limit, float64(c.letters-1))
	}
	return max(c.told, wordsWithin(c.text, limit))
}

// wordsWithin is the length of the beginning of text that has at most so many letters,
// in whole words.
func wordsWithin(text string, limit float64) int {
	n, seen := 0, 0
	for i, r := range text {
		if unicode.IsSpace(r) {
			n = i + utf8.RuneLen(r)
			continue
		}
		if seen++; float64(seen) > limit {
			return n
		}
	}
	return len(text)
}

func letters(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
