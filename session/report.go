package session

import (
	"context"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/understanding"
)

// CallReport says that a call started or ended.
type CallReport struct {
	Call, Session   string
	Agent, Language string
	Transport       string
	At              time.Time
	Result          Result // "" when it started
	Lasted          time.Duration
	Overview        *dialog.Overview // at the end; nil if the session is about nothing
}

const (
	reportTries = 4
	reportDelay = 500 * time.Millisecond // before the second try, then twice as long each time
)

// reportStart reports that the call started, while the call goes on. The channel is closed
// when that is done.
func (c *Call) reportStart(at time.Time) (reported <-chan struct{}) {
	done := make(chan struct{})
	if c.desk.o.Report == nil {
		close(done)
		return done
	}
	r := c.newReport(at)
	c.desk.running.Go(func() {
		defer close(done)
		c.report(r)
	})
	return done
}

// reportEnd reports how the call ended, after it was reported that it started. It does not
// wait; Drain does.
func (c *Call) reportEnd(started <-chan struct{}, e Ending, lasted time.Duration) {
	if c.desk.o.Report == nil {
		return
	}
	r := c.newReport(time.Now())
	r.Result, r.Lasted, r.Overview = e.Result, lasted, c.journal.overview()
	if !e.Result.isResumable() {
		r.Overview = understanding.Leave(r.Overview)
	}
	c.desk.running.Go(func() {
		<-started
		c.report(r)
	})
}

func (c *Call) newReport(at time.Time) CallReport {
	agent := c.Agent()
	return CallReport{
		Call: c.id, Session: c.session, Agent: agent.Name, Language: agent.Language, Transport: c.caller.Transport, At: at,
	}
}

// report makes a report, in a few tries.
func (c *Call) report(r CallReport) {
	delay := reportDelay
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		err := c.desk.o.Report(ctx, r)
		cancel()
		if err == nil {
			return
		}
		if try == reportTries {
			c.log.Error("nobody is told of this call: its event was not stored", zap.String("result", string(r.Result)), zap.Error(err))
			return
		}
		time.Sleep(delay)
		delay *= 2
	}
}
