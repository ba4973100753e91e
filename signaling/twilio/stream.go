package twilio

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
	"frontdesk/session"
)

const (
	maxMessage     = 64 << 10         // bytes
	messageTimeout = 10 * time.Second // for the first messages, and to write one
	readTimeout    = 30 * time.Second // without a message, after which the stream is lost
	packetSize     = 160              // bytes of 20 ms
	dtmfQueue      = 32               // digits that wait for the conversation; later ones are dropped
	markInterval   = 250              // frames between two marks, which measure the round-trip time
)

// message is a message of Twilio's.
type message struct {
	Event string `json:"event"`
	Sid   string `json:"streamSid"`
	Start struct {
		Call   string            `json:"callSid"`
		Format format            `json:"mediaFormat"`
		Custom map[string]string `json:"customParameters"`
	} `json:"start"`
	Media struct {
		Track   string `json:"track"`
		Payload string `json:"payload"`
	} `json:"media"`
	DTMF struct {
		Digit string `json:"digit"`
	} `json:"dtmf"`
	Mark struct {
		Name string `json:"name"`
	} `json:"mark"`
}

type format struct {
	Encoding string `json:"encoding"`
	Rate     int    `json:"sampleRate"`
	Channels int    `json:"channels"`
}

// parse decodes a message. The error is fault.Invalid.
func parse(raw []byte) (message, error) {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fault.Wrap(err, fault.Invalid, "message is not valid Media Streams JSON")
	}
	if m.Event == "" {
		return m, fault.New(fault.Invalid, "message has no event")
	}
	return m, nil
}

// serveStream runs the call of one WebSocket.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request) error {
	s.calls.Add(1)
	defer s.calls.Done()
	if s.life.Err() != nil {
		return fault.New(fault.Unavailable, "the server is stopping").Retryable(time.Second)
	}
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil // Upgrade has answered the request
	}
	defer conn.Close()
	conn.SetReadLimit(maxMessage)
	l, call, err := s.admit(r, conn)
	if err != nil {
		s.closeRefused(conn, err)
		return nil
	}
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	l.run(ctx, cancel, call)
	return nil
}

// closeRefused closes a stream with the error's code and message as the reason.
func (s *Server) closeRefused(conn *websocket.Conn, err error) {
	f := fault.From(err)
	s.o.Log.Info("telephone stream refused", zap.String("code", string(f.Code)), zap.Error(err))
	closing := websocket.FormatCloseMessage(websocket.ClosePolicyViolation, string(f.Code)+": "+f.Message[:min(len(f.Message), 80)])
	_ = conn.WriteControl(websocket.CloseMessage, closing, time.Now().Add(time.Second))
}

// admit reads the stream's first messages and admits its call.
func (s *Server) admit(r *http.Request, conn *websocket.Conn) (*line, *session.Call, error) {
	if err := conn.SetReadDeadline(time.Now().Add(messageTimeout)); err != nil {
		return nil, nil, err
	}
	var m message
	for m.Event != "start" {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Invalid, "the stream ended before its start message")
		}
		if m, err = parse(raw); err != nil {
			return nil, nil, err
		}
		if m.Event != "start" && m.Event != "connected" {
			return nil, nil, fault.New(fault.Invalid, "unexpected message %.40q before start", m.Event)
		}
	}
	custom := m.Start.Custom
	if !s.isPermitted(custom["permit"], m.Start.Call, time.Now()) {
		return nil, nil, fault.New(fault.Forbidden, "the stream has no valid permit: a signed webhook issues one for a minute")
	}
	if f := m.Start.Format; f != (format{"audio/x-mulaw", 8000, 1}) || m.Sid == "" {
		return nil, nil, fault.New(fault.Media, "unsupported media format %.40q at %d Hz (want audio/x-mulaw at 8000 Hz)", f.Encoding, f.Rate)
	}
	ctx, cancel := context.WithTimeout(s.life, messageTimeout)
	defer cancel()
	call, err := s.o.Admit(ctx, session.Caller{
		Agent: custom["agent"], Transport: "twilio", Address: "tel:" + custom["from"], Number: custom["from"],
		RequestID: fault.RequestID(r.Context()),
	})
	if err != nil {
		return nil, nil, err
	}
	return newLine(conn, m.Sid), call, nil
}

// line is one stream. It is a media.Sink; its receiver is the media.Source, because the
// network may stall and then deliver packets in bursts, which needs a jitter buffer.
type line struct {
	conn     *websocket.Conn
	sid      string
	receiver *media.Receiver
	seq      uint16
	dtmf     chan byte
	sender   *sender
	markSent atomic.Int64 // when the pending mark was sent, in Unix ns; 0 without one
	rtt      atomic.Int64 // round-trip time of the last mark, in ns
}

