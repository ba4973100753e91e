package realtime

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
	"frontdesk/session"
)

const (
	firstEventWait = 250 * time.Millisecond // for the client's first session.update, before the agent speaks
	inputQueue     = 64                     // unread inputs of the conversation, after which reading events waits
	eventRate      = 200                    // client events per second; further ones are dropped
	eventBurst     = 400
)

var (
	errStopping = errors.New("the server is stopping")
	errOver     = errors.New("the call is over")
)

// eventChannel carries encoded events to and from a client.
type eventChannel interface {
	// Send queues a message and does not block. A client that does not read loses its line.
	Send(message []byte) error
	// Receive blocks for the next message, which is valid until the next call. After
	// fault.TooLarge it can be called again; any other error is the end.
	Receive() ([]byte, error)
	// Err is why the channel broke, nil if the client closed it.
	Err() error
	// Close gives sent messages a moment to arrive and closes the channel.
	Close()
}

// line is a client's connection: its event channel and its audio.
type line struct {
	eventChannel
	source     media.Source // nil without audio, as sink
	sink       media.Sink
	dtmf       <-chan byte // digits pressed on the line itself, or nil
	eventAudio *eventAudio // nil if audio does not travel in events
}

// protocol speaks the Realtime API over one line: it turns client events into what the
// conversation hears, and the conversation's events into server events.
type protocol struct {
	call    *session.Call
	who     session.Caller
	line    line
	log     *zap.Logger
	began   time.Time
	over    context.Context // ends with the call
	inputs  chan dialog.Heard
	limiter *rate.Limiter // of client events
	ready   chan struct{} // closed by the client's first event

	mu            sync.Mutex // guards what follows and the order of server events
	view          sessionView
	isReady       bool // ready is closed
	isRunning     bool // the conversation has begun
	reportedLimit bool // the client was told that limiter drops events
	items         itemLog
	heard         []dialog.Heard  // what the client event being handled adds to inputs
	pendingTools  map[string]bool // ids of the client's tool calls without a result
	response      *response
}

func newProtocol(call *session.Call, who session.Caller, l line) *protocol {
	return &protocol{
		call: call, who: who, line: l,
		log:          zap.NewNop(),
		began:        time.Now(),
		over:         context.Background(),
		inputs:       make(chan dialog.Heard, inputQueue),
		limiter:      rate.NewLimiter(eventRate, eventBurst),
		ready:        make(chan struct{}),
		pendingTools: make(map[string]bool),
	}
}

// run runs a call over a line until it is over, and closes the line.
func (s *Server) run(call *session.Call, who session.Caller, l line) {
	defer l.Close()
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	p := newProtocol(call, who, l)
	p.over, p.log = ctx, s.o.Log.With(zap.String("call", call.ID()), zap.String("session", call.Session()))
	p.describeSession()
	p.replayHistory(call.History())
	var reading sync.WaitGroup
	reading.Go(func() { p.read(cancel) })
	p.awaitFirstEvent(ctx)
	ending := call.Run(ctx, p.dialogLine())
	p.mu.Lock()
	p.send("frontdesk.ended", map[string]any{"result": ending.Result, "reason": ending.Reason})
	p.mu.Unlock()
	cancel(errOver) // unblocks a reader that waits for room in inputs
	l.Close()
	reading.Wait()
}

// describeSession sends the session's properties.
func (p *protocol) describeSession() {
	p.mu.Lock()
	defer p.mu.Unlock()
	agent := p.call.Agent()
	p.view = newSessionView(agent.Name, p.who)
	p.view.ID = p.call.Session()
	p.view.Audio.Output.Voice = agent.Voice
	if p.line.sink == nil {
		p.view.Modalities = []string{"text"}
	}
	p.send("session.created", map[string]any{"session": p.view})
	p.sendIdentity()
}

// sendIdentity sends who answers and how to resume the session. p.mu is held.
func (p *protocol) sendIdentity() {
	agent := p.call.Agent()
	p.send("frontdesk.session", map[string]any{
		"session": p.call.Session(), "call": p.call.ID(), "resume_token": p.call.ResumeToken(),
		"agent": map[string]any{"name": agent.Name, "title": agent.Title, "try": append([]string{}, agent.Suggestions...)},
	})
}

// replayHistory sends the messages of earlier lines as items.
func (p *protocol) replayHistory(history []dialog.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range history {
		if it := historyItem(m); it != nil {
			p.sendItem(it)
		}
	}
}

// awaitFirstEvent gives the client a moment to choose between audio and text.
func (p *protocol) awaitFirstEvent(ctx context.Context) {
	timeout := time.NewTimer(firstEventWait)
	defer timeout.Stop()
	select {
	case <-p.ready:
	case <-timeout.C:
	case <-ctx.Done():
	}
}

// dialogLine returns the line for the conversation, with audio if the client wants it.
func (p *protocol) dialogLine() dialog.Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isRunning = true
	l := dialog.Line{Inputs: p.inputs, Emit: p.handleEvent}
	if p.line.sink != nil && p.hasAudio() {
		l.Source, l.Sink = p.line.source, p.line.sink
		if p.line.eventAudio != nil {
			p.line.eventAudio.setSend(p.sendAudio)
		}
	}
	return l
}

// hasAudio reports whether the agent's replies are spoken. p.mu is held.
func (p *protocol) hasAudio() bool { return p.view.Modalities[0] == "audio" }

// read handles the client's events until the line ends. A broken line cancels the call; a
// line that the client closed ends the conversation's inputs.
func (p *protocol) read(cancel context.CancelCauseFunc) {
	defer close(p.inputs)
	if p.line.dtmf != nil {
		ended := make(chan struct{})
		var forwarding sync.WaitGroup
		forwarding.Go(func() { p.forwardDTMF(ended) })
		defer forwarding.Wait()
		defer close(ended)
	}
	for {
		message, err := p.line.Receive()
		switch {
		case err == nil:
			p.handleClientEvent(message)
		case fault.From(err).Code == fault.TooLarge:
			p.mu.Lock()
			p.sendError("", "", err)
			p.mu.Unlock()
		default:
			if broken := p.line.Err(); broken != nil {
				cancel(broken)
			}
			if !errors.Is(err, io.EOF) {
				p.log.Debug("line ended", zap.Error(err))
			}
			return
		}
	}
}

// forwardDTMF sends digits pressed on the line to the conversation and the client.
func (p *protocol) forwardDTMF(ended <-chan struct{}) {
	for {
		select {
		case digit := <-p.line.dtmf:
			p.mu.Lock()
			p.send("input_audio_buffer.dtmf_event_received", map[string]any{"event": string(digit), "received_at": time.Now().Unix()})
			p.mu.Unlock()
			select {
			case p.inputs <- dialog.Heard{Kind: dialog.DTMF, Text: string(digit), At: time.Now()}:
			case <-ended:
				return
			case <-p.over.Done():
				return
			}
		case <-ended:
			return
		case <-p.over.Done():
			return
		}
	}
}

// hear records what the client did; handleClientEvent passes it on. p.mu is held.
func (p *protocol) hear(h dialog.Heard) {
	h.At = time.Now()
	p.heard = append(p.heard, h)
}

// forward passes heard to the conversation. It blocks while inputs is full, so p.mu must
// not be held.
func (p *protocol) forward(heard []dialog.Heard) {
	for _, h := range heard {
		select {
		case p.inputs <- h:
		case <-p.over.Done():
			return
		}
	}
}
