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

// In these tests a frame of the caller's audio holds the number of the word it belongs to,
// from 1; 0 is silence. The recognizer reads the words from the frames, so what it
// understands depends on what has really reached it.

// fakeMicrophone is a Source in virtual time.
type fakeMicrophone struct {
	tick *time.Ticker

	mu     sync.Mutex
	frames [][2]int16 // amplitude and word
	words  []string
	noise  int16
	closed bool
}

func newFakeMicrophone() *fakeMicrophone {
	return &fakeMicrophone{tick: time.NewTicker(media.FrameTime), words: []string{""}}
}

func (m *fakeMicrophone) ReadFrame(frame []int16) error {
	<-m.tick.C
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return io.EOF
	}
	for i := range frame {
		frame[i] = m.noise
	}
	frame[0], frame[1] = 0, 0
	if len(m.frames) > 0 {
		frame[0], frame[1] = m.frames[0][0], m.frames[0][1]
		m.frames = m.frames[1:]
	}
	return nil
}

// setNoise sets the amplitude of the background.
func (m *fakeMicrophone) setNoise(amplitude int16) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.noise = amplitude
}

// queue adds text to what the caller says, and returns how long all of it takes. "-" is a
// pause as long as a word, "!" is noise without a word, a word after "," is 20 dB softer, and
// a word after "~" is too soft for the voice detector.
func (m *fakeMicrophone) queue(text string, perWord time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := int(perWord / media.FrameTime)
	for _, w := range strings.Fields(text) {
		frame := [2]int16{1000, 0}
		switch w {
		case "-":
			frame[0] = 0
		case "!":
		default:
			if strings.HasPrefix(w, ",") {
				frame[0], w = 100, w[1:]
			}
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

func (m *fakeMicrophone) word(i int16) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.words[i]
}

// firstSampleDetector is a VoiceDetector that takes a frame's first sample for the
// probability of speech.
type firstSampleDetector struct{}

func (firstSampleDetector) Detect(frame []int16) float32 { return float32(min(frame[0], 1)) }

// fakeRecognizer reads the words from the microphone's frames.
type fakeRecognizer struct {
	mic               *fakeMicrophone
	sendsPartials     bool
	truncatesPartials bool                // the last word of a partial transcript lacks its last letter
	fail              func(try int) error // called at the end of an utterance
	timePerFrame      time.Duration

	mu     sync.Mutex
	tries  int
	opened int
}

func (r *fakeRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened++
	return r, nil
}

func (r *fakeRecognizer) Close() error { return nil }

func (r *fakeRecognizer) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		var words []string
		last := int16(0)
		for f := range frames {
			if r.timePerFrame > 0 {
				<-time.After(r.timePerFrame)
			}
			if f[1] == 0 || f[1] == last {
				continue
			}
			last = f[1]
			words = append(words, r.mic.word(last))
			text := strings.Join(words, " ")
			if r.truncatesPartials {
				text = text[:len(text)-1]
			}
			if r.sendsPartials && !yield(dialog.Transcript{Text: text}, nil) {
				return
			}
		}
		r.mu.Lock()
		r.tries++
		try := r.tries
		r.mu.Unlock()
		if r.fail != nil {
			if err := r.fail(try); err != nil {
				yield(dialog.Transcript{}, err)
				return
			}
		}
		yield(dialog.Transcript{Text: strings.Join(words, " "), Final: true}, nil)
	}
}

// batchRecognizer is a fakeRecognizer of whole utterances.
type batchRecognizer struct {
	*fakeRecognizer
	delay       time.Duration // before each transcript
	transcripts []string      // in the order in which they were asked for
}

func (r *batchRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return r, nil
}
func (r *batchRecognizer) Batch() {}

func (r *batchRecognizer) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		for t, err := range r.fakeRecognizer.Utterance(ctx, frames) {
			r.mu.Lock()
			r.transcripts = append(r.transcripts, t.Text)
			r.mu.Unlock()
			select {
			case <-time.After(r.delay):
				yield(t, err)
			case <-ctx.Done():
				yield(t, ctx.Err())
			}
		}
	}
}

// samplesPerLetter is how long fakeSynthesizer speaks for each letter: 50 ms.
const samplesPerLetter = media.MouthRate / 20

