package session

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// repeatAfter is how often a call logs the same kind of event. A model may cause any number
// of them.
const repeatAfter = 10 * time.Second

// eventLog logs what happens in one conversation: of each kind of event one line in
// repeatAfter, with the number of those that were left out since the last line. No line has
// a value that the caller or the model gave. Safe for concurrent use.
type eventLog struct {
	log  *zap.Logger
	mu   sync.Mutex
	seen map[string]*seenEvent // by kind and code, of which there are few
}

type seenEvent struct {
	next    time.Time // when a line may be logged
	leftOut int
	write   func(...zap.Field)
}

// add logs an event of a kind and code with write, or counts it. It reports whether it logged.
func (l *eventLog) add(kind, code string, write func(...zap.Field)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	s := l.seen[kind+"/"+code]
	if s == nil {
		s = &seenEvent{}
		l.seen[kind+"/"+code] = s
	}
	s.write = write
	if now.Before(s.next) {
		s.leftOut++
		return false
	}
	l.flush(s)
	s.next = now.Add(repeatAfter)
	return true
}

// flush writes the line of s. The caller holds l.mu.
func (l *eventLog) flush(s *seenEvent) {
	if s.leftOut > 0 {
		s.write(zap.Int("left_out", s.leftOut))
	} else {
		s.write()
	}
	s.leftOut = 0
}

// close logs what was left out.
func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.seen {
		if s.leftOut > 0 {
			s.leftOut-- // the line is about the last of them
			l.flush(s)
		}
	}
}

// event logs e, and reports whether the client may see it: a client gets a notice that
// changes nothing as often as the log.
func (l *eventLog) event(e dialog.Event) bool {
	turn := zap.Int("turn", e.Turn)
	switch {
	case e.Kind == dialog.NoticeRaised && e.Notice != nil:
		n := e.Notice
		isLogged := l.add("notice", n.Code, func(more ...zap.Field) {
			l.log.Warn("notice", append(append(more, turn, zap.String("code", n.Code)), failure(e)...)...)
		})
		return isLogged || n.Code != dialog.NoticeToolFailed
	case e.Kind == dialog.ToolHeld && e.Call != nil:
		l.add("held", "", func(more ...zap.Field) {
			l.log.Info("tool call waits for the caller's consent", append(more, turn, zap.String("tool", e.Call.Name))...)
		})
	case e.Kind == dialog.ToolAbandoned && e.Call != nil && e.Result != nil:
		l.add("abandoned", "failed", func(more ...zap.Field) {
			l.log.Warn("the caller left before they agreed, and no draft could be kept", append(more, turn, zap.String("tool", e.Call.Name), zap.Error(e.Result.Err))...)
		})
	case e.Kind == dialog.ToolAbandoned && e.Call != nil:
		l.add("abandoned", "", func(more ...zap.Field) {
			l.log.Info("the caller left before they agreed: a draft is kept", append(more, turn, zap.String("tool", e.Call.Name))...)
		})
	case e.Kind == dialog.ToolRefused && e.Call != nil && e.Result != nil:
		err := fault.From(e.Result.Err)
		l.add("refused", e.Text, func(more ...zap.Field) {
			more = append(more, turn, zap.String("tool", e.Call.Name), zap.String("rule", e.Text))
			if err != nil {
				more = append(more, zap.String("code", string(err.Code)))
				if field, ok := err.Details["field"].(string); ok {
					more = append(more, zap.String("field", field))
				}
			}
			l.log.Info("tool call refused", more...)
		})
	case e.Kind == dialog.ClauseReplaced:
		l.add("replaced", e.Text, func(more ...zap.Field) {
			l.log.Warn("a clause of the model was not said", append(more, turn, zap.String("why", e.Text))...)
		})
	case e.Kind == dialog.TurnEnded && e.Finished != nil:
		r := e.Finished
		l.log.Info("turn", zap.Int("turn", r.Number), zap.String("status", string(r.Status)), zap.Bool("typed", r.Typed),
			zap.Bool("interrupted", r.Interrupted), zap.String("why", r.EndpointReason), zap.Int("tools", len(r.Tools)),
			zap.Duration("speech_end_to_audio", between(r.Times.SpeechEnd, r.Times.FirstAudio)), zap.String("error", r.Error),
			understood(r.Understanding))
	case e.Kind == dialog.OverviewChanged:
		for _, i := range e.Issues {
			l.log.Info("issue", turn, zap.Int("issue", i.ID), zap.String("intent", string(i.Intent)),
				zap.String("state", string(i.State)), zap.String("reason", string(i.Reason)))
		}
	case e.Kind == dialog.TurnRead && e.Reading != nil:
		l.reading(e.Reading)
	}
	return true
}

// reading logs what a model read of a turn.
func (l *eventLog) reading(r *dialog.Reading) {
	fields := []zap.Field{zap.Int("turn", r.Turn), zap.Duration("took", r.Took), zap.Int("tokens", r.Usage.Input+r.Usage.Output)}
	switch {
	case r.Failure == dialog.ReadingCancelled: // the call is over
	case r.Failure != "":
		l.add("reading", r.Failure, func(more ...zap.Field) {
			l.log.Warn("no model read the turn; the rules' reading stays", append(append(more, fields...), zap.String("code", r.Failure))...)
		})
	default:
		l.log.Info("turn read by the model", append(fields, understood(r.Understanding))...)
	}
}

// understood returns what is logged of what was understood: never a value that the caller gave.
func understood(u *dialog.Understanding) zap.Field {
	if u == nil {
		return zap.Skip()
	}
	return zap.Inline(zapcore.ObjectMarshalerFunc(func(o zapcore.ObjectEncoder) error {
		o.AddString("intent", string(u.Intent))
		o.AddFloat64("confidence", u.Confidence)
		o.AddFloat64("sentiment", u.Sentiment)
		o.AddBool("answered", u.Answered)
		o.AddInt("entities", len(u.Entities))
		return nil
	}))
}

// failure returns what is logged of the error of a notice. The message of a tool's failure is
// for the model, and may hold a value of the caller: the log has its code and its cause.
func failure(e dialog.Event) []zap.Field {
	f := fault.From(e.Notice.Err)
	if e.Notice.Code != dialog.NoticeToolFailed || f == nil {
		return []zap.Field{zap.Error(e.Notice.Err)}
	}
	fields := []zap.Field{zap.String("failure", string(f.Code)), zap.Error(f.Err)}
	if e.Call != nil {
		fields = append(fields, zap.String("tool", e.Call.Name))
	}
	return fields
}

// observe returns emit preceded by what the log and the metrics need of each event, and the
// function to call when the conversation is over.
func (c *Call) observe(emit func(dialog.Event)) (observed func(dialog.Event), stop func()) {
	l := &eventLog{log: c.log, seen: make(map[string]*seenEvent)}
	agent := c.agent.Name
	return func(e dialog.Event) {
		c.desk.o.Observer.Event(agent, e)
		if l.event(e) {
			emit(e)
		}
	}, l.close
}

// between returns the time from a to b, or 0 when one of them is unknown.
func between(a, b time.Time) time.Duration {
	if a.IsZero() || b.IsZero() {
		return 0
	}
	return b.Sub(a)
}
