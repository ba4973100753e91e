package ear

import (
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/ear/endpoint"
	"frontdesk/media"
)

const (
	surelyHeard = 200 * time.Millisecond // of silence, when the recogniser itself says that the turn is over
	maybeWait   = 60 * time.Millisecond  // before a turn may be finished, at least
	longestTurn = 45 * time.Second
)

// NewEndpointer makes an Endpointer that waits for silence, and the longer the less the
// turn so far seems finished: by its words, where language (BCP 47) is English or "",
// and in all languages by how the voice fell and slowed. It keeps what it learns of the
// caller from turn to turn. Package endpoint has the model, and where it comes from.
func NewEndpointer(language string) dialog.Endpointer {
	return &endpointer{judge: endpoint.NewJudge(&endpoint.Words, &endpoint.Wordless, language)}
}

type endpointer struct {
	judge  *endpoint.Judge
	lasted time.Duration
	words  string // while the caller spoke
}

// Reset implements Endpointer.
func (e *endpointer) Reset(since time.Duration) {
	e.lasted, e.words = 0, ""
	e.judge.Reset(since)
}

// Judge implements Endpointer.
func (e *endpointer) Judge(ev dialog.Evidence) dialog.Verdict {
	e.lasted += media.FrameTime
	if e.lasted >= longestTurn {
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
	if ev.Final && ev.Silence >= surelyHeard {
		return dialog.Verdict{Finished: true, Reason: "the recogniser heard the end"}
	}
	wait, why := e.judge.Wait(ev.Words, ev.LastReply, ev.Silence)
	return dialog.Verdict{
		MaybeFinished: ev.Silence >= max(maybeWait, wait/3),
		Finished:      ev.Silence >= wait,
		Reason:        why,
	}
}
