// Package mouth says replies: it cuts text into clauses, synthesizes them ahead of playout
// and counts by the sample what the caller heard. It imports dialog, dialog/internal/replay,
// media, internal/spoken, internal/words and internal/fault.
package mouth

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"frontdesk/dialog"
	"frontdesk/dialog/internal/replay"
	"frontdesk/internal/fault"
	"frontdesk/internal/spoken"
	"frontdesk/media"
)

const (
	// maxAhead is how many clauses may be synthesized that the caller has not heard to
	// their end.
	maxAhead = 2
	// letterTime estimates how long a letter takes to say while the length of a clause is
	// not known.
	letterTime   = 65 * time.Millisecond
	voiceTimeout = 6 * time.Second // for a synthesizer's next piece of audio
)

var errVoiceSilent = fault.New(fault.Timeout, "the voice sent nothing in time").Retryable(0)

// Voice is the Mouth of a line with audio: a Synthesizer and paced playout. It is also a
// Ducker and a Preparer. What the caller heard is counted in whole words, by the samples
// that have left, and by the ends of words that the Synthesizer says. If it does not say them,
// the time of a clause is divided by the number of letters that each word has when it is
// spoken, so that 47329 takes as long as its five words.
type Voice struct {
	// OnAudioStarted is called when the first audio of a Say leaves. Set it before Say.
	OnAudioStarted func()

	synthesizer dialog.Synthesizer
	playout     *media.Playout
	voice       atomic.Pointer[dialog.Voice]
	prepared    atomic.Pointer[preparedClause]
}

// NewVoice returns a mouth that speaks in agent's voice through playout.
func NewVoice(agent *dialog.Agent, playout *media.Playout) *Voice {
	m := &Voice{synthesizer: agent.Synthesizer, playout: playout, OnAudioStarted: func() {}}
	m.SetVoice(dialog.Voice{Language: agent.Language, Name: agent.Voice})
	return m
}

// SetVoice changes the voice of the clauses that are synthesized from now on.
func (m *Voice) SetVoice(v dialog.Voice) { m.voice.Store(&v) }

// Duck implements dialog.Ducker.
func (m *Voice) Duck(to media.Level) { m.playout.Duck(to) }

// preparedClause is the audio of a clause that may be said soon.
type preparedClause struct {
	ctx   context.Context
	text  string
	voice dialog.Voice
	audio *replay.Buffer[dialog.Speech]
}

// Prepare implements dialog.Preparer.
func (m *Voice) Prepare(ctx context.Context, clause string) {
	p := &preparedClause{ctx: ctx, text: clause, voice: *m.voice.Load(), audio: replay.New[dialog.Speech]()}
	m.prepared.Store(p)
	for piece, err := range dialog.SpeakClause(ctx, m.synthesizer, dialog.Clause{Text: clause, Voice: p.voice}) {
		if err != nil {
			p.audio.End(err)
			return
		}
		p.audio.Add(piece)
	}
	p.audio.End(ctx.Err())
}

// audioOf yields the audio of a clause, prepared or synthesized now.
func (m *Voice) audioOf(ctx context.Context, s *speech, text string) iter.Seq2[dialog.Speech, error] {
	voice := *m.voice.Load()
	p := m.prepared.Swap(nil)
	if p != nil && p.ctx.Err() == nil && p.text == text && p.voice == voice && !s.hasSubstitute {
		return p.audio.All(ctx)
	}
	return dialog.SpeakClause(ctx, m.synthesizer, dialog.Clause{
		Text: text, Voice: voice, Substitute: s.hasSubstitute,
		Due: time.Now().Add(time.Duration(s.ahead(m.playout.Played())) * time.Second / media.MouthRate),
	})
}

// Say implements dialog.Mouth.
func (m *Voice) Say(ctx context.Context, clauses iter.Seq[string], progress func(piece string)) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &speech{start: m.playout.Played(), room: make(chan struct{}, maxAhead)}
	synthesis := make(chan error, 1)
	go func() { synthesis <- m.synthesize(ctx, s, clauses) }()

	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	running := synthesis
	hasStarted := false
	var err error
	for {
		played := m.playout.Played() - s.start
		if played > 0 && !hasStarted {
			hasStarted = true
			m.OnAudioStarted()
		}
		if piece := s.advance(played); piece != "" {
			progress(piece)
		}
		if running == nil && s.isPlayed(played) {
			return s.heard.String(), err
		}
		select {
		case err = <-running:
			running = nil
		case <-tick.C:
		case <-ctx.Done():
			m.playout.Flush()
			if piece := s.advance(m.playout.Played() - s.start); piece != "" {
				progress(piece)
			}
			if running != nil {
				<-running         //nolint:errcheck // synthesis was cancelled
				m.playout.Flush() // what was written after the first flush
			}
			return s.heard.String(), nil
		}
	}
}

// synthesize writes the audio of clauses to the playout, at most maxAhead clauses ahead of
// what was heard. A clause that failed before its first audio is tried again, once.
func (m *Voice) synthesize(ctx context.Context, s *speech, clauses iter.Seq[string]) error {
	for text := range clauses {
		select {
		case s.room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		c := s.add(text, m.voice.Load().Language)
		err := m.play(ctx, s, c)
		if err != nil && c.samples == 0 && fault.IsRetryable(err) && ctx.Err() == nil {
			err = m.play(ctx, s, c)
		}
		if ctx.Err() != nil {
			return nil
		}
		s.complete(c, err)
		if err != nil {
			return err
		}
	}
	return nil
}

// play writes the audio of c to the playout.
func (m *Voice) play(ctx context.Context, s *speech, c *clause) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(voiceTimeout, func() { cancel(errVoiceSilent) })
	defer watchdog.Stop()
	for piece, err := range m.audioOf(ctx, s, strings.TrimSpace(c.text)) {
		watchdog.Stop() // time spent in a full playout does not count
		if err == nil {
			s.hasSubstitute = s.hasSubstitute || piece.Substitute
			s.grow(c, piece)
			err = m.playout.Write(ctx, piece.PCM)
		}
		if err != nil && context.Cause(ctx) != errVoiceSilent {
			return err
		}
		watchdog.Reset(voiceTimeout)
	}
	if context.Cause(ctx) == errVoiceSilent {
		return errVoiceSilent
	}
	return nil
}

