// Package config holds the operator's settings. They come from one small YAML file and
// from environment variables: every key has a variable (llm.url is FRONTDESK_LLM_URL).
// Flags win over the environment, the environment over the file, the file over the
// defaults, and the defaults alone make a working service. The package imports only
// yamlfile and suggest of Frontdesk; only the app imports it.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"
)

// Config holds all settings. The field comments are the reference;
// docs/configuration.md explains the keys.
type Config struct {
	Listen string `yaml:"listen"` // TCP address for HTTP and UDP address for media
	Data   string `yaml:"data"`   // folder of the store, recordings and secrets
	Agents string `yaml:"agents"` // folder of agents
	Agent  string `yaml:"agent"`  // agent for callers that name none; "": the only agent, or demo
	Store  string `yaml:"store"`  // "sqlite" keeps sessions in the data folder; valkey://host:port is shared by nodes

	Database string `yaml:"database"` // Postgres URL of the tickets, workflows and events that nodes share; "": the data folder

	Access    `yaml:",inline"`
	Providers `yaml:",inline"`

	WebRTC     WebRTC     `yaml:"webrtc"`
	TLS        TLS        `yaml:"tls"`
	Limits     Limits     `yaml:"limits"`
	Durability Durability `yaml:"durability"` // of a shared store
	Log        Log        `yaml:"log"`

	SIP     SIP     `yaml:"sip"`     // telephone calls over SIP
	Twilio  Twilio  `yaml:"twilio"`  // telephone calls over Twilio Media Streams
	Archive Archive `yaml:"archive"` // what happens to finished sessions

	Tickets Tickets `yaml:"tickets"` // what callers want the team to do

	Notify []Notify `yaml:"notify"` // who is told what happens

	places  places // where each value was set, for errors
	renamed string // what to tell of a key that was set by its former name; "" if none was
}

// Tickets says how long tickets are kept.
type Tickets struct {
	Retention time.Duration `yaml:"retention"` // ended tickets and drafts are erased when they did not change for this time; 0 means never
}

// Access says who may use the API. Its keys stand at the top level of the file.
type Access struct {
	Keys    []string `yaml:"keys"`    // server keys: their holders may change an agent's instructions and tools
	MCP     bool     `yaml:"mcp"`     // whether holders of a server key may use agents' tools at /mcp
	Origins []string `yaml:"origins"` // other sites whose pages may call, such as https://shop.example
	Proxies []string `yaml:"proxies"` // networks of reverse proxies whose X-Forwarded-For is trusted
	Secret  string   `yaml:"secret"`  // signs client tokens; default: created once and stored in the data folder
}

// Providers names the models, recognizer and voice. Its keys stand at the top level of the file.
type Providers struct {
	LLM ProviderList `yaml:"llm"` // language models in fallback order; the built-in clerk is always the last
	STT Provider     `yaml:"stt"` // speech to text
	TTS Provider     `yaml:"tts"` // text to speech
	VAD VAD          `yaml:"vad"` // voice activity detection

	Embedding     Provider `yaml:"embedding"`     // compares the meanings of questions and pages: auto, none
	Understanding Provider `yaml:"understanding"` // language model that reads finished turns, for agents that want it

	Speech Speech `yaml:"speech"` // the neural parts that run on this machine
}

// Provider is one language model, recognizer or voice.
type Provider struct {
	Provider string `yaml:"provider"` // llm: openai, clerk; understanding: llm, openai; stt: auto, moonshine, pocketsphinx, openai, none; tts: auto, piper, kokoro, flite, espeak, openai, none
	URL      string `yaml:"url"`      // of an OpenAI-compatible server, including /v1; stt: auto asks it for other languages than English
	Model    string `yaml:"model"`
	Voice    string `yaml:"voice"` // for agents that name none
	Key      string `yaml:"key"`
}

// Speech says how neural networks run on this machine.
type Speech struct {
	Models  string `yaml:"models"`  // folder of the installed models; "": frontdesk/models in the user's cache folder
	Library string `yaml:"library"` // ONNX Runtime, 1.24 or later; "": the installed one
	Device  string `yaml:"device"`  // auto, cpu or cuda
	Threads int    `yaml:"threads"` // runs at once of the recognizer, and of each neural voice; 0: one per core
	Bias    bool   `yaml:"bias"`    // whether Moonshine expects what an agent's callers speak of
}

