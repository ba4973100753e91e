// Package postgrestest starts real Postgres servers for tests, on free loopback ports and
// with their files in a folder of their own. They stop when the test ends. Of Frontdesk
// it imports internal/require and internal/testserver.
package postgrestest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"frontdesk/internal/require"
	"frontdesk/internal/testserver"
)

const timeout = 60 * time.Second // for a server to start

// Server is a running server.
type Server struct {
	Addr string // host:port

	args    []string
	process *testserver.Process // nil before the server has started
}

// Start runs a server until the test ends. settings are such as "fsync=off". Commits reach
// the disk unless a setting changes that.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	folder, err := os.MkdirTemp("", "postgrestest") // the test's folder is closed to the server's user
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	data := filepath.Join(folder, "data")
	init := exec.Command(findProgram(t, "initdb"), "--pgdata", data, "--username=frontdesk", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	require.NoError(t, giveToServer(folder, init))
	init.Dir = folder
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	addr := testserver.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{Addr: addr, args: []string{"-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="}}
	for _, setting := range settings {
		s.args = append(s.args, "-c", setting)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("Postgres at %s:\n%s", s.Addr, s.process.Log())
		}
	})
	s.Restart(t)
	return s
}

// URL returns the URL of a database.
func (s *Server) URL(database string) string {
	return "postgres://frontdesk@" + s.Addr + "/" + database + "?sslmode=disable"
}

var databases atomic.Int64

// NewDatabase creates an empty database and returns its URL.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	require.NoError(t, err)
	return s.URL(name)
}

// Restart kills the server, starts it again with its files, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for {
		if s.process == nil || s.process.HasExited() { // also while processes of a killed server are left
			cmd := exec.Command(findProgram(t, "postgres"), s.args...)
			require.NoError(t, asServer(cmd))
			var err error
			s.process, err = testserver.Start(cmd)
			require.NoError(t, err)
		}
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			_ = conn.Close(ctx)
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("Postgres at %s does not answer: %v", s.Addr, err)
		}
		time.Sleep(10 * time.Millisecond) // the server sends no signal when it is ready
	}
}

// Kill kills the server, as a crash would.
func (s *Server) Kill() { s.process.Kill() }

// findProgram returns the path of one of the server's programs, the newest that is installed.
func findProgram(t testing.TB, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // Debian's are not in the path
	if slices.Sort(found); len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s of Postgres is not installed: run scripts/setup test", name)
	}
	return path
}
