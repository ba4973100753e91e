package realtime

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"frontdesk/internal/fault"
)

const (
	maxSocketMessage = 1 << 20 // bytes; a longer message closes the socket with 1009
	socketQueue      = 512     // unsent messages; a client further behind loses its line
	writeTimeout     = 5 * time.Second
	pingInterval     = 10 * time.Second
	pongTimeout      = 25 * time.Second // without a message or pong, after which the line is lost
	handshakeTimeout = 5 * time.Second
)

var errSlowClient = errors.New("the client does not read its events")

// serveWebSocket runs a call over a WebSocket with audio in its events. A plain request is
// answered with the reason why a handshake would be refused, because a browser's WebSocket
// does not show it.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) error {
	who, err := s.authenticate(r, "websocket")
	if err != nil {
		return err
	}
	if !websocket.IsWebSocketUpgrade(r) {
		if err := s.o.Desk.Check(r.Context(), who); err != nil {
			return err
		}
		return fault.New(fault.Invalid, "%s accepts only WebSocket handshakes", r.URL.Path)
	}
	call, err := s.o.Desk.Admit(r.Context(), who)
	if err != nil {
		return err
	}
	upgrader := websocket.Upgrader{
		HandshakeTimeout: handshakeTimeout,
		Subprotocols:     []string{subprotocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // endpoint has checked it
		Error:            func(http.ResponseWriter, *http.Request, int, error) {},
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		call.HangUp()
		return fault.Wrap(err, fault.Invalid, "the WebSocket handshake failed")
	}
	s.calls.Add(1)
	defer s.calls.Done()
	channel := newSocketChannel(conn)
	unhook := context.AfterFunc(s.life, channel.Close)
	defer unhook()
	audio := newEventAudio()
	defer audio.close()
	s.run(call, who, audio.line(channel))
	return nil
}

// socketChannel is the eventChannel of a WebSocket. One goroutine writes what is queued.
type socketChannel struct {
	conn   *websocket.Conn
	queue  chan []byte
	closed chan struct{}
	writer sync.WaitGroup
	once   sync.Once

	mu  sync.Mutex
	err error // why the socket broke
}

func newSocketChannel(conn *websocket.Conn) *socketChannel {
	s := &socketChannel{conn: conn, queue: make(chan []byte, socketQueue), closed: make(chan struct{})}
	conn.SetReadLimit(maxSocketMessage)
	extend := func(string) error { return conn.SetReadDeadline(time.Now().Add(pongTimeout)) }
	_ = extend("")
	conn.SetPongHandler(extend)
	s.writer.Go(s.write)
	return s
}

// Send implements eventChannel.
func (s *socketChannel) Send(message []byte) error {
	select {
	case s.queue <- message:
		return nil
	default:
		s.fail(errSlowClient)
		return errSlowClient
	}
}

// write sends queued messages and pings until Close, and then what is left in the queue.
func (s *socketChannel) write() {
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	for {
		var err error
		select {
		case m := <-s.queue:
			err = s.writeMessage(m, time.Now().Add(writeTimeout))
		case <-ping.C:
			err = s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
		case <-s.closed:
			s.flush()
			return
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

// flush sends what is queued, within writeTimeout, and closes the WebSocket.
func (s *socketChannel) flush() {
	deadline := time.Now().Add(writeTimeout)
	for {
		select {
		case m := <-s.queue:
			if s.writeMessage(m, deadline) != nil {
				return
			}
		default:
			closing := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			_ = s.conn.WriteControl(websocket.CloseMessage, closing, deadline)
			return
		}
	}
}

func (s *socketChannel) writeMessage(m []byte, deadline time.Time) error {
	_ = s.conn.SetWriteDeadline(deadline)
	return s.conn.WriteMessage(websocket.TextMessage, m)
}

// fail records the first error and closes the connection, which ends Receive.
func (s *socketChannel) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	_ = s.conn.NetConn().Close()
}

// Receive implements eventChannel.
func (s *socketChannel) Receive() ([]byte, error) {
	_, message, err := s.conn.ReadMessage()
	if err == nil {
		return message, s.conn.SetReadDeadline(time.Now().Add(pongTimeout))
	}
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
		s.fail(err)
	}
	return nil, err
}

// Err implements eventChannel.
func (s *socketChannel) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close implements eventChannel.
func (s *socketChannel) Close() {
	s.once.Do(func() {
		close(s.closed)
		s.writer.Wait()
		_ = s.conn.Close()
	})
}
