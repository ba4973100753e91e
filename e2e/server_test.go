// Package e2e proves the real program with real peers: the built binary, Chromium,
// the terminal caller and OpenAI's own clients, over loopback.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "frontdesk-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "frontdesk")
		if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// server is a running frontdesk.
type server struct {
	url  string
	data string
	cmd  *exec.Cmd
	logs *logs
	gone chan struct{} // closed when the process has ended
}

// start runs "frontdesk serve" with a data folder and a port of its own and waits
// until it is ready. The test's end stops it.
func start(t *testing.T, o ...func(*exec.Cmd)) *server {
	t.Helper()
	s := &server{data: t.TempDir()}
	s.run(t, "127.0.0.1:0", o...)
	return s
}

// run starts the process on addr with s's data folder.
func (s *server) run(t *testing.T, addr string, o ...func(*exec.Cmd)) {
	t.Helper()
	s.cmd = exec.Command(program, "serve", "--listen", addr, "--agents", "../agents", "--data", s.data)
	s.cmd.Env = append(os.Environ(), "FRONTDESK_LOG_LEVEL=debug", "FRONTDESK_LIMITS_DRAIN=1s")
	for _, f := range o {
		f(s.cmd)
	}
	s.logs = &logs{}
	s.gone = make(chan struct{})
	out, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		defer close(s.gone)
		s.logs.follow(out, ready)
		_ = s.cmd.Wait()
	}()
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.logs)
		}
	})
	select {
	case s.url = <-ready:
	case <-s.gone:
		t.Fatalf("the server ended at once:\n%s", s.logs)
	case <-time.After(time.Minute):
		t.Fatalf("the server is not ready after a minute:\n%s", s.logs)
	}
}

// stop ends the process as an operator does, and kills it when that does not help.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.gone:
		return
	case <-time.After(5 * time.Second):
	}
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// kill ends the process without a warning.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// get fetches a path and returns its body and status.
func (s *server) get(t *testing.T, path string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), resp.StatusCode
}

// logs keeps a process's log.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// follow reads r to its end and sends the URL of the line that says "ready".
func (l *logs) follow(r io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l.mu.Lock()
		fmt.Fprintln(&l.buf, lines.Text())
		l.mu.Unlock()
		var line struct{ Msg, URL string }
		if strings.Contains(lines.Text(), `"ready"`) && json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			ready <- line.URL
		}
	}
}

// env adds variables to the server's environment.
func env(variables ...string) func(*exec.Cmd) {
	return func(c *exec.Cmd) { c.Env = append(c.Env, variables...) }
}
