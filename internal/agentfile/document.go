package agentfile

import (
	"fmt"

	"frontdesk/internal/fault"
	"frontdesk/internal/yamlfile"
)

// document is agent.yaml as it is written.
type document struct {
	Name         string   `yaml:"name"`
	Title        string   `yaml:"title"`
	Greeting     string   `yaml:"greeting"`
	Instructions string   `yaml:"instructions"`
	Language     string   `yaml:"language"`
	Voice        string   `yaml:"voice"`
	Speed        *float64 `yaml:"speed"`
	Try          []string `yaml:"try"`
	Farewell     string   `yaml:"farewell"`
	Silence      struct {
		Prompt  string `yaml:"prompt"`
		Wait    string `yaml:"wait"`
		Prompts *int   `yaml:"prompts"`
	} `yaml:"silence"`
	Handover struct {
		Message string `yaml:"message"`
		To      string `yaml:"to"`
		Blind   bool   `yaml:"blind"`
		Ring    string `yaml:"ring"`
		Direct  bool   `yaml:"direct"`
		Failed  string `yaml:"failed"`
		Later   string `yaml:"later"`

		CallBack callBackDocument `yaml:"callback"`
	} `yaml:"handover"`
	Hours *struct {
		Timezone string            `yaml:"timezone"`
		Open     map[string]string `yaml:"open"`
		Closed   []string          `yaml:"closed"`
		Special  map[string]string `yaml:"special"`
	} `yaml:"hours"`
	Escalate struct {
		SentimentBelow *float64 `yaml:"sentiment_below"`
		Misses         *int     `yaml:"misses"`
		Words          []string `yaml:"words"`
	} `yaml:"escalate"`
	Understanding struct {
		By      string `yaml:"by"`
		Tokens  *int   `yaml:"tokens"`
		Timeout string `yaml:"timeout"`
	} `yaml:"understanding"`
	Choices []struct {
		Key   string `yaml:"key"`
		Agent string `yaml:"agent"`
		Text  string `yaml:"text"`
	} `yaml:"choices"`
	Filler struct {
		Texts *[]string `yaml:"texts"`
		After string    `yaml:"after"`
	} `yaml:"filler"`
	Grounding struct {
		AnyNumbers bool `yaml:"any_numbers"`
	} `yaml:"grounding"`
	Speculation struct {
		Off    bool `yaml:"off"`
		Tokens *int `yaml:"tokens"`
	} `yaml:"speculation"`
	Memory struct {
		Tokens  *int `yaml:"tokens"`
		Callers bool `yaml:"callers"`
		Days    *int `yaml:"days"`
	} `yaml:"memory"`
	Pronunciation map[string]string `yaml:"pronunciation"`
	Record        bool              `yaml:"record"`
	Tools         struct {
		Allow    *[]string               `yaml:"allow"`
		Timeout  string                  `yaml:"timeout"`
		Timeouts map[string]string       `yaml:"timeouts"`
		Rules    map[string]ruleDocument `yaml:"rules"`
		Lookup   []struct {
			Name        string `yaml:"name"`
			Description string `yaml:"description"`
			File        string `yaml:"file"`
			Key         string `yaml:"key"`
			Fact        string `yaml:"fact"`
		} `yaml:"lookup"`
		Verify *struct {
			File    string `yaml:"file"`
			Account string `yaml:"account"`
			PIN     string `yaml:"pin"`
		} `yaml:"verify"`
		MCP  []mcpServer    `yaml:"mcp"`
		HTTP []httpDocument `yaml:"http"`

		Workflow []workflowDocument `yaml:"workflow"`
	} `yaml:"tools"`
}

// callBackDocument says how promised call-backs are made.
type callBackDocument struct {
	By      string `yaml:"by"`
	Tries   *int   `yaml:"tries"`
	Delay   string `yaml:"delay"`
	Within  string `yaml:"within"`
	Message string `yaml:"message"`
}

// source is a decoded agent.yaml that knows where each of its keys stands.
type source struct {
	label  string // what errors call the file
	places yamlfile.Places
	doc    document
}

// parse decodes text strictly. Anchors and aliases are refused.
func parse(label string, text []byte) (*source, error) {
	y, err := yamlfile.Parse(label, text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%v", err)
	}
	if y.IsEmpty() {
		return nil, fault.New(fault.Invalid, "%s: the file is empty: at least name is required", label)
	}
	s := &source{label: label, places: y.Places}
	err = y.RefuseExpansion()
	if err == nil {
		err = y.Decode(&s.doc)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "%v", err)
	}
	return s, nil
}

// invalid returns an error about the value at path, such as "tools.lookup[0].file". It
// names the place of that key, or of the nearest key above it.
func (s *source) invalid(path, format string, args ...any) error {
	place := s.places.Nearest(path)
	if place == "" {
		place = s.label
	}
	return fault.New(fault.Invalid, "%s: %s: %s", place, path, fmt.Sprintf(format, args...))
}