// speech is what one Say has synthesized. The synthesis adds to it; Say counts what is
// heard.
type speech struct {
	start int64           // the playout's position, in samples, when Say began
	room  chan struct{}   // holds a value for each clause not heard to its end
	heard strings.Builder // by the caller
	// hasSubstitute says that another voice than the agent's own has spoken, and so speaks to
	// the end. Only the synthesis has it.
	hasSubstitute bool

	mu      sync.Mutex
	clauses []*clause // not heard to their end
	samples int64     // of all clauses
}

// clause is a clause and its audio.
type clause struct {
	text       string
	words      []word
	letters    int              // of all words
	ends       []dialog.WordEnd // that are known; their text is counted in bytes of text
	start      int64            // samples of the speech before it
	samples    int64            // of its own so far
	isComplete bool             // there will be no more
	hasFailed  bool             // some of its audio is missing
	heard      int              // bytes of text
}

func (s *speech) add(text, language string) *clause {
	c := &clause{text: text, words: splitWords(text, language)}
	for _, w := range c.words {
		c.letters += w.letters
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.start = s.samples
	s.clauses = append(s.clauses, c)
	return c
}

// grow adds a piece to c, which is the clause without the white space around it.
func (s *speech) grow(c *clause, piece dialog.Speech) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.samples += int64(len(piece.PCM))
	s.samples += int64(len(piece.PCM))
	indent := len(c.text) - len(strings.TrimLeftFunc(c.text, unicode.IsSpace))
	for _, w := range piece.Words {
		c.ends = append(c.ends, dialog.WordEnd{Text: indent + w.Text, Samples: w.Samples})
	}
}

// ahead returns how many samples have been synthesized that have not been played, when
// played samples have left the playout.
func (s *speech) ahead(played int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.start+s.samples-played)
}

func (s *speech) complete(c *clause, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.isComplete, c.hasFailed = true, err != nil
}

// isPlayed reports whether all audio has left once played samples have.
func (s *speech) isPlayed(played int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return played >= s.samples
}

// advance returns the text that the caller has heard since the last call, when played
// samples have left.
func (s *speech) advance(played int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var piece strings.Builder
	for len(s.clauses) > 0 {
		c := s.clauses[0]
		n := c.heardBytes(played)
		piece.WriteString(c.text[c.heard:n])
		c.heard = n
		if n < len(c.text) {
			break
		}
		s.clauses = s.clauses[1:]
		<-s.room
	}
	s.heard.WriteString(piece.String())
	return piece.String()
}

// heardBytes returns how many bytes of the text were heard when played samples of the
// speech have left: whole words, with the white space behind them.
func (c *clause) heardBytes(played int64) int {
	played -= c.start
	if c.isComplete && !c.hasFailed && played >= c.samples {
		return len(c.text)
	}
	if len(c.ends) > 0 {
		return max(c.heard, c.endedBytes(played))
	}
	total := c.samples
	if !c.isComplete || c.hasFailed {
		total = max(total, int64(c.letters)*letterTime.Milliseconds()*media.MouthRate/1000)
	}
	if played <= 0 || total == 0 {
		return c.heard
	}
	letters := float64(played) / float64(total) * float64(c.letters)
	if !c.isComplete {
		letters = min(letters, float64(c.letters-1))
	}
	return max(c.heard, wholeWords(c.words, letters))
}

// endedBytes is heardBytes by the known ends of words.
func (c *clause) endedBytes(played int64) int {
	next, _ := slices.BinarySearchFunc(c.ends, played+1, func(w dialog.WordEnd, n int64) int { return cmp.Compare(int64(w.Samples), n) })
	if next == 0 {
		return 0
	}
	end := c.ends[next-1].Text
	for _, w := range c.words {
		if w.end >= end {
			return w.end
		}
	}
	return len(c.text)
}

// word is a word of a clause.
type word struct {
	end     int // in bytes of the clause, with the white space behind the word
	letters int // of its spoken form, with punctuation
}

// splitWords returns the words of text. White space before the first is a word, too.
func splitWords(text, language string) []word {
	var words []word
	start, wasSpace := 0, false
	for i, r := range text {
		isSpace := unicode.IsSpace(r)
		if wasSpace && !isSpace {
			words = append(words, word{i, countLetters(text[start:i], language)})
			start = i
		}
		wasSpace = isSpace
	}
	if start < len(text) {
		words = append(words, word{len(text), countLetters(text[start:], language)})
	}
	return words
}

// wholeWords returns the length in bytes of the longest beginning of a text that consists of
// whole words and has at most the given number of letters.
func wholeWords(words []word, letters float64) int {
	length, count := 0, 0
	for _, w := range words {
		if count += w.letters; float64(count) > letters {
			break
		}
		length = w.end
	}
	return length
}

// countLetters counts the characters, without white space, of a word as it is spoken.
func countLetters(word, language string) int {
	if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsSymbol(r) || r == '@' || r == '%' }) {
		word = spoken.Form(word, language)
	}
	n := 0
	for _, r := range word {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
