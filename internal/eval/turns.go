package eval

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/ear"
	"frontdesk/media"
)

// Turns is how the ears did on a corpus under one condition.
type Turns struct {
	Condition     string  `json:"condition"`
	Turns         int     `json:"turns"`
	Early         float64 `json:"early_pct"`       // of turns, ended before the caller had
	EarlyPause    float64 `json:"early_pause_pct"` // of turns with a pause in them
	DelayP50      int     `json:"delay_ms_p50"`    // from the end of speech to the decision, where it was not early
	DelayP95      int     `json:"delay_ms_p95"`
	Missed        float64 `json:"missed_pct"`         // of turns, whose end was not noticed within 3 s
	FrameAccuracy float64 `json:"frame_accuracy_pct"` // of the recordings' 20 ms frames, rightly told to be speech or not
}

// Hangover is an Endpointer that waits for one length of silence, to compare with.
type Hangover time.Duration

// Reset implements dialog.Endpointer.
func (Hangover) Reset(time.Duration) {}

// Judge implements dialog.Endpointer.
func (h Hangover) Judge(e dialog.Evidence) dialog.Verdict {
	return dialog.Verdict{Finished: e.Silence >= time.Duration(h), Reason: "silence"}
}

// Decided is what the ears made of one turn.
type Decided struct {
	Spoken
	Ended bool   // the end was noticed
	Delay int    // ms from the end of speech to that; negative when it was early
	Words string // known then
	Why   string
}

// Early reports whether the caller was cut off.
func (d Decided) Early() bool { return d.Ended && d.Delay < 0 }

// RunTurns plays corpus to agent's ears under c and scores the ends they find.
func RunTurns(ctx context.Context, agent *dialog.Agent, corpus []*Recording, c Condition) (Turns, []Decided, error) {
	listeners, err := play(ctx, agent, corpus, c, func(*listener, *dialog.Agent) {})
	if err != nil {
		return Turns{}, nil, err
	}
	var all []Decided
	right, frames := 0, 0
	for _, l := range listeners {
		all = append(all, l.decided...)
		right += l.right
		frames += l.judged
	}
	t := score(all)
	t.Condition, t.FrameAccuracy = c.Name, percent(right, frames)
	return t, all, nil
}

// play plays the calls of corpus, as many at once as there are processors. alter may
// change the agent of each.
func play(ctx context.Context, agent *dialog.Agent, corpus []*Recording, c Condition, alter func(*listener, *dialog.Agent)) ([]*listener, error) {
	calls, err := Calls(corpus, c)
	if err != nil {
		return nil, err
	}
	listeners := make([]*listener, len(calls))
	errs := make([]error, len(calls))
	var work sync.WaitGroup
	room := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, call := range calls {
		l := newListener(call)
		listeners[i] = l
		work.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			a := *agent
			a.Detector = func() dialog.VoiceDetector {
				l.VoiceDetector = agent.Detector()
				return l
			}
			alter(l, &a)
			if errs[i] = ear.Replay(ctx, &a, l, l.heard); errs[i] == nil {
				errs[i] = l.failed
			}
		})
	}
	work.Wait()
	return listeners, errors.Join(errs...)
}

func score(all []Decided) Turns {
	t := Turns{Turns: len(all)}
	early, paused, pausedEarly, missed := 0, 0, 0, 0
	var delays []int
	for _, d := range all {
		if len(d.Pauses) > 0 {
			paused++
		}
		switch {
		case !d.Ended:
			missed++
		case d.Early():
			early++
			if len(d.Pauses) > 0 {
				pausedEarly++
			}
		default:
			delays = append(delays, d.Delay)
		}
	}
	t.Early, t.EarlyPause, t.Missed = percent(early, len(all)), percent(pausedEarly, paused), percent(missed, len(all))
	t.DelayP50, t.DelayP95 = quantile(delays, 0.5), quantile(delays, 0.95)
	return t
}

// Trace plays corpus to agent's ears under c and hands seen what they know after each
// frame of a turn, ms after the beginning of its recording, until they have waited for
// 1.6 s after its end. seen is called for one voice's turns in order, for several
// voices at once.
func Trace(ctx context.Context, agent *dialog.Agent, corpus []*Recording, c Condition, seen func(t Spoken, ms int, e dialog.Evidence)) error {
	_, err := play(ctx, agent, corpus, c, func(l *listener, a *dialog.Agent) {
		a.Endpointer = func() dialog.Endpointer { return tracer{l, seen} }
	})
	return err
}

// tracer is an Endpointer that knows when the turn really ends.
type tracer struct {
	*listener
	seen func(Spoken, int, dialog.Evidence)
}

func (tracer) Reset(time.Duration) {}

func (t tracer) Judge(e dialog.Evidence) dialog.Verdict {
	d := t.decided[t.turn].Spoken
	ms := (t.frame+1)*20 - d.At
	t.seen(d, ms, e)
	return dialog.Verdict{Finished: ms >= d.End+1600 && e.Silence > 0 || ms >= d.Len-200, Reason: "the end"}
}

// listener plays a call to the ears. It is their media.Source and their detector.
type listener struct {
	call    Call
	frame   int // that was read last
	turn    int // under way
	words   string
	decided []Decided
	failed  error

	dialog.VoiceDetector
	judged, right int
}

func newListener(call Call) *listener {
	l := &listener{call: call, frame: -1, decided: make([]Decided, len(call.Turns))}
	for i, t := range call.Turns {
		l.decided[i].Spoken = t
	}
	return l
}

// ReadFrame implements media.Source.
func (l *listener) ReadFrame(frame []int16) error {
	l.frame++
	at := l.frame * media.EarFrame
	if at+media.EarFrame > len(l.call.PCM) {
		return io.EOF
	}
	copy(frame, l.call.PCM[at:])
	if t := l.call.Turns[l.turn]; l.frame*20 >= t.At+t.Len && l.turn+1 < len(l.call.Turns) {
		l.turn++
	}
	return nil
}

// Detect implements dialog.VoiceDetector and counts how often the real one is right.
func (l *listener) Detect(frame []int16) float32 {
	p := l.VoiceDetector.Detect(frame)
	t := l.call.Turns[l.turn]
	if ms := l.frame*20 - t.At; ms >= 0 && ms < len(t.PCM)*1000/media.EarRate {
		l.judged++
		if (p >= 0.5) == t.speaking(ms+10) {
			l.right++
		}
	}
	return p
}

// heard takes what the ears tell. An onset and an end come from whoever reads the
// frames, before the next is read; words come meanwhile.
func (l *listener) heard(h dialog.Heard) {
	switch {
	case h.Kind == dialog.EarFailed:
		l.failed = h.Err
	case h.Kind == dialog.Onset:
		l.words = ""
	case h.Kind == dialog.Partial:
		l.words = h.Text
	case h.Kind == dialog.Offset && h.Reason != "":
		d := &l.decided[l.turn]
		now := (l.frame+1)*20 - d.At // ms in the recording
		if !d.Ended && now > d.Start {
			d.Ended, d.Delay, d.Words, d.Why = true, now-d.End, l.words, h.Reason
		}
	}
}

func percent(n, of int) float64 {
	return math.Round(1000*float64(n)/float64(max(of, 1))) / 10
}

// quantile sorts x.
func quantile(x []int, q float64) int {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[min(int(q*float64(len(x))), len(x)-1)]
}
