package ear

import (
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/ear/endpoint"
	"frontdesk/media"
)

const (
	recognizerSilence = 200 * time.Millisecond // that ends a turn when the recognizer says that it is over
	minMaybeFinished  = 60 * time.Millisecond  // silence before a turn may be finished
	maxTurn           = 45 * time.Second
)

// NewEndpointer returns an Endpointer that waits for silence: the less the turn so far
// seems finished, the longer. In English, and with language "", it judges by the words, and
// in all languages by how the voice fell and slowed down. It learns the caller's pace from
// turn to turn. Package endpoint has the model and where it comes from. language is a BCP
// 47 tag.
func NewEndpointer(language string) dialog.Endpointer {
	return newEndpointer(language)
}

func newEndpointer(language string) *endpointer {
	return &endpointer{judge: endpoint.NewJudge(&endpoint.Learned, language)}
}

type endpointer struct {
	judge    *endpoint.Judge
	duration time.Duration // of the utterance
	words    string        // the last transcript while the caller spoke
}

// Reset implements dialog.Endpointer.
func (e *endpointer) Reset(since time.Duration) {
	e.duration, e.words = 0, ""
	e.judge.Reset(since)
}

// Judge implements dialog.Endpointer.
func (e *endpointer) Judge(ev dialog.Evidence) dialog.Verdict {
	e.duration += media.FrameTime
	if e.duration >= maxTurn {
		return dialog.Verdict{Finished: true, Reason: "the turn is too long"}
	}
	if ev.IsSpeech {
		e.judge.Hear(ev.Frame)
		v := dialog.Verdict{}
		if ev.Words != e.words {
			e.words, v.MaybeFinished = ev.Words, e.judge.IsComplete(ev.Words, ev.LastReply)
		}
		return v
	}
	if ev.Final && ev.Silence >= recognizerSilence {
		return dialog.Verdict{Finished: true, Reason: "the recognizer heard the end"}
	}
	wait, reason := e.judge.Wait(ev.Words, ev.LastReply, ev.Silence)
	return dialog.Verdict{
		MaybeFinished: ev.Silence >= max(minMaybeFinished, wait/3),
		Finished:      ev.Silence >= wait,
		Reason:        reason,
	}
}
