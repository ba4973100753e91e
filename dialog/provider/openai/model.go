package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	maxText   = 64 << 10 // bytes of a reply's text, and of all tool calls of one step
	maxStream = 16 << 20 // bytes of a streamed reply including its JSON and reasoning
	maxCalls  = 32       // tool calls of one step
	// usageTimeout limits the wait for the token count after a reply is complete.
	usageTimeout = 250 * time.Millisecond
)

// Model writes replies with POST chat/completions. It is safe for concurrent use.
type Model struct {
	client       *client
	config       Config
	rejectsUsage atomic.Bool // the server does not accept stream_options
	rejectsJSON  atomic.Bool // the server does not accept response_format
}

var _ dialog.Model = (*Model)(nil)

// NewModel returns a Model. It does not contact the server; an error means a wrong setting.
func NewModel(c Config) (*Model, error) {
	client, err := newClient("the language model", c)
	if err != nil {
		return nil, err
	}
	return &Model{client: client, config: c}, nil
}

// Close closes idle connections. It does not interrupt replies.
func (m *Model) Close() error {
	m.client.close()
	return nil
}

// Reply streams one step of a reply. It leaves out the model's reasoning, whether the server
// sends it in a separate field or between <think> and </think>. It yields each tool call when
// it is complete, and gives it an id if the server did not.
func (m *Model) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		r, err := m.send(ctx, p)
		if err != nil {
			yield(dialog.Chunk{}, err)
			return
		}
		defer r.close()
		s := &replyStream{response: r, yield: yield}
		if err := s.run(); err != nil {
			yield(dialog.Chunk{}, err)
		}
	}
}

// send sends the request. To a server that rejects stream_options or response_format, it sends
// it again without; the instructions must then be enough to get JSON.
func (m *Model) send(ctx context.Context, p dialog.Prompt) (*response, error) {
	for {
		usage, hasFormat := !m.rejectsUsage.Load(), len(p.Schema) > 0 && !m.rejectsJSON.Load()
		body, err := json.Marshal(m.request(p, usage, hasFormat))
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the request to the language model could not be built")
		}
		r, err := m.client.post(ctx, "chat/completions", "application/json", body)
		var e *fault.Error
		if usage && errors.As(err, &e) && e.Err != nil && strings.Contains(e.Err.Error(), "stream_options") {
			m.rejectsUsage.Store(true)
			continue
		}
		if hasFormat && errors.As(err, &e) && e.Err != nil && rejectedFormat.MatchString(e.Err.Error()) {
			m.rejectsJSON.Store(true)
			continue
		}
		return r, err
	}
}

// rejectedFormat matches how servers say that they do not accept response_format.
var rejectedFormat = regexp.MustCompile(`response_format|json_schema`)

// errStopped ends a stream whose consumer does not want more.
var errStopped = errors.New("the consumer stopped")

// replyStream turns the server's events into chunks.
type replyStream struct {
	response   *response
	yield      func(dialog.Chunk, error) bool
	reasoning  reasoningFilter
	calls      callAssembly
	textLen    int  // bytes so far
	isFinished bool // the server sent a finish reason
}

// run yields all chunks. The caller yields the error, if any, as the last element.
func (s *replyStream) run() error {
	err := s.read()
	if err == nil {
		err = s.flush()
	}
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

func (s *replyStream) read() error {
	r := s.response
	body := &io.LimitedReader{R: r.http.Body, N: maxStream}
	if kind, _ := r.contentType(); kind == "application/json" {
		return s.readWhole(body)
	}
	events := newEventReader(body)
	for n := 0; ; n++ {
		data, err := events.next()
		switch {
		case body.N <= 0:
			return s.tooLong()
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case err != nil && s.isFinished && r.parent.Err() == nil:
			return nil // only the token count is missing
		case err != nil:
			return r.transportError(err)
		}
		r.received()
		if string(data) == "[DONE]" {
			r.drain()
			return nil
		}
		if err := s.handle(data); err != nil {
			return err
		}
		if s.isFinished {
			r.await(usageTimeout)
		} else {
			r.await(r.client.timeouts.Stall)
		}
	}
}

// readWhole reads the answer of a server that does not stream.
func (s *replyStream) readWhole(body io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(body, maxEvent+1))
	switch {
	case err != nil:
		return s.response.transportError(err)
	case len(b) > maxEvent:
		return s.tooLong()
	}
	s.response.received()
	return s.handle(b)
}

// handle yields what one event or a whole answer contains.
func (s *replyStream) handle(data []byte) error {
	var e chatEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return s.response.fail(fault.Wrap(err, fault.Provider, "the language model sent invalid JSON").Retryable(0))
	}
	if failure, ok := e.failure(); ok {
		return s.response.fail(s.response.client.faultOf(0, failure))
	}
	for _, c := range e.Choices {
		if c.Index != 0 {
			continue
		}
		for _, d := range []*delta{c.Delta, c.Message} {
			if err := s.handleDelta(d); err != nil {
				return err
			}
		}
		if err := s.handleFinish(string(c.FinishReason)); err != nil {
			return err
		}
	}
	if e.Usage != nil {
		usage := dialog.Usage{Input: e.Usage.Prompt, Output: e.Usage.Completion}
		return s.emit(dialog.Chunk{Usage: &usage})
	}
	return nil
}

func (s *replyStream) handleDelta(d *delta) error {
	if d == nil {
		return nil
	}
	s.textLen += len(d.Content) + len(d.Refusal)
	if s.textLen > maxText {
		return s.tooLong()
	}
	if text := s.reasoning.add(string(d.Content)) + string(d.Refusal); text != "" {
		if err := s.emit(dialog.Chunk{Text: text}); err != nil {
			return err
		}
	}
	for _, part := range d.Calls {
		if !s.calls.add(part) {
			return s.tooLong()
		}
	}
	return nil
}

func (s *replyStream) handleFinish(reason string) error {
	switch reason {
	case "":
		return nil
	case "length":
		if s.calls.incomplete() {
			return s.response.fail(fault.New(fault.Provider, "the language model reached its token limit in the middle of a tool call"))
		}
	}
	s.isFinished = true
	return s.emitCalls()
}

// flush yields what is known to be complete only at the end of the stream.
func (s *replyStream) flush() error {
	if text := s.reasoning.flush(); text != "" {
		if err := s.emit(dialog.Chunk{Text: text}); err != nil {
			return err
		}
	}
	return s.emitCalls()
}

func (s *replyStream) emitCalls() error {
	for _, c := range s.calls.flush() {
		if err := s.emit(dialog.Chunk{Call: &c}); err != nil {
			return err
		}
	}
	return nil
}

func (s *replyStream) emit(c dialog.Chunk) error {
	if !s.yield(c, nil) {
		return errStopped
	}
	return nil
}

func (s *replyStream) tooLong() error {
	return s.response.fail(fault.New(fault.Provider, "the answer of the language model is too long").Retryable(0))
}
