package app

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/internal/config"
	"frontdesk/internal/fault"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/signaling/realtime"
	"frontdesk/signaling/sip"
	"frontdesk/signaling/webrtc"
	"frontdesk/web"
)

const (
	sweepEvery  = 10 * time.Minute
	requestTime = 5 * time.Second // that a stopping server gives requests under way
)

func serveCommand(ctx context.Context, args, environ []string, stderr io.Writer) error {
	c, err := settings("serve", args, environ, stderr)
	if err != nil {
		return err
	}
	log, err := newLog(c.Log.Level, stderr)
	if err != nil {
		return err
	}
	defer log.Sync() //nolint:errcheck // a terminal cannot be synced
	if !media.CanEncodeOpus {
		log.Warn("built without cgo: no Opus encoder (voice leaves as G.711 or G.722), no pocketsphinx (set stt.url), no ONNX Runtime (vad.model)")
	}
	return serve(ctx, c, log)
}

func newLog(level string, w io.Writer) (*zap.Logger, error) {
	at, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, misuse{err}
	}
	e := zap.NewProductionEncoderConfig()
	e.TimeKey, e.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(e), zapcore.Lock(zapcore.AddSync(w)), at)), nil
}

// serve runs a node until ctx ends and its calls have finished.
func serve(ctx context.Context, c config.Config, log *zap.Logger) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	db, store, closeStore, err := openData(ctx, c)
	if err != nil {
		return err
	}
	defer closeStore()
	limits := sessionLimits(c.Limits)
	gate, err := openGate(store, limits)
	if err != nil {
		return err
	}
	tokens, err := newTokens(c)
	if err != nil {
		return err
	}
	agents, err := openAgents(ctx, c, db, log)
	if err != nil {
		return err
	}
	defer agents.Close()

	var scribe dialog.Model
	if models, err := languageModels(c); err != nil {
		return err
	} else if len(models) > 0 {
		scribe = conversation.Fallback(models...)
	}
	stopArchive, err := startArchive(ctx, c, store, scribe, log)
	if err != nil {
		return err
	}
	defer stopArchive()
	var spare time.Duration
	if c.Archive.On() {
		spare = archiveSpare
	}

	metrics := web.NewMetrics()
	telephone := new(exchange)
	desk := session.NewDesk(session.Options{
		Store:   store,
		Shared:  c.Store != "sqlite",
		Tokens:  tokens,
		Agent:   agents.Find,
		Node:    nodeName(),
		Limits:  limits,
		Gate:    gate,
		Life:    c.Limits.SessionLife,
		Records: filepath.Join(c.Data, "recordings"),
		Spare:   spare,
		Ring:    telephone.ringer(c),

		Observer: metrics,
		Log:      log,
	})
	stopSweeping := sweep(store, log)
	defer stopSweeping()
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() { desk.Watch(watching) })
	defer watch.Wait()
	defer stopWatching()
	return listen(ctx, c, node{
		desk: desk, tokens: tokens, agents: agents, metrics: metrics, telephone: telephone, db: db, log: log,
	})
}

// newTokens signs with the configured secret, or with the data folder's own.
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

// nodeName names this process among others, also those of containers that are all
// process 1 of the same host name.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return host + "-" + strconv.Itoa(os.Getpid()) + "-" + rand.Text()[:6]
}

// sweep deletes sessions whose life is over, now and then, until it is stopped.
func sweep(store session.Store, log *zap.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			once, done := context.WithTimeout(ctx, sweepEvery/2)
			n, err := store.Sweep(once)
			done()
			switch {
			case ctx.Err() != nil:
			case err != nil:
				log.Warn("old sessions not deleted", zap.Error(err))
			case n > 0:
				log.Info("old sessions deleted", zap.Int("sessions", n))
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		cancel()
		work.Wait()
	}
}

// node is what listen serves.
type node struct {
	desk    *session.Desk
	tokens  *session.Tokens
	agents  *roster
	metrics *web.Metrics
	log     *zap.Logger

	telephone *exchange
	twilio    http.Handler // nil: there is none
	db        *sql.DB
}

