package app

import (
	"go.uber.org/zap"

	"frontdesk/internal/agentfile"
	"frontdesk/tools"
	"frontdesk/tools/httptool"
)

// endpoints returns the tools that are HTTP endpoints. The log says once when one is away, and
// once when it is back.
func (o *agentOpener) endpoints(f agentfile.File) ([]tools.Tool, error) {
	var out []tools.Tool
	for _, c := range f.Tools.HTTP {
		log := o.log.With(zap.String("agent", f.Name), zap.String("tool", c.Name))
		c.OnChange = func(err error) {
			if err == nil {
				log.Info("the endpoint of a tool is back")
				return
			}
			log.Warn("the endpoint of a tool is away; the agent works without it", zap.Error(err))
		}
		t, err := httptool.New(c)
		if err != nil {
			return nil, err
		}
		o.set.closers = append(o.set.closers, t.Close)
		out = append(out, t)
	}
	return out, nil
}
