package dialog

import "time"

// ResumeState is a reply that another line, perhaps on another node, continues.
type ResumeState struct {
	Item     string    `json:"item,omitzero"`
	Turn     int       `json:"turn"` // 0 for a greeting or a prompt after silence
	Caller   string    `json:"caller,omitzero"`
	Text     string    `json:"text,omitzero"`   // written so far
	Filler   string    `json:"filler,omitzero"` // at the beginning of Text
	Heard    string    `json:"heard,omitzero"`  // beginning of Text; during the reply only whole sentences
	Complete bool      `json:"whole,omitzero"`  // nothing follows Text
	Ending   Outcome   `json:"then,omitzero"`   // how the conversation ends after the reply; "" if it goes on
	At       time.Time `json:"at"`
}
