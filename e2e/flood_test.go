package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"frontdesk/internal/require"
)

const endless = 100 << 20 // bytes

// residentMemory is the resident set of the server's process in bytes, now and at its peak.
func (s *server) residentMemory(t *testing.T) (now, peak int64) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	require.NoError(t, err)
	read := func(key string) int64 {
		_, rest, _ := strings.Cut(string(b), key+":")
		kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		require.NoError(t, err)
		return kb << 10
	}
	return read("VmRSS"), read("VmHWM")
}

// checkMemory fails the test when work makes the server use much more memory.
func (s *server) checkMemory(t *testing.T, work func()) {
	t.Helper()
	const limit = 20 << 20
	before, _ := s.residentMemory(t)
	work()
	if after, peak := s.residentMemory(t); after > before+limit || peak > before+3*limit {
		t.Errorf("memory grew from %d to %d MB, with a peak of %d MB", before>>20, after>>20, peak>>20)
	}
}

// dialTCP opens a bare connection to the server.
func (s *server) dialTCP(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// sendEndlessBody sends bodies of 100 MB, which must be refused early.
func sendEndlessBody(t *testing.T, s *server, token string) {
	for _, path := range []string{"/v1/realtime/calls", "/v1/realtime/client_secrets"} {
		s.checkMemory(t, func() {
			conn := s.dialTCP(t)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n{\"x\":\"", path, token, endless)
			sent := make(chan int, 1)
			go func() {
				n, piece := 0, bytes.Repeat([]byte("x"), 64<<10)
				for n < endless {
					m, err := conn.Write(piece)
					if n += m; err != nil {
						break
					}
				}
				sent <- n
			}()
			req, err := http.NewRequest(http.MethodPost, s.url+path, nil)
			require.NoError(t, err)
			resp, err := http.ReadResponse(bufio.NewReader(conn), req)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			checkFault(t, resp, body, 413, "too_large")
			if n := <-sent; n > 16<<20 { // the buffers of the sockets take some of it
				t.Errorf("the server received %d MB", n>>20)
			}
		})
	}
}

// sendEndlessMessage sends one WebSocket message of 100 MB, which must end the line, and
// resumes the session.
func sendEndlessMessage(t *testing.T, s *server) {
	c, conn := s.openWebSocket(t, s.token(t))
	c.begin(t, true)
	s.checkMemory(t, func() {
		w, err := conn.NextWriter(websocket.TextMessage)
		require.NoError(t, err)
		n, piece := 0, bytes.Repeat([]byte("["), 64<<10)
		for n < endless && err == nil {
			var m int
			m, err = w.Write(piece)
			n += m
		}
		if n > 16<<20 {
			t.Errorf("the server received %d MB", n>>20)
		}
		for err = nil; err == nil; {
			_, err = c.next()
		}
		if !strings.Contains(err.Error(), errConnectionEnded.Error()) {
			t.Errorf("the line did not end: %v", err)
		}
	})
	again := s.openText(t, c.resume)
	again.begin(t, false)
	if again.session != c.session {
		t.Errorf("resumed %s, not %s", again.session, c.session)
	}
	again.answers(t, "What time do you open on Saturday?", "Saturday")
}

// sendGarbage sends malformed bytes to the TCP and the UDP port.
func sendGarbage(t *testing.T, s *server) {
	for name, bytes := range map[string]string{
		"ICE":             "\x00\x05hello",
		"ICE, incomplete": "\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa",
		"ICE, endless":    "\x0f\xff" + randomBytes(64<<10),
		"TLS":             "\x16\x03\x01\x02\x00" + randomBytes(512),
		"random":          randomBytes(64 << 10),
		"zero":            strings.Repeat("\x00", 64<<10),
		"HTTP/2":          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"not HTTP":        "HELLO WORLD\r\n\r\n",
		"endless header":  "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
	} {
		conn := s.dialTCP(t)
		_, _ = io.WriteString(conn, bytes) // the server may close the connection before it has read all
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection is still open", name)
		}
	}
	udp, err := net.Dial("udp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer udp.Close()
	starts := []string{"", "\x00\x01\x00\x08\x21\x12\xa4\x42", "\x16\xfe\xff", "\x80\x6f", "\x17\xfe\xfd", "\xff"}
	junk := randomBytes(64 << 10)
	for i := range 2000 {
		at := rand.IntN(len(junk) - 1400)
		_, _ = io.WriteString(udp, starts[i%len(starts)]+junk[at:at+rand.IntN(1400)])
	}
	s.openText(t, s.token(t)).begin(t, true)
}

// openSlowConnections opens connections that send nothing, or only the beginning of a
// request. The function it returns waits until the server has closed them.
func openSlowConnections(t *testing.T, s *server) func(*testing.T) {
	t.Helper()
	var conns []net.Conn
	for i := range 300 {
		conn := s.dialTCP(t)
		_, err := io.WriteString(conn, []string{"", "G", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "\x00", "\x00\x14\x00"}[i%5])
		require.NoError(t, err)
		conns = append(conns, conn)
	}
	return func(t *testing.T) {
		for i, conn := range conns {
			if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("connection %d is still open", i)
			}
		}
	}
}
