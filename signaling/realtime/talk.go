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
	openingWait = 250 * time.Millisecond // for the client's first session.update, before the agent speaks
	inputQueue  = 64                     // what the client may be ahead of the conversation; then it waits
	eventRate   = 200                    // client events per second; further ones are dropped
	eventBurst  = 400
)

var (
	errStopping = errors.New("the server is stopping")
	errOver     = errors.New("the call is over")
)

// wire carries messages to and from a client.
type wire interface {
	// Send queues a message and does not block; a client that does not read loses its line.
	Send(message []byte) error
	// Receive blocks for the next message, which belongs to the receiver until the
	// next call. After fault.TooLarge it can be called again; any other error is the end.
	Receive() ([]byte, error)
	// Lost is why the line broke, nil when the client closed it.
	Lost() error
	// Close lets what was sent arrive, for a moment, and ends the line.
	Close()
}

// carried is a line: its wire and the sound beside it.
type carried struct {
	wire
	source  media.Source // nil without sound, like sink
	sink    media.Sink
	keys    <-chan byte                   // DTMF keys pressed on the line; nil without
	speaks  func(frames func(pcm []byte)) // nil where sound has a way of its own
	append  func(audio string) error      // input_audio_buffer.append; nil likewise
	clear   func()                        // input_audio_buffer.clear; nil likewise
	formats func(in, out format)          // how sound in events is coded; nil likewise
}

// talk is one line's part of the protocol: client events become dialog's inputs, and
// dialog's events become server events.
type talk struct {
	call   Call
	who    session.Caller
	line   carried
	log    *zap.Logger
	inputs chan dialog.Heard
	begin  chan struct{} // closed by the client's first event
	over   context.Context
	events *rate.Limiter
	began  time.Time

	canSpeak bool
	formats  func(in, out format)

	mu       sync.Mutex // guards what follows and the order of events
	view     view
	begun    bool
	opened   bool
	dropped  bool // the rate of events was told of
	items    items
	heard    []dialog.Heard  // by the event being taken
	pending  map[string]bool // calls of the client's tools without a result
	response *response
}

func newTalk(call Call, who session.Caller, line carried) *talk {
	return &talk{
		call: call, who: who, line: line,
		log:      zap.NewNop(),
		inputs:   make(chan dialog.Heard, inputQueue),
		begin:    make(chan struct{}),
		over:     context.Background(),
		events:   rate.NewLimiter(eventRate, eventBurst),
		began:    time.Now(),
		canSpeak: line.sink != nil,
		formats:  line.formats,
		pending:  make(map[string]bool),
	}
}

// serve runs a call over a line until it is over, and closes the line.
func (s *Server) serve(call Call, who session.Caller, line carried) {
	defer line.Close()
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	t := newTalk(call, who, line)
	t.over, t.log = ctx, s.o.Log.With(zap.String("call", call.ID()), zap.String("session", call.Session()))
	t.greet()
	var reading sync.WaitGroup
	reading.Go(func() { t.read(cancel) })
	t.await(ctx)
	ending := call.Run(ctx, t.dialogLine())
	t.mu.Lock()
	t.tell("frontdesk.ended", map[string]any{"result": ending.Result, "reason": ending.Reason})
	t.mu.Unlock()
	cancel(errOver) // the reader hands nothing on any more
	line.Close()
	reading.Wait()
}

// greet tells the client where it is.
func (t *talk) greet() {
	t.mu.Lock()
	defer t.mu.Unlock()
	agent := t.call.Agent()
	t.view = newView(agent.Name, t.who)
	t.view.ID = t.call.Session()
	t.view.Audio.Output.Voice = agent.Voice
	if !t.canSpeak {
		t.view.Modalities = []string{"text"}
	}
	t.tell("session.created", map[string]any{"session": t.view})
	t.tell("frontdesk.session", map[string]any{
		"session": t.call.Session(), "call": t.call.ID(), "resume_token": t.call.ResumeToken(),
		"agent": map[string]any{"name": agent.Name, "title": agent.Title, "try": append([]string{}, agent.Suggestions...)},
	})
	for _, m := range t.call.History() {
		if it := past(m); it != nil {
			t.announce(it)
		}
	}
}

// await gives the client a moment to choose how to talk.
func (t *talk) await(ctx context.Context) {
	late := time.NewTimer(openingWait)
	defer late.Stop()
	select {
	case <-t.begin:
	case <-late.C:
	case <-ctx.Done():
	}
}

func (t *talk) dialogLine() dialog.Line {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun = true
	line := dialog.Line{Inputs: t.inputs, Emit: t.happened}
	if t.canSpeak && t.view.Modalities[0] == "audio" {
		line.Source, line.Sink = t.line.source, t.line.sink
		if t.line.speaks != nil {
			t.line.speaks(t.spoken)
		}
	}
	return line
}

// read takes the client's events until the line ends. A lost line ends the call's
// context, one that was closed ends its inputs.
func (t *talk) read(end context.CancelCauseFunc) {
	defer close(t.inputs)
	if t.line.keys != nil {
		gone := make(chan struct{})
		var pressing sync.WaitGroup
		pressing.Go(func() { t.press(gone) })
		defer pressing.Wait()
		defer close(gone)
	}
	for {
		message, err := t.line.Receive()
		switch {
		case err == nil:
			t.take(message)
		case fault.From(err).Code == fault.TooLarge:
			t.mu.Lock()
			t.refuse("", "", err)
			t.mu.Unlock()
		default:
			if lost := t.line.Lost(); lost != nil {
				end(lost)
			}
			if !errors.Is(err, io.EOF) {
				t.log.Debug("line ended", zap.Error(err))
			}
			return
		}
	}
}

// press hands on the keys pressed on the line, until it is gone.
func (t *talk) press(gone <-chan struct{}) {
	for {
		select {
		case key := <-t.line.keys:
			t.mu.Lock()
			t.tell("input_audio_buffer.dtmf_event_received", map[string]any{"event": string(key), "received_at": time.Now().Unix()})
			t.mu.Unlock()
			select {
			case t.inputs <- dialog.Heard{Kind: dialog.DTMF, Text: string(key), At: time.Now()}:
			case <-gone:
				return
			case <-t.over.Done():
				return
			}
		case <-gone:
			return
		case <-t.over.Done():
			return
		}
	}
}

// send hands an encoded event to the wire. An error ends the line, which its reader notices.
func (t *talk) send(b []byte) { _ = t.line.Send(b) }

// hear notes what the client did for the conversation; take hands it on. t.mu is held.
func (t *talk) hear(h dialog.Heard) {
	h.At = time.Now()
	t.heard = append(t.heard, h)
}

// handOn gives the conversation what was noted. It waits while the conversation is
// behind, so t.mu must not be held.
func (t *talk) handOn(heard []dialog.Heard) {
	for _, h := range heard {
		select {
		case t.inputs <- h:
		case <-t.over.Done():
			return
		}
	}
}
