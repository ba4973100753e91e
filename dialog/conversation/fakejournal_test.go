package conversation

import (
	"context"
	"strings"
	"sync"

	"frontdesk/dialog"
)

// fakeJournal keeps what a session's journal would store.
type fakeJournal struct {
	mu       sync.Mutex
	messages []dialog.Message
	turns    []dialog.Turn
	readings []dialog.Reading
	overview *dialog.Overview
	ids      map[string]bool
	resume   *dialog.ResumeState
	memory   *dialog.Memory
	err      error // returned by Append
}

func (j *fakeJournal) Append(_ context.Context, e dialog.JournalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ids == nil {
		j.ids = make(map[string]bool)
	}
	j.resume = e.Resume
	if e.Memory != nil {
		j.memory = e.Memory
	}
	for _, m := range e.Messages {
		if m.ID == "" || j.ids[m.ID] {
			panic("a message was recorded without an ID, or twice")
		}
		j.ids[m.ID] = true
		j.messages = append(j.messages, m)
	}
	if e.Overview != nil {
		j.overview = e.Overview
	}
	if e.Reading != nil {
		j.readings = append(j.readings, *e.Reading)
	}
	if e.Turn != nil {
		j.turns = append(j.turns, *e.Turn)
	}
	return j.err
}

// history returns the recorded messages as transcript shows them.
func (j *fakeJournal) history() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return transcript(j.messages)
}

// stored returns the options of a conversation that continues this one.
func (j *fakeJournal) stored() Options {
	j.mu.Lock()
	defer j.mu.Unlock()
	o := Options{History: append([]dialog.Message(nil), j.messages...), Resume: j.resume}
	for _, t := range j.turns {
		o.LastTurn = t.Number
	}
	return o
}

// transcript shows messages as "u:text | a:text", with the first letter of the role. Tool
// calls are shown as "+name", and an interrupted text ends with "–".
func transcript(messages []dialog.Message) string {
	var out []string
	for _, m := range messages {
		s := m.Text
		for _, c := range m.Calls {
			s += "+" + c.Name
		}
		if m.Result != nil {
			s += string(m.Result.Output)
		}
		if m.Interrupted {
			s += "–"
		}
		out = append(out, string(m.Role[0])+":"+s)
	}
	return strings.Join(out, " | ")
}
