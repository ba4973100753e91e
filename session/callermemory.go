package session

import (
	"context"
	"encoding/json"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/dialog/understanding"
)

// MaxKnownAs is the maximum length of Caller.KnownAs in bytes.
const MaxKnownAs = 128

const (
	defaultMemoryTTL = 90 * 24 * time.Hour // when the agent's memory policy says nothing
	memoryTimeout    = 30 * time.Second    // to summarize a call and store the memory
)

// CallerMemory stores what is known of a caller from one session to the next. Errors are
// fault.Error.
type CallerMemory interface {
	// SaveCaller stores the memory of a caller for ttl and replaces an earlier one. An empty
	// memory deletes it.
	SaveCaller(ctx context.Context, caller string, memory []byte, ttl time.Duration) error
	// LoadCaller returns the memory of a caller; it is empty when there is none.
	LoadCaller(ctx context.Context, caller string) (memory []byte, err error)
	// ListCaller returns the callers AGENT/KNOWN that have a memory, for all agents.
	ListCaller(ctx context.Context, known string) (callers []string, err error)
}

// lastMemory returns the last memory in a session's log, or nil.
func lastMemory(entries []Entry) *dialog.Memory {
	for i := len(entries) - 1; i >= 0; i-- {
		var m dialog.Memory
		if entries[i].Kind == memoryEntry && json.Unmarshal(entries[i].Body, &m) == nil {
			return &m
		}
	}
	return nil
}

// memoryKey returns the key of the caller's memory, or "" when the caller is unknown or
// must not be remembered.
func (c *Call) memoryKey() string {
	if c.desk.o.Callers == nil || c.caller.KnownAs == "" || !c.agent.Memory.RememberCallers {
		return ""
	}
	return c.agent.Name + "/" + c.caller.KnownAs
}

// loadMemory returns what is known of the caller from earlier sessions, or nil. It only
// logs an error, because the call goes on without the memory.
func (c *Call) loadMemory(ctx context.Context) *dialog.Memory {
	key := c.memoryKey()
	if key == "" {
		return nil
	}
	text, err := c.desk.o.Callers.LoadCaller(ctx, key)
	if err != nil {
		c.log.Warn("memory of the caller not loaded", zap.Error(err))
		return nil
	}
	var m dialog.Memory
	if len(text) == 0 || json.Unmarshal(text, &m) != nil {
		return nil
	}
	m.Through = "" // it names a message of another session
	return &m
}

// saveMemory summarizes the call for the caller's next session. It runs in the background
// when the call is over.
func (c *Call) saveMemory() {
	// When two calls of one caller end together, the second adds to the memory of the first.
	defer c.desk.memoryLocks.lock(c.memoryKey())()
	ctx, cancel := context.WithTimeout(context.Background(), memoryTimeout)
	defer cancel()
	state, entries, err := c.desk.o.Store.Load(ctx, c.session)
	if err == nil {
		var before dialog.Memory
		if m := lastMemory(entries); m != nil {
			before = *m
		} else if m := c.loadMemory(ctx); m != nil { // another call may have added to it since this one began
			before = *m
		}
		var text []byte
		m := conversation.Summarize(ctx, c.agent.Model, before, messagesAfter(messages(entries), before.Through))
		text, err = json.Marshal(conversation.WithIssues(m, understanding.Leave(state.Overview)))
		if err == nil {
			ttl := defaultMemoryTTL
			if d := c.agent.Memory.Days; d > 0 {
				ttl = time.Duration(d) * 24 * time.Hour
			}
			err = c.desk.o.Callers.SaveCaller(ctx, c.memoryKey(), text, ttl)
		}
	}
	if err != nil {
		c.log.Warn("memory of the caller not saved", zap.Error(err))
	}
}

// messagesAfter returns the messages that follow the one with the ID, or all if there is none.
func messagesAfter(messages []dialog.Message, id string) []dialog.Message {
	for i, m := range messages {
		if m.ID == id {
			return messages[i+1:]
		}
	}
	return messages
}
