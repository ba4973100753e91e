package agentfile

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"frontdesk/internal/fault"
)

const maxNesting = 32 // brackets and indentations within each other

// document is agent.yaml as it is written.
type document struct {
	Name         string   `yaml:"name"`
	Title        string   `yaml:"title"`
	Greeting     string   `yaml:"greeting"`
	Instructions string   `yaml:"instructions"`
	Language     string   `yaml:"language"`
	Voice        string   `yaml:"voice"`
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
	} `yaml:"handover"`
	Filler struct {
		Texts *[]string `yaml:"texts"`
		After string    `yaml:"after"`
	} `yaml:"filler"`
	Speculation struct {
		Off    bool `yaml:"off"`
		Tokens *int `yaml:"tokens"`
	} `yaml:"speculation"`
	Memory struct {
		Tokens  *int `yaml:"tokens"`
		Callers bool `yaml:"callers"`
		Days    *int `yaml:"days"`
	} `yaml:"memory"`
	Record bool `yaml:"record"`
	Tools  struct {
		Allow    *[]string         `yaml:"allow"`
		Timeout  string            `yaml:"timeout"`
		Timeouts map[string]string `yaml:"timeouts"`
		Lookup   []struct {
			Name        string `yaml:"name"`
			Description string `yaml:"description"`
			File        string `yaml:"file"`
			Key         string `yaml:"key"`
		} `yaml:"lookup"`
	} `yaml:"tools"`
}

// source is a parsed agent.yaml that knows where each of its values stands.
type source struct {
	label string // what errors call the file
	tree  *ast.File
	doc   document
}

// parse reads text strictly: unknown keys, keys given twice and values of the wrong
// type are errors. Anchors and aliases are refused, because a few lines of them can
// unfold into gigabytes.
func parse(label string, text []byte) (s *source, err error) {
	s = &source{label: label}
	defer func() {
		if p := recover(); p != nil { // the parser is known to panic on some broken input
			err = fault.Wrap(fmt.Errorf("yaml parser panicked: %v", p), fault.Invalid, "%s: cannot be understood as YAML", label)
		}
	}()
	if s.tree, err = parser.ParseBytes(text, 0); err != nil {
		return nil, s.yamlError(err)
	}
	var body ast.Node
	for _, d := range s.tree.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType:
		case body != nil:
			return nil, s.at(d.Body.GetToken(), "a second document: an agent is one document")
		default:
			body = d.Body
		}
	}
	if body == nil {
		return nil, fault.New(fault.Invalid, "%s: is empty: name is required", label)
	}
	s.tree.Docs = []*ast.DocumentNode{{Body: body}}
	var limits limiter
	ast.Walk(&limits, body)
	if limits.bad != nil {
		return nil, s.at(limits.bad, "%s", limits.why)
	}
	if err := yaml.NodeToValue(body, &s.doc, yaml.Strict()); err != nil {
		return nil, s.yamlError(err)
	}
	return s, nil
}

// limiter finds the first node that makes a document larger than it looks.
type limiter struct {
	bad *token.Token
	why string
}

func (l *limiter) Visit(n ast.Node) ast.Visitor {
	switch {
	case l.bad != nil:
		return nil
	case n.Type() == ast.AnchorType || n.Type() == ast.AliasType || n.Type() == ast.MergeKeyType:
		l.bad, l.why = n.GetToken(), "anchors and aliases are not used here"
		return nil
	case strings.Count(n.GetPath(), ".")+strings.Count(n.GetPath(), "[") > maxNesting:
		l.bad, l.why = n.GetToken(), "nested too deeply"
		return nil
	}
	return l
}

// yamlError gives a parser's or decoder's error its place and plain words.
func (s *source) yamlError(err error) error {
	var mismatch *yaml.TypeError
	if errors.As(err, &mismatch) {
		return s.at(mismatch.Token, "%s is expected here, not %s", kindName(mismatch.DstType), kindName(mismatch.SrcType))
	}
	var unexpected *yaml.UnexpectedNodeTypeError
	if errors.As(err, &unexpected) {
		return s.at(unexpected.Token, "%s is expected here, not %s", unexpected.Expected.YAMLName(), unexpected.Actual.YAMLName())
	}
	var e yaml.Error
	if errors.As(err, &e) {
		return s.at(e.GetToken(), "%s", e.GetMessage())
	}
	return fault.Wrap(err, fault.Invalid, "%s: cannot be understood as YAML", s.label)
}

// kindName is what a person calls a Go type.
func kindName(t reflect.Type) string {
	if t == nil {
		return "nothing"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindName(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a section"
	default:
		return "a number"
	}
}

// wrong is an error at the value at path, such as "silence.wait" or
// "tools.lookup[0].file"; where there is no such value, at the nearest one around it.
func (s *source) wrong(path, format string, args ...any) error {
	message := path + ": " + fmt.Sprintf(format, args...)
	for p := path; ; p = p[:strings.LastIndexAny(p, ".[")] {
		if yp, err := yaml.PathString("$." + p); err == nil {
			if n, err := yp.FilterFile(s.tree); err == nil && n != nil {
				return s.at(n.GetToken(), "%s", message)
			}
		}
		if !strings.ContainsAny(p, ".[") {
			return fault.New(fault.Invalid, "%s: %s", s.label, message)
		}
	}
}

// at is an error at t.
func (s *source) at(t *token.Token, format string, args ...any) error {
	if t == nil || t.Position == nil {
		return fault.New(fault.Invalid, "%s: %s", s.label, fmt.Sprintf(format, args...))
	}
	return fault.New(fault.Invalid, "%s:%d:%d: %s", s.label, t.Position.Line, t.Position.Column, fmt.Sprintf(format, args...))
}
