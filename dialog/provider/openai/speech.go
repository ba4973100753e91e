package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	maxInput = 4096     // characters, OpenAI's limit
	maxAudio = 16 << 20 // bytes, about six minutes
)

// Speech synthesizes speech with POST audio/speech. It is safe for concurrent use.
type Speech struct {
	client *client
	config Config
}

var _ dialog.Synthesizer = (*Speech)(nil)

// NewSpeech returns a Speech. It does not contact the server; an error means a wrong setting.
func NewSpeech(c Config) (*Speech, error) {
	client, err := newClient("the voice", c)
	if err != nil {
		return nil, err
	}
	if c.Voice == "" {
		c.Voice = "alloy"
	}
	return &Speech{client: client, config: c}, nil
}

// Close closes idle connections. It does not interrupt clauses.
func (s *Speech) Close() error {
	s.client.close()
	return nil
}

// speechRequest is the body of POST audio/speech.
type speechRequest struct {
	Model  string `json:"model"`
	Input  string `json:"input"`
	Voice  string `json:"voice"`
	Format string `json:"response_format"`
}

// Speak yields the audio as it arrives. For text without a letter or digit it yields nothing
// and sends no request. The server derives the language from the text and the voice.
func (s *Speech) Speak(ctx context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
			return
		}
		r, err := s.send(ctx, text, voice)
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.close()
		err = s.receive(r, func(pcm []int16) bool { return yield(pcm, nil) })
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

func (s *Speech) send(ctx context.Context, text string, voice dialog.Voice) (*response, error) {
	if utf8.RuneCountInString(text) > maxInput {
		return nil, fault.New(fault.TooLarge, "the clause is too long (want at most %d characters)", maxInput)
	}
	r := speechRequest{Model: s.config.Model, Input: text, Voice: voice.Name, Format: "pcm"}
	if r.Voice == "" {
		r.Voice = s.config.Voice
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the request to the voice could not be built")
	}
	return s.client.post(ctx, "audio/speech", "application/json", body)
}

// receive passes pieces of audio to yield as they arrive.
func (s *Speech) receive(r *response, yield func([]int16) bool) error {
	contentType, params := r.contentType()
	audio := newAudioReader(&timedBody{response: r}, contentType, params)
	for n := 0; ; n++ {
		pcm, err := audio.next()
		var unsupported *fault.Error
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case errors.As(err, &unsupported):
			return r.fail(unsupported)
		case errors.Is(err, io.EOF):
			return r.fail(fault.New(fault.Provider, "the voice sent no audio").Retryable(0))
		case err != nil:
			return r.transportError(err)
		}
		if len(pcm) > 0 && !yield(pcm) {
			return errStopped
		}
	}
}

// timedBody reads the body of a response with a deadline for each read.
type timedBody struct {
	response *response
	read     int // bytes
}

func (b *timedBody) Read(p []byte) (int, error) {
	if b.read > 0 {
		b.response.await(b.response.client.timeouts.Stall)
	}
	if b.read >= maxAudio {
		return 0, fault.New(fault.Provider, "the audio from the voice is too long (want at most %d bytes)", maxAudio)
	}
	n, err := b.response.http.Body.Read(p)
	b.read += n
	if n > 0 {
		b.response.received()
	}
	return n, err
}
