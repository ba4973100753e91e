package webrtc

import (
	"bytes"
	"io"
	"net"
	"testing"
)

func newSplit(t testing.TB) (http, ice net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	http, ice = Split(l)
	t.Cleanup(func() { http.Close() })
	return http, ice
}

func TestFirstByteDecidesWhoServes(t *testing.T) {
	http, ice := newSplit(t)
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
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			server, err := c.to.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			got := make([]byte, len(c.bytes))
			if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, c.bytes) {
				t.Errorf("read %q, %v, want %q", got, err, c.bytes)
			}
		})
	}
}

func TestSilentConnectionsHoldNobodyUp(t *testing.T) {
	http, _ := newSplit(t)
	for range maxUndecided + 10 {
		c, err := net.Dial("tcp", http.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	// The last ones found no room and were closed at once; the rest wait for their
	// first byte. Closing the listener waits for none of them.
	if err := http.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Accept(); err == nil {
		t.Error("Accept after Close gave no error")
	}
}

func TestSpeakingClientIsServedBesideSilentOnes(t *testing.T) {
	http, _ := newSplit(t)
	silent, err := net.Dial("tcp", http.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	client, err := net.Dial("tcp", http.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := io.WriteString(client, "G"); err != nil {
		t.Fatal(err)
	}
	server, err := http.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if server.RemoteAddr().String() != client.LocalAddr().String() {
		t.Error("another connection came first")
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
		l := &one{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		http, ice := Split(l)
		defer http.Close()
		l.conns <- server
		go client.Write(in) //nolint:errcheck // the reader checks what arrives
		to := http
		if in[0] < 0x10 {
			to = ice
		}
		c, err := to.Accept()
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(in))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, in) {
			t.Errorf("got %q, %v", got, err)
		}
		c.Close()
	})
}

// one is a listener of connections made by hand.
type one struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (o *one) Accept() (net.Conn, error) {
	select {
	case c := <-o.conns:
		return c, nil
	case <-o.closed:
		return nil, net.ErrClosed
	}
}

func (o *one) Close() error {
	select {
	case <-o.closed:
	default:
		close(o.closed)
	}
	return nil
}

func (o *one) Addr() net.Addr { return &net.TCPAddr{} }
