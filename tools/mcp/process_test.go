//go:build unix

package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/internal/require"
	"frontdesk/tools"
)

// runTestServer is the process that the tests start.
func runTestServer(kind string) {
	fmt.Fprintln(os.Stderr, "starting as", kind)
	server := newTestServer()
	addText(server, "pid", func(context.Context, string) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: strconv.Itoa(os.Getpid())}}}, nil
	})
	addText(server, "environ", func(context.Context, string) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: strings.Join(os.Environ(), "\n")}}}, nil
	})
	addText(server, "garbage", func(context.Context, string) (*sdk.CallToolResult, error) {
		fmt.Println(`{"jsonrpc":"2.0","id":`)
		return &sdk.CallToolResult{}, nil
	})
	addText(server, "large", func(_ context.Context, size string) (*sdk.CallToolResult, error) {
		n, _ := strconv.Atoi(size)
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: strings.Repeat("x", n)}}}, nil
	})
	switch kind {
	case "crashes":
		fmt.Fprintln(os.Stderr, "no database")
		os.Exit(3)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		defer func() { select {} }()
	}
	_ = server.Run(context.Background(), &sdk.StdioTransport{})
}

func thisProgram(kind string) Config {
	return Config{Command: []string{os.Args[0]}, Env: map[string]string{"MCP_TEST_SERVER": kind, "CRM_TOKEN": "s3cret"}}
}

// textOf returns the text of a result.
func textOf(t *testing.T, r tools.Result) string {
	t.Helper()
	var out struct{ Text string }
	if r.Failed || json.Unmarshal(r.Output, &out) != nil {
		t.Fatalf("got %s", r.Output)
	}
	return out.Text
}

// pid returns the process id of a test server.
func pid(t *testing.T, r *tools.Registry) int {
	t.Helper()
	id, err := strconv.Atoi(textOf(t, call(t, r, "crm_pid", text{})))
	require.NoError(t, err)
	return id
}

// awaitGone waits until a process does not exist, not even as a zombie.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for late := time.Now().Add(patience); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("process %d still exists", pid)
		}
	}
}

func TestProcessGetsOnlyItsEnvironment(t *testing.T) {
	t.Setenv("FRONTDESK_SECRET", "hush")
	_, r, _ := connect(t, thisProgram("normal"))
	var names []string
	for _, line := range strings.Split(textOf(t, call(t, r, "crm_environ", text{})), "\n") {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	for _, name := range names {
		switch name {
		case "PATH", "HOME", "LANG", "MCP_TEST_SERVER", "CRM_TOKEN", "PWD":
		default:
			t.Errorf("the process got %s", name)
		}
	}
}

func TestKilledProcessIsStartedAgain(t *testing.T) {
	t.Parallel()
	_, r, logs := connect(t, thisProgram("normal"))
	first := pid(t, r)
	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	awaitGone(t, first)
	awaitTools(t, r)
	awaitTools(t, r, "crm_echo", "crm_environ", "crm_garbage", "crm_large", "crm_pid")
	if second := pid(t, r); second == first {
		t.Error("the process id has not changed")
	}
	if away, back := count(logs, "is away"), count(logs, "answers again"); away != 1 || back != 1 {
		t.Errorf("the log says %d times that it is away and %d times that it is back", away, back)
	}
}

func TestHalfAMessageIsSkipped(t *testing.T) {
	t.Parallel()
	c := thisProgram("normal")
	c.Timeout = 3 * time.Second
	_, r, logs := connect(t, c)
	if got := call(t, r, "crm_garbage", text{}); got.Failed || string(got.Output) != `{"text":""}` {
		t.Errorf("the message after half a message: got %s", got.Output)
	}
	if n := count(logs, "not a message"); n != 1 {
		t.Errorf("%d lines, want one", n)
	}
}

func TestOneMessageOfASizeLimit(t *testing.T) {
	for size, wantFailed := range map[int]bool{2 << 20: false, maxMessage + 1: true} {
		c := thisProgram("normal")
		_, r, _ := connect(t, c)
		got := call(t, r, "crm_large", text{strconv.Itoa(size)})
		if got.Failed != wantFailed || !wantFailed && !strings.Contains(string(got.Output), `"truncated":true`) {
			t.Errorf("%d bytes: got %.200s", size, got.Output)
		}
		awaitTools(t, r, "crm_echo", "crm_environ", "crm_garbage", "crm_large", "crm_pid")
	}
}

func TestProcessEndsWithItsServer(t *testing.T) {
	t.Parallel()
	for kind, limit := range map[string]time.Duration{"normal": 2 * time.Second, "stubborn": 8 * time.Second} {
		t.Run(kind, func(t *testing.T) {
			s, r, _ := connect(t, thisProgram(kind))
			id := pid(t, r)
			began := time.Now()
			require.NoError(t, s.Close())
			if d := time.Since(began); d > limit {
				t.Errorf("it took %v", d)
			}
			if syscall.Kill(id, 0) == nil {
				t.Error("the process still exists")
			}
		})
	}
}

func TestProcessThatCannotStartIsReportedOnce(t *testing.T) {
	t.Parallel()
	_, r, logs := connect(t, thisProgram("crashes"))
	time.Sleep(3 * time.Second) // further attempts
	lines := logs.FilterMessageSnippet("is away").All()
	if len(r.Specs()) != 0 || len(lines) != 1 {
		t.Fatalf("tools %v, %d lines", r.Specs(), len(lines))
	}
	if got := lines[0].ContextMap()["stderr"]; got != "no database" {
		t.Errorf("the line quotes %v of the standard error", got)
	}
	c := thisProgram("normal")
	c.Command[0] = "no-such-program"
	if _, r, logs := connect(t, c); len(r.Specs()) != 0 || count(logs, "is away") != 1 {
		t.Error("a program that does not exist is not reported")
	}
}

func TestEndlessStandardErrorIsBounded(t *testing.T) {
	t.Parallel()
	c := Config{Command: []string{"sh", "-c", "while :; do echo 0123456789 >&2; done"}}
	core, logs := observer.New(zapcore.DebugLevel)
	c.Name, c.Log = "crm", zap.New(core)
	s := Connect(c)
	time.Sleep(time.Second)
	require.NoError(t, s.Close())
	if n := count(logs, "standard error"); n == 0 || n > stderrPerMin+5 {
		t.Errorf("%d lines", n)
	}
}
