// Package openai is a language model, an ear and a voice behind any server that
// speaks OpenAI's HTTP API: OpenAI itself, Ollama, vLLM, llama.cpp, LocalAI,
// speaches, whisper.cpp, Groq and many more. It imports dialog, tools, media and
// fault. Prompts, utterances and clauses go out as requests; text, transcripts and
// PCM come back as they arrive.
//
// It is a small client of its own over net/http: the official one adds 19 MB to
// the binary and its timeout ends a stream that is well under way. Here each stage
// of an answer has its own deadline: connecting, the first event, and each further
// one.
//
// Nothing is retried: the conversation decides that, by fault.IsRetryable. Each part
// has a circuit breaker instead. After three failures in a row its requests fail at
// once, so that callers get the fallback without waiting; after five seconds one
// request probes whether the server is back. Refusals (a wrong key, a bad request,
// a rate limit) are answers and do not count as failures.
package openai

import (
	"net/url"
	"time"

	"frontdesk/internal/fault"
)

// Config is a server and how a part uses it.
type Config struct {
	URL      string // with its version, such as http://127.0.0.1:11434/v1; a query is kept
	Model    string // required
	Key      string // sent as bearer token; "" sends none
	Timeouts Timeouts

	// For a Model. Zero values leave it to the server.
	Temperature *float64
	MaxTokens   int // of one step of a reply

	// For a Transcriber.
	Prompt string // text with the words callers use; "" takes the agent's title and the questions it suggests
	Stream bool   // asks for the words as they are recognised; the server must know how

	// For Speech.
	Voice string  // where the agent names none; default "alloy"
	Speed float64 // 1 is normal; 0 leaves it to the server
}

// Timeouts bound the stages of an answer. 0 is the default.
type Timeouts struct {
	Connect time.Duration // name look-up, TCP and TLS; default 3 s
	First   time.Duration // from the request to the first event or sound, or all of a transcript; default 7 s
	Stall   time.Duration // from one event or piece of sound to the next; default 5 s
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

// base checks c and returns its URL.
func (c Config) base() (*url.URL, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fault.New(fault.Invalid, "the URL of an OpenAI-compatible server looks like http://127.0.0.1:11434/v1")
	}
	if u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "the URL of an OpenAI-compatible server has no #fragment")
	}
	if c.Model == "" {
		return nil, fault.New(fault.Invalid, "an OpenAI-compatible server needs the name of a model")
	}
	return u, nil
}
