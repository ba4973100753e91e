package realtime

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

const (
	maxTools        = 64
	maxInstructions = 64 << 10 // bytes
)

// settings has the schema's session fields that Frontdesk supports. A nil field was absent.
type settings struct {
	Type         string         `json:"type"`
	Model        string         `json:"model"`
	Instructions *string        `json:"instructions"`
	Tools        []functionTool `json:"tools"`
	Modalities   []string       `json:"output_modalities"`
	Audio        struct {
		Input struct {
			Format *format `json:"format"`
		} `json:"input"`
		Output struct {
			Format *format `json:"format"`
			Voice  voiceID `json:"voice"`
		} `json:"output"`
	} `json:"audio"`
}

// voiceID is a voice's name: in the schema a string or {"id": …}.
type voiceID string

// UnmarshalJSON implements json.Unmarshaler.
func (v *voiceID) UnmarshalJSON(b []byte) error {
	var object struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(b, (*string)(v)) == nil {
		return nil
	}
	err := json.Unmarshal(b, &object)
	*v = voiceID(object.ID)
	return err
}

type functionTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
}

func functionTools(specs []tools.Spec) []functionTool {
	out := []functionTool{}
	for _, s := range specs {
		out = append(out, functionTool{Type: "function", Name: s.Name, Description: s.Description, Parameters: s.Parameters})
	}
	return out
}

var toolName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// toolSpecs checks and returns the client's own tools.
func (s *settings) toolSpecs() ([]tools.Spec, error) {
	if len(s.Tools) > maxTools {
		return nil, fault.New(fault.Invalid, "too many tools: %d (at most %d)", len(s.Tools), maxTools)
	}
	specs := make([]tools.Spec, 0, len(s.Tools))
	for _, t := range s.Tools {
		var schema map[string]any
		switch {
		case t.Type != "function":
			return nil, fault.New(fault.Invalid, "unsupported tool type %.40q (want function)", t.Type)
		case !toolName.MatchString(t.Name):
			return nil, fault.New(fault.Invalid, "invalid tool name %.80q (want 1 to 64 letters, digits, _ or -)", t.Name)
		case len(t.Parameters) == 0 || string(t.Parameters) == "null":
			t.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		case json.Unmarshal(t.Parameters, &schema) != nil:
			return nil, fault.New(fault.Invalid, "the parameters of tool %s are not a JSON Schema object", t.Name)
		}
		specs = append(specs, tools.Spec{Name: t.Name, Description: t.Description, Parameters: t.Parameters, Rule: gate.Rule{Effect: gate.Write}})
	}
	return specs, nil
}

// check finds settings that are refused even with a server key. It returns the field's
// name and the error.
func (s *settings) check() (param string, err error) {
	switch {
	case s.Type != "" && s.Type != "realtime":
		return "session.type", fault.New(fault.Invalid, "unsupported session type %.40q (want realtime)", s.Type)
	case s.Instructions != nil && len(*s.Instructions) > maxInstructions:
		return "session.instructions", fault.New(fault.TooLarge, "the instructions are too long (at most %d bytes)", maxInstructions)
	}
	return "", nil
}

// applyTo copies the settings of a token or an offer to who. Only a trusted caller may set
// more than the agent.
func (s *settings) applyTo(who *session.Caller) error {
	if _, err := s.check(); err != nil {
		return err
	}
	if s.Model != "" && who.Agent == "" && who.Resume == "" {
		who.Agent = s.Model
	}
	changesAgent := s.Instructions != nil && *s.Instructions != "" || len(s.Tools) > 0
	if !changesAgent {
		return nil
	}
	if !who.Trusted {
		return fault.New(fault.Forbidden, "instructions and tools need a server key")
	}
	if s.Instructions != nil {
		who.Instructions = *s.Instructions
	}
	specs, err := s.toolSpecs()
	if err != nil {
		return err
	}
	if s.Tools != nil {
		who.Tools = specs
	}
	return nil
}

// sessionView is a session as the client sees it.
type sessionView struct {
	Type         string         `json:"type"`
	Object       string         `json:"object"`
	ID           string         `json:"id"`
	Model        string         `json:"model"`
	Modalities   []string       `json:"output_modalities"`
	Instructions string         `json:"instructions"`
	Tools        []functionTool `json:"tools"`
	ToolChoice   string         `json:"tool_choice"`
	MaxTokens    string         `json:"max_output_tokens"`
	Truncation   string         `json:"truncation"`
	Tracing      *string        `json:"tracing"`
	Prompt       *string        `json:"prompt"`
	Expires      int64          `json:"expires_at"`
	Audio        audioView      `json:"audio"`
}

type audioView struct {
	Input struct {
		Format         format        `json:"format"`
		Transcription  *string       `json:"transcription"`
		NoiseReduction *string       `json:"noise_reduction"`
		TurnDetection  turnDetection `json:"turn_detection"`
	} `json:"input"`
	Output struct {
		Format format  `json:"format"`
		Voice  string  `json:"voice"`
		Speed  float64 `json:"speed"`
	} `json:"output"`
}

