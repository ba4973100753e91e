package agentfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"frontdesk/tools/chain"
	"frontdesk/tools/workflow"
)

// workflowDocument is an entry of tools.workflow.
type workflowDocument struct {
	Name        string         `yaml:"name"`
	Description string         `yaml:"description"`
	Parameters  map[string]any `yaml:"parameters"`
	Effect      string         `yaml:"effect"`
	Steps       []stepDocument `yaml:"steps"`
	Result      map[string]any `yaml:"result"`
}

type stepDocument struct {
	Name       string         `yaml:"name"`
	Tool       string         `yaml:"tool"`
	Arguments  map[string]any `yaml:"arguments"`
	Idempotent *bool          `yaml:"idempotent"`
	Retry      struct {
		MaxAttempts *int     `yaml:"max_attempts"`
		Backoff     string   `yaml:"backoff"`
		Base        string   `yaml:"base"`
		Max         string   `yaml:"max"`
		Errors      []string `yaml:"errors"`
	} `yaml:"retry"`
	Check    *callDocument  `yaml:"check"`
	Undo     *callDocument  `yaml:"undo"`
	Each     string         `yaml:"each"`
	Together []stepDocument `yaml:"together"`
	AtOnce   int            `yaml:"at_once"`
}

type callDocument struct {
	Tool       string         `yaml:"tool"`
	Arguments  map[string]any `yaml:"arguments"`
	Idempotent *bool          `yaml:"idempotent"`
}

// workflows reads the workflows that are tools. Their tools are checked later, when they are
// known.
func (s *source) workflows() ([]chain.Config, error) {
	var out []chain.Config
	if n := len(s.doc.Tools.Workflow); n > maxTools {
		return nil, s.invalid("tools.workflow", "too many entries: %d (limit %d)", n, maxTools)
	}
	for i := range s.doc.Tools.Workflow {
		path := fmt.Sprintf("tools.workflow[%d]", i)
		c, err := s.workflow(path, &s.doc.Tools.Workflow[i])
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o chain.Config) bool { return o.Name == c.Name }) {
			return nil, s.invalid(path+".name", "another workflow is already called %q", c.Name)
		}
		out = append(out, c)
	}
	return out, nil
}

func (s *source) workflow(path string, d *workflowDocument) (chain.Config, error) {
	c := chain.Config{Name: d.Name, Description: strings.TrimSpace(d.Description), Parameters: d.Parameters, Result: d.Result}
	switch {
	case !validTool.MatchString(c.Name):
		return c, s.invalid(path+".name", "invalid tool name %q (want 1 to 64 of a-z, 0-9 and _)", c.Name)
	case c.Name == chain.StatusTool:
		return c, s.invalid(path+".name", "%q is the name of the tool that tells how far workflows are: choose another name", c.Name)
	case c.Description == "" || utf8.RuneCountInString(c.Description) > maxSpeech:
		return c, s.invalid(path+".description", "missing or too long: describe in 1 to %d characters what the workflow does", maxSpeech)
	}
	var err error
	if c.Effect, err = choiceOf(s, path+".effect", d.Effect, effects); err != nil {
		return c, err
	}
	if c.Steps, err = s.steps(path+".steps", d.Steps); err != nil {
		return c, err
	}
	return c, s.locateWorkflow(path, c.Check())
}

// locateWorkflow returns an error of package chain with the place of what is wrong.
func (s *source) locateWorkflow(path string, err error) error {
	if wrong, ok := errors.AsType[*chain.FieldError](err); ok {
		return s.invalid(path+"."+wrong.Field, "%s", wrong.Message)
	}
	return err
}

// LocateWorkflow returns an error of chain.New with the place of what is wrong. i is the index
// of the workflow.
func (f File) LocateWorkflow(i int, err error) error {
	if f.Tools.source == nil {
		return err
	}
	return f.Tools.source.locateWorkflow(fmt.Sprintf("tools.workflow[%d]", i), err)
}

func (s *source) steps(path string, list []stepDocument) ([]chain.Step, error) {
	var out []chain.Step
	for i := range list {
		d, path := &list[i], fmt.Sprintf("%s[%d]", path, i)
		step := chain.Step{
			Name: d.Name, Call: chain.Call{Tool: d.Tool, Arguments: d.Arguments, IsIdempotent: d.Idempotent},
			Check: d.Check.call(), Undo: d.Undo.call(), Each: d.Each, AtOnce: d.AtOnce,
		}
		step.Retry.Backoff, step.Retry.Errors = workflow.Backoff(d.Retry.Backoff), d.Retry.Errors
		var err error
		if step.Retry.MaxAttempts, err = s.number(path+".retry.max_attempts", d.Retry.MaxAttempts, 1, chain.MaxAttempts); err != nil {
			return nil, err
		}
		for _, delay := range []struct {
			key, text string
			into      *time.Duration
		}{{"base", d.Retry.Base, &step.Retry.Base}, {"max", d.Retry.Max, &step.Retry.Max}} {
			if delay.text == "" {
				continue
			}
			if *delay.into, err = s.duration(path+".retry."+delay.key, delay.text, time.Millisecond, chain.MaxDelay); err != nil {
				return nil, err
			}
		}
		if d.Together != nil {
			if step.Together, err = s.steps(path+".together", d.Together); err != nil {
				return nil, err
			}
			if step.Together == nil {
				step.Together = []chain.Step{}
			}
		}
		out = append(out, step)
	}
	return out, nil
}

func (d *callDocument) call() *chain.Call {
	if d == nil {
		return nil
	}
	return &chain.Call{Tool: d.Tool, Arguments: d.Arguments, IsIdempotent: d.Idempotent}
}
