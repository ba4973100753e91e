package conversation

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"frontdesk/dialog"
	"frontdesk/media"
)

// The voice tests speak in numbers: a frame of the caller's sound holds the number of
// the word it belongs to, 1 upwards, and 0 is silence. The recogniser of the tests
// reads them; so what it hears depends on what really reached it.

// microphone is a Source in virtual time.
type microphone struct {
	tick *time.Ticker

	mu     sync.Mutex
	frames [][2]int16 // loudness and word
	words  []string
	closed bool
}

func newMicrophone() *microphone {
	return &microphone{tick: time.NewTicker(media.FrameTime), words: []string{""}}
}

func (m *microphone) ReadFrame(frame []int16) error {
	<-m.tick.C
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return io.EOF
	}
	clear(frame)
	if len(m.frames) > 0 {
		frame[0], frame[1] = m.frames[0][0], m.frames[0][1]
		m.frames = m.frames[1:]
	}
	return nil
}

// says queues text, each word lasting as given; "-" is a pause as long as a word, and
// "!" noise without a word; a word behind "~" is too soft for the voice detector.
func (m *microphone) says(text string, word time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := int(word / media.FrameTime)
	for _, w := range strings.Fields(text) {
		frame := [2]int16{1000, 0}
		switch w {
		case "-":
			frame[0] = 0
		case "!":
		default:
			if strings.HasPrefix(w, "~") {
				frame[0], w = 0, w[1:]
			}
			m.words = append(m.words, w)
			frame[1] = int16(len(m.words) - 1)
		}
		m.frames = append(m.frames, slices.Repeat([][2]int16{frame}, n)...)
	}
	return time.Duration(len(m.frames)) * media.FrameTime
}

func (m *microphone) word(i int16) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.words[i]
}

// loudness is a VoiceDetector that trusts a frame's first sample.
type loudness struct{}

func (loudness) Detect(frame []int16) float32 { return float32(min(frame[0], 1)) }

// scribbler is a Recognizer that reads the words out of the microphone's frames.
type scribbler struct {
	mic      *microphone
	partials bool
	drafts   bool                // a partial's last word lacks its last letter
	fail     func(try int) error // called when an utterance is over
	pace     time.Duration       // time it takes for a frame

	mu     sync.Mutex
	tries  int
	opened int
}

func (s *scribbler) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	return s, nil
}

func (s *scribbler) Close() error { return nil }

func (s *scribbler) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		var words []string
		last := int16(0)
		for f := range frames {
			if s.pace > 0 {
				<-time.After(s.pace)
			}
			if f[1] == 0 || f[1] == last {
				continue
			}
			last = f[1]
			words = append(words, s.mic.word(last))
			text := strings.Join(words, " ")
			if s.drafts {
				text = text[:len(text)-1]
			}
			if s.partials && !yield(dialog.Transcript{Text: text}, nil) {
				return
			}
		}
		s.mu.Lock()
		s.tries++
		try := s.tries
		s.mu.Unlock()
		if s.fail != nil {
			if err := s.fail(try); err != nil {
				yield(dialog.Transcript{}, err)
				return
			}
		}
		yield(dialog.Transcript{Text: strings.Join(words, " "), Final: true}, nil)
	}
}

// wholes is the scribbler as a recogniser of whole utterances that takes its time.
type wholes struct {
	*scribbler
	takes time.Duration
	asked []string // what it was asked for
}

func (w *wholes) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) { return w, nil }
func (w *wholes) Batch()                                                         {}

func (w *wholes) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		for t, err := range w.scribbler.Utterance(ctx, frames) {
			w.mu.Lock()
			w.asked = append(w.asked, t.Text)
			w.mu.Unlock()
			select {
			case <-time.After(w.takes):
				yield(t, err)
			case <-ctx.Done():
				yield(t, ctx.Err())
			}
		}
	}
}

// perLetter is how many samples the voice of the tests takes for a letter: 50 ms.
const perLetter = media.MouthRate / 20

// reader is a Synthesizer that takes the same time for each letter.
type reader struct {
	fail func(text string) error
}

func (v reader) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if v.fail != nil {
			if err := v.fail(text); err != nil {
				yield(nil, err)
				return
			}
		}
		for range letters(text) {
			pcm := slices.Repeat([]int16{1000}, perLetter)
			if !yield(pcm, nil) {
				return
			}
		}
	}
}

// loudspeaker is a Sink that counts what it plays.
type loudspeaker struct {
	mu     sync.Mutex
	frames []int16 // the loudest sample of each
}

func (s *loudspeaker) WriteFrame(frame []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if frame == nil {
		s.frames = append(s.frames, 0)
		return nil
	}
	s.frames = append(s.frames, slices.Max(frame))
	return nil
}

// now is the loudness of the latest frame.
func (s *loudspeaker) now() int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.frames) == 0 {
		return 0
	}
	return s.frames[len(s.frames)-1]
}

// phone is a voice line of the tests.
type phone struct {
	*caller
	*microphone
	*scribbler
	speaker *loudspeaker
	journal *fakeJournal
	lose    context.CancelFunc // breaks the line
}

// says speaks at two hundred milliseconds a word and waits until it is said.
func (p *phone) says(text string) { p.wait(p.microphone.says(text, 200*time.Millisecond)) }

// telephone runs a spoken conversation in virtual time while script acts the caller,
// then hangs up, unless the conversation has ended by itself.
func telephone(t *testing.T, agent *dialog.Agent, o Options, script func(*phone)) (*phone, ended) {
	t.Helper()
	var p *phone
	var end ended
	synctest.Test(t, func(t *testing.T) {
		mic := newMicrophone()
		defer mic.tick.Stop()
		ctx, lose := context.WithCancel(t.Context())
		defer lose()
		p = &phone{newCaller(t), mic, &scribbler{mic: mic, partials: true}, &loudspeaker{}, &fakeJournal{}, lose}
		a := *agent
		if w, ok := a.Recognizer.(*wholes); ok {
			w.scribbler, p.partials = p.scribbler, false
		}
		if a.Recognizer == nil {
			a.Recognizer = p.scribbler
		}
		if a.Synthesizer == nil {
			a.Synthesizer = reader{}
		}
		a.Detector = func() dialog.VoiceDetector { return loudness{} }
		if o.NewID == nil {
			o.NewID = counter()
		}
		o.Journal = p.journal
		done := make(chan struct{})
		line := p.line()
		line.Source, line.Sink = p.microphone, p.speaker
		go func() {
			defer close(done)
			end.outcome, end.err = Run(ctx, &a, line, o)
		}()
		synctest.Wait()
		script(p)
		select {
		case <-done:
		default:
			mic.mu.Lock()
			mic.closed = true
			mic.mu.Unlock()
		}
		<-done
	})
	return p, end
}

// letters counts the characters of text without white space.
func letters(text string) int { return utf8.RuneCountInString(strings.Join(strings.Fields(text), "")) }
