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

// plan is what a crew of callers is to do.
type plan struct {
	URL       string
	Phone     string // codec of telephones, which call at SIP; "" for pages, which call at URL
	SIP       string // address
	Callers   int
	Ramp      time.Duration // over which the calls begin
	Speech    time.Duration // of each of the callers' utterances
	Interrupt bool          // every reply is spoken over, a second into it
}

// findings is what the callers of a crew measured.
type findings struct {
	Replies []time.Duration // end of the caller's speech → first audible packet of the reply
	Ducked  []time.Duration // onset of an interruption → the agent's voice is at least 12 dB lower
	Silent  []time.Duration // onset of an interruption → the agent is silent
	Late    []time.Duration // of received packets against the clock of their talkspurt
	Missing []string        // what went wrong, a line for each call
}

// crew is a process of callers.
type crew struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

const (
	standing = "standing"
	hireTime = 60 * time.Second
)

// hire starts a crew and returns when all its callers are connected. dismiss must be
// called; ctx ends it without a result.
func hire(ctx context.Context, p plan) (*crew, error) {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), crewVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &crew{cmd: cmd, stdin: stdin, lines: bufio.NewReader(stdout)}
	err := json.NewEncoder(stdin).Encode(p)
	if err == nil {
		var line string
		line, err = c.lines.ReadString('\n')
		if err == nil && line != standing+"\n" {
			err = fmt.Errorf("they say %q", line)
		}
	}
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return c, nil
}

// dismiss ends the calls and tells what was found in them.
func (c *crew) dismiss() (findings, error) {
	var f findings
	err := c.stdin.Close()
	if err == nil {
		err = json.NewDecoder(c.lines).Decode(&f)
	}
	return f, errors.Join(err, c.cmd.Wait())
}

// runCrew is the crew's process: it reads a plan, connects all callers, says so, and
// when in ends it hangs up and writes the findings.
func runCrew(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(in)
	var p plan
	if err := decoder.Decode(&p); err != nil {
		return err
	}
	script, err := newScript(p.Speech, p.Phone)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), hireTime)
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
	fmt.Fprintln(out, standing)
	_, _ = io.Copy(io.Discard, in) // until the bench has seen enough
	var all findings
	for i, c := range callers {
		c.hangUp()
		all.add(c.findings(i))
	}
	return json.NewEncoder(out).Encode(all)
}

// connectAll connects the callers one after the other within the plan's ramp. They
// begin to speak as soon as they can.
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

func (f *findings) add(g findings) {
	f.Replies = append(f.Replies, g.Replies...)
	f.Ducked = append(f.Ducked, g.Ducked...)
	f.Silent = append(f.Silent, g.Silent...)
	f.Late = append(f.Late, g.Late...)
	f.Missing = append(f.Missing, g.Missing...)
}
