package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"frontdesk/dialog/provider/loudness"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	clauseTimeout = 5 * time.Second // for one clause, including the wait for a free slot
	killDelay     = 2 * time.Second // how long a killed process may hold its pipes open
	maxClauseLen  = 120 * 48000     // samples
	maxListLen    = 64 << 10        // bytes of a list of voices
	maxErrorLen   = 4 << 10         // bytes kept of standard error
)

// Program is an installed speech program. It is safe for concurrent use.
type Program struct {
	name    string
	path    string
	timeout time.Duration // clauseTimeout, except in tests
	slots   chan struct{} // one element for each running process

	converters sync.Pool // of *converter, because building a resampler costs more than running it
}

// converter resamples audio from one rate to media.MouthRate.
type converter struct {
	*media.Resampler
	from int
}

// Find looks the program up in PATH. The error names the Debian package to install.
func Find(name, debianPackage string) (*Program, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid,
			"the voice needs the program %s: install the package %s (apt install %s)", name, debianPackage, debianPackage)
	}
	return &Program{
		name:    name,
		path:    path,
		timeout: clauseTimeout,
		slots:   make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
	}, nil
}

// List returns what the program prints when it is asked for its voices by args.
func (p *Program) List(args ...string) (string, error) {
	out, err := p.run(context.Background(), maxListLen, "", args)
	return string(out), err
}

// run runs the program and returns up to limit bytes of its standard output. It waits
// while too many processes run. When ctx ends, it kills the process and returns after
// the process is gone.
func (p *Program) run(ctx context.Context, limit int, stdin string, args []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, p.runError(ctx, ctx.Err(), "")
	}
	stdout, stderr := &boundedBuffer{limit: limit}, &boundedBuffer{limit: maxErrorLen, truncate: true}
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), stdout, stderr
	cmd.WaitDelay = killDelay
	if err := cmd.Run(); err != nil {
		return nil, p.runError(ctx, err, stderr.buf.String())
	}
	return stdout.buf.Bytes(), nil
}

func (p *Program) runError(ctx context.Context, err error, stderr string) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "%s took too long to speak", p.name).Retryable(0)
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	}
	if stderr != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr))
	}
	return fault.Wrap(err, fault.Provider, "%s cannot speak", p.name).Retryable(0)
}

// speak runs the program for one clause and returns its audio, trimmed and levelled. The
// caller owns the slice.
func (p *Program) speak(ctx context.Context, stdin string, args []string) ([]int16, error) {
	wav, err := p.run(ctx, 2*maxClauseLen, stdin, args)
	if err != nil {
		return nil, err
	}
	pcm, rate, err := media.ReadWAV(bytes.NewReader(wav), maxClauseLen)
	if err != nil {
		return nil, fault.Wrap(err, fault.Provider, "%s wrote no readable WAV audio", p.name)
	}
	return p.resample(loudness.Level(loudness.Trim(pcm, rate)), rate), nil
}

func (p *Program) resample(pcm []int16, rate int) []int16 {
	c, ok := p.converters.Get().(*converter)
	if !ok || c.from != rate {
		c = &converter{media.NewResampler(rate, media.MouthRate), rate}
	}
	defer p.converters.Put(c)
	out := make([]int16, 0, len(pcm)*media.MouthRate/rate+media.MouthFrame)
	return c.Flush(c.Process(out, pcm))
}

var errTooMuchOutput = errors.New("the program wrote more output than expected")

// boundedBuffer stores at most limit bytes. Writing more is an error, unless truncate is
// set. It hides bytes.Buffer's ReadFrom, which has no limit.
type boundedBuffer struct {
	buf      bytes.Buffer
	limit    int
	truncate bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	free := b.limit - b.buf.Len()
	if len(p) <= free {
		return b.buf.Write(p)
	}
	if !b.truncate {
		return 0, errTooMuchOutput
	}
	b.buf.Write(p[:max(free, 0)])
	return len(p), nil
}