// fakeSynthesizer speaks all letters equally long.
type fakeSynthesizer struct {
	fail func(text string) error
}

func (s fakeSynthesizer) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if s.fail != nil {
			if err := s.fail(text); err != nil {
				yield(nil, err)
				return
			}
		}
		for range letters(text) {
			pcm := slices.Repeat([]int16{1000}, samplesPerLetter)
			if !yield(pcm, nil) {
				return
			}
		}
	}
}

// fakeSpeaker is a Sink that records how loud each frame is.
type fakeSpeaker struct {
	mu         sync.Mutex
	amplitudes []int16 // of each frame
}

func (s *fakeSpeaker) WriteFrame(frame []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if frame == nil {
		s.amplitudes = append(s.amplitudes, 0)
		return nil
	}
	s.amplitudes = append(s.amplitudes, slices.Max(frame))
	return nil
}

// amplitude returns that of the latest frame.
func (s *fakeSpeaker) amplitude() int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.amplitudes) == 0 {
		return 0
	}
	return s.amplitudes[len(s.amplitudes)-1]
}

// framesWithAudio returns how many frames were not silent.
func (s *fakeSpeaker) framesWithAudio() (n int) {
	for _, a := range s.amplitudes {
		if a > 0 {
			n++
		}
	}
	return n
}

// fakePhone is the far end of a voice line.
type fakePhone struct {
	*fakeCaller
	mic        *fakeMicrophone
	recognizer *fakeRecognizer
	speaker    *fakeSpeaker
	journal    *fakeJournal
	breakLine  context.CancelFunc
}

// presses sends DTMF digits, one each 300 ms.
func (p *fakePhone) presses(digits string) {
	for _, d := range digits {
		p.send(dialog.Heard{Kind: dialog.DTMF, Text: string(d)})
		p.wait(300 * time.Millisecond)
	}
}

// says speaks text at 200 ms per word, and returns when it has been said.
func (p *fakePhone) says(text string) { p.wait(p.mic.queue(text, 200*time.Millisecond)) }

// voiceCall runs a spoken conversation in virtual time. script is the caller, who hangs up
// at its end unless the conversation has ended before.
func voiceCall(t *testing.T, agent *dialog.Agent, o Options, script func(*fakePhone)) (*fakePhone, runResult) {
	t.Helper()
	return preparedCall(t, agent, o, func(*dialog.Agent, *dialog.Line) {}, script)
}

// preparedCall is voiceCall after prepare has changed the agent and the line.
func preparedCall(t *testing.T, agent *dialog.Agent, o Options, prepare func(*dialog.Agent, *dialog.Line), script func(*fakePhone)) (*fakePhone, runResult) {
	t.Helper()
	var p *fakePhone
	var r runResult
	synctest.Test(t, func(t *testing.T) {
		mic := newFakeMicrophone()
		defer mic.tick.Stop()
		ctx, breakLine := context.WithCancel(t.Context())
		defer breakLine()
		p = &fakePhone{newFakeCaller(), mic, &fakeRecognizer{mic: mic, sendsPartials: true}, &fakeSpeaker{}, &fakeJournal{}, breakLine}
		a := *agent
		a.Grounding.AnyNumbers = true // the models of these tests count
		if batch, ok := a.Recognizer.(*batchRecognizer); ok {
			batch.fakeRecognizer, p.recognizer.sendsPartials = p.recognizer, false
		}
		if a.Recognizer == nil {
			a.Recognizer = p.recognizer
		}
		if a.Synthesizer == nil {
			a.Synthesizer = fakeSynthesizer{}
		}
		a.Detector = func() dialog.VoiceDetector { return firstSampleDetector{} }
		if o.NewID == nil {
			o.NewID = countingIDs()
		}
		o.Journal = p.journal
		done := make(chan struct{})
		line := p.line()
		line.Source, line.Sink = p.mic, p.speaker
		prepare(&a, &line)
		go func() {
			defer close(done)
			r.outcome, r.err = Run(ctx, &a, line, o)
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
	return p, r
}

// letters counts the characters of text without white space.
func letters(text string) int { return utf8.RuneCountInString(strings.Join(strings.Fields(text), "")) }
