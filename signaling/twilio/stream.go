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
	maxMessage  = 64 << 10         // bytes
	messageTime = 10 * time.Second // for the first messages, and to write one
	deafTime    = 30 * time.Second // without a message, after which nobody is there
	chunk       = 160              // bytes of 20 ms
	keyQueue    = 32               // keys that wait for the conversation; later ones are dropped
	markEvery   = 250              // frames of sound between two marks, which measure the delay
)

// message is one from Twilio.
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

// parse reads a message. The error is Invalid.
func parse(raw []byte) (message, error) {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fault.Wrap(err, fault.Invalid, "a message is no JSON of a media stream")
	}
	if m.Event == "" {
		return m, fault.New(fault.Invalid, "a message names no event")
	}
	return m, nil
}

// stream holds the call of one WebSocket.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	s.calls.Add(1)
	defer s.calls.Done()
	if s.life.Err() != nil {
		return fault.New(fault.Unavailable, "this server is about to stop").Retryable(time.Second)
	}
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil // it was answered
	}
	defer conn.Close()
	conn.SetReadLimit(maxMessage)
	l, desk, err := s.begin(r, conn)
	if err != nil {
		s.refuse(conn, err)
		return nil
	}
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	l.hold(ctx, cancel, desk)
	return nil
}

// refuse closes a stream with the code of what is wrong with it.
func (s *Server) refuse(conn *websocket.Conn, err error) {
	f := fault.From(err)
	s.o.Log.Info("telephone stream refused", zap.String("code", string(f.Code)), zap.Error(err))
	bye := websocket.FormatCloseMessage(websocket.ClosePolicyViolation, string(f.Code)+": "+f.Message[:min(len(f.Message), 80)])
	_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
}

// begin reads the stream's first messages and admits its call.
func (s *Server) begin(r *http.Request, conn *websocket.Conn) (*line, *session.Call, error) {
	if err := conn.SetReadDeadline(time.Now().Add(messageTime)); err != nil {
		return nil, nil, err
	}
	var m message
	for m.Event != "start" {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Invalid, "the stream does not start")
		}
		if m, err = parse(raw); err != nil {
			return nil, nil, err
		}
		if m.Event != "start" && m.Event != "connected" {
			return nil, nil, fault.New(fault.Invalid, "%.40q comes before the start of the stream", m.Event)
		}
	}
	custom := m.Start.Custom
	if !s.isPermitted(custom["permit"], m.Start.Call, time.Now()) {
		return nil, nil, fault.New(fault.Forbidden, "this stream was not announced by a signed webhook, or too long ago")
	}
	if f := m.Start.Format; f != (format{"audio/x-mulaw", 8000, 1}) || m.Sid == "" {
		return nil, nil, fault.New(fault.Media, "the stream is %.40q at %d Hz, and has to be audio/x-mulaw at 8000 Hz", f.Encoding, f.Rate)
	}
	ctx, cancel := context.WithTimeout(s.life, messageTime)
	defer cancel()
	desk, err := s.o.Admit(ctx, session.Caller{
		Agent: custom["agent"], Transport: "twilio", Address: "tel:" + custom["from"], Number: custom["from"],
		RequestID: fault.RequestID(r.Context()),
	})
	if err != nil {
		return nil, nil, err
	}
	return newLine(conn, m.Sid), desk, nil
}

// line is the sound of one stream. It is a media.Sink, and its receiver the Source: the
// network may stall and then bring all at once, which a jitter buffer makes up for.
type line struct {
	conn     *websocket.Conn
	sid      string
	receiver *media.Receiver
	seq      uint16
	keys     chan byte
	sound    *outgoing
	marked   atomic.Int64 // when the mark under way was sent, Unix ns; 0: none is
	delay    atomic.Int64 // from there to its being heard, ns
}

