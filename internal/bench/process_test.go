package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// plan says what a process of callers does.
type plan struct {
	URL       string
	Phone     string // codec of telephones, which call SIP; "" for WebRTC clients, which call URL
	SIP       string // address
	Callers   int
	Ramp      time.Duration // time over which the calls begin
	Speech    time.Duration // of each of the callers' utterances
	Interrupt bool          // callers interrupt every reply after a second
}

// measurements is what callers measured.
type measurements struct {
	Replies  []time.Duration // end of the caller's speech → first audible packet of the reply
	Ducked   []time.Duration // onset of an interruption → the agent's voice is at least 12 dB lower
	Silent   []time.Duration // onset of an interruption → the agent is silent
	Late     []time.Duration // lateness of received packets against the clock of their talkspurt
	Problems []string        // what went wrong, a line for each problem
}

// callerProcess is a process that runs callers.
type callerProcess struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

const (
	allConnected   = "all connected"
	connectTimeout = 60 * time.Second
)

// startCallers starts a process of callers and returns when all of them are connected.
// finish must be called; ctx ends the process without a result.
func startCallers(ctx context.Context, p plan) (*callerProcess, error) {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), callersVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &callerProcess{cmd: cmd, stdin: stdin, lines: bufio.NewReader(stdout)}
	err := json.NewEncoder(stdin).Encode(p)
	if err == nil {
		var line string
		line, err = c.lines.ReadString('\n')
		if err == nil && line != allConnected+"\n" {
			err = fmt.Errorf("the process of callers prints %q", line)
		}
	}
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return c, nil
}

// finish ends the calls and returns what the callers measured.
func (c *callerProcess) finish() (measurements, error) {
	var f measurements
	err := c.stdin.Close()
	if err == nil {
		err = json.NewDecoder(c.lines).Decode(&f)
	}
	return f, errors.Join(err, c.cmd.Wait())
}

// runCallers is the main function of a callerProcess: it reads a plan from in, connects all
// callers and says so on out. When in ends it hangs up and writes the measurements.
func runCallers(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	var p plan
	if err := decoder.Decode(&p); err != nil {
		return err
	}
	script, err := newScript(p.Speech, p.Phone)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	callers, err := connectAll(ctx, p, script)
	defer func() {
		for _, c := range callers {
			c.hangUp()
		}
	}()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, allConnected)
	_, _ = io.Copy(io.Discard, in) // until the benchmark closes it
	var all measurements
	for i, c := range callers {
		c.hangUp()
		all.add(c.measured(i))
	}
	return json.NewEncoder(out).Encode(all)
}

// connectAll connects the callers one after the other over the plan's ramp. Each begins to
// speak when it is connected.
func connectAll(ctx context.Context, p plan, s *script) ([]*caller, error) {
	callers := make([]*caller, p.Callers)
	errs := make([]error, p.Callers)
	var connecting sync.WaitGroup
	for i := range callers {
		callers[i] = newCaller(p, s)
		connecting.Go(func() { errs[i] = callers[i].connect(ctx) })
		if !pause(ctx, p.Ramp/time.Duration(p.Callers)) {
			callers = callers[:i+1]
			break
		}
	}
	connecting.Wait()
	return callers, errors.Join(errs...)
}

func (f *measurements) add(g measurements) {
	f.Replies = append(f.Replies, g.Replies...)
	f.Ducked = append(f.Ducked, g.Ducked...)
	f.Silent = append(f.Silent, g.Silent...)
	f.Late = append(f.Late, g.Late...)
	f.Problems = append(f.Problems, g.Problems...)
}
