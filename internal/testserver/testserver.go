// Package testserver runs other programs as servers for tests: real databases on free loopback
// ports. A server dies with the process of the test. The package imports nothing of
// Frontdesk; a caller passes the command in and gets addresses and the server's log out.
package testserver

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// Process is a running server.
type Process struct {
	cmd    *exec.Cmd
	out    bytes.Buffer  // complete once the process has exited
	exited chan struct{} // closed when the process has exited
}

// Start starts cmd so that the kernel kills it when this process ends. cmd's SysProcAttr may
// be set; its output is kept for Log.
func Start(cmd *exec.Cmd) (*Process, error) {
	dieWithParent(cmd)
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal is sent when this thread ends, not the process
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed, or its log says why it ended
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Kill kills the process, as a crash would, and waits for its end. It does nothing for nil.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// HasExited reports whether the process has ended.
func (p *Process) HasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the end of what the process has written, once it has exited.
func (p *Process) Log() string {
	if p == nil || !p.HasExited() {
		return ""
	}
	text := p.out.String()
	if n := len(text) - 4000; n > 0 {
		return text[n:]
	}
	return strings.TrimSpace(text)
}

// Ports of servers are below those that systems give to other listeners and to connections,
// so that nobody gets the port of a server that is about to start, or to start again.
const firstPort, lastPort = 10000, 20000

var nextPort atomic.Int64 // a random start, so that processes seldom meet

func init() { nextPort.Store(rand.Int64N(lastPort - firstPort)) }

// FreeAddr returns a loopback address with a free port, another one with each call.
func FreeAddr(t testing.TB) string {
	t.Helper()
	for range lastPort - firstPort {
		port := firstPort + nextPort.Add(1)%(lastPort-firstPort)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.FormatInt(port, 10))); err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}
