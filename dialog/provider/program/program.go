// Package program speaks with a speech program of the system, such as flite: one
// process per clause, which writes a WAV file to its standard output. It bounds the
// processes, kills those nobody waits for, evens out loudness, and remembers clauses
// that are said again and again. Sound leaves as mono PCM at media.MouthRate.
package program

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

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	clauseTime = 5 * time.Second // for a clause, the wait for a free slot included
	killTime   = 2 * time.Second // for a killed process to let go of its pipes
	maxClip    = 120 * 48000     // samples of a clause
	maxError   = 4 << 10         // bytes kept of what a program complains of
)

// Program is an installed speech program. It is safe for concurrent use.
type Program struct {
	name  string
	path  string
	limit time.Duration // clauseTime
	slots chan struct{} // one for each process that may run

	converters sync.Pool // of *converter: their filters take longer to make than to use
}

// converter brings sound of one rate to media.MouthRate.
type converter struct {
	*media.Resampler
	from int
}

// Find looks a program up by name; a Debian package brings it.
func Find(name, debianPackage string) (*Program, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid,
			"the voice needs the program %s: install the package %s (apt install %s)", name, debianPackage, debianPackage)
	}
	return &Program{
		name:  name,
		path:  path,
		limit: clauseTime,
		slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
	}, nil
}

// Run runs the program with args and input and returns what it writes, up to limit
// bytes. It waits for its turn while as many processes run as may. When ctx ends the
// process is killed; Run returns when it is gone.
func (p *Program) Run(ctx context.Context, limit int, input string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, p.failed(ctx, ctx.Err(), "")
	}
	out, complaint := &bounded{limit: limit}, &bounded{limit: maxError, forgiving: true}
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), out, complaint
	cmd.WaitDelay = killTime
	if err := cmd.Run(); err != nil {
		return nil, p.failed(ctx, err, complaint.buf.String())
	}
	return out.buf.Bytes(), nil
}

func (p *Program) failed(ctx context.Context, err error, complaint string) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "%s took too long to speak", p.name).Retryable(0)
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	}
	if complaint != "" {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint))
	}
	return fault.Wrap(err, fault.Provider, "%s cannot speak", p.name).Retryable(0)
}

// Speak returns the sound of one clause, ready to be played: what the program says
// with args and input. The slice belongs to the caller.
func (p *Program) Speak(ctx context.Context, input string, args ...string) ([]int16, error) {
	wav, err := p.Run(ctx, 2*maxClip, input, args...)
	if err != nil {
		return nil, err
	}
	pcm, rate, err := media.ReadWAV(bytes.NewReader(wav), maxClip)
	if err != nil {
		return nil, fault.Wrap(err, fault.Provider, "%s made no sound that can be read", p.name)
	}
	return p.convert(level(trim(pcm, rate)), rate), nil
}

func (p *Program) convert(pcm []int16, rate int) []int16 {
	c, ok := p.converters.Get().(*converter)
	if !ok || c.from != rate {
		c = &converter{media.NewResampler(rate, media.MouthRate), rate}
	}
	defer p.converters.Put(c)
	out := make([]int16, 0, len(pcm)*media.MouthRate/rate+media.MouthFrame)
	return c.Flush(c.Process(out, pcm))
}

var errTooMuch = errors.New("more output than expected")

// bounded keeps the first bytes written to it. What exceeds limit is an error, or
// lost when it is forgiving. It hides the buffer's ReadFrom, which knows no limit.
type bounded struct {
	buf       bytes.Buffer
	limit     int
	forgiving bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.buf.Len()
	if len(p) <= room {
		return b.buf.Write(p)
	}
	if !b.forgiving {
		return 0, errTooMuch
	}
	b.buf.Write(p[:max(room, 0)])
	return len(p), nil
}
