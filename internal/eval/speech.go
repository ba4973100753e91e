package eval

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"frontdesk/dialog"
	"frontdesk/dialog/ear"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	shortUtterance = 2                // words of an utterance that counts as short
	finalTimeout   = 60 * time.Second // for a final transcript, from the last frame
	shortestWait   = 220              // ms of silence after which an ear ends a turn at the earliest
)

// Speech is the score of a recognizer on the recordings of one voice, or of all, under one
// condition.
type Speech struct {
	Condition  string `json:"condition"`
	Voice      string `json:"voice"` // "" for all
	Utterances int    `json:"utterances"`
	WordErrors
	Wrong        float64 `json:"wrong_pct"`   // wrong words per word that was said
	Empty        int     `json:"empty"`       // utterances without a transcript
	Failed       int     `json:"failed"`      // of those, because the recognizer failed twice, as when it is overloaded
	ShortWords   int     `json:"short_words"` // of utterances with at most two words
	ShortWrong   float64 `json:"short_wrong_pct"`
	Numbers      int     `json:"numbers"` // utterances with a number of several digits
	NumbersExact int     `json:"numbers_exact"`
	Emails       int     `json:"emails"`
	EmailsExact  int     `json:"emails_exact"`
	FinalP50     int     `json:"final_ms_p50"` // from the last frame to the final transcript
	FinalP95     int     `json:"final_ms_p95"`
	Partials     float64 `json:"partials"`  // different partial transcripts per utterance
	Audio        float64 `json:"audio_s"`   // that the recognizer read
	CPU          float64 `json:"cpu_per_s"` // CPU seconds of this process per second of audio; 0 if not measured
}

// Recognized is how one recording was understood.
type Recognized struct {
	*Recording
	Audio      int // samples that the recognizer read
	Transcript string
	Partials   int
	Final      time.Duration // from the last frame to the final transcript
	Errors     WordErrors
	Err        error // the recognizer failed twice; without a transcript
}

// SpeechOptions is how RunSpeech plays the recordings.
type SpeechOptions struct {
	// Realtime plays them as fast as people speak, all voices at once. Otherwise one call
	// follows the other, as fast as the recognizer reads.
	Realtime bool
}

