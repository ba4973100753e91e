package caller

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"frontdesk/dialog"
)

const leastReply = 100 * time.Millisecond // of audible sound

// report prints a call as it goes, for people or as JSON, one object per line.
type report struct {
	w    io.Writer
	json bool
}

func newReport(w io.Writer, o options) *report { return &report{w: w, json: o.json} }

func (p *report) session(id, token string) {
	if p.json {
		p.line(struct {
			Session string `json:"session"`
			Token   string `json:"resume_token"`
		}{id, token})
		return
	}
	fmt.Fprintf(p.w, "session  %s\nresume   frontdesk call --resume %s\n\n", id, token)
}

func (p *report) greeting(text string) {
	if !p.json {
		fmt.Fprintf(p.w, "agent    %s\n\n", text)
	}
}

// notice tells what the server says beside the conversation.
func (p *report) notice(text, code string) {
	if !p.json {
		fmt.Fprintf(p.w, "notice   %s (%s)\n", text, code)
	}
}

// turnLine is a turn as JSON.
type turnLine struct {
	Turn        int    `json:"turn"`
	Said        string `json:"said"`
	Heard       string `json:"heard"`
	Reply       string `json:"reply"`
	AudioMS     int64  `json:"reply_audio_ms"`
	DelayMS     *int64 `json:"voice_to_voice_ms"` // null for what was typed, and when nothing was heard
	Interrupted bool   `json:"interrupted"`
	Why         string `json:"why,omitempty"` // what decided that the caller had finished
	Stages      stages `json:"stages_ms,omitempty"`
	Error       string `json:"error,omitempty"` // a code
}

// stages are when the stages of a turn came, in ms from the end of the caller's speech,
// as the server saw it.
type stages map[string]int64

// stageNames are all there are, in their usual order.
var stageNames = []string{"onset", "speculated", "endpoint", "transcript", "first_token", "first_clause", "first_audio", "heard"}

func stagesOf(t dialog.Times) stages {
	if t.SpeechEnd.IsZero() {
		return nil
	}
	s := make(stages)
	for i, at := range []time.Time{t.Onset, t.Speculated, t.Endpoint, t.Transcript, t.FirstToken, t.FirstClause, t.FirstAudio, t.Heard} {
		if !at.IsZero() {
			s[stageNames[i]] = at.Sub(t.SpeechEnd).Milliseconds()
		}
	}
	return s
}

// String lists the stages of the reply for people.
func (s stages) String() string {
	var parts []string
	for _, name := range stageNames[1:] {
		if ms, ok := s[name]; ok {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(name, "_", " "), ms))
		}
	}
	return strings.Join(parts, ", ")
}

// turn prints a turn and reports whether it was answered: audibly, or in writing when
// it was typed.
func (p *report) turn(t *turn, m measured) bool {
	l := turnLine{
		Turn: t.number, Said: t.said, Heard: join(t.heard...), Reply: t.reply(),
		AudioMS: m.audible.Milliseconds(), Interrupted: t.interrupted(),
	}
	if m.delay != nil {
		ms := m.delay.Milliseconds()
		l.DelayMS = &ms
	}
	if t.record != nil {
		l.Why, l.Stages = t.record.EndpointReason, stagesOf(t.record.Times)
	}
	switch {
	case t.text && l.Reply == "" && m.audible < leastReply, !t.text && m.audible < leastReply:
		l.Error = "no_reply"
	}
	if p.json {
		p.line(l)
	} else {
		p.people(l)
	}
	return l.Error == ""
}

func (p *report) people(l turnLine) {
	var how []string
	if l.DelayMS != nil {
		how = append(how, fmt.Sprintf("%d ms to the first sound", *l.DelayMS))
	}
	if l.AudioMS > 0 {
		how = append(how, fmt.Sprintf("%.1f s of sound", float64(l.AudioMS)/1000))
	}
	if l.Interrupted {
		how = append(how, "interrupted")
	}
	if l.Error != "" {
		how = append(how, "no reply")
	}
	for _, row := range []struct{ label, text string }{
		{fmt.Sprintf("%d  said", l.Turn), l.Said},
		{"   heard", l.Heard},
		{"   reply", l.Reply},
		{"   timing", strings.Join(how, ", ")},
		{"   stages", l.Stages.String()},
	} {
		if row.text == "" && (row.label == "   stages" || l.Heard+l.Reply == "" && l.AudioMS > 0) {
			continue // typed, or the other side tells none; a telephone tells nothing in words
		}
		if row.text == "" {
			row.text = "-"
		}
		fmt.Fprintf(p.w, "%-10s %s\n", row.label, row.text)
	}
	fmt.Fprintln(p.w)
}

func (p *report) line(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return // strings and numbers have a JSON form
	}
	fmt.Fprintf(p.w, "%s\n", b)
}
