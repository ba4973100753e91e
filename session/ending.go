package session

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

// Result is how a call ended, in one word: for metrics, alerts and statistics.
type Result string

const (
	Done      Result = "done"     // the conversation came to its end
	HungUp    Result = "hung_up"  // the caller hung up
	Lost      Result = "lost"     // the connection broke; the session may be resumed
	Moved     Result = "moved"    // another line of the same session took over
	Silent    Result = "silent"   // silence timeout
	Draining  Result = "draining" // the server stops
	Failed    Result = "failed"   // an error of Frontdesk
	OverLimit Result = "limited"  // the call reached the maximum duration

	chose Result = "chose" // the caller chose another agent; the call goes on

	Transferred Result = "transferred" // a person took over
	Busy        Result = "busy"        // the called line is busy
	NoAnswer    Result = "no_answer"   // nobody answered
	Declined    Result = "declined"    // the called party declined
	Unreachable Result = "unreachable" // the number does not exist or cannot be reached
	Machine     Result = "machine"     // an answering machine answered
)

// isResumable reports whether the caller was still there and may want to resume the session.
func (r Result) isResumable() bool {
	return r == Lost || r == Moved || r == Draining || r == Failed
}

// Ending is how and why a call ended. The log, the metrics and the store all use it.
type Ending struct {
	Result        Result
	Reason        string         // in a few words
	Err           error          // the cause, if there is one
	Quality       *media.Quality // of the caller's telephone line
	PersonQuality *media.Quality // of the line of the person whom the caller was transferred to
}

// qualityField returns the quality of the lines as a log field.
func (e Ending) qualityField() zap.Field {
	switch {
	case e.Quality == nil:
		return zap.Skip()
	case e.PersonQuality == nil:
		return zap.Any("quality", e.Quality)
	}
	return zap.Any("quality", map[string]*media.Quality{"caller": e.Quality, "person": e.PersonQuality})
}

// Causes of the end of a running call's context.
var (
	errHungUp    = errors.New("hung up")
	errMoved     = errors.New("another line took over")
	errLeaseLost = errors.New("another node took the session")
	errReferred  = errors.New("the caller was transferred")
	errDrained   = errors.New("the server is stopping")
	errTooLong   = errors.New("the call reached the maximum duration")
)

// endingOf returns the call's ending for the outcome of its conversation, or for the cause
// of ctx when that ended the conversation.
func endingOf(ctx context.Context, out dialog.Outcome, err error) Ending {
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		e := Ending{Result: Lost, Reason: cause.Error()}
		switch {
		case errors.Is(cause, errHungUp):
			e.Result = HungUp
		case errors.Is(cause, errMoved), errors.Is(cause, errLeaseLost):
			e.Result = Moved
		case errors.Is(cause, errReferred):
			e.Result = Transferred
		case errors.Is(cause, errDrained):
			e.Result = Draining
		case errors.Is(cause, errTooLong):
			e.Result = OverLimit
		}
		return e
	}
	if err != nil {
		return Ending{Result: Failed, Reason: fault.From(err).Message, Err: err}
	}
	switch out {
	case dialog.Goodbye:
		return Ending{Result: Done, Reason: "the conversation came to its end"}
	case dialog.Transferred:
		return Ending{Result: Transferred, Reason: "a person took over"}
	case dialog.Chosen:
		return Ending{Result: chose}
	case dialog.Drained:
		return Ending{Result: Draining, Reason: errDrained.Error()}
	case dialog.NoAnswer:
		return Ending{Result: Silent, Reason: "the caller stayed silent"}
	default:
		return Ending{Result: HungUp, Reason: "the caller hung up"}
	}
}

// endingOfUnanswered returns the ending of a call that was not answered because of err.
func endingOfUnanswered(ctx context.Context, err error) Ending {
	if ctx.Err() != nil {
		return endingOf(ctx, "", nil)
	}
	if errors.Is(err, ErrCallerGone) {
		return Ending{Result: HungUp, Reason: ErrCallerGone.Error()}
	}
	f := fault.From(err)
	e := Ending{Result: Failed, Reason: f.Message, Err: err}
	switch f.Code {
	case fault.Busy:
		e.Result = Busy
	case fault.NoAnswer:
		e.Result = NoAnswer
	case fault.Declined:
		e.Result = Declined
	case fault.NotFound, fault.Media:
		e.Result = Unreachable
	}
	return e
}