// turnDetection tells clients that the server detects turns, starts replies and interrupts
// them.
type turnDetection struct {
	Type              string `json:"type"`
	Eagerness         string `json:"eagerness"`
	CreateResponse    bool   `json:"create_response"`
	InterruptResponse bool   `json:"interrupt_response"`
}

// newSessionView returns the session of who with agent. It shows the instructions a trusted
// client set, but never the agent's own.
func newSessionView(agent string, who session.Caller) sessionView {
	v := sessionView{
		Type: "realtime", Object: "realtime.session", ID: who.Resume, Model: agent,
		Modalities: []string{"audio"}, Instructions: who.Instructions, Tools: functionTools(who.Tools),
		ToolChoice: "auto", MaxTokens: "inf", Truncation: "auto",
	}
	v.Audio.Input.Format, v.Audio.Output.Format = pcm24, pcm24
	v.Audio.Input.TurnDetection = turnDetection{
		Type: "semantic_vad", Eagerness: "auto", CreateResponse: true, InterruptResponse: true,
	}
	v.Audio.Output.Speed = 1
	return v
}

// updateSession handles session.update. It applies what is permitted, sends an error for
// everything else, and then session.updated.
func (p *protocol) updateSession(eventID string, s *settings) {
	if param, err := s.check(); err != nil {
		p.sendError(eventID, param, err)
		return
	}
	var change dialog.AgentUpdate
	p.updateModalities(eventID, s.Modalities)
	p.updateFormats(eventID, s)
	if s.Instructions != nil && *s.Instructions != p.view.Instructions {
		if p.requireTrust(eventID, "session.instructions") {
			p.view.Instructions, change.Instructions = *s.Instructions, s.Instructions
		}
	}
	if v := string(s.Audio.Output.Voice); v != "" && v != p.view.Audio.Output.Voice {
		if p.requireTrust(eventID, "session.audio.output.voice") {
			p.view.Audio.Output.Voice, change.Voice = v, &v
		}
	}
	if s.Tools != nil && (len(s.Tools) > 0 || len(p.view.Tools) > 0) && p.requireTrust(eventID, "session.tools") {
		if specs, err := s.toolSpecs(); err != nil {
			p.sendError(eventID, "session.tools", err)
		} else {
			p.view.Tools, change.Tools, change.ReplaceTools = functionTools(specs), specs, true
		}
	}
	if change.Instructions != nil || change.Voice != nil || change.ReplaceTools {
		p.hear(dialog.Heard{Kind: dialog.Update, Update: &change})
	}
	p.send("session.updated", map[string]any{"session": p.view})
}

// requireTrust reports whether the client may change param, and sends an error if not.
func (p *protocol) requireTrust(eventID, param string) bool {
	if !p.who.Trusted {
		p.sendError(eventID, param, fault.New(fault.Forbidden, "this token may not change %s: use a server key", param))
	}
	return p.who.Trusted
}

func (p *protocol) updateModalities(eventID string, wanted []string) {
	const param = "session.output_modalities"
	if wanted == nil || slices.Equal(wanted, p.view.Modalities) {
		return
	}
	audio, text := slices.Contains(wanted, "audio"), slices.Contains(wanted, "text")
	switch {
	case len(wanted) == 0 || len(wanted) > 2 || !audio && !text:
		p.sendError(eventID, param, fault.New(fault.Invalid, `unsupported output_modalities (want ["audio"] or ["text"])`))
	case audio == slices.Contains(p.view.Modalities, "audio"):
	case p.isRunning:
		p.sendError(eventID, param, fault.New(fault.Invalid, "output_modalities cannot change after the conversation has begun"))
	case audio && p.line.sink == nil:
		p.sendError(eventID, param, fault.New(fault.Invalid, "this line carries no audio"))
	case audio:
		p.view.Modalities = []string{"audio"}
	default:
		p.view.Modalities = []string{"text"}
	}
}

func (p *protocol) updateFormats(eventID string, s *settings) {
	if p.line.eventAudio == nil {
		return // WebRTC negotiates its own format
	}
	for _, f := range []struct {
		param  string
		wanted *format
		set    *format
	}{
		{"session.audio.input.format", s.Audio.Input.Format, &p.view.Audio.Input.Format},
		{"session.audio.output.format", s.Audio.Output.Format, &p.view.Audio.Output.Format},
	} {
		if f.wanted == nil || *f.wanted == *f.set {
			continue
		}
		if err := f.wanted.check(); err != nil {
			p.sendError(eventID, f.param, err)
			continue
		}
		*f.set = f.wanted.normalized()
	}
	p.line.eventAudio.setFormats(p.view.Audio.Input.Format, p.view.Audio.Output.Format)
}

// jsonFault returns the fault for an error in decoding a JSON body.
func jsonFault(err error) error {
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &large):
		return fault.New(fault.TooLarge, "the body is too large (at most %d bytes)", large.Limit)
	default:
		return fault.Wrap(err, fault.Invalid, "the body is not valid JSON for this endpoint")
	}
}
