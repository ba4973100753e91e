package bench

import (
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

// pace is how long the made-up providers take. Its zero value takes no time.
type pace struct {
	firstToken time.Duration // the model's, after it was asked
	token      time.Duration // between two of its tokens
	firstSound time.Duration // the voice's, after it was given a clause
	// word is the time between the words a streaming recogniser finds in speech; 0 is one
	// that knows its words at the end of the turn only.
	word time.Duration
	// letter is how fast the voice speaks.
	letter time.Duration
	// waits is that no reply is begun before the turn is over.
	waits bool
	// repeats is that a clause always sounds the same. Else no two do, and all is encoded.
	repeats bool
}

// question is what every caller says.
const question = "what are your opening hours on a saturday"

// answer is 30 words in two sentences without a comma, so that no clause ends sooner.
const answer = "We are open from nine in the morning until six in the evening on Saturday. " +
	"You can also reach us by mail on all the other days of the week."

// letterTime lets an answer last about as long as a question and the wait for its end,
// so that the agent speaks about half the time.
const letterTime = 21 * time.Millisecond

// pause waits for d and reports whether ctx still lives.
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
func (p pace) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	if p.word == 0 {
		return wholes{ears(p)}, nil
	}
	return ears(p), nil
}

// wholes are ears that need the whole utterance.
type wholes struct{ ears }

// Batch implements dialog.Batch.
func (wholes) Batch() {}

// ears recognise the question in anything.
type ears pace

const loud = 300 // RMS of a frame from which it is speech

// Utterance implements dialog.Listener.
func (e ears) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		words, known := strings.Fields(question), 0
		var spoken time.Duration
		for frame := range frames {
			if e.word == 0 || spoken == 0 && rms(frame) < loud {
				continue
			}
			spoken += media.FrameTime
			if n := min(int(spoken/e.word), len(words)); n > known {
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
func (ears) Close() error { return nil }

// Reply implements dialog.Model.
func (p pace) Reply(ctx context.Context, _ dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
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
func (p pace) Speak(ctx context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if !pause(ctx, p.firstSound) {
			yield(nil, context.Cause(ctx))
			return
		}
		const piece = 5 * media.MouthFrame // the voice's period divides it: no seam is heard
		first := append([]int16(nil), spoken...)
		if !p.repeats {
			first[0], first[1] = int16(clauses.Add(1)), int16(clauses.Load()>>16)
		}
		if !yield(first, nil) {
			return
		}
		for left := len(text) * samples(p.letter) / piece; left > 0; left-- {
			if !yield(append([]int16(nil), spoken...), nil) {
				return
			}
		}
	}
}

var clauses atomic.Int32

// spoken is the 100 ms that all of the agent's speech is made of.
var spoken = agentVoice(100 * time.Millisecond)
