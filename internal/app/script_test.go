package app

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
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
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"serves":   serves,
			"occupy":   occupy,
			"onelined": onelined,
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

// onelined checks that the last command wrote exactly one line to standard error.
func onelined(ts *testscript.TestScript, _ bool, _ []string) {
	if text := ts.ReadFile("stderr"); strings.Count(text, "\n") != 1 {
		ts.Fatalf("want one line on standard error, got\n%s", text)
	}
}
