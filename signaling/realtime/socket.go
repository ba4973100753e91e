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
	maxSocketMessage = 1 << 20 // bytes; a longer one closes the socket with 1009
	socketQueue      = 512     // messages the client may be behind; then its line is given up
	writeTime        = 5 * time.Second
	pingEvery        = 10 * time.Second
	pongTime         = 25 * time.Second // without a sign of life the line is lost
	handshakeTime    = 5 * time.Second
)

var errSlow = errors.New("the client does not read its events")

// socket runs a call over a WebSocket: events, and sound in them. A plain request is
// told why a handshake would be refused, which a browser's WebSocket does not tell.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) error {
	who, err := s.caller(r, "websocket")
	if err != nil {
		return err
	}
	if !websocket.IsWebSocketUpgrade(r) {
		if err := s.o.Desk.Check(r.Context(), who); err != nil {
			return err
		}
		return fault.New(fault.Invalid, "this path takes a WebSocket handshake")
	}
	call, err := s.o.Desk.Admit(r.Context(), who)
	if err != nil {
		return err
	}
	upgrader := websocket.Upgrader{
		HandshakeTimeout: handshakeTime,
		Subprotocols:     []string{subprotocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // checked before this
		Error:            func(http.ResponseWriter, *http.Request, int, error) {},
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		call.Hangup()
		return fault.Wrap(err, fault.Invalid, "the WebSocket handshake is not complete")
	}
	s.calls.Add(1)
	defer s.calls.Done()
	line := newSocketWire(conn)
	unhook := context.AfterFunc(s.life, line.Close)
	defer unhook()
	sound := newSocketSound()
	defer sound.close()
	s.serve(call, who, sound.carriedBy(line))
	return nil
}

// socketWire is a WebSocket with a bounded queue and one writer.
type socketWire struct {
	conn   *websocket.Conn
	queue  chan []byte
	closed chan struct{}
	writer sync.WaitGroup
	once   sync.Once

	mu   sync.Mutex
	lost error
}

func newSocketWire(conn *websocket.Conn) *socketWire {
	s := &socketWire{conn: conn, queue: make(chan []byte, socketQueue), closed: make(chan struct{})}
	conn.SetReadLimit(maxSocketMessage)
	alive := func(string) error { return conn.SetReadDeadline(time.Now().Add(pongTime)) }
	_ = alive("")
	conn.SetPongHandler(alive)
	s.writer.Go(s.write)
	return s
}

// Send implements wire.
func (s *socketWire) Send(message []byte) error {
	select {
	case s.queue <- message:
		return nil
	default:
		s.breakWith(errSlow)
		return errSlow
	}
}

// write sends what is queued, and pings, until the line is closed; then the rest, as
// far as it goes out within writeTime.
func (s *socketWire) write() {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case m := <-s.queue:
			err = s.writeMessage(m, time.Now().Add(writeTime))
		case <-ping.C:
			err = s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTime))
		case <-s.closed:
			s.writeRest()
			return
		}
		if err != nil {
			s.breakWith(err)
			return
		}
	}
}

func (s *socketWire) writeRest() {
	deadline := time.Now().Add(writeTime)
	for {
		select {
		case m := <-s.queue:
			if s.writeMessage(m, deadline) != nil {
				return
			}
		default:
			bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			_ = s.conn.WriteControl(websocket.CloseMessage, bye, deadline)
			return
		}
	}
}

func (s *socketWire) writeMessage(m []byte, deadline time.Time) error {
	_ = s.conn.SetWriteDeadline(deadline)
	return s.conn.WriteMessage(websocket.TextMessage, m)
}

// breakWith notes why the line broke and ends its reader.
func (s *socketWire) breakWith(err error) {
	s.mu.Lock()
	if s.lost == nil {
		s.lost = err
	}
	s.mu.Unlock()
	_ = s.conn.NetConn().Close()
}

// Receive implements wire.
func (s *socketWire) Receive() ([]byte, error) {
	_, message, err := s.conn.ReadMessage()
	if err == nil {
		return message, s.conn.SetReadDeadline(time.Now().Add(pongTime))
	}
	if !websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
		s.breakWith(err)
	}
	return nil, err
}

// Lost implements wire.
func (s *socketWire) Lost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Close implements wire.
func (s *socketWire) Close() {
	s.once.Do(func() {
		close(s.closed)
		s.writer.Wait()
		_ = s.conn.Close()
	})
}
