package eval

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"

	"frontdesk/dialog"
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
	calls, err := Calls(corpus, c)
	if err != nil {
		return Turns{}, nil, err
	}
	listeners := make([]*listener, len(calls))
	errs := make([]error, len(calls))
	var work sync.WaitGroup
	room := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, call := range calls {
		listeners[i] = newListener(call)
		work.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			errs[i] = listeners[i].run(ctx, agent)
		})
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
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

func (l *listener) run(ctx context.Context, agent *dialog.Agent) error {
	a := *agent
	detector := agent.Detector
	a.Detector = func() dialog.VoiceDetector {
		l.VoiceDetector = detector()
		return l
	}
	if err := dialog.Replay(ctx, &a, l, l.heard); err != nil {
		return err
	}
	return l.failed
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

// heard takes what the ears tell, while the frame it follows from is the last one read.
func (l *listener) heard(h dialog.Heard) {
	d := &l.decided[l.turn]
	now := (l.frame+1)*20 - d.At // ms in the recording
	switch {
	case h.Kind == dialog.Deaf:
		l.failed = h.Err
	case h.Kind == dialog.Onset:
		l.words = ""
	case h.Kind == dialog.Partial:
		l.words = h.Text
	case h.Kind == dialog.Offset && h.Why != "" && !d.Ended && now > d.Start:
		d.Ended, d.Delay, d.Words, d.Why = true, now-d.End, l.words, h.Why
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
