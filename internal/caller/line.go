package caller

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"frontdesk/internal/fault"
)

const eventQueue = 1024 // events the run may be behind; then the network waits

// line is a connection to the server, whatever carries it.
type line struct {
	phone     *phone                  // nil on a line of text alone
	press     func(keys string) error // of a telephone
	telephone bool                    // nothing is told but sound
	events    chan event
	gone      chan struct{} // closed when the line ends, whoever ended it
	send      func([]byte) error
	hang      func() // ends what carries the line and waits for it

	end  sync.Once
	bye  sync.Once
	live context.Context // ends when the line is closed from here
	stop context.CancelFunc
}

func newLine() *line {
	l := &line{events: make(chan event, eventQueue), gone: make(chan struct{})}
	l.live, l.stop = context.WithCancel(context.Background())
	return l
}

// ended tells that the line is no more.
func (l *line) ended() { l.end.Do(func() { close(l.gone) }) }

// hangUp ends the line from here and waits until nothing moves on it.
func (l *line) hangUp() {
	l.bye.Do(func() {
		l.stop()
		l.hang()
		l.ended()
	})
}

func (l *line) close() { l.hangUp() }

// tell sends a client event.
func (l *line) tell(fields map[string]any) error {
	b, err := json.Marshal(fields)
	if err == nil {
		err = l.send(b)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the connection is lost")
	}
	return nil
}

// take queues a server event.
func (l *line) take(message []byte) {
	e, err := parseEvent(message)
	if err != nil {
		return // an event of a shape not known here is of no use here
	}
	select {
	case l.events <- e:
	case <-l.live.Done():
	}
}

// event is what matters here of a server event.
type event struct {
	Type        string          `json:"type"`
	ItemID      string          `json:"item_id"`
	ResponseID  string          `json:"response_id"`
	Transcript  string          `json:"transcript"`
	Text        string          `json:"text"`
	Session     json.RawMessage `json:"session"` // an id in frontdesk.session, else an object
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
		return e, errors.New("an event without a type")
	}
	return e, nil
}

// sessionID is the session that frontdesk.session tells.
func (e event) sessionID() string {
	var id string
	_ = json.Unmarshal(e.Session, &id) // an object is no id
	return id
}