func newLine(conn *websocket.Conn, sid string) *line {
	return &line{
		conn: conn, sid: sid, keys: make(chan byte, keyQueue), sound: newOutgoing(sid),
		receiver: media.NewReceiver(media.NewG711Decoder(media.DecodePCMU), 8000),
	}
}

// hold has the conversation until either side hangs up or ctx ends.
func (l *line) hold(ctx context.Context, cancel context.CancelCauseFunc, desk *session.Call) {
	inputs := make(chan dialog.Heard)
	over, gone := make(chan struct{}), make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		defer close(gone)
		if err := l.read(); err != nil {
			cancel(err)
		}
	})
	work.Go(func() {
		if err := l.sound.write(l.conn, over); err != nil {
			cancel(err)
		}
	})
	work.Go(func() { l.listen(inputs, gone, over) })
	desk.Run(ctx, dialog.Line{Inputs: inputs, Source: l.receiver, Sink: l, Narrowband: true, Emit: l.tell, Quality: l.quality})
	close(over)
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	_ = l.conn.Close()
	_ = l.receiver.Close()
	work.Wait()
}

// listen hands on keys, and that the caller has hung up by closing inputs.
func (l *line) listen(inputs chan<- dialog.Heard, gone, over <-chan struct{}) {
	defer close(inputs)
	for {
		select {
		case key := <-l.keys:
			select {
			case inputs <- dialog.Heard{Kind: dialog.DTMF, Text: string(key), At: time.Now()}:
			case <-over:
				return
			}
		case <-gone:
			return
		case <-over:
			return
		}
	}
}

// read takes messages until the stream stops, which is the caller's hang-up. The error
// says that it broke.
func (l *line) read() error {
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(deafTime)); err != nil {
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
		l.take(m)
	}
}

// take takes one message of this stream; what is of another one, or not known, is left.
func (l *line) take(m message) {
	if m.Sid != l.sid {
		return
	}
	switch m.Event {
	case "media":
		if m.Media.Track != "" && m.Media.Track != "inbound" {
			return
		}
		sound, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if err != nil {
			return
		}
		for len(sound) > 0 {
			n := min(chunk, len(sound))
			l.receiver.Push(l.seq, uint32(l.seq)*chunk, sound[:n])
			l.seq++
			sound = sound[n:]
		}
	case "dtmf":
		if d := m.DTMF.Digit; len(d) == 1 && strings.Contains("0123456789*#ABCD", d) {
			select {
			case l.keys <- d[0]:
			default:
			}
		}
	case "mark":
		if at := l.marked.Swap(0); at != 0 {
			l.delay.Store(time.Now().UnixNano() - at)
		}
	}
}

// tell drops what Twilio has not played yet when the caller interrupts.
func (l *line) tell(e dialog.Event) {
	if e.Kind == dialog.SpeakingStopped && e.Interrupted {
		l.marked.Store(0)
		l.sound.control(`{"event":"clear","streamSid":` + quoted(l.sid) + `}`)
	}
}

// quality rates the call so far. What the marks tell is the way there and back.
func (l *line) quality() media.Quality {
	stats, _ := l.receiver.Stats()
	q := media.Quality{Codec: "pcmu", RTT: time.Duration(l.delay.Load())}
	q.Delay = q.RTT/2 + time.Duration(1+stats.Delay)*media.FrameTime
	if stats.Received == 0 {
		q.Loss = 1
	}
	q.Rate()
	return q
}

// WriteFrame implements media.Sink. Twilio fills in silence itself.
func (l *line) WriteFrame(frame []int16) error {
	if frame == nil {
		return nil
	}
	if l.sound.frame(frame)%markEvery == 0 && l.marked.CompareAndSwap(0, time.Now().UnixNano()) {
		l.sound.control(`{"event":"mark","streamSid":` + quoted(l.sid) + `,"mark":{"name":"heard"}}`)
	}
	return nil
}

func quoted(text string) string {
	b, _ := json.Marshal(text) // a string has a JSON form
	return string(b)
}
