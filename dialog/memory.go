package dialog

// MemoryPolicy is how much a model sees of a conversation, and what is kept of callers.
type MemoryPolicy struct {
	RecordAudio     bool          // record the audio of calls
	MaxTokens       int           // of history and memory in a prompt; older messages are summarized; default 6,000
	RememberCallers bool          // whom a backend names are remembered from call to call
	Days            int           // for which they are remembered
	Reading         ReadingPolicy // whether a model reads each turn
}

// Memory is what is known of the part of a conversation that a model no longer sees.
type Memory struct {
	Summary string `json:"summary"`
	Facts   []Fact `json:"facts,omitempty"`
	Through string `json:"upto,omitzero"` // id of the last message it covers, "" for an earlier conversation's
}

// Fact is one fact of a Memory.
type Fact struct {
	Kind string `json:"kind"` // "name", "number", "solved", "open", "other"
	Text string `json:"text"`
}

// IsEmpty reports whether m holds nothing. A nil Memory is empty.
func (m *Memory) IsEmpty() bool { return m == nil || m.Summary == "" && len(m.Facts) == 0 }
