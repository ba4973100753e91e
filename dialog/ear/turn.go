package ear

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
)

const (
	turnAudio = 8 * time.Second // of the end of the turn, for the TurnDetector
	// turnTimeout is after how long an answer is of no use: the longest silence that ends a
	// turn has passed.
	turnTimeout = 1500 * time.Millisecond
	// replayedAnswer is how long an answer takes in a Replay, whatever it takes there, so that
	// results can be repeated. A call measures about 70 ms on a core of its own.
	replayedAnswer = 100 * time.Millisecond
	// turnSilence is how long the caller has been silent when the TurnDetector is asked. With
	// recordings of people, Smart Turn tells the end of a turn from a pause equally well after
	// 60 to 320 ms of silence, and worse after 500 ms, so it is asked once.
	turnSilence = 100 * time.Millisecond
)

// turnJudge asks a TurnDetector about the pauses of a call, on its own goroutine. While it
// waits for an answer it refuses further questions.
type turnJudge struct {
	detector  dialog.TurnDetector
	questions chan *turnAnswer // has room for one
	answer    atomic.Pointer[turnAnswer]
	shown     *turnAnswer // to the Endpointer; of the pump
	pcm       []int16     // of run
}

// turnAnswer is what the TurnDetector says about the first frames of an utterance.
type turnAnswer struct {
	utterance   *utterance
	frames      int
	probability float32
	done        chan struct{} // closed when it is answered, or failed
}

func newTurnJudge(detector dialog.TurnDetector) *turnJudge {
	return &turnJudge{detector: detector, questions: make(chan *turnAnswer, 1)}
}

// run answers questions until ctx ends.
func (j *turnJudge) run(ctx context.Context) {
	for {
		select {
		case a := <-j.questions:
			j.judge(ctx, a)
		case <-ctx.Done():
			for {
				select {
				case a := <-j.questions:
					a.utterance.release()
				default:
					return
				}
			}
		}
	}
}

// judge answers a question. Without an answer the words and the silence decide.
func (j *turnJudge) judge(ctx context.Context, a *turnAnswer) {
	defer close(a.done)
	j.pcm = slices.Grow(j.pcm[:0], int(turnAudio/media.FrameTime)*media.EarFrame)
	for i := max(0, a.frames-int(turnAudio/media.FrameTime)); i < a.frames; i++ {
		frame, _ := a.utterance.frame(i)
		j.pcm = append(j.pcm, frame...)
	}
	a.utterance.release()
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	if p, err := j.detector.TurnProbability(ctx, j.pcm); err == nil {
		a.probability = p
		j.answer.Store(a)
	}
}

// ask asks about the frames that u has now, unless another question waits. The pump calls
// it a few times for each utterance. The channel that it returns is closed after the answer;
// nil means that it did not ask.
func (j *turnJudge) ask(u *utterance) <-chan struct{} {
	frames, _ := u.lengths()
	a := &turnAnswer{utterance: u, frames: frames, done: make(chan struct{})}
	u.users.Add(1)
	select {
	case j.questions <- a:
		return a.done
	default:
		u.release()
		return nil
	}
}

// probability returns the latest answer about the current silence of u that is at least
// delay old, or 0.
func (j *turnJudge) probability(u *utterance, delay time.Duration) float32 {
	frames, speechEnd := u.lengths()
	if a := j.answer.Load(); a != nil && a.utterance == u && frames >= a.frames+int(delay/media.FrameTime) {
		j.shown = a
	}
	if a := j.shown; a != nil && a.utterance == u && a.frames >= speechEnd {
		return a.probability
	}
	return 0
}