func newLine(conn *websocket.Conn, sid string) *line {
	return &line{
		conn: conn, sid: sid, dtmf: make(chan byte, dtmfQueue), sender: newSender(sid),
		receiver: media.NewReceiver(media.NewG711Decoder(media.DecodePCMU), 8000),
	}
}

// run runs the call until either side hangs up or ctx ends.
func (l *line) run(ctx context.Context, cancel context.CancelCauseFunc, call *session.Call) {
	inputs := make(chan dialog.Heard)
	over, stopped := make(chan struct{}), make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		defer close(stopped)
		if err := l.read(); err != nil {
			cancel(err)
		}
	})
	work.Go(func() {
		if err := l.sender.write(l.conn, over); err != nil {
			cancel(err)
		}
	})
	work.Go(func() { l.forwardDTMF(inputs, stopped, over) })
	call.Run(ctx, dialog.Line{Inputs: inputs, Source: l.receiver, Sink: l, Narrowband: true, HasKeypad: true, Emit: l.handleEvent, Quality: l.quality})
	close(over)
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	_ = l.conn.Close()
	_ = l.receiver.Close()
	work.Wait()
}

// forwardDTMF sends digits to inputs, and closes it when the stream has stopped or the call
// is over.
func (l *line) forwardDTMF(inputs chan<- dialog.Heard, stopped, over <-chan struct{}) {
	defer close(inputs)
	for {
		select {
		case digit := <-l.dtmf:
			select {
			case inputs <- dialog.Heard{Kind: dialog.DTMF, Text: string(digit), At: time.Now()}:
			case <-over:
				return
			}
		case <-stopped:
			return
		case <-over:
			return
		}
	}
}

// read handles messages until the stream stops, which means that the caller has hung up.
// An error means that the stream broke.
func (l *line) read() error {
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
			return err
		}
		_, raw, err := l.conn.ReadMessage()
		switch {
		case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway):
			return nil
		case err != nil:
			return fault.Wrap(err, fault.Unavailable, "the stream broke")
		}
		m, err := parse(raw)
		if err != nil {
			return err
		}
		if m.Event == "stop" {
			return nil
		}
		l.handle(m)
	}
}

// handle handles one message. It ignores unknown ones and those of other streams.
func (l *line) handle(m message) {
	if m.Sid != l.sid {
		return
	}
	switch m.Event {
	case "media":
		if m.Media.Track != "" && m.Media.Track != "inbound" {
			return
		}
		audio, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if err != nil {
			return
		}
		for len(audio) > 0 {
			n := min(packetSize, len(audio))
			l.receiver.Push(l.seq, uint32(l.seq)*packetSize, audio[:n])
			l.seq++
			audio = audio[n:]
		}
	case "dtmf":
		if d := m.DTMF.Digit; len(d) == 1 && strings.Contains("0123456789*#ABCD", d) {
			select {
			case l.dtmf <- d[0]:
			default:
			}
		}
	case "mark":
		if at := l.markSent.Swap(0); at != 0 {
			l.rtt.Store(time.Now().UnixNano() - at)
		}
	}
}

// handleEvent makes Twilio drop what it has not played yet when the caller interrupts.
func (l *line) handleEvent(e dialog.Event) {
	if e.Kind == dialog.SpeakingStopped && e.Interrupted {
		l.markSent.Store(0)
		l.sender.sendControl(`{"event":"clear","streamSid":` + quote(l.sid) + `}`)
	}
}

// quality rates the call so far.
func (l *line) quality() media.Quality {
	stats, _ := l.receiver.Stats()
	q := media.Quality{Codec: "pcmu", RTT: time.Duration(l.rtt.Load())}
	q.Delay = q.RTT/2 + time.Duration(1+stats.Delay)*media.FrameTime
	if stats.Received == 0 {
		q.Loss = 1
	}
	q.Rate()
	return q
}

// WriteFrame implements media.Sink. Twilio itself plays silence when nothing arrives.
func (l *line) WriteFrame(frame []int16) error {
	if frame == nil {
		return nil
	}
	if l.sender.sendFrame(frame)%markInterval == 0 && l.markSent.CompareAndSwap(0, time.Now().UnixNano()) {
		l.sender.sendControl(`{"event":"mark","streamSid":` + quote(l.sid) + `,"mark":{"name":"heard"}}`)
	}
	return nil
}

func quote(text string) string {
	b, _ := json.Marshal(text) // never fails for a string
	return string(b)
}
