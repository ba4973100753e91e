package session

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
)

// MaxKnown is how many bytes the name may have that a caller is known by.
const MaxKnown = 128

const (
	usualKeeping = 90 * 24 * time.Hour
	memoryTime   = 30 * time.Second // to put together what stays of a call
)

// remembered is the last memory in a session's log, or nil.
func remembered(entries []Entry) *dialog.Memory {
	for i := len(entries) - 1; i >= 0; i-- {
		var m dialog.Memory
		if entries[i].Kind == memoryEntry && json.Unmarshal(entries[i].Body, &m) == nil {
			return &m
		}
	}
	return nil
}

// key is what c's caller is remembered under, "" when they are not.
func (c *Call) key() string {
	if c.who.Known == "" || !c.agent.Memory.RememberCallers {
		return ""
	}
	return c.agent.Name + "/" + c.who.Known
}

// recall is what is known of c's caller from earlier sessions. A store that cannot tell
// is no reason not to answer the call.
func (c *Call) recall(ctx context.Context) *dialog.Memory {
	key := c.key()
	if key == "" {
		return nil
	}
	text, err := c.desk.o.Store.Recall(ctx, key)
	if err != nil {
		c.log.Warn("caller not recalled", zap.Error(err))
		return nil
	}
	var m dialog.Memory
	if len(text) == 0 || json.Unmarshal(text, &m) != nil {
		return nil
	}
	m.Through = "" // a message of another session
	return &m
}

// remember keeps what is worth knowing of the caller for the next session. It runs
// beside what comes after the call.
func (c *Call) remember() {
	defer c.desk.memories.take(c.key())() // of two calls of theirs, the second adds to the first
	ctx, cancel := context.WithTimeout(context.Background(), memoryTime)
	defer cancel()
	_, entries, err := c.desk.o.Store.Load(ctx, c.session)
	if err == nil {
		var before dialog.Memory
		if m := remembered(entries); m != nil {
			before = *m
		} else if m := c.recall(ctx); m != nil { // which may be more than it was when this call began
			before = *m
		}
		var text []byte
		text, err = json.Marshal(conversation.Summarize(ctx, c.agent.Model, before, since(messages(entries), before.Through)))
		if err == nil {
			keep := usualKeeping
			if d := c.agent.Memory.Days; d > 0 {
				keep = time.Duration(d) * 24 * time.Hour
			}
			err = c.desk.o.Store.Remember(ctx, c.key(), text, keep)
		}
	}
	if err != nil {
		c.log.Warn("caller not remembered", zap.Error(err))
	}
}

// queues let one after the other do something for the same key. The zero queues are empty.
type queues struct {
	mu sync.Mutex
	of map[string]*queue
}

type queue struct {
	turn    sync.Mutex
	waiting int
}

// take waits for a turn, which ends when the function it returns is called.
func (q *queues) take(key string) (give func()) {
	q.mu.Lock()
	if q.of == nil {
		q.of = make(map[string]*queue)
	}
	mine := q.of[key]
	if mine == nil {
		mine = &queue{}
		q.of[key] = mine
	}
	mine.waiting++
	q.mu.Unlock()
	mine.turn.Lock()
	return func() {
		mine.turn.Unlock()
		q.mu.Lock()
		defer q.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 {
			delete(q.of, key)
		}
	}
}

// since is what comes behind the message of that id.
func since(messages []dialog.Message, id string) []dialog.Message {
	for i, m := range messages {
		if m.ID == id {
			return messages[i+1:]
		}
	}
	return messages
}
