package e2e

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// args adds flags, which win over those before them.
func args(flags ...string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Args = append(c.Args, flags...) }
}

// folder makes a folder of files, by name.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	goodAgent   = "name: good\ngreeting: Good day.\n"
	brokenAgent = "name: broken\ngreeting: Hello.\ngreting: Hallo.\n"
)

func TestABrokenAgentLeavesTheOthersAlone(t *testing.T) {
	agents := folder(t, map[string]string{
		"good/agent.yaml":               goodAgent,
		"good/knowledge/hours.md":       "# Opening hours\n\nWe open at seven on Sundays.\n",
		"broken/agent.yaml":             brokenAgent,
		"unfinished/agent.yaml":         "name: unfinished\ntools: [",
		"empty/knowledge/something.txt": "Nothing here.",
	})
	s := start(t, noVoice, args("--agents", agents), env("FRONTDESK_AGENT=good"))
	c := s.typing(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "When do you open on Sundays?", "seven")
	for _, place := range []string{"broken/agent.yaml:3:1", "unfinished/agent.yaml:2:", "empty/agent.yaml"} {
		if !strings.Contains(s.logs.String(), place) {
			t.Errorf("the log does not name %s", place)
		}
	}
	resp, body := s.post(t, "/v1/realtime/calls?model=broken", "application/sdp", strings.NewReader(wholeOffer), bearer(s.token(t)))
	checkFault(t, resp, body, 404, "not_found")
}

func TestAWrongStartSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	agents := folder(t, map[string]string{"good/agent.yaml": goodAgent, "broken/agent.yaml": brokenAgent})
	file := folder(t, map[string]string{
		"key.yaml":          "listen: 127.0.0.1:0\n\nagnets: ./agents\n",
		"value.yaml":        "listen: 127.0.0.1:0\nlimits:\n  calls: many\n",
		"check.yaml":        "listen: 127.0.0.1:0\nlimits:\n  calls: -1\n",
		"yaml.yaml":         "listen: [\n",
		"file":              "",
		"data/frontdesk.db": strings.Repeat("This is no database. ", 1000),
		"short/secret":      "abc",
	})
	for name, c := range map[string]struct {
		args, env []string
		exit      int
		says      []string
	}{
		"the default agent is broken":  {args: []string{"--agents", agents}, env: []string{"FRONTDESK_AGENT=broken"}, exit: 2, says: []string{"broken", "broken/agent.yaml:3"}},
		"there is no default agent":    {args: []string{"--agents", agents}, exit: 2, says: []string{"demo", agents}},
		"there is no folder of agents": {args: []string{"--agents", filepath.Join(agents, "nothing")}, exit: 2, says: []string{"nothing"}},
		"a wrong key":                  {args: []string{"--config", filepath.Join(file, "key.yaml")}, exit: 2, says: []string{"key.yaml:3", "agnets"}},
		"a wrong value":                {args: []string{"--config", filepath.Join(file, "value.yaml")}, exit: 2, says: []string{"value.yaml:3"}},
		"a value that cannot be":       {args: []string{"--config", filepath.Join(file, "check.yaml")}, exit: 2, says: []string{"check.yaml:3", "limits.calls", "-1"}},
		"no YAML":                      {args: []string{"--config", filepath.Join(file, "yaml.yaml")}, exit: 2, says: []string{"yaml.yaml:1"}},
		"no configuration file":        {args: []string{"--config", filepath.Join(file, "missing.yaml")}, exit: 2, says: []string{"missing.yaml"}},
		"a wrong variable":             {env: []string{"FRONTDESK_LIMITS_CALLS=many"}, exit: 2, says: []string{"FRONTDESK_LIMITS_CALLS"}},
		"a wrong address":              {args: []string{"--listen", "nowhere"}, exit: 2, says: []string{"listen", "nowhere"}},
		"an unknown flag":              {args: []string{"--prot", "1"}, exit: 2, says: []string{"prot"}},
		"a port in use":                {args: []string{"--listen", taken.Addr().String()}, exit: 1, says: []string{"address already in use"}},
		"a data folder that is a file": {args: []string{"--data", filepath.Join(file, "file")}, exit: 1, says: []string{"data folder"}},
		"a database that is none":      {args: []string{"--data", filepath.Join(file, "data")}, exit: 1, says: []string{"database"}},
		"a secret cut short":           {args: []string{"--data", filepath.Join(file, "short")}, exit: 1, says: []string{"secret", "3 bytes"}},
		"no certificate":               {env: []string{"FRONTDESK_TLS_CERT=/nothing.pem", "FRONTDESK_TLS_KEY=/nothing.pem"}, exit: 2, says: []string{"certificate", "nothing.pem"}},
		"a store that is not there":    {env: []string{"FRONTDESK_STORE=valkey://desk:hush@127.0.0.1:1", "FRONTDESK_SECRET=" + strings.Repeat("x", 32)}, exit: 1, says: []string{"store at 127.0.0.1:1: the store cannot be reached", "refused"}},
		"a shared store, no secret":    {env: []string{"FRONTDESK_STORE=valkey://desk:hush@127.0.0.1:1"}, exit: 2, says: []string{"secret: missing", "tokens"}},
		"half a certificate":           {env: []string{"FRONTDESK_TLS_CERT=/nothing.pem"}, exit: 2, says: []string{"tls", "key"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), program, "serve", "--listen", "127.0.0.1:0", "--agents", "../agents", "--data", t.TempDir())
			cmd.Env = append(os.Environ(), "FRONTDESK_STT_PROVIDER=none", "FRONTDESK_TTS_PROVIDER=none")
			args(c.args...)(cmd)
			env(c.env...)(cmd)
			var out bytes.Buffer
			cmd.Stderr = &out
			_ = cmd.Run()
			if got := cmd.ProcessState.ExitCode(); got != c.exit {
				t.Errorf("exit status %d, want %d", got, c.exit)
			}
			for _, w := range c.says {
				if !strings.Contains(out.String(), w) {
					t.Errorf("it does not say %q", w)
				}
			}
			if strings.Contains(out.String(), "goroutine") {
				t.Error("it panics")
			}
			if strings.Contains(out.String(), "hush") {
				t.Error("it tells a password")
			}
			if t.Failed() {
				t.Logf("it says:\n%s", &out)
			}
		})
	}
}

