// Package mcp connects agents with the Model Context Protocol, both ways: a Server gives an
// agent the tools of an MCP server, and NewHandler and ServeStdio offer an agent's tools to
// MCP clients.
//
// Everything that a server sends is data from outside: names, descriptions, schemas and
// results are bounded and checked, and a tool that does not pass is omitted. Data leaves as
// a tools.Set for the registry and as results of calls. Of Frontdesk the package imports
// tools, internal/fault and internal/words.
package mcp

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/zap"

	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const (
	connectTimeout = time.Minute      // for a server to start and to answer; npx may install it first
	listTimeout    = 10 * time.Second // for the list of tools
	pollInterval   = 30 * time.Second // between checks that the server answers and has the same tools
	refreshDelay   = time.Second      // between two lists of tools
	minBackoff     = time.Second
	maxBackoff     = time.Minute
	maxMessage     = 16 << 20 // bytes of a message from a server; a larger one ends the connection
)

// Config describes a server whose tools an agent uses. It has a Command or a URL.
type Config struct {
	Name    string // the names of the tools begin with it
	Command []string
	Dir     string            // where the command runs
	Env     map[string]string // for the command, besides PATH, HOME and LANG
	URL     string            // of the streamable HTTP transport
	Headers map[string]string // of each HTTP request

	Allow            []string     // names of tools as the server gives them; nil allows all
	Effect           *gate.Effect // of all tools; nil: the annotations if they are trusted, else a write
	TrustAnnotations bool
	Timeout          time.Duration // of each tool; 0 means the policy's

	Log *zap.Logger
}

// Server is a connection to an MCP server that is made again whenever it is lost. While it
// is lost the Set has no tools. Safe for concurrent use.
type Server struct {
	config  Config
	log     *zap.Logger
	omitted func(error) // logs why a tool is omitted
	set     *tools.Set
	check   chan struct{} // asks for the list of tools to be read
	first   chan struct{} // closed after the first attempt to connect
	stop    context.CancelFunc
	ended   chan struct{} // closed when run has returned

	connection atomic.Pointer[connection] // nil while the server is away

	stderrMu sync.Mutex
	stderr   string // last line of the process's standard error, until it answers
}

// connection is one session with the server.
type connection struct {
	session *sdk.ClientSession
	ctx     context.Context // ends with the connection
}

// Connect begins to connect to a server and returns at once. The caller must call Close.
func Connect(c Config) *Server {
	ctx, stop := context.WithCancel(context.Background())
	log := c.Log.With(zap.String("server", c.Name))
	omitted := func(err error) { log.Warn("a tool of an MCP server is omitted", zap.Error(err)) }
	s := &Server{
		config: c, log: log, omitted: omitted, set: tools.NewSet(c.Name, omitted), stop: stop,
		check: make(chan struct{}, 1), first: make(chan struct{}), ended: make(chan struct{}),
	}
	go func() {
		defer close(s.ended)
		s.run(ctx)
	}()
	return s
}

// Tools returns the set of the server's tools.
func (s *Server) Tools() *tools.Set { return s.set }

// WaitFirst waits until the first attempt to connect has succeeded or failed, or ctx ends.
func (s *Server) WaitFirst(ctx context.Context) {
	select {
	case <-s.first:
	case <-ctx.Done():
	}
}

// Close ends the connection, and the process if the server is one, and waits for both.
func (s *Server) Close() error {
	s.stop()
	<-s.ended
	return nil
}

