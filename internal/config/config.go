// Package config is what an operator may set: one small YAML file, every key of
// which is also an environment variable (llm.url is FRONTDESK_LLM_URL). Flags win
// over the environment, the environment over the file, the file over the defaults,
// and the defaults alone make a working service. It imports nothing of Frontdesk;
// only main imports it.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"
)

// Config is the whole of it. Field comments are the reference; docs/configuration.md explains.
type Config struct {
	Listen  string   `yaml:"listen"`  // TCP address of HTTP, and UDP address of media
	Data    string   `yaml:"data"`    // folder of the store, recordings and secrets
	Agents  string   `yaml:"agents"`  // folder of agents
	Agent   string   `yaml:"agent"`   // who answers a caller that names no agent
	Store   string   `yaml:"store"`   // "sqlite" keeps sessions in the data folder, valkey://host:port where nodes share them
	Keys    []string `yaml:"keys"`    // server keys: their holders may change an agent's instructions and tools
	Origins []string `yaml:"origins"` // other sites whose pages may call, such as https://shop.example
	Proxies []string `yaml:"proxies"` // networks of proxies in front, whose X-Forwarded-For is believed
	Secret  string   `yaml:"secret"`  // signs client tokens; default: made once and kept in the data folder

	LLM Providers `yaml:"llm"` // models, in fallback order; the built-in clerk is always the last
	STT Provider  `yaml:"stt"` // how Frontdesk hears
	TTS Provider  `yaml:"tts"` // how Frontdesk speaks
	VAD VAD       `yaml:"vad"` // how Frontdesk tells speech from other sound

	WebRTC     WebRTC     `yaml:"webrtc"`
	TLS        TLS        `yaml:"tls"`
	Limits     Limits     `yaml:"limits"`
	Durability Durability `yaml:"durability"` // of the store that nodes share
	Log        Log        `yaml:"log"`

	SIP     SIP     `yaml:"sip"`     // the telephone
	Twilio  Twilio  `yaml:"twilio"`  // the telephone, by Twilio
	Archive Archive `yaml:"archive"` // what becomes of sessions that are over

	places places // where values were set, for errors
}

// Provider is one model, ear or voice.
type Provider struct {
	Provider string `yaml:"provider"` // llm: openai, clerk; stt: pocketsphinx, openai, none; tts: flite, espeak, openai, none
	URL      string `yaml:"url"`      // of an OpenAI-compatible server, with its /v1
	Model    string `yaml:"model"`
	Voice    string `yaml:"voice"` // where the agent names none
	Key      string `yaml:"key"`
}

// VAD is a neural voice detector in place of the built-in one.
type VAD struct {
	Model   string `yaml:"model"`   // ONNX file of Silero VAD, version 5; "": the built-in detector
	Library string `yaml:"library"` // ONNX Runtime; "": where the system looks for libraries
}

// WebRTC is how browsers' media reaches this machine.
type WebRTC struct {
	PublicIPs  []string    `yaml:"public_ips"`  // addresses to offer when this machine is behind NAT
	ICEServers []ICEServer `yaml:"ice_servers"` // STUN and TURN servers told to callers
}

// ICEServer is a STUN or TURN server.
type ICEServer struct {
	URLs       []string `yaml:"urls"`
	Username   string   `yaml:"username"`
	Credential string   `yaml:"credential"`
}

// TLS turns on HTTPS, from files or by ACME.
type TLS struct {
	Cert  string   `yaml:"cert"`  // PEM file
	Key   string   `yaml:"key"`   // PEM file
	ACME  []string `yaml:"acme"`  // domain names to get certificates for
	Email string   `yaml:"email"` // where the certificate authority writes to
}

// Limits bound what callers may use; 0 is no limit.
type Limits struct {
	Calls           int           `yaml:"calls"`             // at a time on one node
	CallsTotal      int           `yaml:"calls_total"`       // at a time on all nodes
	CallsPerAddress int           `yaml:"calls_per_address"` // at a time
	StartsPerMinute int           `yaml:"starts_per_minute"` // from one address
	StartsPerSecond int           `yaml:"starts_per_second"` // from one address: how large a burst may be
	TokensPerHour   int           `yaml:"tokens_per_hour"`   // of language models, by one agent's calls
	CallDuration    time.Duration `yaml:"call_duration"`
	SessionLife     time.Duration `yaml:"session_life"` // how long a conversation can be taken up again
	Drain           time.Duration `yaml:"drain"`        // how long a stopping server lets calls finish
}

