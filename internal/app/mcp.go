package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/agentfile"
	"frontdesk/tools"
	"frontdesk/tools/mcp"
)

const serversPatience = 5 * time.Second // for MCP servers to answer when the program starts

// mcpServers begins to connect to an agent's MCP servers and returns their tools.
func (o *agentOpener) mcpServers(f agentfile.File) []*tools.Set {
	var sets []*tools.Set
	for _, m := range f.Tools.MCP {
		s := mcp.Connect(mcp.Config{
			Name: m.Name, Command: m.Command, Dir: m.Dir, Env: m.Env, URL: m.URL, Headers: m.Headers,
			Allow: m.Allow, Effect: m.Effect, TrustAnnotations: m.TrustAnnotations, Timeout: m.Timeout,
			Log: o.log.With(zap.String("agent", f.Name)),
		})
		o.set.servers = append(o.set.servers, s)
		o.set.closers = append(o.set.closers, s.Close)
		sets = append(sets, s.Tools())
	}
	return sets
}

// waitForServers waits until the first attempts to connect have ended, but not for long: the
// agents work without these tools, and get them when they come.
func (s *agentSet) waitForServers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, serversPatience)
	defer cancel()
	for _, server := range s.servers {
		server.WaitFirst(ctx)
	}
}