// listen opens the ports and serves until ctx ends, and then until calls have finished.
func listen(ctx context.Context, c config.Config, n node) error {
	certificates, err := web.Certificates{
		CertFile: c.TLS.Cert, KeyFile: c.TLS.Key,
		Domains: c.TLS.ACME, Email: c.TLS.Email, Cache: filepath.Join(c.Data, "certificates"),
	}.Config()
	if err != nil {
		return misuse{err}
	}
	tcp, udp, err := openPorts(c.Listen)
	if err != nil {
		return err
	}
	http1, iceTCP := webrtc.Split(tcp)
	defer http1.Close()
	transport, err := webrtc.New(webrtc.Options{UDP: udp, TCP: iceTCP, PublicIPs: c.WebRTC.PublicIPs, Log: n.log})
	if err != nil {
		return errors.Join(err, udp.Close())
	}
	defer transport.Close()
	calls := realtime.New(realtime.Options{
		Desk: realtime.AtDesk(n.desk), Tokens: n.tokens, Transport: transport,
		Keys: c.Keys, Origins: c.Origins, Log: n.log,
	})

	telephone, err := openTelephone(ctx, c, n.db, n.desk, n.log)
	if err != nil {
		return err
	}
	if telephone != nil {
		n.telephone.server.Store(telephone)
		defer telephone.Close()
	}

	streams := openTwilio(c, n.desk, n.log)
	if streams != nil {
		defer streams.Close()
		n.twilio = streams
	}

	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	served := make(chan error, 1)
	go func() {
		served <- web.Serve(serving, http1, certificates, n.handler(c, calls), requestTime, n.log)
	}()
	n.log.Info("ready", zap.String("url", publicURL(tcp.Addr(), certificates != nil)), zap.Int("agents", len(n.agents.agents)))

	drain, giveUp := context.WithCancel(serving)
	defer giveUp()
	var broken error
	select {
	case err := <-served: // nobody reaches this node any more
		broken = fmt.Errorf("serve HTTP: %w", err)
		giveUp()
	case <-ctx.Done():
		n.log.Info("stopping: no new calls; running ones may finish", zap.Duration("within", c.Limits.Drain))
		late := time.AfterFunc(c.Limits.Drain, giveUp)
		defer late.Stop()
	}
	drain, again := signal.NotifyContext(drain, os.Interrupt, syscall.SIGTERM) // a second signal ends the calls
	defer again()
	n.desk.Drain(drain)
	end, cancel := context.WithTimeout(serving, requestTime)
	defer cancel()
	calls.Shutdown(end)
	if broken != nil {
		return broken
	}
	stopServing()
	return <-served
}

func (n node) handler(c config.Config, calls http.Handler) http.Handler {
	var ice []web.ICEServer
	for _, s := range c.WebRTC.ICEServers {
		ice = append(ice, web.ICEServer(s))
	}
	var proxies web.Proxies
	for _, p := range c.Proxies {
		proxies = append(proxies, netip.MustParsePrefix(p)) // the configuration has been checked
	}
	return web.Handler(web.Options{
		Realtime: calls,
		Twilio:   n.twilio,
		Calls:    sip.API{Server: n.telephone.server.Load(), Keys: session.Keys(c.Keys), Ticket: callBack(n.agents.tickets)},
		Metrics:  n.metrics.Handler(),
		Agents:   n.agents.All,
		Ready: func() error {
			if !n.desk.Accepting() {
				return fault.New(fault.Unavailable, "this server is about to stop").Retryable(requestTime)
			}
			return nil
		},
		ICE:     ice,
		Proxies: proxies,
		Log:     n.log,
	})
}

// openPorts opens the same port of TCP and UDP; port 0 finds one that is free in both.
func openPorts(address string) (net.Listener, net.PacketConn, error) {
	const tries = 10
	for try := 1; ; try++ {
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			return nil, nil, fmt.Errorf("listen: %w", err)
		}
		host, _, _ := net.SplitHostPort(address)
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			return tcp, udp, nil
		}
		_ = tcp.Close()
		if try == tries || !strings.HasSuffix(address, ":0") {
			return nil, nil, fmt.Errorf("listen: %w", err)
		}
	}
}

// publicURL is where a person on this machine finds the page.
func publicURL(addr net.Addr, https bool) string {
	scheme := "http"
	if https {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
