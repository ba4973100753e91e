package webrtc

import (
	"bytes"
	"io"
	"net"
	"testing"

	"frontdesk/internal/require"
)

func newSplitListener(t testing.TB) (http, ice net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	http, ice = Split(l)
	t.Cleanup(func() { http.Close() })
	return http, ice
}

func TestFirstByteSelectsTheListener(t *testing.T) {
	http, ice := newSplitListener(t)
	for name, c := range map[string]struct {
		bytes []byte
		to    net.Listener
	}{
		"HTTP":          {[]byte("GET / HTTP/1.1\r\n"), http},
		"TLS":           {[]byte{0x16, 3, 1}, http},
		"STUN over TCP": {[]byte{0, 20, 0, 1}, ice},
		"long STUN":     {[]byte{2, 0, 0, 1}, ice},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := net.Dial("tcp", http.Addr().String())
			require.NoError(t, err)
			defer client.Close()
			if _, err := client.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			server, err := c.to.Accept()
			require.NoError(t, err)
			defer server.Close()
			got := make([]byte, len(c.bytes))
			if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, c.bytes) {
				t.Errorf("read %q, %v, want %q", got, err, c.bytes)
			}
		})
	}
}

func TestCloseDoesNotWaitForSilentConnections(t *testing.T) {
	http, _ := newSplitListener(t)
	for range maxUndecided + 10 {
		c, err := net.Dial("tcp", http.Addr().String())
		require.NoError(t, err)
		defer c.Close()
	}
	// The last ones were over the limit and closed at once; the others wait for their first
	// byte.
	require.NoError(t, http.Close())
	if _, err := http.Accept(); err == nil {
		t.Error("Accept after Close returned no error")
	}
}

func TestSilentConnectionDoesNotBlockOthers(t *testing.T) {
	http, _ := newSplitListener(t)
	silent, err := net.Dial("tcp", http.Addr().String())
	require.NoError(t, err)
	defer silent.Close()
	client, err := net.Dial("tcp", http.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	if _, err := io.WriteString(client, "G"); err != nil {
		t.Fatal(err)
	}
	server, err := http.Accept()
	require.NoError(t, err)
	defer server.Close()
	if server.RemoteAddr().String() != client.LocalAddr().String() {
		t.Error("accepted another connection")
	}
}

func FuzzFirstByte(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{0, 20, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 {
			return
		}
		client, server := net.Pipe()
		defer client.Close()
		l := &chanListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		http, ice := Split(l)
		defer http.Close()
		l.conns <- server
		go client.Write(in) //nolint:errcheck // the reader checks what arrives
		to := http
		if in[0] < 0x10 {
			to = ice
		}
		c, err := to.Accept()
		require.NoError(t, err)
		got := make([]byte, len(in))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, in) {
			t.Errorf("got %q, %v", got, err)
		}
		c.Close()
	})
}

// chanListener accepts connections from a channel.
type chanListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *chanListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *chanListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *chanListener) Addr() net.Addr { return &net.TCPAddr{} }
