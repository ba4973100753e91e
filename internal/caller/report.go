package caller

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"frontdesk/dialog"
)

const minReplyAudio = 100 * time.Millisecond // shorter audio is not a reply

// report prints a call while it goes on: for people, or as JSON with one object per line.
type report struct {
	w    io.Writer
	json bool
}

func (p *report) session(id, token string) {
	if p.json {
		p.printJSON(struct {
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

// notice prints a notice or an error that the server sent.
func (p *report) notice(text, code string) {
	if !p.json {
		fmt.Fprintf(p.w, "notice   %s (%s)\n", text, code)
	}
}

// turnLine is a turn in the JSON output.
type turnLine struct {
	Turn        int    `json:"turn"`
	Said        string `json:"said"`
	Heard       string `json:"heard"`
	Reply       string `json:"reply"`
	AudioMS     int64  `json:"reply_audio_ms"`
	DelayMS     *int64 `json:"voice_to_voice_ms"` // null for a typed turn, and if nothing was audible
	Interrupted bool   `json:"interrupted"`
	Why         string `json:"why,omitempty"` // why the server considered the turn finished
	Stages      stages `json:"stages_ms,omitempty"`
	Error       string `json:"error,omitempty"` // a fault.Code, or no_reply
}

// stages maps each stage of a turn to its time in ms, counted from the end of the
// caller's speech, as measured by the server.
type stages map[string]int64

// stageNames lists all stages in their usual order.
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

// String lists the stages after the onset, for people.
func (s stages) String() string {
	var parts []string
	for _, name := range stageNames[1:] {
		if ms, ok := s[name]; ok {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(name, "_", " "), ms))
		}
	}
	return strings.Join(parts, ", ")
}

// turn prints a turn and reports whether it got a reply: an audible one, or for a typed
// turn a written one.
func (p *report) turn(t *turn, m measurement) bool {
	l := turnLine{
		Turn: t.number, Said: t.said, Heard: joinTexts(t.heard...), Reply: t.reply(),
		AudioMS: m.audible.Milliseconds(), Interrupted: t.wasCutOff(),
	}
	if m.delay != nil {
		ms := m.delay.Milliseconds()
		l.DelayMS = &ms
	}
	if t.record != nil {
		l.Why, l.Stages = t.record.EndpointReason, stagesOf(t.record.Times)
	}
	if m.audible < minReplyAudio && (!t.isTyped || l.Reply == "") {
		l.Error = "no_reply"
	}
	if p.json {
		p.printJSON(l)
	} else {
		p.printText(l)
	}
	return l.Error == ""
}

func (p *report) printText(l turnLine) {
	var timing []string
	if l.DelayMS != nil {
		timing = append(timing, fmt.Sprintf("%d ms to the first audio", *l.DelayMS))
	}
	if l.AudioMS > 0 {
		timing = append(timing, fmt.Sprintf("%.1f s of audio", float64(l.AudioMS)/1000))
	}
	if l.Interrupted {
		timing = append(timing, "interrupted")
	}
	if l.Error != "" {
		timing = append(timing, "no reply")
	}
	for _, row := range []struct{ label, text string }{
		{fmt.Sprintf("%d  said", l.Turn), l.Said},
		{"   heard", l.Heard},
		{"   reply", l.Reply},
		{"   timing", strings.Join(timing, ", ")},
		{"   stages", l.Stages.String()},
	} {
		isMeasurement := row.label == "   timing" || row.label == "   stages"
		if row.text == "" && (isMeasurement || l.Heard+l.Reply == "" && l.AudioMS > 0) {
			continue // a typed turn has no timing; a telephone sends no words
		}
		if row.text == "" {
			row.text = "-"
		}
		fmt.Fprintf(p.w, "%-10s %s\n", row.label, row.text)
	}
	fmt.Fprintln(p.w)
}

func (p *report) printJSON(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return // cannot happen: strings and numbers are valid JSON
	}
	fmt.Fprintf(p.w, "%s\n", b)
}
