// Package chain makes one tool of several whose results feed each other, such as a refund:
// look up the order, create a return label, book the refund, note it on the ticket. The
// operator declares the steps; the model calls the chain as one tool, and the gate decides
// about it once. Each call runs as a durable workflow: it goes on when the caller hangs up or
// the node dies.
//
// Check checks a Config, New makes the tool of it, and a Runner runs the calls. Values enter
// as arguments of the call and as results of the steps, and leave as arguments of other tools,
// which run by tools.Registry with a permit of the gate.
//
// Of Frontdesk the package imports tools, tools/gate, tools/workflow, internal/fault,
// internal/jsonpointer and internal/words.
package chain

import (
	"fmt"
	"time"

	"frontdesk/tools/gate"
	"frontdesk/tools/workflow"
)

const (
	// DefaultTimeout is how long a call waits for its chain. The chain goes on after that.
	DefaultTimeout = 2 * time.Minute
	// MaxAttempts bounds the attempts of a step.
	MaxAttempts = 100

	maxSteps       = 50  // of a chain
	maxElements    = 100 // of a list for each of which a step runs
	maxAtOnce      = 16  // calls of a step or group
	defaultAtOnce  = 4
	attemptTimeout = 6 * time.Minute // of an attempt; the tool has an earlier deadline
)

// Config describes a chain.
type Config struct {
	Name        string         `json:"name"`
	Description string         `json:"-"` // for the model
	Parameters  map[string]any `json:"-"` // JSON Schema of an object
	Effect      *gate.Effect   `json:"-"` // nil: the strongest of its tools'
	Steps       []Step         `json:"steps"`
	// Result has templates for what the model gets. nil: the results of all steps, by name.
	Result map[string]any `json:"result,omitempty"`
}

// Step is a call of a tool, or a group of steps that run together.
type Step struct {
	Name string `json:"name,omitempty"`
	Call
	Retry Retry `json:"retry,omitzero"`
	// Check finds out whether the effect has happened when nobody knows it: the result of the
	// tool is then that of the step, and its answer not_found says that it has not.
	Check *Call `json:"check,omitempty"`
	// Undo takes the effect back when a later step fails.
	Undo *Call `json:"undo,omitempty"`
	// Each is a template of a list. The step runs for each of its elements, which is {item},
	// and its result is the list of the results.
	Each string `json:"each,omitempty"`

	Together []Step `json:"together,omitempty"` // a group; it has AtOnce only
	AtOnce   int    `json:"at_once,omitempty"`  // calls of Each or Together at once; 0 means 4
}

// Call is a call of a tool with templates as arguments: see template.
type Call struct {
	Tool      string         `json:"tool,omitempty"`
	Arguments map[string]any `json:"arguments,omitempty"`
	// IsIdempotent says whether the tool has its effect once for each key, nil what the tool
	// itself says. A tool that only reads may always be repeated.
	IsIdempotent *bool `json:"idempotent,omitempty"`
	// Effect is that of the tool when the workflow began; an operator does not set it.
	Effect gate.Effect `json:"effect,omitempty"`
}

// Retry is how a step is retried. Zero fields stand for the workflow's defaults.
type Retry struct {
	MaxAttempts int              `json:"max_attempts,omitempty"`
	Backoff     workflow.Backoff `json:"backoff,omitempty"`
	Base        time.Duration    `json:"base,omitempty"`
	Max         time.Duration    `json:"max,omitempty"`
	Errors      []string         `json:"errors,omitempty"` // codes that are retried; nil: those that may pass
}

// FieldError is a mistake in a Config.
type FieldError struct {
	Field   string // as in agent.yaml, such as "steps[1].arguments.order"
	Message string // what is wrong and what to do
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func wrong(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// calls returns the steps of a chain in order, with those of groups in their place, and the
// field of each.
func (c *Config) calls() (steps []*Step, fields []string) {
	for i := range c.Steps {
		field := fmt.Sprintf("steps[%d]", i)
		if c.Steps[i].Together == nil {
			steps, fields = append(steps, &c.Steps[i]), append(fields, field)
			continue
		}
		for j := range c.Steps[i].Together {
			steps, fields = append(steps, &c.Steps[i].Together[j]), append(fields, fmt.Sprintf("%s.together[%d]", field, j))
		}
	}
	return steps, fields
}

// part is a call of a step with its field.
type part struct {
	field string
	step  *Step
	call  *Call
	kind  kind
}

type kind int

const (
	doing kind = iota
	checking
	undoing
)

// parts returns all calls of a chain.
func (c *Config) parts() []part {
	var out []part
	steps, fields := c.calls()
	for i, s := range steps {
		out = append(out, part{fields[i], s, &s.Call, doing})
		if s.Check != nil {
			out = append(out, part{fields[i] + ".check", s, s.Check, checking})
		}
		if s.Undo != nil {
			out = append(out, part{fields[i] + ".undo", s, s.Undo, undoing})
		}
	}
	return out
}
