// Package e2e tests the built program with real peers over loopback: Chromium, the
// terminal caller, OpenAI's own clients, SIPp, baresip and Valkey. It holds only tests
// and imports Frontdesk's packages for fixtures, never to replace a part of the server.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"frontdesk/internal/require"
)

var (
	program    string // path of the built binary
	modelCache string // folder of the recognizer's adapted language models, which all servers share
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "frontdesk-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program, modelCache = filepath.Join(dir, "frontdesk"), filepath.Join(dir, "cache")
		if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// smallSpeech makes a server hear with pocketsphinx and speak with flite, because most tests
// are about other things, and many servers with neural networks would be slow on one machine.
var smallSpeech = env("FRONTDESK_STT_PROVIDER=pocketsphinx", "FRONTDESK_TTS_PROVIDER=flite", "FRONTDESK_VAD_PROVIDER=builtin")

// neuralSpeech makes a server hear and speak with the neural parts.
var neuralSpeech = env("FRONTDESK_STT_PROVIDER=moonshine", "FRONTDESK_TTS_PROVIDER=piper", "FRONTDESK_VAD_PROVIDER=auto")

// server is a running frontdesk.
type server struct {
	url    string
	data   string
	cmd    *exec.Cmd
	logs   *logs
	exited chan struct{} // closed when the process has exited
}

// start runs "frontdesk serve" with its own data folder and port and waits until it is
// ready. The end of the test stops it.
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
	s.cmd.Env = append(os.Environ(), "FRONTDESK_LOG_LEVEL=debug", "FRONTDESK_LIMITS_DRAIN=1s", "FRONTDESK_EMBEDDING_PROVIDER=none")
	smallSpeech(s.cmd)
	for _, f := range o {
		f(s.cmd)
	}
	if !slices.Contains(s.cmd.Env, "FRONTDESK_STT_PROVIDER=none") {
		shareModelCache(t, s.data)
	}
	s.logs = &logs{changed: make(chan struct{})}
	s.exited = make(chan struct{})
	out, err := s.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	ready := make(chan string, 1)
	go func() {
		defer close(s.exited)
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
	case <-s.exited:
		t.Fatalf("the server exited at once:\n%s", s.logs)
	case <-time.After(time.Minute):
		t.Fatalf("the server is not ready after a minute:\n%s", s.logs)
	}
}

// prepareModel has a server adapt the recognizer's language model to the demo agent, which
// takes seconds of CPU time: the servers of all tests find it in modelCache.
var prepareModel = sync.OnceValue(func() error {
	data, err := os.MkdirTemp("", "frontdesk-e2e-model-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	if err := errors.Join(os.MkdirAll(modelCache, 0o700), os.Symlink(modelCache, filepath.Join(data, "cache"))); err != nil {
		return err
	}
	cmd := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "--agents", "../agents", "--data", data)
	cmd.Env = os.Environ()
	smallSpeech(cmd)
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), `"ready"`) {
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	return nil
})

// shareModelCache makes modelCache the cache of the data folder.
func shareModelCache(t *testing.T, data string) {
	t.Helper()
	require.NoError(t, prepareModel())
	if err := os.Symlink(modelCache, filepath.Join(data, "cache")); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
}

// operate runs another command of the program with the server's settings.
func (s *server) operate(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, program, append(arguments, "--data", s.data)...)
	c.Env = s.cmd.Env
	out, err := c.CombinedOutput()
	return string(out), err
}

// stop ends the process as an operator does, and kills it when it does not exit within 5 s.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		return
	case <-time.After(5 * time.Second):
	}
	s.kill()
}

// kill ends the process without a warning.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// beginDrain tells the server to stop and waits until it refuses new calls.
func (s *server) beginDrain(t *testing.T) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	eventually(t, "/readyz answers 503", func() bool {
		_, status := s.get(t, "/readyz")
		return status == http.StatusServiceUnavailable
	})
}

// awaitExit waits for the process and checks its exit status.
func (s *server) awaitExit(t *testing.T) {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatal("the server does not exit")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

// get fetches a path and returns its body and status.
func (s *server) get(t *testing.T, path string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(b), resp.StatusCode
}

// awaitLog waits until a line of the server's log matches a regular expression.
func (s *server) awaitLog(t *testing.T, pattern string) {
	t.Helper()
	want := regexp.MustCompile(pattern)
	late := time.After(patience)
	for {
		text, changed := s.logs.read()
		if want.MatchString(text) {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("the log has no line that matches %s", pattern)
		}
	}
}

// eventually waits until ok reports true. It asks again and again, for states of another
// process that announce themselves in no other way.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("still not true after %v: %s", patience, what)
		}
	}
}

// logs holds a process's log.
type logs struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed by the next line
}

func (l *logs) String() string {
	text, _ := l.read()
	return text
}

// read returns the log so far, and a channel that is closed when there is more.
func (l *logs) read() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String(), l.changed
}

func (l *logs) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.WriteString(line + "\n")
	close(l.changed)
	l.changed = make(chan struct{})
}

// follow reads r to its end and sends the URL of the line that says "ready".
func (l *logs) follow(r io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l.add(lines.Text())
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
