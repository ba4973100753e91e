package fakeai

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"regexp"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"go.uber.org/goleak"

	"frontdesk/internal/require"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startWithClient starts a server and returns OpenAI's official client for it.
func startWithClient(t *testing.T, o Options) (*Server, openai.Client) {
	t.Helper()
	s := New(o)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		s.Close()
	})
	return s, openai.NewClient(option.WithBaseURL(s.URL), option.WithAPIKey("secret"), option.WithHTTPClient(client), option.WithMaxRetries(0))
}

func chatOf(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:         "fake",
		Messages:      []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be kind."), openai.UserMessage(text)},
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	}
}

func TestOfficialClientStreamsAChat(t *testing.T) {
	_, c := startWithClient(t, Options{Key: "secret"})
	stream := c.Chat.Completions.NewStreaming(t.Context(), chatOf("one two"))
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		if !whole.AddChunk(stream.Current()) {
			t.Fatalf("the client rejects the chunk %+v", stream.Current())
		}
	}
	require.NoError(t, stream.Err())
	choice := whole.Choices[0]
	if choice.Message.Content != "You said: one two" || choice.FinishReason != "stop" || whole.Usage.CompletionTokens != 4 || whole.Usage.PromptTokens != 4 {
		t.Errorf("%+v", whole.ChatCompletion)
	}
}

func TestOfficialClientReceivesAToolCall(t *testing.T) {
	_, c := startWithClient(t, Options{Rules: []Rule{{Match: regexp.MustCompile(`order (\d+)`), Call: "order_status", Args: `{"order":"$1"}`}}})
	p := chatOf("where is order 4711?")
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name: "order_status", Parameters: openai.FunctionParameters{"type": "object"},
	})}
	stream := c.Chat.Completions.NewStreaming(t.Context(), p)
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		whole.AddChunk(stream.Current())
	}
	require.NoError(t, stream.Err())
	calls := whole.Choices[0].Message.ToolCalls
	if len(calls) != 1 || calls[0].ID == "" || calls[0].Function.Name != "order_status" || calls[0].Function.Arguments != `{"order":"4711"}` {
		t.Fatalf("%+v", calls)
	}
	p.Messages = append(p.Messages, whole.Choices[0].Message.ToParam(), openai.ToolMessage("it was sent", calls[0].ID))
	done, err := c.Chat.Completions.New(t.Context(), p)
	if err != nil || done.Choices[0].Message.Content != "Here is what I found: it was sent" {
		t.Errorf("%+v, %v", done, err)
	}
}

// wavFile has a name, which the official client requires.
type wavFile struct{ io.Reader }

func (wavFile) Name() string { return "utterance.wav" }

func TestOfficialClientReceivesTranscripts(t *testing.T) {
	s, c := startWithClient(t, Options{Transcripts: []string{"hello there", "again"}})
	audio := append(wavHeader(), make([]byte, 4800)...)
	params := func() openai.AudioTranscriptionNewParams {
		return openai.AudioTranscriptionNewParams{Model: "whisper-1", File: wavFile{bytes.NewReader(audio)}, Language: openai.String("en")}
	}
	first, err := c.Audio.Transcriptions.New(t.Context(), params())
	if err != nil || first.Text != "hello there" {
		t.Fatalf("%+v, %v", first, err)
	}
	if r := s.Requests()[0]; r.Fields["language"] != "en" || !bytes.Equal(r.Body, audio) {
		t.Errorf("%v, %d bytes", r.Fields, len(r.Body))
	}
	audio[len(audio)-1]++ // another utterance
	if second, err := c.Audio.Transcriptions.New(t.Context(), params()); err != nil || second.Text != "again" {
		t.Errorf("%+v, %v", second, err)
	}
}

func TestOfficialClientReceivesATone(t *testing.T) {
	_, c := startWithClient(t, Options{})
	resp, err := c.Audio.Speech.New(t.Context(), openai.AudioSpeechNewParams{
		Model: "tts-1", Input: "hello", Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: openai.String("alloy")},
		ResponseFormat: openai.AudioSpeechNewParamsResponseFormatPCM,
	})
	require.NoError(t, err)
	defer resp.Body.Close()
	pcm, err := io.ReadAll(resp.Body)
	if err != nil || len(pcm) != 2*5*1440 {
		t.Fatalf("%d bytes, %v", len(pcm), err)
	}
	energy := 0.0
	for i := 0; i < len(pcm); i += 2 {
		v := float64(int16(uint16(pcm[i]) | uint16(pcm[i+1])<<8))
		energy += v * v
	}
	if rms := math.Sqrt(energy / float64(len(pcm)/2)); rms < amplitude/2 {
		t.Errorf("too quiet: %.0f", rms)
	}
}

func TestOfficialClientUnderstandsFailures(t *testing.T) {
	s, c := startWithClient(t, Options{})
	s.Fail(1, http.StatusServiceUnavailable)
	_, err := c.Chat.Completions.New(t.Context(), chatOf("hi"))
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != 503 || e.Type != "server_error" || e.Response.Header.Get("Retry-After") == "" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Chat.Completions.New(t.Context(), chatOf("hi")); err != nil {
		t.Error(err)
	}
	_, locked := startWithClient(t, Options{Key: "another"})
	if _, err := locked.Chat.Completions.New(t.Context(), chatOf("hi")); !errors.As(err, &e) || e.StatusCode != 401 {
		t.Errorf("got %v", err)
	}
}