// run connects again and again until ctx ends. It reports a loss once and the return once.
func (s *Server) run(ctx context.Context) {
	var once sync.Once
	tried := func() { once.Do(func() { close(s.first) }) }
	defer tried()
	backoff, isReportedAway := minBackoff, false
	for attempt := 0; ; attempt++ {
		answered := false
		err := s.serve(ctx, attempt, func(count int) {
			message := "an MCP server answers"
			if isReportedAway {
				message = "an MCP server answers again: the agent has its tools back"
			}
			s.log.Info(message, zap.Int("tools", count))
			answered, isReportedAway, backoff = true, false, minBackoff
			tried()
		})
		s.set.Clear()
		if ctx.Err() != nil {
			return
		}
		if !isReportedAway {
			s.log.Warn("an MCP server is away: the agent works without its tools until it answers", zap.Error(withoutURL(err)), s.lastStderr(answered))
			isReportedAway = true
		}
		tried()
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff/2 + rand.N(backoff)): // servers that fail together do not return together
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// lastStderr returns the last line that a process wrote which never answered. Later lines
// may hold values of callers.
func (s *Server) lastStderr(answered bool) zap.Field {
	s.stderrMu.Lock()
	defer s.stderrMu.Unlock()
	line := s.stderr
	s.stderr = ""
	if answered || line == "" {
		return zap.Skip()
	}
	return zap.String("stderr", line)
}

// serve connects once and keeps the Set up to date until the connection is lost or ctx ends.
// It calls ready with the number of tools when they are there.
func (s *Server) serve(ctx context.Context, attempt int, ready func(tools int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	transport, closeTransport, err := s.transport()
	if err != nil {
		return err
	}
	defer closeTransport()
	client := sdk.NewClient(&sdk.Implementation{Name: "frontdesk", Version: "1"}, &sdk.ClientOptions{
		Capabilities:           &sdk.ClientCapabilities{}, // no roots, no sampling, no questions to the caller
		MultiRoundTrip:         &sdk.MultiRoundTripOptions{Disabled: true},
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) { s.requestCheck() },
	})
	options := new(sdk.ClientSessionOptions)
	if attempt%2 == 1 { // an old server may not answer the first message of the newest protocol
		options.ProtocolVersion = "2025-11-25"
	}
	connecting, connected := context.WithTimeout(ctx, connectTimeout)
	defer connected()
	session, err := client.Connect(connecting, transport, options)
	if err != nil {
		return err
	}
	lost := make(chan error, 1)
	go func() { lost <- session.Wait() }()
	defer func() {
		s.connection.Store(nil)
		cancel() // calls in progress end
		_ = session.Close()
		closeTransport()
		<-lost
	}()
	c := &connection{session: session, ctx: ctx}
	l := &listing{server: s}
	if err := l.refresh(connecting, c); err != nil {
		return err
	}
	s.connection.Store(c)
	ready(l.count)
	return l.follow(ctx, c, lost)
}

// requestCheck asks for the list of tools to be read soon. Requests that wait become one.
func (s *Server) requestCheck() {
	select {
	case s.check <- struct{}{}:
	default:
	}
}

// transport returns a transport for one connection, and what ends it for certain.
func (s *Server) transport() (*capturedTransport, func(), error) {
	if s.config.URL != "" {
		base := http.DefaultTransport.(*http.Transport).Clone()
		t := &capturedTransport{Transport: &sdk.StreamableClientTransport{
			Endpoint: s.config.URL, HTTPClient: newHTTPClient(base, s.config.Headers), MaxRetries: 1, MaxEventSize: maxMessage,
		}}
		return t, func() { t.close(); base.CloseIdleConnections() }, nil
	}
	p, err := startProcess(s.config, s.logStderr())
	if err != nil {
		return nil, nil, err
	}
	output := p.reader(func() {
		s.log.Warn("an MCP server writes something that is not a message to its standard output; it is skipped")
	})
	t := &capturedTransport{Transport: &sdk.IOTransport{Reader: output, Writer: p.writer(), MaxLineLength: maxMessage}}
	return t, func() { t.close(); p.stop() }, nil
}

// capturedTransport remembers its connection, so that it can be closed when the client
// fails to initialize it.
type capturedTransport struct {
	sdk.Transport
	mu   sync.Mutex
	conn sdk.Connection
}

// Connect implements sdk.Transport.
func (t *capturedTransport) Connect(ctx context.Context) (sdk.Connection, error) {
	conn, err := t.Transport.Connect(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = conn
	return conn, err
}

func (t *capturedTransport) close() {
	t.mu.Lock()
	conn := t.conn
	t.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}
