// Package valkeytest starts real Valkey servers for tests: on free ports of loopback,
// with their files in the test's folder, gone when the test ends.
package valkeytest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

const patience = 20 * time.Second // for a server to start, stop or reach a state

// Server is a running server.
type Server struct {
	Addr string // host:port

	bus  string // port of its cluster's bus
	args []string
	cmd  *exec.Cmd
	out  *bytes.Buffer
	over chan struct{} // closed when cmd has ended
}

// Start runs a server with further settings, each as on its command line, until t ends.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	return start(t, func(port, dir string) []string {
		return append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--daemonize", "no",
			"--dbfilename", "dump.rdb", "--repl-diskless-sync-delay", "0"}, settings...)
	})
}

// Sentinel starts a Sentinel that promotes a replica of primary's half a second after
// primary has died. It calls the two of them name.
func Sentinel(t testing.TB, name string, primary *Server) *Server {
	t.Helper()
	host, watched, _ := net.SplitHostPort(primary.Addr)
	s := start(t, func(port, dir string) []string {
		file := filepath.Join(dir, "sentinel.conf") // which it rewrites
		text := fmt.Sprintf("port %[1]s\nbind 127.0.0.1\ndir %[2]s\nsentinel monitor %[3]s %[4]s %[5]s 1\n"+
			"sentinel down-after-milliseconds %[3]s 500\nsentinel failover-timeout %[3]s 2000\n", port, dir, name, host, watched)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{file, "--sentinel"}
	})
	s.Until(t, "slaves=1", "INFO", "sentinel")
	return s
}

// start runs a server with the arguments made of its port and folder.
func start(t testing.TB, args func(port, dir string) []string) *Server {
	t.Helper()
	addr := free(t)
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{Addr: addr, args: args(port, t.TempDir())}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("server at %s:\n%s", s.Addr, tail(s.out.String()))
		}
	})
	s.Restart(t)
	return s
}

// Restart starts the server again, with the files it left.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	s.out = new(bytes.Buffer)
	s.cmd = exec.Command(program(t), s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
	s.Until(t, "PONG", "PING")
}

// launch starts the process so that it dies with this one, however this one ends.
func (s *Server) launch() error {
	dieWithParent(s.cmd)
	cmd, over, started := s.cmd, make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread() // whose end would be taken for the parent's
		defer runtime.UnlockOSThread()
		started <- cmd.Start()
		<-over
	}()
	err := <-started
	if err != nil {
		close(over)
		s.cmd = nil
		return err
	}
	s.over = over
	return nil
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	close(s.over)
	s.cmd = nil
}

// Do sends a command and returns the answer as text, an error answer as an error.
func (s *Server) Do(command ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	return roundTrip(conn, command)
}

// Until repeats a command until its answer contains want.
func (s *Server) Until(t testing.TB, want string, command ...string) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		answer, err := s.Do(command...)
		if err == nil && strings.Contains(answer, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%v at %s never gave %q, at last %q, %v", command, s.Addr, want, answer, err)
		}
		time.Sleep(2 * time.Millisecond) // the server's own time, which nothing here can wait for
	}
}

// Must is Do for commands that work.
func (s *Server) Must(t testing.TB, command ...string) string {
	t.Helper()
	answer, err := s.Do(command...)
	if err != nil {
		t.Fatalf("%v at %s: %v", command, s.Addr, err)
	}
	return answer
}

// Replica starts a server that has caught up with s, which it reaches at addr: its own
// address or a relay's.
func (s *Server) Replica(t testing.TB, addr string) *Server {
	t.Helper()
	r := Start(t)
	r.Follow(t, s, addr)
	return r
}

// Follow makes s a replica of primary, which it reaches at addr, and waits until it has
// caught up.
func (s *Server) Follow(t testing.TB, primary *Server, addr string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	s.Must(t, "REPLICAOF", host, port)
	s.Until(t, "master_link_status:up", "INFO", "replication")
	primary.Until(t, "state=online", "INFO", "replication")
}

// ClusterReplica adds to a cluster a node that takes over when the primary dies.
func ClusterReplica(t testing.TB, nodes []*Server, primary *Server) *Server {
	t.Helper()
	r := startClustered(t)
	r.meet(t, nodes[0])
	id := primary.Must(t, "CLUSTER", "MYID")
	r.Until(t, id, "CLUSTER", "NODES")
	r.Must(t, "CLUSTER", "REPLICATE", id)
	r.Until(t, "master_link_status:up", "INFO", "replication")
	r.Until(t, "cluster_state:ok", "CLUSTER", "INFO") // else it does not know which slots to take over
	for _, n := range nodes {                         // else they would not vote
		n.Until(t, "slave "+id, "CLUSTER", "NODES")
	}
	return r
}

func startClustered(t testing.TB) *Server {
	t.Helper()
	bus := freePort(t)
	s := Start(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", bus,
		"--cluster-node-timeout", "500")
	s.bus = bus
	return s
}

// meet makes s known to other's cluster.
func (s *Server) meet(t testing.TB, other *Server) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	other.Must(t, "CLUSTER", "MEET", host, port, s.bus)
}

// Cluster starts a cluster of n primaries.
func Cluster(t testing.TB, n int) []*Server {
	t.Helper()
	const slots = 16384
	var nodes []*Server
	for range n {
		nodes = append(nodes, startClustered(t))
	}
	for i, node := range nodes {
		node.Must(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/n), strconv.Itoa((i+1)*slots/n-1))
		node.Must(t, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			node.meet(t, nodes[0])
		}
	}
	for _, node := range nodes {
		node.Until(t, "cluster_state:ok", "CLUSTER", "INFO")
		node.Until(t, fmt.Sprintf("cluster_known_nodes:%d", n), "CLUSTER", "INFO")
	}
	return nodes
}

// program finds a server's binary.
func program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"valkey-server", "redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("neither valkey-server nor redis-server is installed: run make setup, or scripts/setup test")
	return ""
}

// free is an address nothing listens at.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func freePort(t testing.TB) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(free(t))
	return port
}

func tail(s string) string {
	if n := len(s) - 4000; n > 0 {
		return s[n:]
	}
	return s
}
