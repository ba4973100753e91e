package httptool

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// template is a URL template (RFC 6570 up to level 3, without {+name} and {#name}, which do
// not encode their values). The encoding is written here because uritemplate v3.0.2 encodes
// the letters of Latin-1 as one byte instead of as UTF-8.
type template []expression

// expression is a text and the arguments that follow it.
type expression struct {
	text     string
	operator operator
	names    []string
}

// operator says how arguments are written.
type operator struct {
	first, separator string
	isNamed          bool // as name=value
	omitsEqual       bool // with an empty value
}

var (
	operators = map[string]operator{
		"": {"", ",", false, false}, ".": {".", ".", false, false}, "/": {"/", "/", false, false},
		";": {";", ";", true, true}, "?": {"?", "&", true, false}, "&": {"&", "&", true, false},
	}
	validExpression = regexp.MustCompile(`^([./;?&]?)([A-Za-z0-9_]+(?:,[A-Za-z0-9_]+)*)$`)
)

func parseTemplate(text string) (template, error) {
	var t template
	for text != "" {
		before, rest, ok := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return nil, fmt.Errorf("has a brace without its partner")
		}
		e := expression{text: before}
		if ok {
			inside, after, isClosed := strings.Cut(rest, "}")
			m := validExpression.FindStringSubmatch(inside)
			switch {
			case !isClosed:
				return nil, fmt.Errorf("has a brace without its partner")
			case m == nil:
				return nil, fmt.Errorf("{%s} is not supported: write {name}, {name,other} or {?name}; values are always percent-encoded", inside)
			}
			e.operator, e.names, rest = operators[m[1]], strings.Split(m[2], ","), after
		}
		t, text = append(t, e), rest
	}
	return t, nil
}

// names returns the arguments of the template, each once.
func (t template) names() []string {
	var out []string
	for _, e := range t {
		for _, name := range e.names {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// pathNames returns the arguments in the path. Those after it may be left out.
func (t template) pathNames() []string {
	var out []string
	for _, e := range t {
		if strings.Contains(e.text, "?") || e.operator.first == "?" {
			break
		}
		out = append(out, e.names...)
	}
	return out
}

// expand returns the URL for values. An argument without a value is left out.
func (t template) expand(values map[string]string) string {
	var b strings.Builder
	for _, e := range t {
		b.WriteString(e.text)
		before := e.operator.first
		for _, name := range e.names {
			value, ok := values[name]
			if !ok {
				continue
			}
			b.WriteString(before)
			before = e.operator.separator
			if e.operator.isNamed {
				b.WriteString(name)
				if value == "" && e.operator.omitsEqual {
					continue
				}
				b.WriteByte('=')
			}
			writeEncoded(&b, value)
		}
	}
	return b.String()
}

// writeEncoded writes a value in which every byte is encoded that is not unreserved
// (RFC 3986, section 2.3).
func writeEncoded(b *strings.Builder, value string) {
	for i := range len(value) {
		c := value[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(b, "%%%02X", c)
		}
	}
}