// VAD says how voice activity is detected.
type VAD struct {
	Provider string `yaml:"provider"` // auto, builtin or silero
	Model    string `yaml:"model"`    // ONNX file of Silero VAD, version 5 or 6; "": the installed one
	Library  string `yaml:"library"`  // ONNX Runtime; "": speech.library
}

// WebRTC says how browsers' media reaches this machine.
type WebRTC struct {
	PublicIPs  []string    `yaml:"public_ips"`  // addresses to offer when this machine is behind NAT
	ICEServers []ICEServer `yaml:"ice_servers"` // STUN and TURN servers for callers
}

// ICEServer is a STUN or TURN server.
type ICEServer struct {
	URLs       []string `yaml:"urls"`
	Username   string   `yaml:"username"`
	Credential string   `yaml:"credential"`
}

// TLS turns on HTTPS, with certificate files or with ACME.
type TLS struct {
	Cert  string   `yaml:"cert"`  // PEM file
	Key   string   `yaml:"key"`   // PEM file
	ACME  []string `yaml:"acme"`  // domain names to get certificates for
	Email string   `yaml:"email"` // contact for the certificate authority
}

// Limits bound what callers may use; 0 means no limit.
type Limits struct {
	Calls           int           `yaml:"calls"`             // concurrent calls on one node
	CallsTotal      int           `yaml:"calls_total"`       // concurrent calls on all nodes
	CallsPerAddress int           `yaml:"calls_per_address"` // concurrent calls from one IP address
	StartsPerMinute int           `yaml:"starts_per_minute"` // calls begun from one IP address
	StartsPerSecond int           `yaml:"starts_per_second"` // calls begun from one IP address: the size of a burst
	TokensPerHour   int           `yaml:"tokens_per_hour"`   // tokens of language models, for all calls of one agent
	CallDuration    time.Duration `yaml:"call_duration"`
	SessionLife     time.Duration `yaml:"session_life"` // how long a session can be resumed
	Drain           time.Duration `yaml:"drain"`        // how long a stopping server waits for calls to finish
}

// Log says how much is logged.
type Log struct {
	Level string `yaml:"level"` // debug, info, warn, error
}

// Default returns a working service without any account.
func Default() Config {
	return Config{
		Listen: ":8080",
		Data:   "./data",
		Agents: "./agents",
		Store:  "sqlite",
		Providers: Providers{
			STT: Provider{Provider: "auto"},
			TTS: Provider{Provider: "auto"},
			VAD: VAD{Provider: "auto"},

			Embedding: Provider{Provider: "auto"},
			Speech:    Speech{Device: "auto", Bias: true},

			Understanding: Provider{Provider: "llm"},
		},
		Limits: Limits{
			Calls:           200,
			CallsPerAddress: 20,
			StartsPerMinute: 60,
			CallDuration:    time.Hour,
			SessionLife:     24 * time.Hour,
			Drain:           time.Minute,
		},
		SIP:        SIP{Ports: "10000-10999"},
		Archive:    Archive{Redact: redactable, Retention: 90 * 24 * time.Hour},
		Tickets:    Tickets{Retention: 90 * 24 * time.Hour},
		Durability: Durability{Wait: 500 * time.Millisecond},
		Log:        Log{Level: "info"},
	}
}

// Wrong returns an error that says that the value of key cannot work, and where it was set.
func (c *Config) Wrong(key, format string, args ...any) error {
	return fmt.Errorf("%s%s: %s", c.places.prefix(key), key, fmt.Sprintf(format, args...))
}

// report records that the value of key cannot work.
type report func(key, format string, args ...any)

// Check returns all values that cannot work, joined. Each error names the key and, unless
// the value is a default, begins with where it was set.
func (c *Config) Check() error {
	var errs []error
	wrong := func(key, format string, args ...any) {
		errs = append(errs, c.Wrong(key, format, args...))
	}
	if _, _, err := splitAddress(c.Listen); err != nil {
		wrong("listen", "%v", err)
	}
	c.checkStore(wrong)
	c.checkDatabase(wrong)
	c.Providers.check(wrong)
	c.Access.check(wrong)
	for i, ip := range c.WebRTC.PublicIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			wrong(fmt.Sprintf("webrtc.public_ips[%d]", i), "invalid IP address %q", ip)
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		wrong("tls", "set both cert and key, or neither")
	}
	if c.TLS.Cert != "" && len(c.TLS.ACME) > 0 {
		wrong("tls", "set certificate files or acme, not both")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		wrong("log.level", "unknown level %q (want debug, info, warn or error)", c.Log.Level)
	}
	c.Limits.check(wrong)
	c.checkArchive(wrong)
	if c.Tickets.Retention < 0 {
		wrong("tickets.retention", "cannot be negative (0 means never)")
	}
	c.checkSIP(wrong)
	c.checkTwilio(wrong)
	c.checkNotify(wrong)
	return errors.Join(errs...)
}

