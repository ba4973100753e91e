package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"mime/multipart"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	maxUtterance  = 60 * time.Second
	minUtterance  = 100 * time.Millisecond // OpenAI refuses less
	maxTranscript = 256 << 10              // bytes of an answer
	maxHint       = 800                    // bytes; Whisper reads no more than 224 tokens
)

// Transcriber recognises whole utterances by POST audio/transcriptions. It implements
// dialog.Recognizer and is safe for concurrent use.
type Transcriber struct {
	client *client
	config Config
}

var _ dialog.Recognizer = (*Transcriber)(nil)

// NewTranscriber makes a recogniser. It asks the server nothing; the error is a wrong
// setting.
func NewTranscriber(c Config) (*Transcriber, error) {
	client, err := newClient("the speech recogniser", c)
	if err != nil {
		return nil, err
	}
	return &Transcriber{client: client, config: c}, nil
}

// Close closes idle connections. Utterances under way go on.
func (t *Transcriber) Close() error {
	t.client.close()
	return nil
}

// Listen opens an ear. It also opens a connection to the server in the meantime.
func (t *Transcriber) Listen(ctx context.Context, agent *dialog.Agent) (dialog.Listener, error) {
	ctx, cancel := context.WithCancel(ctx)
	l := &listener{t: t, stop: cancel, fields: t.fields(agent), hint: t.hint(agent)}
	// A server that cannot be reached is told with the first utterance.
	l.warming.Go(func() { _ = t.client.warm(ctx) })
	return l, nil
}

// fields is all of a request's form but the sound.
func (t *Transcriber) fields(agent *dialog.Agent) [][2]string {
	f := [][2]string{{"model", t.config.Model}, {"response_format", "json"}}
	if language, _, _ := strings.Cut(agent.Language, "-"); language != "" {
		f = append(f, [2]string{"language", strings.ToLower(language)})
	}
	if hint := t.hint(agent); hint != "" {
		f = append(f, [2]string{"prompt", hint})
	}
	if t.config.Stream {
		f = append(f, [2]string{"stream", "true"})
	}
	return f
}

func (t *Transcriber) hint(agent *dialog.Agent) string {
	hint := t.config.Prompt
	if hint == "" {
		hint = strings.Join(append([]string{agent.Title}, agent.Suggestions...), " ")
	}
	hint = strings.TrimSpace(hint)
	if len(hint) > maxHint {
		hint = strings.ToValidUTF8(hint[:maxHint], "")
	}
	return hint
}

type listener struct {
	t       *Transcriber
	fields  [][2]string
	hint    string
	stop    context.CancelFunc
	warming sync.WaitGroup
}

func (l *listener) Close() error {
	l.stop()
	l.warming.Wait()
	return nil
}

// Batch implements dialog.Batch.
func (l *listener) Batch() {}

// Utterance sends an utterance when it is over. Its first minute counts; the rest is
// not heard. With Stream it yields the words as they come, else it yields once.
func (l *listener) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		pcm := record(frames)
		if len(pcm) < int(minUtterance/time.Millisecond)*media.EarRate/1000 {
			yield(dialog.Transcript{Final: true}, nil)
			return
		}
		body, contentType := form(l.fields, wav(pcm, media.EarRate))
		x, err := l.t.client.post(ctx, "audio/transcriptions", contentType, body)
		if err != nil {
			yield(dialog.Transcript{}, err)
			return
		}
		defer x.close()
		text, err := l.answer(x, func(partial string) bool {
			return yield(dialog.Transcript{Text: partial}, nil)
		})
		switch {
		case errors.Is(err, errEnough):
		case err != nil:
			yield(dialog.Transcript{}, err)
		default:
			yield(dialog.Transcript{Text: l.words(text), Final: true}, nil)
		}
	}
}

