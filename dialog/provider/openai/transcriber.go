package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"mime/multipart"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/media"
)

const (
	maxUtterance  = 60 * time.Second
	minUtterance  = 100 * time.Millisecond // OpenAI rejects shorter ones
	maxTranscript = 256 << 10              // bytes of an answer
	maxPrompt     = 800                    // bytes; Whisper uses at most 224 tokens
)

// Transcriber recognizes whole utterances with POST audio/transcriptions. It is safe for
// concurrent use.
type Transcriber struct {
	client *client
	config Config
}

var (
	_ dialog.Recognizer    = (*Transcriber)(nil)
	_ dialog.BatchListener = (*listener)(nil)
)

// NewTranscriber returns a Transcriber. It does not contact the server; an error means a
// wrong setting.
func NewTranscriber(c Config) (*Transcriber, error) {
	client, err := newClient("the speech recognizer", c)
	if err != nil {
		return nil, err
	}
	return &Transcriber{client: client, config: c}, nil
}

// Close closes idle connections. It does not interrupt utterances.
func (t *Transcriber) Close() error {
	t.client.close()
	return nil
}

// Listen returns a Listener for one call, and opens a connection to the server in the
// background.
func (t *Transcriber) Listen(ctx context.Context, agent *dialog.Agent) (dialog.Listener, error) {
	ctx, cancel := context.WithCancel(ctx)
	l := &listener{t: t, cancel: cancel, fields: t.fields(agent), prompt: prompt(agent)}
	// If the server cannot be reached, the first utterance fails.
	l.connecting.Go(func() { _ = t.client.connect(ctx) })
	return l, nil
}

// fields returns all form fields of a request except the audio.
func (t *Transcriber) fields(agent *dialog.Agent) [][2]string {
	f := [][2]string{{"model", t.config.Model}, {"response_format", "json"}}
	if language, _, _ := strings.Cut(agent.Language, "-"); language != "" {
		f = append(f, [2]string{"language", strings.ToLower(language)})
	}
	if p := prompt(agent); p != "" {
		f = append(f, [2]string{"prompt", p})
	}
	return f
}

// prompt returns text with words that callers are likely to use.
func prompt(agent *dialog.Agent) string {
	p := strings.TrimSpace(strings.Join(append([]string{agent.Title}, agent.Suggestions...), " "))
	return words.Clip(p, maxPrompt)
}

type listener struct {
	t          *Transcriber
	fields     [][2]string
	prompt     string
	cancel     context.CancelFunc
	connecting sync.WaitGroup
}

func (l *listener) Close() error {
	l.cancel()
	l.connecting.Wait()
	return nil
}

// Batch implements dialog.BatchListener.
func (l *listener) Batch() {}

// Utterance sends an utterance when it is over, at most its first minute, and yields only
// the final transcript.
func (l *listener) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		pcm := collect(frames)
		if len(pcm) < int(minUtterance/time.Millisecond)*media.EarRate/1000 {
			yield(dialog.Transcript{Final: true}, nil)
			return
		}
		body, contentType := form(l.fields, wav(pcm, media.EarRate))
		r, err := l.t.client.post(ctx, "audio/transcriptions", contentType, body)
		if err != nil {
			yield(dialog.Transcript{}, err)
			return
		}
		defer r.close()
		text, err := transcript(r)
		if err != nil {
			yield(dialog.Transcript{}, err)
			return
		}
		yield(dialog.Transcript{Text: l.clean(text), Final: true}, nil)
	}
}

// collect returns the audio of an utterance, up to maxUtterance.
func collect(frames iter.Seq[[]int16]) []int16 {
	const limit = int(maxUtterance/time.Second) * media.EarRate
	var pcm []int16
	for frame := range frames {
		pcm = append(pcm, frame[:min(len(frame), limit-len(pcm))]...)
	}
	return pcm
}

// transcript reads the transcript from an answer.
func transcript(r *response) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r.http.Body, maxTranscript+1))
	if err != nil {
		return "", r.transportError(err)
	}
	r.received()
	contentType, _ := r.contentType()
	text, ok := parseTranscript(contentType, b)
	if !ok {
		return "", r.fail(fault.New(fault.Provider, "%s sent an unreadable answer", r.client.subject).Retryable(0))
	}
	return text, nil
}

// parseTranscript parses an answer: an object with "text" or, from some
// servers, plain text.
func parseTranscript(contentType string, b []byte) (text string, ok bool) {
	if len(b) > maxTranscript {
		return "", false
	}
	var whole struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(b, &whole) == nil && whole.Text != nil {
		return *whole.Text, true
	}
	return string(b), contentType == "text/plain"
}

// clean returns "" for what Whisper writes when it hears no speech: marks such as
// [BLANK_AUDIO] or (wind blowing), or the prompt. Other text is returned with single spaces.
func (l *listener) clean(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == l.prompt {
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

// form returns a multipart form with audio as its file.
func form(fields [][2]string, audio []byte) (body []byte, contentType string) {
	var b bytes.Buffer
	b.Grow(len(audio) + 4<<10)
	w := multipart.NewWriter(&b)
	for _, f := range fields { // writing to a buffer does not fail
		_ = w.WriteField(f[0], f[1])
	}
	part, _ := w.CreateFormFile("file", "utterance.wav")
	_, _ = part.Write(audio)
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// wav returns mono PCM as a WAV file.
func wav(pcm []int16, rate int) []byte {
	var b bytes.Buffer
	_ = media.WriteWAV(&b, rate, 1, pcm) // writing to a buffer does not fail
	return b.Bytes()
}
