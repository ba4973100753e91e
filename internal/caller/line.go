package caller

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"frontdesk/internal/fault"
)

const eventQueue = 1024 // events that may wait for the call; then the network has to wait

// line is a connection to the server over WebRTC, WebSocket or telephone.
type line struct {
	audio       *audio                    // nil on a text-only line
	sendDTMF    func(digits string) error // only on a telephone call
	isTelephone bool                      // nothing but audio arrives
	events      chan event
	ended       chan struct{} // closed when the line ends, whichever side ended it
	send        func([]byte) error
	disconnect  func() // closes the connection and waits for its goroutines

	endOnce    sync.Once
	hangUpOnce sync.Once
	live       context.Context // ends when we hang up
	stop       context.CancelFunc
}

func newLine() *line {
	l := &line{events: make(chan event, eventQueue), ended: make(chan struct{})}
	l.live, l.stop = context.WithCancel(context.Background())
	return l
}

// markEnded records that the line has ended.
func (l *line) markEnded() { l.endOnce.Do(func() { close(l.ended) }) }

// hangUp ends the line and waits until its goroutines have stopped.
func (l *line) hangUp() {
	l.hangUpOnce.Do(func() {
		l.stop()
		l.disconnect()
		l.markEnded()
	})
}

// sendEvent sends a client event.
func (l *line) sendEvent(fields map[string]any) error {
	b, err := json.Marshal(fields)
	if err == nil {
		err = l.send(b)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the connection is lost")
	}
	return nil
}

// receive queues a server event. It ignores events that are not valid.
func (l *line) receive(message []byte) {
	e, err := parseEvent(message)
	if err != nil {
		return
	}
	select {
	case l.events <- e:
	case <-l.live.Done():
	}
}

// event holds the fields of server events that the caller uses.
type event struct {
	Type        string          `json:"type"`
	ItemID      string          `json:"item_id"`
	ResponseID  string          `json:"response_id"`
	Transcript  string          `json:"transcript"`
	Text        string          `json:"text"`
	Session     json.RawMessage `json:"session"` // an id in frontdesk.session, otherwise an object
	ResumeToken string          `json:"resume_token"`
	Code        string          `json:"code"`
	Message     string          `json:"message"`
	Result      string          `json:"result"`
	Reason      string          `json:"reason"`
	Turn        json.RawMessage `json:"turn"` // a dialog.Turn in frontdesk.turn
	Item        struct {
		ID   string `json:"id"`
		Role string `json:"role"`
	} `json:"item"`
	Response struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	} `json:"response"`
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func parseEvent(message []byte) (event, error) {
	var e event
	if err := json.Unmarshal(message, &e); err != nil {
		return e, err
	}
	if e.Type == "" {
		return e, errors.New("event without a type")
	}
	return e, nil
}

// sessionID returns the session id of a frontdesk.session event.
func (e event) sessionID() string {
	var id string
	_ = json.Unmarshal(e.Session, &id) // leaves id empty for an object
	return id
}
