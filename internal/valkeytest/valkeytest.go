// Package valkeytest starts real Valkey or Redis servers for tests, on free loopback ports
// and with their files in the test's folder. They stop when the test ends. Of Frontdesk
// it imports internal/require and internal/testserver.
package valkeytest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/internal/testserver"
)

const timeout = 20 * time.Second // for a server to start or reach a state

// Server is a running server.
type Server struct {
	Addr string // host:port

	busPort string // of the cluster bus
	args    []string
	process *testserver.Process // nil before the server has started
}

// Start runs a server with additional command-line arguments until the test ends.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, func(port, dir string) []string {
		return append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--daemonize", "no",
			"--dbfilename", "dump.rdb", "--repl-diskless-sync-delay", "0"}, args...)
	})
}

// Sentinel starts a Sentinel that promotes a replica half a second after primary has died.
// name is its name for the two servers.
func Sentinel(t testing.TB, name string, primary *Server) *Server {
	t.Helper()
	host, primaryPort, _ := net.SplitHostPort(primary.Addr)
	s := start(t, func(port, dir string) []string {
		file := filepath.Join(dir, "sentinel.conf") // the Sentinel rewrites it
		text := fmt.Sprintf("port %[1]s\nbind 127.0.0.1\ndir %[2]s\nsentinel monitor %[3]s %[4]s %[5]s 1\n"+
			"sentinel down-after-milliseconds %[3]s 500\nsentinel failover-timeout %[3]s 2000\n", port, dir, name, host, primaryPort)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return []string{file, "--sentinel"}
	})
	s.Until(t, "slaves=1", "INFO", "sentinel")
	return s
}

// start runs a server with the arguments that args returns for its port and folder.
func start(t testing.TB, args func(port, dir string) []string) *Server {
	t.Helper()
	addr := testserver.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{Addr: addr, args: args(port, t.TempDir())}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("server at %s:\n%s", s.Addr, s.process.Log())
		}
	})
	s.Restart(t)
	return s
}

// Restart kills the server, starts it again with its files, and waits until it has loaded them.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	var err error
	s.process, err = testserver.Start(exec.Command(findServer(t), s.args...))
	require.NoError(t, err)
	s.Until(t, fmt.Sprintf("process_id:%d\r", s.process.PID()), "INFO", "server") // not another that has its port
	s.Until(t, "PONG", "PING")                                                    // it refuses this while it loads
}

// Kill kills the server, as a crash would.
func (s *Server) Kill() { s.process.Kill() }

// Pause stops the server's process until Resume.
func (s *Server) Pause() error { return s.process.Pause() }

// Resume continues a paused process.
func (s *Server) Resume() error { return s.process.Resume() }

// Do sends a command and returns the answer as text. An error answer is an error.
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
	deadline := time.Now().Add(timeout)
	for {
		answer, err := s.Do(command...)
		if err == nil && strings.Contains(answer, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v at %s: want an answer with %q, got %q, error %v", command, s.Addr, want, answer, err)
		}
		time.Sleep(2 * time.Millisecond) // the server sends no signal when its state changes
	}
}

// Must is Do, and fails the test on an error.
func (s *Server) Must(t testing.TB, command ...string) string {
	t.Helper()
	answer, err := s.Do(command...)
	if err != nil {
		t.Fatalf("%v at %s: %v", command, s.Addr, err)
	}
	return answer
}

// Replica starts a replica of s, which reaches s at addr (its own address or that of a
// relay), and waits until it has caught up.
func (s *Server) Replica(t testing.TB, addr string) *Server {
	t.Helper()
	r := Start(t)
	r.ReplicateFrom(t, s, addr)
	return r
}

// ReplicateFrom makes s a replica of primary, which s reaches at addr, and waits until it has
// caught up.
func (s *Server) ReplicateFrom(t testing.TB, primary *Server, addr string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	s.Must(t, "REPLICAOF", host, port)
	s.Until(t, "master_link_status:up", "INFO", "replication")
	primary.Until(t, "state=online", "INFO", "replication")
}

// ClusterReplica adds a node to a cluster that takes over when primary dies.
func ClusterReplica(t testing.TB, nodes []*Server, primary *Server) *Server {
	t.Helper()
	r := startClustered(t)
	r.join(t, nodes[0])
	id := primary.Must(t, "CLUSTER", "MYID")
	r.Until(t, id, "CLUSTER", "NODES")
	r.Must(t, "CLUSTER", "REPLICATE", id)
	r.Until(t, "master_link_status:up", "INFO", "replication")
	r.Until(t, "cluster_state:ok", "CLUSTER", "INFO") // else it does not know the slots of primary
	for _, n := range nodes {                         // else they do not vote for it
		n.Until(t, "slave "+id, "CLUSTER", "NODES")
	}
	return r
}

func startClustered(t testing.TB) *Server {
	t.Helper()
	_, busPort, _ := net.SplitHostPort(testserver.FreeAddr(t))
	s := Start(t, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", busPort,
		"--cluster-node-timeout", "500")
	s.busPort = busPort
	return s
}

// join adds s to the cluster of other.
func (s *Server) join(t testing.TB, other *Server) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	other.Must(t, "CLUSTER", "MEET", host, port, s.busPort)
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
			node.join(t, nodes[0])
		}
	}
	for _, node := range nodes {
		node.Until(t, "cluster_state:ok", "CLUSTER", "INFO")
		node.Until(t, fmt.Sprintf("cluster_known_nodes:%d", n), "CLUSTER", "INFO")
	}
	return nodes
}

// findServer returns the path of the server program.
func findServer(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"valkey-server", "redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("neither valkey-server nor redis-server is installed: run scripts/setup test")
	return ""
}