// Log is how much is logged.
type Log struct {
	Level string `yaml:"level"` // debug, info, warn, error
}

// Default is a working service with no account anywhere.
func Default() Config {
	return Config{
		Listen: ":8080",
		Data:   "./data",
		Agents: "./agents",
		Agent:  "demo",
		Store:  "sqlite",
		STT:    Provider{Provider: "pocketsphinx"},
		TTS:    Provider{Provider: "flite"},
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
		Durability: Durability{Wait: 500 * time.Millisecond},
		Log:        Log{Level: "info"},
	}
}

// Check returns every value that cannot work, joined. Each error begins with where
// the value was set, unless it is a default, and names its key.
func (c *Config) Check() error {
	var errs []error
	wrong := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s%s: %s", c.places.of(key), key, fmt.Sprintf(format, args...)))
	}
	if _, _, err := splitAddress(c.Listen); err != nil {
		wrong("listen", "%v", err)
	}
	c.checkStore(wrong)
	for i, p := range c.LLM {
		checkProvider(wrong, fmt.Sprintf("llm[%d]", i), p, "openai", "clerk")
	}
	checkProvider(wrong, "stt", c.STT, "pocketsphinx", "openai", "none")
	checkProvider(wrong, "tts", c.TTS, "flite", "espeak", "openai", "none")
	if c.VAD.Library != "" && c.VAD.Model == "" {
		wrong("vad", "library is of no use without model")
	}
	for i, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Path != "" || (u.Scheme != "http" && u.Scheme != "https") {
			wrong(fmt.Sprintf("origins[%d]", i), "%q is not an origin such as https://shop.example", o)
		}
	}
	for i, p := range c.Proxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			wrong(fmt.Sprintf("proxies[%d]", i), "%q is not a network such as 10.0.0.0/8", p)
		}
	}
	for i, ip := range c.WebRTC.PublicIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			wrong(fmt.Sprintf("webrtc.public_ips[%d]", i), "%q is not an IP address", ip)
		}
	}
	if c.Secret != "" && len(c.Secret) < 32 {
		wrong("secret", "too short: use at least 32 characters")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		wrong("tls", "cert and key belong together: one is missing")
	}
	if c.TLS.Cert != "" && len(c.TLS.ACME) > 0 {
		wrong("tls", "use certificate files or acme, not both")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		wrong("log.level", "%q is not a level: use debug, info, warn or error", c.Log.Level)
	}
	c.checkLimits(wrong)
	c.checkArchive(wrong)
	c.checkSIP(wrong)
	c.checkTwilio(wrong)
	return errors.Join(errs...)
}

func (c *Config) checkLimits(wrong func(key, format string, args ...any)) {
	l := c.Limits
	for key, n := range map[string]int{
		"calls": l.Calls, "calls_total": l.CallsTotal, "calls_per_address": l.CallsPerAddress,
		"starts_per_minute": l.StartsPerMinute, "starts_per_second": l.StartsPerSecond, "tokens_per_hour": l.TokensPerHour,
	} {
		if n < 0 {
			wrong("limits."+key, "%d is below 0", n)
		}
	}
	if l.CallDuration < 0 || l.Drain < 0 {
		wrong("limits", "durations cannot be below 0")
	}
	if l.SessionLife < time.Minute {
		wrong("limits.session_life", "%v is too short: use at least 1m", l.SessionLife)
	}
}

func checkProvider(wrong func(key, format string, args ...any), key string, p Provider, names ...string) {
	if !slices.Contains(names, p.Provider) {
		wrong(key+".provider", "%q is not one of %v", p.Provider, names)
		return
	}
	if p.Provider != "openai" {
		if p.URL != "" || p.Model != "" || p.Key != "" {
			wrong(key, "%s takes no url, model or key: did you mean provider: openai?", p.Provider)
		}
		return
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		wrong(key+".url", "%q is not a URL such as http://127.0.0.1:11434/v1", p.URL)
	}
	if p.Model == "" {
		wrong(key+".model", "is missing: name the model to use")
	}
}
