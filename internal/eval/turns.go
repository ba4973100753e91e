package eval

import (
	"context"
	"io"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"frontdesk/dialog"
	"frontdesk/dialog/ear"
	"frontdesk/media"
)

// Turns is the score of the ears on a corpus under one condition.
type Turns struct {
	Condition     string  `json:"condition"`
	Turns         int     `json:"turns"`
	Early         float64 `json:"early_pct"`       // of turns that ended before the caller had finished
	EarlyPause    float64 `json:"early_pause_pct"` // the same of turns with a pause
	DelayP50      int     `json:"delay_ms_p50"`    // from the end of speech to the decision, early turns excluded
	DelayP95      int     `json:"delay_ms_p95"`
	Missed        float64 `json:"missed_pct"`         // of turns whose end was not detected within 3 s
	FrameAccuracy float64 `json:"frame_accuracy_pct"` // of the 20 ms frames of the recordings, classified correctly as speech or not
}

// Hangover is an Endpointer that ends a turn after a fixed silence, for comparison.
type Hangover time.Duration

// Reset implements dialog.Endpointer.
func (Hangover) Reset(time.Duration) {}

// Judge implements dialog.Endpointer.
func (h Hangover) Judge(e dialog.Evidence) dialog.Verdict {
	return dialog.Verdict{Finished: e.Silence >= time.Duration(h), Reason: "silence"}
}

// Decision is how the ears ended one turn.
type Decision struct {
	Spoken
	Ended bool   // the end was detected
	Delay int    // ms from the end of speech to the decision; negative if early
	Words string // known at the decision
	Why   string
}

// Early reports whether the caller was cut off.
func (d Decision) Early() bool { return d.Ended && d.Delay < 0 }

// RunTurns plays corpus to the agent's ears under c and scores when they end the turns.
func RunTurns(ctx context.Context, agent *dialog.Agent, corpus []*Recording, c Condition) (Turns, []Decision, error) {
	players, err := play(ctx, agent, corpus, c, func(*player, *dialog.Agent) {})
	if err != nil {
		return Turns{}, nil, err
	}
	var all []Decision
	correct, frames := 0, 0
	for _, l := range players {
		all = append(all, l.decisions...)
		correct += l.correct
		frames += l.judged
	}
	t := score(all)
	t.Condition, t.FrameAccuracy = c.Name, percent(correct, frames)
	return t, all, nil
}

// play plays the calls of corpus, as many at once as there are processors. prepare may
// change the agent of each call.
func play(ctx context.Context, agent *dialog.Agent, corpus []*Recording, c Condition, prepare func(*player, *dialog.Agent)) ([]*player, error) {
	calls, err := Calls(corpus, c)
	if err != nil {
		return nil, err
	}
	players := make([]*player, len(calls))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, call := range calls {
		l := newPlayer(call)
		players[i] = l
		work.Go(func() error {
			a := *agent
			a.Detector = func() dialog.VoiceDetector {
				l.VoiceDetector = agent.Detector()
				return l
			}
			prepare(l, &a)
			if err := ear.Replay(ctx, &a, l, l.hear); err != nil {
				return err
			}
			return l.failed
		})
	}
	return players, work.Wait()
}

func score(all []Decision) Turns {
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

// Trace plays corpus to the agent's ears under c. After each frame of a turn, until 1.6 s
// after its end, it calls see with the turn, the milliseconds since its recording began, and
// the endpointer's evidence. The turns of one voice come in order; several voices run
// concurrently.
func Trace(ctx context.Context, agent *dialog.Agent, corpus []*Recording, c Condition, see func(t Spoken, ms int, e dialog.Evidence)) error {
	_, err := play(ctx, agent, corpus, c, func(l *player, a *dialog.Agent) {
		a.Endpointer = func() dialog.Endpointer { return tracer{l, see} }
	})
	return err
}

// tracer is an Endpointer that ends a turn at its labelled end.
type tracer struct {
	*player
	see func(Spoken, int, dialog.Evidence)
}

func (tracer) Reset(time.Duration) {}

func (t tracer) Judge(e dialog.Evidence) dialog.Verdict {
	d := t.decisions[t.turn].Spoken
	ms := (t.frame+1)*20 - d.At
	t.see(d, ms, e)
	return dialog.Verdict{Finished: ms >= d.End+1600 && e.Silence > 0 || ms >= d.Len-200, Reason: "the end"}
}

// player plays a call to the ears. It is their media.Source and their voice detector.
type player struct {
	call      Call
	frame     int // read last
	turn      int // current
	words     string
	decisions []Decision
	failed    error

	dialog.VoiceDetector
	judged, correct int // frames of the recordings
}

func newPlayer(call Call) *player {
	l := &player{call: call, frame: -1, decisions: make([]Decision, len(call.Turns))}
	for i, t := range call.Turns {
		l.decisions[i].Spoken = t
	}
	return l
}

// ReadFrame implements media.Source.
func (l *player) ReadFrame(frame []int16) error {
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

// Detect implements dialog.VoiceDetector and counts how often the real detector is correct.
func (l *player) Detect(frame []int16) float32 {
	p := l.VoiceDetector.Detect(frame)
	t := l.call.Turns[l.turn]
	if ms := l.frame*20 - t.At; ms >= 0 && ms < len(t.PCM)*1000/media.EarRate {
		l.judged++
		if (p >= 0.5) == t.IsSpeech(ms+10) {
			l.correct++
		}
	}
	return p
}

// hear receives the events of the ears. Onset and Offset come before the next frame is
// read; transcripts come at any time.
func (l *player) hear(h dialog.Heard) {
	switch {
	case h.Kind == dialog.EarFailed:
		l.failed = h.Err
	case h.Kind == dialog.Onset:
		l.words = ""
	case h.Kind == dialog.Partial:
		l.words = h.Text
	case h.Kind == dialog.Offset && h.Reason != "":
		d := &l.decisions[l.turn]
		now := (l.frame+1)*20 - d.At // ms into the recording
		if !d.Ended && now > d.Start {
			d.Ended, d.Delay, d.Words, d.Why = true, now-d.End, l.words, h.Reason
		}
	}
}

func percent(n, of int) float64 {
	return math.Round(1000*float64(n)/float64(max(of, 1))) / 10
}

// quantile returns a quantile of x, which it sorts.
func quantile(x []int, q float64) int {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[min(int(q*float64(len(x))), len(x)-1)]
}
