package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

func load(t *testing.T, text string, env ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "frontdesk.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := Load(path, env)
	if err == nil {
		err = c.Check()
	}
	return c, err
}

func TestDefaultsAloneWork(t *testing.T) {
	c, err := Load("", nil)
	require.NoError(t, err)
	require.NoError(t, c.Check())
	if _, err := load(t, ""); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestErrorsNameTheLineOfTheFile(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":             {"listen: :8080\nlissten: x\n", `frontdesk.yaml:2:1: unknown key "lissten", did you mean "listen"?`},
		"unknown nested":          {"stt:\n  provider: pocketsphinx\n  modle: x\n", "frontdesk.yaml:3:3"},
		"wrong type":              {"limits:\n  calls: many\n", "frontdesk.yaml:2:10"},
		"not YAML":                {"listen: [\n", "frontdesk.yaml:1"},
		"unknown provider":        {"tts: {provider: megaphone}\n", "frontdesk.yaml:1:7: tts.provider"},
		"unknown store":           {"# ours\nstore: mine\n", "frontdesk.yaml:2:1: store"},
		"negative":                {"limits:\n  calls: -1\n", "frontdesk.yaml:2:3: limits.calls"},
		"provider without URL":    {"llm: {provider: openai, model: x}\n", "frontdesk.yaml:1:1: llm[0].url"},
		"in a list":               {"llm:\n- {provider: clerk}\n- {provider: openai, url: 'http://x/v1'}\n", "frontdesk.yaml:3:3: llm[1].model"},
		"reader without model":    {"understanding: {provider: openai, url: 'http://x/v1'}\n", "frontdesk.yaml:1:1: understanding.model"},
		"reader of its own":       {"understanding: {url: 'http://x/v1', model: m}\n", "frontdesk.yaml:1:1: understanding"},
		"key in list":             {"llm:\n- {provider: clerk}\n- {provider: openai, uri: 'http://x/v1'}\n", "frontdesk.yaml:3:22"},
		"library of built-in VAD": {"vad: {provider: builtin, library: libonnxruntime.so}\n", "frontdesk.yaml:1:1: vad"},
		"server of pocketsphinx":  {"stt: {provider: pocketsphinx, url: 'http://x/v1'}\n", "frontdesk.yaml:1:1: stt"},
		"server without model":    {"stt: {url: 'http://x/v1'}\n", "frontdesk.yaml:1:1: stt.model"},
		"certificate without key": {"tls: {cert: a.pem}\n", "tls: set both cert and key"},
		"address":                 {"listen: 8080x\n", "listen"},
		"origin":                  {"origins: ['shop.example']\n", "origins[0]"},
		"mcp without a key":       {"mcp: true\n", "mcp: clients of /mcp need a server key: set keys, too"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want something with %q", err, test.want)
			}
		})
	}
}

func TestOptionsThatWorkTogetherAreAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"library of the installed VAD": "vad: {library: libonnxruntime.so}\n",
		"server for other languages":   "stt: {provider: auto, url: 'http://x/v1', model: whisper-1, key: k}\n",
	} {
		if _, err := load(t, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEnvironmentOverridesFile(t *testing.T) {
	c, err := load(t, "listen: :1\nllm: {provider: openai, url: 'http://a/v1', model: m, key: k}\n",
		"FRONTDESK_LISTEN=:2", "FRONTDESK_LLM_URL=http://b/v1", "FRONTDESK_LIMITS_CALLS=7",
		"FRONTDESK_LIMITS_CALL_DURATION=90s", "FRONTDESK_KEYS=one, two", "OTHER=x")
	require.NoError(t, err)
	if c.Listen != ":2" || c.LLM[0].URL != "http://b/v1" || c.LLM[0].Key != "k" || c.Limits.Calls != 7 ||
		c.Limits.CallDuration.Seconds() != 90 || len(c.Keys) != 2 || c.Keys[1] != "two" {
		t.Errorf("got %+v", c)
	}
}

func TestErrorsNameWhatSetTheValue(t *testing.T) {
	c, err := load(t, "limits: {calls: -1}\nllm: {provider: openai, url: x, model: m}\nstore: mine\n",
		"FRONTDESK_LIMITS_CALLS=-2", "FRONTDESK_LLM_URL=y", "FRONTDESK_LISTEN=z")
	for _, want := range []string{
		"environment variable FRONTDESK_LIMITS_CALLS: limits.calls: -2", "environment variable FRONTDESK_LLM_URL: llm[0].url",
		"frontdesk.yaml:3:1: store", "environment variable FRONTDESK_LISTEN: listen",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something with %q", err, want)
		}
	}
	c.SetFlag("listen", "nowhere")
	if err := c.Check(); !strings.Contains(err.Error(), "flag --listen: listen") {
		t.Errorf("got %v", err)
	}
}

func TestEnvironmentAloneAddsAModel(t *testing.T) {
	c, err := Load("", []string{"FRONTDESK_LLM_URL=http://b/v1", "FRONTDESK_LLM_MODEL=m"})
	if err != nil || c.Check() != nil {
		t.Fatal(err, c.Check())
	}
	if len(c.LLM) != 1 || c.LLM[0].Provider != "openai" || c.LLM[0].Model != "m" {
		t.Errorf("got %+v", c.LLM)
	}
}

func TestErrorsNameTheVariable(t *testing.T) {
	_, err := Load("", []string{"FRONTDESK_LIMITS_CALLS=lots"})
	if err == nil || !strings.Contains(err.Error(), "FRONTDESK_LIMITS_CALLS") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownVariablesAreNamedWithASuggestion(t *testing.T) {
	_, err := Load("", []string{
		"FRONTDESK_LIMIT_CALLS=3", "FRONTDESK_LLM_UR=http://b/v1", "FRONTDESK_ZEBRA=1", "FRONTDESK_DATA=x", "FRONTDESK_SPEECH_MODELS=m", "FRONTDESK_TEST_MODELS=required",
		"FRONTDESK_SERVICE_HOST=10.0.0.1", "FRONTDESK_WEB_SERVICE_PORT_HTTP=80", "FRONTDESK_PORT=tcp://10.0.0.1:80", "FRONTDESK_PORT_80_TCP_ADDR=10.0.0.1",
	})
	const want = "unknown environment variable FRONTDESK_LIMIT_CALLS, did you mean \"FRONTDESK_LIMITS_CALLS\"?\n" +
		"unknown environment variable FRONTDESK_LLM_UR, did you mean \"FRONTDESK_LLM_URL\"?\n" +
		"unknown environment variable FRONTDESK_ZEBRA"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMaskedHidesSecrets(t *testing.T) {
	c, err := load(t, `
keys: [hush-1]
secret: hush-2-hush-2-hush-2-hush-2-hush-2
llm: [{provider: openai, url: 'http://a/v1', model: m, key: hush-3}]
stt: {provider: openai, url: 'http://a/v1', model: m, key: hush-4}
tts: {provider: openai, url: 'http://a/v1', model: m, key: hush-5}
understanding: {provider: openai, url: 'http://a/v1', model: m, key: hush-7}
webrtc: {ice_servers: [{urls: ['turn:x'], username: u, credential: hush-6}]}
`)
	require.NoError(t, err)
	b, err := c.Masked().YAML()
	require.NoError(t, err)
	if strings.Contains(string(b), "hush") {
		t.Errorf("a secret is visible:\n%s", b)
	}
	if c.Keys[0] != "hush-1" || c.LLM[0].Key != "hush-3" {
		t.Error("masking changed the original")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("listen: :8080\nllm: [{provider: clerk}]\n")
	f.Add("limits: {calls: 1e9}")
	f.Fuzz(func(t *testing.T, text string) {
		c := Default()
		if c.decode("f.yaml", []byte(text)) == nil {
			_ = c.Check()
		}
	})
}
