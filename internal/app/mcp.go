package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/internal/agentfile"
	"frontdesk/internal/config"
	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/knowledge"
	"frontdesk/tools/mcp"
	"frontdesk/tools/outbox"
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

// operatorTools returns the tools of an agent that MCP clients may use: tickets, and its own
// look-ups and knowledge, as far as the agent itself may use them.
func operatorTools(f agentfile.File, tickets *tools.Tickets, others []tools.Tool) (*tools.Registry, error) {
	r, err := tools.NewRegistry(append(tickets.OperatorTools(), others...)...)
	if err != nil {
		return nil, err
	}
	p := tools.Policy{Timeout: f.Tools.Timeout, Timeouts: make(map[string]time.Duration)}
	if f.Tools.Allow != nil {
		p.Allow = []string{}
	}
	for _, spec := range r.Specs() {
		if slices.Contains(f.Tools.Allow, spec.Name) {
			p.Allow = append(p.Allow, spec.Name)
		}
		if d, ok := f.Tools.Timeouts[spec.Name]; ok {
			p.Timeouts[spec.Name] = d
		}
	}
	return r.Restrict(p)
}

// mcpHandler serves the tools of the default agent at /mcp and those of each agent at
// /mcp/NAME, to clients with a server key; nil if the configuration does not say so.
func (n *node) mcpHandler() http.Handler {
	if !n.config.MCP {
		return nil
	}
	handlers := make(map[string]http.Handler)
	for name, r := range n.agents.offers {
		if a := n.agents.byName[name]; a != nil {
			handlers["/mcp/"+name] = mcp.NewHandler(mcp.Offer{
				Title: a.Title, Version: versionText(), Tools: r, Log: n.log.With(zap.String("agent", name)),
			})
		}
	}
	handlers["/mcp"] = handlers["/mcp/"+n.agents.defaultName]
	keys := session.Keys(n.config.Keys)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		h := handlers[r.URL.Path]
		switch {
		case !keys.Contains(key):
			w.Header().Set("WWW-Authenticate", "Bearer")
			fault.Write(w, r, fault.New(fault.Unauthorized, "a server key is needed: send Authorization: Bearer KEY"))
		case h == nil:
			fault.Write(w, r, fault.New(fault.NotFound, "no agent answers at %s (want /mcp or /mcp/NAME)", r.URL.Path))
		default:
			h.ServeHTTP(w, r)
		}
	})
}

const mcpHelp = `Offer the tools of an agent to an MCP client over standard input and output: its
knowledge base, its look-ups and its tickets. It may run beside a server that has the same
data folder. The client acts for the operator: no proof is needed to read a ticket.`

// mcpCommand is an MCP server over stdio.
func (p *program) mcpCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "mcp", Short: "Offer an agent's tools to an MCP client", Long: mcpHelp, Args: exactArgs(),
		Example: "  frontdesk mcp --agent demo --data ./data",
	}
	flags := addSettingsFlags(command)
	agent := command.Flags().String("agent", "", "`name` of the agent (default: the server's)")
	command.RunE = func(c *cobra.Command, _ []string) error {
		settings, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		log, err := newLog(settings.Log.Level, p.stderr)
		if err != nil {
			return err
		}
		return offerTools(c.Context(), settings, *agent, log, p.stdout)
	}
	return command
}

// offerTools serves the tools of an agent over standard input and out until the input ends.
func offerTools(ctx context.Context, c config.Config, name string, log *zap.Logger, out io.Writer) error {
	files, problems := agentfile.LoadAll(c.Agents)
	for _, err := range problems {
		log.Error("agent omitted", zap.Error(err))
	}
	if name == "" {
		name = c.Agent
	}
	if name == "" {
		name = defaultAgent(files, problems)
	}
	f, ok := files[name]
	if !ok {
		return misuse{fmt.Errorf("agent: no agent %q works in %s: choose one with --agent", name, c.Agents)}
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	conn, err := db.Open(filepath.Join(c.Data, "frontdesk.db"))
	if err != nil {
		return err
	}
	defer conn.Close()
	shared, closeShared, err := openShared(ctx, c, conn)
	if err != nil {
		return err
	}
	defer closeShared()
	set := &agentSet{}
	defer set.Close()
	if set.tickets, err = tools.OpenTickets(ctx, shared); err != nil {
		return err
	}
	events, err := outbox.Open(ctx, shared, routes(c)) // a server with the same database delivers them
	if err != nil {
		return err
	}
	set.tickets.Listen(reportTicket(events))
	set.tickets.AskDelivery(deliveryOf(events))
	o := agentOpener{config: c, log: log, set: set}
	others, _, err := o.lookups(f)
	if err != nil {
		return err
	}
	base, err := o.knowledge(ctx, f)
	if err != nil {
		return err
	}
	if base != nil {
		others = append(others, knowledge.Tool(base))
	}
	r, err := operatorTools(f, set.tickets, others)
	if err != nil {
		return err
	}
	offer := mcp.Offer{Title: f.Title, Version: versionText(), Tools: r, Log: log.With(zap.String("agent", f.Name))}
	return mcp.ServeStdio(ctx, offer, os.Stdin, unclosable{out})
}

// unclosable is a writer that stays open: others write to it, too.
type unclosable struct{ io.Writer }

// Close implements io.Closer.
func (unclosable) Close() error { return nil }
