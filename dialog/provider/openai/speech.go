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
	maxSound = 16 << 20 // bytes, about six minutes
)

// Speech speaks by POST audio/speech. It implements dialog.Synthesizer and is safe for
// concurrent use.
type Speech struct {
	client *client
	config Config
}

var _ dialog.Synthesizer = (*Speech)(nil)

// NewSpeech makes a voice. It asks the server nothing; the error is a wrong setting.
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

// Warm opens a connection, so that the next clause need not wait for it.
func (s *Speech) Warm(ctx context.Context) error { return s.client.warm(ctx) }

// Close closes idle connections. Clauses under way go on.
func (s *Speech) Close() error {
	s.client.close()
	return nil
}

// speechRequest is the body of POST audio/speech.
type speechRequest struct {
	Model  string  `json:"model"`
	Input  string  `json:"input"`
	Voice  string  `json:"voice"`
	Format string  `json:"response_format"`
	Speed  float64 `json:"speed,omitempty"`
}

// Speak yields the sound as it arrives. Text without a letter or digit is silent and
// asks for nothing. The language follows from the text and the voice.
func (s *Speech) Speak(ctx context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
			return
		}
		x, err := s.ask(ctx, text, voice)
		if err != nil {
			yield(nil, err)
			return
		}
		defer x.close()
		err = s.play(x, func(pcm []int16) bool { return yield(pcm, nil) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

func (s *Speech) ask(ctx context.Context, text string, voice dialog.Voice) (*exchange, error) {
	if utf8.RuneCountInString(text) > maxInput {
		return nil, fault.New(fault.TooLarge, "more than %d characters cannot be spoken at once", maxInput)
	}
	r := speechRequest{Model: s.config.Model, Input: text, Voice: voice.Name, Format: "pcm", Speed: s.config.Speed}
	if r.Voice == "" {
		r.Voice = s.config.Voice
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the voice could not be asked")
	}
	return s.client.post(ctx, "audio/speech", "application/json", body)
}

// play gives pieces of sound to out as they arrive.
func (s *Speech) play(x *exchange, out func([]int16) bool) error {
	kind, params := x.contentType()
	sound := newSoundReader(&pacedBody{x: x}, kind, params)
	for some := false; ; some = true {
		pcm, err := sound.next()
		var unfit *fault.Error
		switch {
		case errors.Is(err, io.EOF) && some:
			return nil
		case errors.As(err, &unfit):
			return x.failed(unfit)
		case errors.Is(err, io.EOF):
			return x.failed(fault.New(fault.Provider, "the voice sent no sound").Retryable(0))
		case err != nil:
			return x.broken(err)
		}
		if len(pcm) > 0 && !out(pcm) {
			return errEnough
		}
	}
}

// pacedBody reads an answer's body with a deadline for each read.
type pacedBody struct {
	x    *exchange
	read int
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.read > 0 {
		b.x.within(b.x.client.waits.Stall)
	}
	if b.read >= maxSound {
		return 0, fault.New(fault.Provider, "the voice does not come to an end")
	}
	n, err := b.x.resp.Body.Read(p)
	b.read += n
	if n > 0 {
		b.x.rest()
	}
	return n, err
}
