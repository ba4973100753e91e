package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	maxText   = 64 << 10 // bytes of a reply, and of all arguments of its calls
	maxStream = 16 << 20 // bytes of a streamed reply with its wrapping and reasoning
	maxCalls  = 32       // in one step
	// afterFinish is how long a finished reply may wait for its token count.
	afterFinish = 250 * time.Millisecond
)

// Model writes replies by POST chat/completions. It implements dialog.Model and is
// safe for concurrent use.
type Model struct {
	client  *client
	config  Config
	noUsage atomic.Bool // the server does not know stream_options
}

var _ dialog.Model = (*Model)(nil)

// NewModel makes a model. It asks the server nothing; the error is a wrong setting.
func NewModel(c Config) (*Model, error) {
	client, err := newClient("the language model", c)
	if err != nil {
		return nil, err
	}
	return &Model{client: client, config: c}, nil
}

// Warm opens a connection, so that the next reply need not wait for it.
func (m *Model) Warm(ctx context.Context) error { return m.client.warm(ctx) }

// Close closes idle connections. Replies under way go on.
func (m *Model) Close() error {
	m.client.close()
	return nil
}

// Reply streams one step of a reply. Reasoning is left out, whether it comes in a
// field of its own or between <think> and </think>. Calls are yielded once they are
// complete, with an id made here where the server gave none.
func (m *Model) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		x, err := m.ask(ctx, p)
		if err != nil {
			yield(dialog.Chunk{}, err)
			return
		}
		defer x.close()
		s := &stream{x: x, yield: yield}
		if err := s.run(); err != nil {
			yield(dialog.Chunk{}, err)
		}
	}
}

// ask sends the request, and sends it again without stream_options to a server that
// refuses them.
func (m *Model) ask(ctx context.Context, p dialog.Prompt) (*exchange, error) {
	for {
		usage := !m.noUsage.Load()
		body, err := json.Marshal(m.request(p, usage))
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the language model could not be asked")
		}
		x, err := m.client.post(ctx, "chat/completions", "application/json", body)
		var e *fault.Error
		if usage && errors.As(err, &e) && e.Err != nil && strings.Contains(e.Err.Error(), "stream_options") {
			m.noUsage.Store(true)
			continue
		}
		return x, err
	}
}

// errEnough ends a stream whose consumer wants no more.
var errEnough = errors.New("enough")

// stream turns the answer's events into chunks.
type stream struct {
	x        *exchange
	yield    func(dialog.Chunk, error) bool
	think    thinkFilter
	calls    callAssembly
	text     int  // bytes so far
	finished bool // the server told why it stopped
}

// run yields all chunks. The error, if any, is the one to yield last.
func (s *stream) run() error {
	err := s.read()
	if err == nil {
		err = s.finish()
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func (s *stream) read() error {
	body := &io.LimitedReader{R: s.x.resp.Body, N: maxStream}
	if kind, _ := s.x.contentType(); kind == "application/json" {
		return s.readWhole(body)
	}
	events := newEventReader(body)
	for seen := 0; ; seen++ {
		data, err := events.next()
		switch {
		case body.N <= 0:
			return s.endless()
		case errors.Is(err, io.EOF) && seen > 0:
			return nil
		case err != nil && s.finished && s.x.parent.Err() == nil:
			return nil // only the token count is missing
		case err != nil:
			return s.x.broken(err)
		}
		s.x.rest()
		if string(data) == "[DONE]" {
			s.x.drain()
			return nil
		}
		if err := s.take(data); err != nil {
			return err
		}
		if s.finished {
			s.x.within(afterFinish)
		} else {
			s.x.within(s.x.client.waits.Stall)
		}
	}
}

// readWhole takes an answer that the server did not stream.
func (s *stream) readWhole(body io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(body, maxEvent+1))
	switch {
	case err != nil:
		return s.x.broken(err)
	case len(b) > maxEvent:
		return s.endless()
	}
	s.x.rest()
	return s.take(b)
}

func (s *stream) take(data []byte) error {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return s.x.failed(fault.Wrap(err, fault.Provider, "the language model sent something unreadable").Retryable(0))
	}
	if p, ok := e.told(); ok {
		return s.x.failed(s.x.client.problem(0, p))
	}
	for _, c := range e.Choices {
		if c.Index != 0 {
			continue
		}
		for _, d := range []*delta{c.Delta, c.Message} {
			if err := s.takeDelta(d); err != nil {
				return err
			}
		}
		if err := s.takeFinish(string(c.FinishReason)); err != nil {
			return err
		}
	}
	if e.Usage != nil {
		usage := dialog.Usage{Input: e.Usage.Prompt, Output: e.Usage.Completion}
		return s.give(dialog.Chunk{Usage: &usage})
	}
	return nil
}

func (s *stream) takeDelta(d *delta) error {
	if d == nil {
		return nil
	}
	s.text += len(d.Content) + len(d.Refusal)
	if s.text > maxText {
		return s.endless()
	}
	if text := s.think.add(string(d.Content)) + string(d.Refusal); text != "" {
		if err := s.give(dialog.Chunk{Text: text}); err != nil {
			return err
		}
	}
	for _, part := range d.Calls {
		if !s.calls.add(part) {
			return s.endless()
		}
	}
	return nil
}

func (s *stream) takeFinish(reason string) error {
	switch reason {
	case "":
		return nil
	case "length":
		if s.calls.incomplete() {
			return s.x.failed(fault.New(fault.Provider, "the language model ran out of tokens in the midst of a tool call"))
		}
	}
	s.finished = true
	return s.giveCalls()
}

// finish yields what only the end of the stream completes.
func (s *stream) finish() error {
	if text := s.think.flush(); text != "" {
		if err := s.give(dialog.Chunk{Text: text}); err != nil {
			return err
		}
	}
	return s.giveCalls()
}

func (s *stream) giveCalls() error {
	for _, c := range s.calls.take() {
		if err := s.give(dialog.Chunk{Call: &c}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) give(c dialog.Chunk) error {
	if !s.yield(c, nil) {
		return errEnough
	}
	return nil
}

func (s *stream) endless() error {
	return s.x.failed(fault.New(fault.Provider, "the language model does not come to an end").Retryable(0))
}
