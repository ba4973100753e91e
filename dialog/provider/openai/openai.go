// Package openai connects agents to servers that speak OpenAI's HTTP API, as a language
// model, a speech recognizer and a voice: OpenAI itself, Ollama, vLLM, llama.cpp, LocalAI,
// speaches, whisper.cpp, Groq and many more. It imports dialog, tools, media, fault and words.
// Prompts, utterances and clauses leave as requests; text, transcripts and PCM enter as the
// server sends them.
//
// It is a small client over net/http, because the official one adds 19 MB to the binary and
// its timeout also ends streams that are making progress. Here each stage of an answer has
// its own deadline: the connection, the first event, and each further event.
//
// Nothing is retried here: the conversation decides that with fault.IsRetryable.
//
// Two circuit breakers work one above the other:
//   - Here, each Model, Transcriber and Speech has one for its server. After three
//     consecutive failures, its requests fail at once with fault.Unavailable, so that callers
//     do not wait for a dead server. After five seconds, one request tests the server again.
//     A rejected request (wrong key, bad request, rate limit) is an answer, not a failure.
//   - Above, conversation.Fallback has one for each of an agent's language models except the
//     last. A model that fails before its first chunk is skipped for 20 seconds, and the next
//     one answers. Recognizers and voices have no fallback, so only the breaker here protects them.
package openai

import (
	"net/url"
	"time"

	"frontdesk/internal/fault"
)

// Config describes a server and how a Model, Transcriber or Speech uses it.
type Config struct {
	URL      string // including the version, such as http://127.0.0.1:11434/v1; a query is kept
	Model    string // required
	Key      string // sent as bearer token, unless empty
	Timeouts Timeouts

	Voice string // of Speech, for agents that name none; default "alloy"
}

// Timeouts limit the stages of an answer. 0 selects the default.
type Timeouts struct {
	Connect time.Duration // name lookup, TCP and TLS; default 3 s
	First   time.Duration // from the request to the first event or audio, or to a whole transcript; default 7 s
	Stall   time.Duration // from one event or piece of audio to the next; default 5 s
}

func (t Timeouts) withDefaults() Timeouts {
	for _, d := range []struct {
		d   *time.Duration
		def time.Duration
	}{{&t.Connect, 3 * time.Second}, {&t.First, 7 * time.Second}, {&t.Stall, 5 * time.Second}} {
		if *d.d <= 0 {
			*d.d = d.def
		}
	}
	return t
}

// baseURL checks c and returns its parsed URL.
func (c Config) baseURL() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fault.New(fault.Invalid, "invalid URL of an OpenAI-compatible server (want one like http://127.0.0.1:11434/v1)")
	}
	if u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "the URL of an OpenAI-compatible server must not contain a #fragment")
	}
	if c.Model == "" {
		return nil, fault.New(fault.Invalid, "an OpenAI-compatible server needs the name of a model")
	}
	return u, nil
}
