package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"frontdesk/internal/fakeai"
	"frontdesk/internal/require"
)

// silent makes a server without ears and voice, for calls in text.
var silent = env("FRONTDESK_STT_PROVIDER=none", "FRONTDESK_TTS_PROVIDER=none", "FRONTDESK_VAD_PROVIDER=builtin")

func TestForeignMCPServerServesAToolInACall(t *testing.T) {
	t.Parallel()
	server, err := filepath.Abs("node_modules/.bin/mcp-server-everything")
	require.NoError(t, err)
	ai := fakeai.New(fakeai.Options{Rules: []fakeai.Rule{
		{Match: regexp.MustCompile(`add (\d+) and (\d+)`), Call: "sums_get_sum", Args: `{"a":$1,"b":$2}`},
	}})
	defer ai.Close()
	s := start(t, silent, env("FRONTDESK_LLM_URL="+ai.URL, "FRONTDESK_LLM_MODEL=fake"), args("--agents", folder(t, map[string]string{
		"clerk/agent.yaml": "name: clerk\ntools:\n  mcp:\n    - {name: sums, command: [" + server + "], allow: [get-sum], effect: read}\n",
	})))
	s.awaitLog(t, `"msg":"an MCP server answers"`)
	ask := func() string {
		out, err := exec.CommandContext(t.Context(), program, "call", "--url", s.url, "--text", "Please add 2 and 40.").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if got := ask(); !strings.Contains(got, "The sum of 2 and 40 is 42.") {
		t.Errorf("the caller saw %s", got)
	}
	children, err := exec.CommandContext(t.Context(), "pgrep", "-P", strconv.Itoa(s.cmd.Process.Pid), "-f", server).Output()
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(children)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(child, syscall.SIGKILL))
	s.awaitLog(t, `"msg":"an MCP server is away`)
	s.awaitLog(t, `"msg":"an MCP server answers again`)
	if got := ask(); !strings.Contains(got, "The sum of 2 and 40 is 42.") {
		t.Errorf("after the MCP server was killed the caller saw %s", got)
	}
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	s.awaitExit(t)
	if out, err := exec.Command("pgrep", "-f", server).Output(); err == nil {
		t.Errorf("the MCP server outlives Frontdesk: %s", out)
	}
}

func TestForeignMCPClientUsesTheDesk(t *testing.T) {
	t.Parallel()
	s := start(t, silent, env("FRONTDESK_KEYS=sk-desk", "FRONTDESK_MCP=true"))
	type answer struct {
		Tools                                 []string
		Item, Found, Opened, Repeated, Status string
		IsError                               bool `json:"is_error"`
	}
	check := func(t *testing.T, got answer) {
		t.Helper()
		if want := []string{"create_ticket", "order_status", "search_knowledge", "ticket_status", "update_ticket"}; !slices.Equal(got.Tools, want) {
			t.Errorf("tools %v, want %v", got.Tools, want)
		}
		if !strings.Contains(got.Item, "lamp") || !strings.Contains(got.Found, "9 am") {
			t.Errorf("the look-up found %q, the knowledge base %s", got.Item, got.Found)
		}
		if got.Opened == "" || got.Repeated != got.Opened || got.Status != "closed" || !got.IsError {
			t.Errorf("tickets: got %+v", got)
		}
	}
	var overHTTP, overStdio answer
	t.Run("HTTP", func(t *testing.T) {
		node(t, &overHTTP, "", "mcp.mjs", s.url+"/mcp/demo", "sk-desk")
		check(t, overHTTP)
		s.awaitLog(t, `"msg":"an MCP client called a tool","agent":"demo","tool":"update_ticket","failed":false,"took":[^,]+,"ticket":"`+overHTTP.Opened+`"`)
	})
	t.Run("stdio beside the running server", func(t *testing.T) {
		node(t, &overStdio, "", "mcp.mjs", program, "mcp", "--agents", "../agents", "--data", s.data)
		check(t, overStdio)
		if overStdio.Opened != overHTTP.Opened {
			t.Errorf("the same call opened %s over HTTP and %s over stdio", overHTTP.Opened, overStdio.Opened)
		}
	})
	for key, want := range map[string]int{"": http.StatusUnauthorized, "Bearer wrong": http.StatusUnauthorized, "Bearer sk-desk": http.StatusNotFound} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/mcp/nobody", strings.NewReader("{}"))
		require.NoError(t, err)
		req.Header.Set("Authorization", key)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("key %q: status %d, want %d", key, resp.StatusCode, want)
		}
	}
}
