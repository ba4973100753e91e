package dialog

import "time"

// Saying is a reply under way: what another line, or another machine, goes on with.
type ResumeState struct {
	Item     string    `json:"item,omitzero"`
	Turn     int       `json:"turn"` // it belongs to; 0 for a greeting or a prompt
	Caller   string    `json:"caller,omitzero"`
	Text     string    `json:"text,omitzero"`   // written so far
	Filler   string    `json:"filler,omitzero"` // that Text begins with
	Heard    string    `json:"heard,omitzero"`  // of Text; while it is spoken, up to the last sentence that was
	Complete bool      `json:"whole,omitzero"`  // Text is all there is
	Ending   Outcome   `json:"then,omitzero"`   // how the conversation ends once it was heard
	At       time.Time `json:"at"`
}
