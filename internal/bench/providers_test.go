package bench

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/audiotest"
	"frontdesk/media"
)

// providers are a fake recognizer, model and voice. The zero value takes no time.
type providers struct {
	firstToken time.Duration // from the request to the model until its first token
	token      time.Duration // between two tokens
	firstAudio time.Duration // from the beginning of a clause until its first audio
	// word is the time between two words that a streaming recognizer finds; 0 makes a
	// recognizer that returns all words at the end of the turn.
	word time.Duration
	// perLetter is how long the voice takes to say a letter.
	perLetter time.Duration
	// noSpeculation disables replies that begin before the turn is over.
	noSpeculation bool
	// sameAudio makes the voice say a clause the same way every time, so that its packets
	// are cached. Otherwise no two clauses are equal, and all of them are encoded.
	sameAudio bool
}

// question is what every caller says.
const question = "what are your opening hours on a saturday"

// answer is 30 words in two sentences without a comma, so that the clauses are long.
const answer = "We are open from nine in the morning until six in the evening on Saturday. " +
	"You can also reach us by mail on all the other days of the week."

// letterTime lets an answer last about as long as a question and the wait for its end,
// so that the agent speaks about half the time.
const letterTime = 21 * time.Millisecond

// pause waits for d and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Listen implements dialog.Recognizer.
func (p providers) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	if p.word == 0 {
		return batchListener{listener(p)}, nil
	}
	return listener(p), nil
}

// batchListener is a listener that needs the whole utterance.
type batchListener struct{ listener }

// Batch implements dialog.Batch.
func (batchListener) Batch() {}

// listener recognizes the question in any audio.
type listener providers

const speechLevel = 300 // least RMS of a frame of speech

// Utterance implements dialog.Listener.
func (l listener) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		words, known := strings.Fields(question), 0
		var spoken time.Duration
		for frame := range frames {
			if l.word == 0 || spoken == 0 && audiotest.RMS(frame) < speechLevel {
				continue
			}
			spoken += media.FrameTime
			if n := min(int(spoken/l.word), len(words)); n > known {
				known = n
				if !yield(dialog.Transcript{Text: strings.Join(words[:n], " ")}, nil) {
					return
				}
			}
		}
		yield(dialog.Transcript{Text: question, Final: true}, nil)
	}
}

// Close implements dialog.Listener.
func (listener) Close() error { return nil }

// Reply implements dialog.Model.
func (p providers) Reply(ctx context.Context, _ dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		wait := p.firstToken
		for i, token := range strings.Fields(answer) {
			if i > 0 {
				token = " " + token
			}
			if !pause(ctx, wait) {
				yield(dialog.Chunk{}, context.Cause(ctx))
				return
			}
			if !yield(dialog.Chunk{Text: token}, nil) {
				return
			}
			wait = p.token
		}
	}
}

// Speak implements dialog.Synthesizer.
func (p providers) Speak(ctx context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if !pause(ctx, p.firstAudio) {
			yield(nil, context.Cause(ctx))
			return
		}
		const piece = 5 * media.MouthFrame // a whole number of the voice's periods, so that pieces join without a click
		first := slices.Clone(agentAudio)
		if !p.sameAudio {
			n := clauseCount.Add(1)
			first[0], first[1] = int16(n), int16(n>>16)
		}
		if !yield(first, nil) {
			return
		}
		for left := len(text) * samples(p.perLetter) / piece; left > 0; left-- {
			if !yield(slices.Clone(agentAudio), nil) {
				return
			}
		}
	}
}

// clauseCount makes clauses differ.
var clauseCount atomic.Int32

// agentAudio is the 100 ms that all of the agent's speech consists of.
var agentAudio = agentVoice(100 * time.Millisecond)
