package app

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"frontdesk/internal/models"
	"frontdesk/internal/require"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"frontdesk": func() { os.Exit(Run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) },
	})
}

// TestCommandLine runs the scripts in testdata/script with the real program.
func TestCommandLine(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("FRONTDESK_STT_PROVIDER", "none")
			e.Setenv("FRONTDESK_TTS_PROVIDER", "none")
			e.Setenv("FRONTDESK_SPEECH_MODELS", filepath.Join(e.WorkDir, "models"))
			e.Setenv("INSTALLED", installedModels(t))
			e.Setenv("BIN", filepath.SplitList(e.Getenv("PATH"))[0]) // holds only the program
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"serves":   serves,
			"occupy":   occupy,
			"onelined": onelined,
			"proxy":    proxy,
		},
		Condition: func(name string) (bool, error) {
			if name != "models" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			_, err := os.Stat(filepath.Join(installedModels(t), "silero-vad", "silero_vad.onnx"))
			return err == nil, nil
		},
	})
}

// exits STATUS COMMAND... runs a command and checks its exit status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	status := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if status != want {
		ts.Fatalf("exit status %d, want %d", status, want)
	}
	if strings.Contains(ts.ReadFile("stderr"), "goroutine") {
		ts.Fatalf("the program panics")
	}
}

// serves FLAGS... runs frontdesk until it is ready, interrupts it and writes its standard
// error to the file log.
func serves(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath("frontdesk")
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "FRONTDESK_STT_PROVIDER", "FRONTDESK_TTS_PROVIDER"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	timeout := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer timeout.Stop()
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), `"msg":"ready"`) {
			_ = cmd.Process.Signal(os.Interrupt)
		}
	}
	err = cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("log"), []byte(log.String()), 0o600))
	if err != nil {
		ts.Fatalf("frontdesk %v: %v\n%s", args, err, &log)
	}
}

// occupy VARIABLE listens on a free TCP port until the script's end and stores its address.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// installedModels returns the folder of the networks that are installed on this machine.
func installedModels(t *testing.T) string {
	t.Helper()
	dir, err := models.Dir()
	require.NoError(t, err)
	return dir
}

// proxy VARIABLE FILE starts an HTTP proxy that finds nothing, stores its URL in the variable
// and adds a line for each request to the file.
func proxy(ts *testscript.TestScript, _ bool, args []string) {
	var mu sync.Mutex
	log := ts.MkAbs(args[1])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, r.Method, r.URL)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

// onelined checks that the last command wrote exactly one line to standard error.
func onelined(ts *testscript.TestScript, _ bool, _ []string) {
	if text := ts.ReadFile("stderr"); strings.Count(text, "\n") != 1 {
		ts.Fatalf("want one line on standard error, got\n%s", text)
	}
}
