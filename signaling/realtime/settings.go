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
)

const (
	maxTools        = 64
	maxInstructions = 64 << 10 // bytes
)

// settings is what a client may say about its session: of the schema's fields those
// that mean something here. Nil fields were not named.
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

// voiceID is a voice's name; the schema has it as a string or as {"id": …}.
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

// specs checks the client's own tools.
func (s *settings) specs() ([]tools.Spec, error) {
	if len(s.Tools) > maxTools {
		return nil, fault.New(fault.Invalid, "more than %d tools", maxTools)
	}
	specs := make([]tools.Spec, 0, len(s.Tools))
	for _, t := range s.Tools {
		var schema map[string]any
		switch {
		case t.Type != "function":
			return nil, fault.New(fault.Invalid, "tools of type %.40q are not supported, only functions", t.Type)
		case !toolName.MatchString(t.Name):
			return nil, fault.New(fault.Invalid, "%.80q is not a tool's name", t.Name)
		case len(t.Parameters) == 0 || string(t.Parameters) == "null":
			t.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		case json.Unmarshal(t.Parameters, &schema) != nil:
			return nil, fault.New(fault.Invalid, "the parameters of tool %s are not a JSON Schema object", t.Name)
		}
		specs = append(specs, tools.Spec{Name: t.Name, Description: t.Description, Parameters: t.Parameters, Effect: tools.Writes})
	}
	return specs, nil
}

// check looks at what is wrong whoever says it; it returns the field.
func (s *settings) check() (param string, err error) {
	switch {
	case s.Type != "" && s.Type != "realtime":
		return "session.type", fault.New(fault.Invalid, "sessions of type %.40q are not supported", s.Type)
	case s.Instructions != nil && len(*s.Instructions) > maxInstructions:
		return "session.instructions", fault.New(fault.TooLarge, "the instructions are longer than %d bytes", maxInstructions)
	}
	return "", nil
}

// override puts what a token or an offer says about its session into who. Who is not
// trusted may name the agent only.
func (s *settings) override(who *session.Caller) error {
	if _, err := s.check(); err != nil {
		return err
	}
	if s.Model != "" && who.Agent == "" && who.Resume == "" {
		who.Agent = s.Model
	}
	changes := s.Instructions != nil && *s.Instructions != "" || len(s.Tools) > 0
	if !changes {
		return nil
	}
	if !who.Trusted {
		return fault.New(fault.Forbidden, "instructions and tools need a server key")
	}
	if s.Instructions != nil {
		who.Instructions = *s.Instructions
	}
	specs, err := s.specs()
	if err != nil {
		return err
	}
	if s.Tools != nil {
		who.Tools = specs
	}
	return nil
}

// view is a session as clients see it.
type view struct {
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
	Audio        viewAudio      `json:"audio"`
}

type viewAudio struct {
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

// turnDetection tells clients that turns, replies and interruptions are ours to begin.
type turnDetection struct {
	Type              string `json:"type"`
	Eagerness         string `json:"eagerness"`
	CreateResponse    bool   `json:"create_response"`
	InterruptResponse bool   `json:"interrupt_response"`
}

// newView is the session of who with agent. What the agent itself is told is nobody's
// business; what a trusted client said is shown to it.
func newView(agent string, who session.Caller) view {
	v := view{
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

// apply applies session.update: all that is permitted, telling an error for each thing
// that is not, and session.updated in any case.
func (t *talk) update(eventID string, s *settings) {
	if param, err := s.check(); err != nil {
		t.refuse(eventID, param, err)
		return
	}
	var change dialog.AgentUpdate
	t.updateModalities(eventID, s.Modalities)
	t.updateFormats(eventID, s)
	if s.Instructions != nil && *s.Instructions != t.view.Instructions {
		if t.trusted(eventID, "session.instructions") {
			t.view.Instructions, change.Instructions = *s.Instructions, s.Instructions
		}
	}
	if v := string(s.Audio.Output.Voice); v != "" && v != t.view.Audio.Output.Voice {
		if t.trusted(eventID, "session.audio.output.voice") {
			t.view.Audio.Output.Voice, change.Voice = v, &v
		}
	}
	if s.Tools != nil && (len(s.Tools) > 0 || len(t.view.Tools) > 0) && t.trusted(eventID, "session.tools") {
		if specs, err := s.specs(); err != nil {
			t.refuse(eventID, "session.tools", err)
		} else {
			t.view.Tools, change.Tools, change.ReplaceTools = functionTools(specs), specs, true
		}
	}
	if change.Instructions != nil || change.Voice != nil || change.ReplaceTools {
		t.hear(dialog.Heard{Kind: dialog.Update, Update: &change})
	}
	t.tell("session.updated", map[string]any{"session": t.view})
}

func (t *talk) trusted(eventID, param string) bool {
	if !t.who.Trusted {
		t.refuse(eventID, param, fault.New(fault.Forbidden, "this token does not allow to change %s", param))
	}
	return t.who.Trusted
}

func (t *talk) updateModalities(eventID string, wanted []string) {
	const param = "session.output_modalities"
	if wanted == nil || slices.Equal(wanted, t.view.Modalities) {
		return
	}
	audio, text := slices.Contains(wanted, "audio"), slices.Contains(wanted, "text")
	switch {
	case len(wanted) == 0 || len(wanted) > 2 || !audio && !text:
		t.refuse(eventID, param, fault.New(fault.Invalid, `the modalities are ["audio"] or ["text"]`))
	case audio == slices.Contains(t.view.Modalities, "audio"):
	case t.begun:
		t.refuse(eventID, param, fault.New(fault.Invalid, "the modality is chosen before the conversation begins"))
	case audio && !t.canSpeak:
		t.refuse(eventID, param, fault.New(fault.Invalid, "this line carries no sound"))
	case audio:
		t.view.Modalities = []string{"audio"}
	default:
		t.view.Modalities = []string{"text"}
	}
}

func (t *talk) updateFormats(eventID string, s *settings) {
	if t.formats == nil {
		return // WebRTC negotiates its own
	}
	for _, f := range []struct {
		param  string
		wanted *format
		set    *format
	}{
		{"session.audio.input.format", s.Audio.Input.Format, &t.view.Audio.Input.Format},
		{"session.audio.output.format", s.Audio.Output.Format, &t.view.Audio.Output.Format},
	} {
		if f.wanted == nil || *f.wanted == *f.set {
			continue
		}
		if err := f.wanted.check(); err != nil {
			t.refuse(eventID, f.param, err)
			continue
		}
		*f.set = f.wanted.complete()
	}
	t.formats(t.view.Audio.Input.Format, t.view.Audio.Output.Format)
}

// jsonFault is the caller's fault in a body that cannot be decoded.
func jsonFault(err error) error {
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &large):
		return fault.New(fault.TooLarge, "the body is larger than %d bytes", large.Limit)
	default:
		return fault.Wrap(err, fault.Invalid, "the body is not the JSON this takes")
	}
}
