package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/internal/config"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/signaling/sip"
	"frontdesk/web"
)

const sweepInterval = 10 * time.Minute

func (p *program) serveCommand() *cobra.Command {
	command := &cobra.Command{Use: "serve", Short: "Serve callers", Args: exactArgs()}
	p.makeServe(command)
	return command
}

// makeServe makes command serve. The root command does, too.
func (p *program) makeServe(command *cobra.Command) {
	flags := addSettingsFlags(command)
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		log, err := newLog(c.Log.Level, p.stderr)
		if err != nil {
			return err
		}
		defer log.Sync() //nolint:errcheck // a terminal cannot be synced
		if !media.CanEncodeOpus {
			log.Warn("built without cgo: no Opus encoder (voice leaves as G.711 or G.722), no pocketsphinx and no ONNX Runtime (callers type unless stt.url is set)")
		}
		if note := c.Renamed(); note != "" {
			log.Warn(note)
		}
		return serve(cmd.Context(), c, log, newAnnouncer(p.stderr))
	}
}

// node is a server: the parts of it that more than one function needs.
type node struct {
	config    config.Config
	desk      *session.Desk
	tokens    *session.Tokens
	agents    *agentSet
	metrics   *web.Metrics
	telephone *sip.Server  // nil without SIP
	twilio    http.Handler // nil without Twilio
	log       *zap.Logger
	announce  *announcer
}

// serve runs a server until ctx ends and its calls have finished.
func serve(ctx context.Context, c config.Config, log *zap.Logger, announce *announcer) error {
	if err := checkPorts(c.Listen); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	db, store, closeStore, err := openData(ctx, c)
	if err != nil {
		return err
	}
	defer closeStore()
	shared, closeShared, err := openShared(ctx, c, db)
	if err != nil {
		return err
	}
	defer closeShared()
	tokens, err := newTokens(c)
	if err != nil {
		return err
	}
	agents, err := openAgents(ctx, c, shared, session.HashKeys(store, tokens), log, announce)
	if err != nil {
		return err
	}
	defer agents.Close()
	events, queue, eventMetrics, stopEvents, err := openOutbox(ctx, c, shared, log)
	if err != nil {
		return err
	}
	defer stopEvents()
	agents.tickets.Listen(reportTicket(events))
	agents.tickets.AskDelivery(deliveryOf(events))
	telephone, err := openTelephone(ctx, c, db, log)
	if err != nil {
		return err
	}
	if telephone != nil {
		defer telephone.Close()
	}
	n := &node{
		config: c, tokens: tokens, agents: agents, telephone: telephone,
		metrics: web.NewMetrics(), log: log, announce: announce,
	}
	n.metrics.Register(append(agents.neural.metrics(), eventMetrics)...)
	if n.desk, err = n.newDesk(store, reportCall(queue.Add)); err != nil {
		return err
	}
	stopFlows, err := n.startWorkflows(ctx, store, reportSummary(events))
	if err != nil {
		return err
	}
	defer stopFlows()
	if s, ok := store.(sweeper); ok {
		defer inBackground(func(ctx context.Context) { sweep(ctx, s, log) })()
	}
	defer inBackground(func(ctx context.Context) { sweep(ctx, endedTickets{agents.tickets, c.Tickets.Retention}, log) })()
	defer inBackground(n.desk.Watch)()
	return n.listen(ctx)
}

// newDesk returns the desk that admits calls.
func (n *node) newDesk(store sessionStore, report func(session.CallReport)) (*session.Desk, error) {
	c := n.config
	limits := sessionLimits(c.Limits)
	limiter, err := openLimiter(store, limits)
	if err != nil {
		return nil, err
	}
	reader, err := openReader(c)
	if err != nil {
		return nil, err
	}
	var grace time.Duration
	if c.Archive.IsEnabled() {
		grace = archiveGrace
	}
	return session.NewDesk(session.Options{
		Store:         store,
		SharedStore:   c.Store != "sqlite",
		Callers:       store,
		Tokens:        n.tokens,
		Agent:         n.agents.Find,
		Reader:        reader,
		Choices:       n.agents.Choices,
		Node:          nodeName(),
		Limits:        limits,
		Limiter:       limiter,
		Effects:       store,
		ResumeWindow:  c.Limits.SessionLife,
		RecordingsDir: filepath.Join(c.Data, "recordings"),
		ArchiveGrace:  grace,
		Dial:          dialFunc(n.telephone),
		Observer:      n.metrics,
		Report:        report,
		Log:           n.log,
	}), nil
}

// newTokens returns tokens signed with the configured secret, or with one from the data folder.
func newTokens(c config.Config) (*session.Tokens, error) {
	if c.Secret != "" {
		return session.NewTokens([]byte(c.Secret)), nil
	}
	secret, err := session.LoadSecret(filepath.Join(c.Data, "secret"))
	if err != nil {
		return nil, err
	}
	return session.NewTokens(secret), nil
}

// nodeName returns a name that no other process has. The process id is not enough:
// in a container it is often 1, and containers may share a host name.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return host + "-" + strconv.Itoa(os.Getpid()) + "-" + rand.Text()[:6]
}

// inBackground runs run in a goroutine. stop cancels its context and waits for it.
func inBackground(run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { run(ctx) })
	return func() {
		cancel()
		work.Wait()
	}
}

// sweep deletes expired records every sweepInterval until ctx ends.
func sweep(ctx context.Context, store sweeper, log *zap.Logger) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, sweepInterval/2)
		n, err := store.Sweep(once)
		cancel()
		switch {
		case ctx.Err() != nil:
		case err != nil:
			log.Warn("expired records not deleted", zap.Error(err))
		case n > 0:
			log.Info("expired records deleted", zap.Int("records", n))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
