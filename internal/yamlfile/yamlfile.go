// Package yamlfile reads YAML documents strictly and says on which line and column each
// key stands, so that errors can name the place. Text enters through Parse and leaves
// through Decode. The package imports only suggest of Frontdesk.
package yamlfile

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"frontdesk/internal/suggest"
)

const maxNesting = 32 // brackets and indentations within each other

// Places maps each key of a document, such as "stt.url" or "llm[1].model", to where it
// stands: "file:line:column".
type Places map[string]string

// Nearest returns the place of key, or of the nearest key above it; "" if there is none.
func (p Places) Nearest(key string) string {
	for {
		if place, ok := p[key]; ok {
			return place
		}
		end := strings.LastIndexAny(key, ".[")
		if end < 0 {
			return ""
		}
		key = key[:end]
	}
}

// Document is a parsed file that holds one YAML document, or none.
type Document struct {
	Places Places
	name   string
	body   ast.Node // nil when there is nothing but comments
}

// Parse parses text. Errors call it name and say where the mistake is.
func Parse(name string, text []byte) (d *Document, err error) {
	d = &Document{Places: make(Places), name: name}
	defer d.recoverPanic(&err)
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, d.explain(err, nil)
	}
	for _, doc := range tree.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case d.body != nil:
			return nil, d.errorAt(doc.Body.GetToken(), "a second document begins here: use one document per file")
		default:
			d.body = doc.Body
		}
	}
	d.locate("", d.body)
	return d, nil
}

// IsEmpty reports whether the file holds nothing but comments.
func (d *Document) IsEmpty() bool { return d.body == nil }

// RefuseExpansion returns an error if the document uses anchors or aliases, a few lines
// of which can unfold into gigabytes, or is nested too deeply.
func (d *Document) RefuseExpansion() (err error) {
	defer d.recoverPanic(&err)
	if d.IsEmpty() {
		return nil
	}
	v := &expansionVisitor{}
	ast.Walk(v, d.body)
	if v.found == nil {
		return nil
	}
	return d.errorAt(v.found.GetToken(), "%s", v.problem)
}

// expansionVisitor finds the first node that makes a document larger than it looks.
type expansionVisitor struct {
	found   ast.Node
	problem string
}

func (v *expansionVisitor) Visit(n ast.Node) ast.Visitor {
	switch {
	case v.found != nil:
		return nil
	case n.Type() == ast.AnchorType || n.Type() == ast.AliasType || n.Type() == ast.MergeKeyType:
		v.found, v.problem = n, "anchors and aliases are not supported: write the value out"
		return nil
	case strings.Count(n.GetPath(), ".")+strings.Count(n.GetPath(), "[") > maxNesting:
		v.found, v.problem = n, "nested too deeply"
		return nil
	}
	return v
}

// Decode stores the document in the struct that into points to. Keys without a field and
// values of the wrong type are errors. An empty document changes nothing.
func (d *Document) Decode(into any) (err error) {
	defer d.recoverPanic(&err)
	if d.IsEmpty() {
		return nil
	}
	if err := yaml.NodeToValue(d.body, into, yaml.Strict()); err != nil {
		return d.explain(err, reflect.TypeOf(into))
	}
	return nil
}

// recoverPanic turns a panic into *err: the YAML library panics on some broken input.
func (d *Document) recoverPanic(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: cannot be read as YAML (%v)", d.name, p)
	}
}

// locate records the places of all keys below n, which stands at key.
func (d *Document) locate(key string, n ast.Node) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			d.locate(key, v)
		}
	case *ast.MappingValueNode:
		inner := strings.TrimPrefix(key+"."+n.Key.GetToken().Value, ".")
		d.Places[inner] = d.place(n.Key.GetToken())
		d.locate(inner, n.Value)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			inner := fmt.Sprintf("%s[%d]", key, i)
			d.Places[inner] = d.place(v.GetToken())
			d.locate(inner, v)
		}
	}
}

func (d *Document) place(t *token.Token) string {
	if t == nil || t.Position == nil {
		return d.name
	}
	return fmt.Sprintf("%s:%d:%d", d.name, t.Position.Line, t.Position.Column)
}

func (d *Document) errorAt(t *token.Token, format string, args ...any) error {
	return fmt.Errorf("%s: %s", d.place(t), fmt.Sprintf(format, args...))
}

// explain puts an error of the parser or decoder in plain words with its place. into is
// the type that was decoded into, which tells the known keys.
func (d *Document) explain(err error, into reflect.Type) error {
	if mismatch, ok := errors.AsType[*yaml.TypeError](err); ok {
		return d.errorAt(mismatch.Token, "expected %s, got %s", kindName(mismatch.DstType), kindName(mismatch.SrcType))
	}
	if unexpected, ok := errors.AsType[*yaml.UnexpectedNodeTypeError](err); ok {
		return d.errorAt(unexpected.Token, "expected %s, got %s", unexpected.Expected.YAMLName(), unexpected.Actual.YAMLName())
	}
	if unknown, ok := errors.AsType[*yaml.UnknownFieldError](err); ok && unknown.Token != nil {
		key := unknown.Token.Value
		return d.errorAt(unknown.Token, "unknown key %q%s", key, suggest.DidYouMean(key, d.siblings(unknown.Token, into)))
	}
	var e yaml.Error
	if errors.As(err, &e) {
		return d.errorAt(e.GetToken(), "%s", e.GetMessage())
	}
	if duration := invalidDuration.FindStringSubmatch(err.Error()); duration != nil {
		return d.errorAt(d.findText(duration[1]), "invalid duration %q (want one such as 30s or 5m)", duration[1])
	}
	return fmt.Errorf("%s: cannot be read as YAML: %w", d.name, err)
}

// invalidDuration matches the errors of time.ParseDuration, which know no place.
var invalidDuration = regexp.MustCompile(`^time: .*duration "(.*)"$`)

// findText returns the first text in the document that equals value; nil if there is none.
func (d *Document) findText(value string) *token.Token {
	for _, n := range ast.Filter(ast.StringType, d.body) {
		if n.GetToken().Value == value {
			return n.GetToken()
		}
	}
	return nil
}

// siblings returns the keys that the section of t's key may hold.
func (d *Document) siblings(t *token.Token, into reflect.Type) []string {
	for key, place := range d.Places {
		if place == d.place(t) && strings.TrimSuffix(key, t.Value) != key {
			return keysOf(typeAt(into, strings.TrimSuffix(key, t.Value)))
		}
	}
	return nil
}

// typeAt follows path, such as "llm[0].", down from t; nil if it leads nowhere.
func typeAt(t reflect.Type, path string) reflect.Type {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	path = strings.TrimLeft(path, ".")
	if path == "" || t == nil || t.Kind() != reflect.Struct {
		return t
	}
	key, rest, _ := strings.Cut(path, ".")
	key, _, _ = strings.Cut(key, "[")
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("yaml") == key {
			return typeAt(f.Type, rest)
		}
	}
	return nil
}

func keysOf(t reflect.Type) []string {
	var keys []string
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if key := f.Tag.Get("yaml"); key != "" && !strings.HasPrefix(key, ",") {
			keys = append(keys, key)
		}
	}
	return keys
}

// kindName is what a person calls a Go type.
func kindName(t reflect.Type) string {
	if t == nil {
		return "nothing"
	}
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration such as 30s"
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
