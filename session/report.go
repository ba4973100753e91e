package session

import (
	"time"

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

// reportStart reports that the call started.
func (c *Call) reportStart(at time.Time) {
	if c.desk.o.Report != nil {
		c.desk.o.Report(c.newReport(at))
	}
}

// reportEnd reports how the call ended.
func (c *Call) reportEnd(e Ending, lasted time.Duration) {
	if c.desk.o.Report == nil {
		return
	}
	r := c.newReport(time.Now())
	r.Result, r.Lasted, r.Overview = e.Result, lasted, c.journal.overview()
	if !e.Result.isResumable() {
		r.Overview = understanding.Leave(r.Overview)
	}
	c.desk.o.Report(r)
}

func (c *Call) newReport(at time.Time) CallReport {
	agent := c.Agent()
	return CallReport{
		Call: c.id, Session: c.session, Agent: agent.Name, Language: agent.Language, Transport: c.caller.Transport, At: at,
	}
}
