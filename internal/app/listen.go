package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/signaling/realtime"
	"frontdesk/signaling/sip"
	"frontdesk/signaling/webrtc"
	"frontdesk/web"
)

const requestGrace = 5 * time.Second // for requests in progress when the server stops

// listen opens the ports and serves until ctx ends and the calls have finished.
func (n *node) listen(ctx context.Context) error {
	c := n.config
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
	httpListener, iceTCP := webrtc.Split(tcp)
	defer httpListener.Close()
	transport, err := webrtc.New(webrtc.Options{UDP: udp, TCP: iceTCP, PublicIPs: c.WebRTC.PublicIPs, Log: n.log})
	if err != nil {
		return errors.Join(err, udp.Close())
	}
	defer transport.Close()
	calls := realtime.New(realtime.Options{
		Desk: n.desk, Tokens: n.tokens, Transport: transport,
		Keys: c.Keys, Origins: c.Origins, Log: n.log,
	})
	if n.telephone != nil {
		defer inBackground(func(ctx context.Context) { n.telephone.Serve(ctx, n.desk.Admit) })()
	}
	if streams := openTwilio(c, n.desk, n.log); streams != nil {
		defer streams.Close()
		n.twilio = streams
	}
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	served := make(chan error, 1)
	go func() {
		served <- web.Serve(serving, httpListener, certificates, n.handler(calls), requestGrace, n.log)
	}()
	n.ready(publicURL(tcp.Addr(), certificates != nil))
	httpErr := n.drain(ctx, served)
	end, cancel := context.WithTimeout(serving, requestGrace)
	defer cancel()
	calls.Shutdown(end)
	if httpErr != nil {
		return httpErr
	}
	stopServing()
	return <-served
}

// ready says that the server answers at url.
func (n *node) ready(url string) {
	if n.announce != nil {
		n.announce.ready(url, n.agents, n.config.SIP.Listen)
		return
	}
	n.log.Info("ready", zap.String("url", url), zap.Int("agents", len(n.agents.byName)))
}

// drain waits until ctx ends and then until the calls have finished, for at most the
// configured time or until a second signal. If HTTP fails, it ends the calls at once and
// returns the error.
func (n *node) drain(ctx context.Context, served <-chan error) (httpErr error) {
	patience, endCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer endCalls()
	select {
	case err := <-served:
		httpErr = fmt.Errorf("serve HTTP: %w", err)
		endCalls()
	case <-ctx.Done():
		n.log.Info("stopping: no new calls; waiting for calls to finish", zap.Duration("within", n.config.Limits.Drain))
		timeout := time.AfterFunc(n.config.Limits.Drain, endCalls)
		defer timeout.Stop()
	}
	patience, stop := signal.NotifyContext(patience, os.Interrupt, syscall.SIGTERM)
	defer stop()
	n.desk.Drain(patience)
	return httpErr
}

func (n *node) handler(calls http.Handler) http.Handler {
	c := n.config
	var ice []web.ICEServer
	for _, s := range c.WebRTC.ICEServers {
		ice = append(ice, web.ICEServer(s))
	}
	var proxies web.Proxies
	for _, p := range c.Proxies {
		proxies = append(proxies, netip.MustParsePrefix(p)) // config.Check has parsed it
	}
	return web.Handler(web.Options{
		Realtime: calls,
		Twilio:   n.twilio,
		MCP:      n.mcpHandler(),
		Calls:    sip.API{Server: n.telephone, Keys: session.Keys(c.Keys), Ticket: callBack(n.agents.tickets)},
		Metrics:  n.metrics.Handler(),
		Agents:   n.agents.All,
		Ready: func() error {
			if !n.desk.IsAccepting() {
				return fault.New(fault.Unavailable, "this server is about to stop").Retryable(requestGrace)
			}
			return nil
		},
		ICE:     ice,
		Proxies: proxies,
		Log:     n.log,
	})
}

// checkPorts returns an error if the ports of address are in use. It is called before the
// agents load, which takes a while.
func checkPorts(address string) error {
	tcp, udp, err := openPorts(address)
	if err != nil {
		return err
	}
	return errors.Join(tcp.Close(), udp.Close())
}

// openPorts opens the same port for TCP and UDP. Port 0 stands for one that is free for both.
func openPorts(address string) (net.Listener, net.PacketConn, error) {
	const maxAttempts = 10
	for attempt := 1; ; attempt++ {
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			return nil, nil, explainPort(address, err)
		}
		host, _, _ := net.SplitHostPort(address)
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			return tcp, udp, nil
		}
		_ = tcp.Close()
		if attempt == maxAttempts || !strings.HasSuffix(address, ":0") {
			return nil, nil, explainPort(address, err)
		}
	}
}

// explainPort adds the remedy to an error of opening address.
func explainPort(address string, err error) error {
	host, text, _ := net.SplitHostPort(address)
	port, _ := strconv.Atoi(text)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		show := "lsof -i :" + text
		if runtime.GOOS == "linux" {
			show = "ss -lptun 'sport = :" + text + "'"
		}
		return fmt.Errorf("%w: choose another port with --listen %s, or stop the process that uses it (%s shows it)",
			err, net.JoinHostPort(host, strconv.Itoa(min(port+1, 65535))), show)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: ports below 1024 need a privilege: choose another one, such as --listen :8080", err)
	}
	return err
}

// publicURL returns where a person on this machine finds the page.
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