// RunSpeech plays corpus to the agent's recognizer under c, each voice in one call and each
// recording as one utterance, as an ear would hand it over. It returns the scores by voice,
// the last one for all voices, and what was understood. The CPU time is that of this process
// and of its children, so nothing else may run in it.
func RunSpeech(ctx context.Context, agent *dialog.Agent, corpus []*Recording, c Condition, o SpeechOptions) ([]Speech, []Recognized, error) {
	calls, err := Calls(corpus, c)
	if err != nil {
		return nil, nil, err
	}
	runtime.GC() // for what came before
	began := cpuTime()
	scores := make([]Speech, len(calls))
	heard := make([][]Recognized, len(calls))
	var work errgroup.Group
	work.SetLimit(1)
	if o.Realtime {
		work.SetLimit(len(calls))
	}
	for i, call := range calls {
		work.Go(func() error {
			callBegan := cpuTime()
			list, err := call.recognize(ctx, agent, c.isNarrowband, o)
			if err != nil {
				return fmt.Errorf("%s: %w", call.Turns[0].Voice, err)
			}
			heard[i] = list
			scores[i] = scoreSpeech(c.Name, list)
			scores[i].Voice = call.Turns[0].Voice
			if !o.Realtime {
				scores[i].CPU = (cpuTime() - callBegan).Seconds() / scores[i].Audio
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, nil, err
	}
	everything := slices.Concat(heard...)
	all := scoreSpeech(c.Name, everything)
	all.CPU = (cpuTime() - began).Seconds() / all.Audio
	return append(scores, all), everything, nil
}

// recognize recognizes the recordings of the call, one after the other.
func (c Call) recognize(ctx context.Context, agent *dialog.Agent, isNarrowband bool, o SpeechOptions) ([]Recognized, error) {
	l, err := agent.OpenListener(ctx, isNarrowband)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	var voiced []bool
	if agent.Detector != nil {
		voiced = ear.MarkVoice(agent.Detector(), c.PCM)
	}
	var list []Recognized
	for _, turn := range c.Turns {
		u := c.utterance(turn, voiced)
		r := Recognized{Recording: turn.Recording, Audio: len(u.pcm)}
		err := r.recognize(ctx, l, u, o)
		if err != nil && fault.IsRetryable(err) { // as the ear does, once
			err = r.recognize(ctx, l, u, o)
		}
		if err != nil && !fault.IsRetryable(err) {
			return nil, fmt.Errorf("%s: %w", turn.File, err)
		}
		if err != nil {
			r = Recognized{Recording: turn.Recording, Audio: len(u.pcm), Errors: CompareWords(turn.Words, ""), Err: err}
		}
		list = append(list, r)
	}
	return list, nil
}

// spokenAudio is the audio of an utterance, in whole frames, and whether each is speech.
type spokenAudio struct {
	pcm    []int16
	voiced []bool
}

// utterance returns the audio of a turn, from the beginning of its recording to shortestWait
// after the speech, as an ear hands it to a recognizer. voiced says for each frame of the call
// whether it is speech, or is empty.
func (c Call) utterance(turn Spoken, voiced []bool) spokenAudio {
	length := min(len(turn.PCM), samples(turn.End+shortestWait))
	from := min(samples(turn.At)/media.EarFrame, len(c.PCM)/media.EarFrame)
	to := min(from+(length+media.EarFrame-1)/media.EarFrame, len(c.PCM)/media.EarFrame)
	u := spokenAudio{pcm: c.PCM[from*media.EarFrame : to*media.EarFrame]}
	if len(voiced) >= to {
		u.voiced = voiced[from:to]
	}
	return u
}

// play yields the frames, with whether they are speech, and calls ended after the last one.
func (u spokenAudio) play(ctx context.Context, realtime bool, ended func()) iter.Seq2[[]int16, bool] {
	return func(yield func([]int16, bool) bool) {
		clock := time.NewTicker(media.FrameTime)
		defer clock.Stop()
		for i := 0; i*media.EarFrame < len(u.pcm); i++ {
			if realtime {
				select {
				case <-clock.C:
				case <-ctx.Done():
					return
				}
			}
			isVoiced := i >= len(u.voiced) || u.voiced[i]
			if !yield(u.pcm[i*media.EarFrame:(i+1)*media.EarFrame], isVoiced) {
				return
			}
		}
		ended()
	}
}

// recognize plays u to the listener and sets what r says about the transcript.
func (r *Recognized) recognize(ctx context.Context, l dialog.Listener, u spokenAudio, o SpeechOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.Transcript, r.Partials = "", 0
	var timeout *time.Timer
	var ended time.Time
	defer func() {
		if timeout != nil {
			timeout.Stop()
		}
	}()
	frames := u.play(ctx, o.Realtime, func() {
		ended = time.Now()
		timeout = time.AfterFunc(finalTimeout, cancel)
	})
	for t, err := range transcripts(ctx, l, frames) {
		if err != nil {
			return err
		}
		if t.Text != r.Transcript && !t.Final {
			r.Partials++
		}
		r.Transcript = t.Text
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("no final transcript: %w", err)
	}
	r.Final = time.Since(ended)
	r.Errors = CompareWords(r.Words, r.Transcript)
	return nil
}

// transcripts gives the listener one utterance.
func transcripts(ctx context.Context, l dialog.Listener, frames iter.Seq2[[]int16, bool]) iter.Seq2[dialog.Transcript, error] {
	if v, ok := l.(dialog.VoicedListener); ok {
		return v.VoicedUtterance(ctx, frames)
	}
	return l.Utterance(ctx, func(yield func([]int16) bool) {
		frames(func(frame []int16, _ bool) bool { return yield(frame) })
	})
}

func scoreSpeech(condition string, list []Recognized) Speech {
	s := Speech{Condition: condition, Utterances: len(list)}
	short, partials := WordErrors{}, 0
	var finals []int
	for _, r := range list {
		s.WordErrors = s.WordErrors.plus(r.Errors)
		if r.Errors.Words <= shortUtterance {
			short = short.plus(r.Errors)
		}
		if r.Transcript == "" {
			s.Empty++
		}
		if r.Err != nil {
			s.Failed++
		}
		kind, exact := compareFact(r.Words, r.Transcript)
		s.count(kind, exact)
		if r.Err == nil {
			finals = append(finals, int(r.Final.Milliseconds()))
		}
		partials += r.Partials
		s.Audio += float64(r.Audio) / media.EarRate
	}
	s.Wrong = percent(s.Total(), s.WordErrors.Words)
	s.ShortWords, s.ShortWrong = short.Words, percent(short.Total(), short.Words)
	s.FinalP50, s.FinalP95 = quantile(finals, 0.5), quantile(finals, 0.95)
	s.Partials = float64(partials) / float64(max(len(list), 1))
	return s
}

// count counts a fact that was said.
func (s *Speech) count(kind factKind, exact bool) {
	said, right := &s.Numbers, &s.NumbersExact
	switch kind {
	case noFact:
		return
	case email:
		said, right = &s.Emails, &s.EmailsExact
	}
	*said++
	if exact {
		*right++
	}
}
