package mcp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

const (
	stopGrace    = 2 * time.Second        // for a process to exit after its input ended, and again after SIGTERM
	drainGrace   = 200 * time.Millisecond // for what an exited process has written to be read
	maxStderr    = 500                    // bytes of a line of standard error that are logged
	stderrPerMin = 60                     // lines of standard error that are logged in a minute
)

// process is a server that is a child process. Its group of processes ends with it.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *os.File
	exited chan struct{} // closed when the process is gone and its output is closed
	once   sync.Once
}

// startProcess starts the command. Each line of its standard error goes to onStderr.
func startProcess(c Config, onStderr func(line string)) (*process, error) {
	program := c.Command[0]
	if filepath.Base(program) != program && !filepath.IsAbs(program) {
		program = filepath.Join(c.Dir, program)
	}
	program, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Command[0], err)
	}
	if program, err = filepath.Abs(program); err != nil { // the command runs in another folder
		return nil, fmt.Errorf("start %s: %w", c.Command[0], err)
	}
	cmd := exec.Command(program, c.Command[1:]...)
	cmd.Dir, cmd.Env = c.Dir, environment(c.Env)
	cmd.WaitDelay = stopGrace // children of the process may hold its standard error open
	setGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Command[0], err)
	}
	stdout, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Command[0], err)
	}
	stderr, lines := io.Pipe()
	cmd.Stdout, cmd.Stderr = theirs, lines
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		_ = stdout.Close()
		return nil, fmt.Errorf("start %s: %w", c.Command[0], err)
	}
	p := &process{cmd: cmd, stdin: stdin, stdout: stdout, exited: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(func() { readLines(stderr, onStderr) })
	go func() {
		_ = cmd.Wait()
		_ = lines.Close()
		killGroup(cmd)
		// The last messages can still be read, but not for long: a process that left the
		// group may hold the pipe open.
		_ = stdout.SetReadDeadline(time.Now().Add(drainGrace))
		reading.Wait()
		close(p.exited)
	}()
	return p, nil
}

// environment returns the variables of a process: those of ours that programs need to run,
// and the configured ones.
func environment(extra map[string]string) []string {
	var out []string
	for _, name := range []string{"PATH", "HOME", "LANG", "SYSTEMROOT"} { // Windows needs the last one
		if value, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		out = append(out, name+"="+extra[name])
	}
	return out
}

// reader returns the messages on the standard output. Closing it does nothing: stop closes
// it. onOther is called once if there is anything else.
func (p *process) reader(onOther func()) io.ReadCloser {
	return io.NopCloser(&messageReader{lines: bufio.NewReaderSize(p.stdout, 64<<10), onOther: sync.OnceFunc(onOther)})
}

// messageReader reads lines and skips those that are not JSON: programs print other things,
// too, and half a message must not swallow the next one.
type messageReader struct {
	lines   *bufio.Reader
	rest    []byte // of the current line
	onOther func()
}

// Read implements io.Reader.
func (r *messageReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		line, err := r.line()
		if err != nil {
			return 0, err
		}
		if json.Valid(line) {
			r.rest = line
		} else if len(bytes.TrimSpace(line)) > 0 {
			r.onOther()
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// line returns the next line with its line break.
func (r *messageReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case len(line) > maxMessage:
			return nil, fmt.Errorf("a message is larger than %d MB", maxMessage>>20)
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// writer returns the standard input. Closing it stops the process.
func (p *process) writer() io.WriteCloser { return stoppingWriter{p} }

type stoppingWriter struct{ *process }

// Write implements io.Writer.
func (w stoppingWriter) Write(b []byte) (int, error) { return w.stdin.Write(b) }

// Close implements io.Closer.
func (w stoppingWriter) Close() error {
	w.stop()
	return nil
}

// stop ends the process and returns when it is gone: its input ends, then it is asked to
// terminate, then it is killed.
func (p *process) stop() {
	p.once.Do(func() {
		_ = p.stdin.Close()
		for _, end := range []func(){func() { terminateGroup(p.cmd) }, func() { killGroup(p.cmd) }} {
			select {
			case <-p.exited:
			case <-time.After(stopGrace):
				end()
				continue
			}
			break
		}
		<-p.exited
		_ = p.stdout.Close()
	})
}

// readLines calls onLine with each line, cut to maxStderr bytes, until r ends.
func readLines(r io.Reader, onLine func(string)) {
	b := bufio.NewReaderSize(r, maxStderr)
	for isContinued := false; ; {
		line, isPrefix, err := b.ReadLine()
		if err != nil {
			return
		}
		if !isContinued {
			onLine(string(line))
		}
		isContinued = isPrefix
	}
}

// logStderr logs a line of a process's standard error. It may hold values of callers, so it
// is for debugging only.
func (s *Server) logStderr() func(string) {
	limiter := rate.NewLimiter(rate.Every(time.Minute/stderrPerMin), stderrPerMin)
	return func(line string) {
		line = printable(line, maxStderr)
		if line == "" {
			return
		}
		if s.connection.Load() == nil {
			s.stderrMu.Lock()
			s.stderr = line
			s.stderrMu.Unlock()
		}
		if limiter.Allow() {
			s.log.Debug("standard error of an MCP server", zap.String("line", line))
		}
	}
}