// metric is the value of a series at /metrics, -1 where there is none.
func (s *server) metric(t *testing.T, series string) float64 {
	t.Helper()
	body, _ := s.get(t, "/metrics")
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(body)
	if m == nil {
		return -1
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMetricsCountWhatHappened(t *testing.T) {
	t.Parallel() // it waits for speech
	s := start(t)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready"} {
		body, status := s.get(t, path)
		var got struct{ Status string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK || got.Status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	typed := s.typing(t, s.token(t))
	typed.begin(t, true)
	typed.answers(t, "Where is my order 47329?", "47329")
	typed.expect(t, "frontdesk.turn")
	typed.answers(t, "What time do you open on Saturday?", "Saturday")
	typed.expect(t, "frontdesk.turn")

	spoken := s.call(t, s.token(t), false)
	spoken.begin(t, true)
	spoken.speak(t, opus(t, pcm(t, "What time do you open on Saturday?", 24000)))
	spoken.expect(t, "frontdesk.turn")

	checkMetrics(t, s, map[string]float64{
		`frontdesk_calls_active{transport="websocket"}`:                    1,
		`frontdesk_calls_active{transport="webrtc"}`:                       1,
		`frontdesk_turns_total{status="completed"}`:                        3,
		`frontdesk_tool_calls_total{outcome="ok",tool="order_status"}`:     1,
		`frontdesk_tool_calls_total{outcome="ok",tool="search_knowledge"}`: 2,
		`frontdesk_turn_stage_seconds_count{stage="endpoint"}`:             1,
		`frontdesk_turn_stage_seconds_count{stage="transcript"}`:           1,
		`frontdesk_turn_stage_seconds_count{stage="first_token"}`:          1,
		`frontdesk_turn_stage_seconds_count{stage="first_clause"}`:         1,
		`frontdesk_turn_stage_seconds_count{stage="first_audio"}`:          1,
		`frontdesk_calls_total{result="hung_up",transport="websocket"}`:    -1,
	})
	for _, c := range []*client{typed, spoken.client} {
		s.hangup(t, c)
		if e := c.expect(t, "frontdesk.ended"); e.text("result") != "hung_up" {
			t.Errorf("ended as %v", e)
		}
	}
	checkMetrics(t, s, map[string]float64{
		`frontdesk_calls_active{transport="websocket"}`:                 0,
		`frontdesk_calls_active{transport="webrtc"}`:                    0,
		`frontdesk_calls_total{result="hung_up",transport="websocket"}`: 1,
		`frontdesk_calls_total{result="hung_up",transport="webrtc"}`:    1,
		`frontdesk_call_duration_seconds_count`:                         2,
	})
}

func checkMetrics(t *testing.T, s *server, want map[string]float64) {
	t.Helper()
	for series, v := range want {
		if got := s.metric(t, series); got != v {
			t.Errorf("%s is %v, want %v", series, got, v)
		}
	}
}