// record keeps what the utterance is made of, up to its bound.
func record(frames iter.Seq[[]int16]) []int16 {
	const most = int(maxUtterance/time.Second) * media.EarRate
	var pcm []int16
	for frame := range frames {
		pcm = append(pcm, frame[:min(len(frame), most-len(pcm))]...)
	}
	return pcm
}

// answer is the whole transcript; partial gets it as it grows.
func (l *listener) answer(x *exchange, partial func(string) bool) (string, error) {
	kind, _ := x.contentType()
	if kind == "text/event-stream" {
		return transcriptEvents(x, partial)
	}
	b, err := io.ReadAll(io.LimitReader(x.resp.Body, maxTranscript+1))
	if err != nil {
		return "", x.broken(err)
	}
	x.rest()
	text, ok := transcriptBody(kind, b)
	if !ok {
		return "", x.failed(fault.New(fault.Provider, "%s sent something unreadable", x.client.what).Retryable(0))
	}
	return text, nil
}

// transcriptBody reads an answer that came in one piece: an object with "text", or
// from some servers plain text.
func transcriptBody(kind string, b []byte) (string, bool) {
	if len(b) > maxTranscript {
		return "", false
	}
	var whole struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(b, &whole) == nil && whole.Text != nil {
		return *whole.Text, true
	}
	return string(b), kind == "text/plain"
}

// transcriptEvents reads the events transcript.text.delta and transcript.text.done.
// Servers that send segments without a type have their texts joined.
func transcriptEvents(x *exchange, partial func(string) bool) (string, error) {
	events := newEventReader(io.LimitReader(x.resp.Body, maxStream))
	var text strings.Builder
	for seen := 0; ; seen++ {
		data, err := events.next()
		if errors.Is(err, io.EOF) && seen > 0 {
			return text.String(), nil
		}
		if err != nil {
			return "", x.broken(err)
		}
		x.rest()
		var e struct {
			event
			Type  string `json:"type"`
			Delta string `json:"delta"`
			Text  string `json:"text"`
		}
		if string(data) == "[DONE]" {
			return text.String(), nil
		}
		if err := json.Unmarshal(data, &e); err != nil || text.Len()+len(e.Delta)+len(e.Text) > maxTranscript {
			return "", x.failed(fault.New(fault.Provider, "%s sent something unreadable", x.client.what).Retryable(0))
		}
		if p, ok := e.told(); ok {
			return "", x.failed(x.client.problem(0, p))
		}
		switch e.Type {
		case "transcript.text.done":
			x.drain()
			return e.Text, nil
		case "transcript.text.delta":
			text.WriteString(e.Delta)
		case "":
			text.WriteString(e.Text)
		default:
			continue
		}
		if !partial(strings.TrimSpace(text.String())) {
			return "", errEnough
		}
		x.within(x.client.waits.Stall)
	}
}

// words cleans a transcript of what Whisper writes where it heard no speech: marks
// such as [BLANK_AUDIO] or (wind blowing), and the prompt.
func (l *listener) words(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == l.hint {
		return ""
	}
	rest := text
	for rest != "" {
		end := map[byte]string{'[': "]", '(': ")"}[rest[0]]
		_, after, found := strings.Cut(rest, end)
		if end == "" || !found {
			return text
		}
		rest = strings.TrimSpace(after)
	}
	return ""
}

// form is a multipart form with the sound as its file.
func form(fields [][2]string, sound []byte) (body []byte, contentType string) {
	var b bytes.Buffer
	b.Grow(len(sound) + 4<<10)
	w := multipart.NewWriter(&b)
	for _, f := range fields { // writes to a buffer do not fail
		_ = w.WriteField(f[0], f[1])
	}
	part, _ := w.CreateFormFile("file", "utterance.wav")
	_, _ = part.Write(sound)
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// wav is mono PCM as a WAV file.
func wav(pcm []int16, rate int) []byte {
	var b bytes.Buffer
	_ = media.WriteWAV(&b, rate, 1, pcm) // writes to a buffer do not fail
	return b.Bytes()
}
