package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// args adds flags, which override earlier ones.
func args(flags ...string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Args = append(c.Args, flags...) }
}

// folder creates a folder with files, given by name and content.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func TestBrokenAgentDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	agents := folder(t, map[string]string{
		"good/agent.yaml":               "name: good\ngreeting: Good day.\n",
		"good/knowledge/hours.md":       "# Opening hours\n\nWe open at seven on Sundays.\n",
		"broken/agent.yaml":             "name: broken\ngreeting: Hello.\ngreting: Hallo.\n",
		"unfinished/agent.yaml":         "name: unfinished\ntools: [",
		"empty/knowledge/something.txt": "Nothing here.",
	})
	s := start(t, noVoice, args("--agents", agents), env("FRONTDESK_AGENT=good"))
	c := s.openText(t, s.token(t))
	c.begin(t, true)
	c.answers(t, "When do you open on Sundays?", "seven")
	for _, place := range []string{"broken/agent.yaml:3:1", "unfinished/agent.yaml:2:", "empty/agent.yaml"} {
		if !strings.Contains(s.logs.String(), place) {
			t.Errorf("the log does not mention %s", place)
		}
	}
	resp, body := s.post(t, "/v1/realtime/calls?model=broken", "application/sdp", strings.NewReader(wholeOffer), bearer(s.token(t)))
	checkFault(t, resp, body, 404, "not_found")
}

// metric returns the value of a series at /metrics, or -1 if there is no such series.
func (s *server) metric(t *testing.T, series string) float64 {
	t.Helper()
	body, _ := s.get(t, "/metrics")
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(body)
	if m == nil {
		return -1
	}
	v, err := strconv.ParseFloat(m[1], 64)
	require.NoError(t, err)
	return v
}

func TestMetricsCountCallsTurnsAndTools(t *testing.T) {
	t.Parallel() // waits for speech
	s := start(t)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready"} {
		body, status := s.get(t, path)
		var got struct{ Status string }
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK || got.Status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	typed := s.openText(t, s.token(t))
	typed.begin(t, true)
	typed.answers(t, "Where is my order 47329?", "47329")
	typed.expect(t, "frontdesk.turn")
	typed.answers(t, "What time do you open on Saturday?", "Saturday")
	typed.expect(t, "frontdesk.turn")

	spoken := s.openWebRTC(t, s.token(t), false)
	spoken.begin(t, true)
	spoken.speak(t, opus(t, pcm(t, "What time do you open on Saturday?", 24000)))
	spoken.expect(t, "frontdesk.turn")

	checkMetrics(t, s, map[string]float64{
		`frontdesk_calls_active{transport="websocket"}`:                      1,
		`frontdesk_calls_active{transport="webrtc"}`:                         1,
		`frontdesk_turns_total{status="completed"}`:                          3,
		`frontdesk_tool_calls_total{outcome="done",tool="order_status"}`:     1,
		`frontdesk_tool_calls_total{outcome="done",tool="search_knowledge"}`: 2,
		`frontdesk_turn_stage_seconds_count{stage="endpoint"}`:               1,
		`frontdesk_turn_stage_seconds_count{stage="transcript"}`:             1,
		`frontdesk_turn_stage_seconds_count{stage="first_token"}`:            1,
		`frontdesk_turn_stage_seconds_count{stage="first_clause"}`:           1,
		`frontdesk_turn_stage_seconds_count{stage="first_audio"}`:            1,
		`frontdesk_calls_total{result="hung_up",transport="websocket"}`:      -1,
	})
	for _, c := range []*client{typed, spoken.client} {
		s.hangup(t, c)
		if e := c.expect(t, "frontdesk.ended"); e.text("result") != "hung_up" {
			t.Errorf("ended with %v", e)
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
