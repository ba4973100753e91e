package dialog

// Remembering is how much of a conversation a model is told, and what stays of it.
type MemoryPolicy struct {
	MaxTokens       int  // of what was said; default 6,000. What is older is summarised
	RememberCallers bool // callers who are known by name are remembered from call to call
	Days            int  // for so long
}

// Memory is what is kept of a conversation beside its last part: a summary, and facts.
type Memory struct {
	Summary string `json:"summary"`
	Facts   []Fact `json:"facts,omitempty"`
	Through string `json:"upto,omitzero"` // id of the last message it covers, "" for an earlier conversation's
}

// Fact is one thing worth knowing.
type Fact struct {
	Kind string `json:"kind"` // "name", "number", "solved", "open", "other"
	Text string `json:"text"`
}

// IsEmpty reports whether m holds nothing. A nil Memory is empty.
func (m *Memory) IsEmpty() bool { return m == nil || m.Summary == "" && len(m.Facts) == 0 }