func (a Access) check(wrong report) {
	for i, o := range a.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Path != "" || (u.Scheme != "http" && u.Scheme != "https") {
			wrong(fmt.Sprintf("origins[%d]", i), "invalid origin %q (want one such as https://shop.example)", o)
		}
	}
	for i, p := range a.Proxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			wrong(fmt.Sprintf("proxies[%d]", i), "invalid network %q (want one such as 10.0.0.0/8)", p)
		}
	}
	if a.MCP && len(a.Keys) == 0 {
		wrong("mcp", "clients of /mcp need a server key: set keys, too")
	}
	if a.Secret != "" && len(a.Secret) < 32 {
		wrong("secret", "too short: use at least 32 characters")
	}
}

func (l Limits) check(wrong report) {
	for _, limit := range []struct {
		key string
		n   int
	}{
		{"calls", l.Calls}, {"calls_total", l.CallsTotal}, {"calls_per_address", l.CallsPerAddress},
		{"starts_per_minute", l.StartsPerMinute}, {"starts_per_second", l.StartsPerSecond}, {"tokens_per_hour", l.TokensPerHour},
	} {
		if limit.n < 0 {
			wrong("limits."+limit.key, "%d is negative (0 means no limit)", limit.n)
		}
	}
	if l.CallDuration < 0 || l.Drain < 0 {
		wrong("limits", "call_duration and drain cannot be negative")
	}
	if l.SessionLife < time.Minute {
		wrong("limits.session_life", "%v is too short: use at least 1m", l.SessionLife)
	}
}

func (p Providers) check(wrong report) {
	for i, llm := range p.LLM {
		llm.check(wrong, fmt.Sprintf("llm[%d]", i), "openai", "clerk")
	}
	p.Understanding.check(wrong, "understanding", "llm", "openai")
	p.STT.check(wrong, "stt", "auto", "moonshine", "pocketsphinx", "openai", "none")
	p.TTS.check(wrong, "tts", "auto", "piper", "kokoro", "flite", "espeak", "openai", "none")
	p.Embedding.check(wrong, "embedding", "auto", "none")
	if !slices.Contains([]string{"auto", "cpu", "cuda"}, p.Speech.Device) {
		wrong("speech.device", "unknown device %q (want auto, cpu or cuda)", p.Speech.Device)
	}
	if p.Speech.Threads < 0 {
		wrong("speech.threads", "%d is negative (0 means one per core)", p.Speech.Threads)
	}
	if !slices.Contains([]string{"auto", "builtin", "silero"}, p.VAD.Provider) {
		wrong("vad.provider", "unknown provider %q (want auto, builtin or silero)", p.VAD.Provider)
	}
	if p.VAD.Provider == "builtin" && (p.VAD.Library != "" || p.VAD.Model != "") {
		wrong("vad", "the built-in detector has no model or library: did you mean provider: silero?")
	}
}

func (p Provider) check(wrong report, key string, names ...string) {
	if !slices.Contains(names, p.Provider) {
		wrong(key+".provider", "unknown provider %q (want %s)", p.Provider, anyOf(names))
		return
	}
	// With stt: auto, a server recognizes the languages that this machine does not.
	hasServer := p.Provider == "openai" || key == "stt" && p.Provider == "auto" && p.URL != ""
	if !hasServer {
		if p.URL != "" || p.Model != "" || p.Key != "" {
			wrong(key, "%s has no url, model or key: did you mean provider: openai?", p.Provider)
		}
		return
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		wrong(key+".url", "invalid URL %q (want one such as http://127.0.0.1:11434/v1)", p.URL)
	}
	if p.Model == "" {
		wrong(key+".model", "missing: name the model to use")
	}
}
