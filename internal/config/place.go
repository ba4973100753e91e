package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// places tells where each value was set: a file's line, a variable or a flag.
type places map[string]string

var spelled = strings.NewReplacer("[0]", "", ".", "_")

// name is what a key, its variable without the prefix, and the first of a list and
// the list itself have in common.
func name(key string) string { return spelled.Replace(strings.ToLower(key)) }

func (p *places) set(key, place string) {
	if *p == nil {
		*p = make(places)
	}
	(*p)[name(key)] = place
}

// of is where key was set, or the nearest key above it, followed by ": "; "" when
// neither was.
func (p places) of(key string) string {
	for {
		if place, ok := p[name(key)]; ok {
			return place + ": "
		}
		end := strings.LastIndexAny(key, ".[")
		if end < 0 {
			return ""
		}
		key = key[:end]
	}
}

// placesIn finds the keys of a YAML file that was decoded before.
func placesIn(path string, text []byte) places {
	var p places
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return p
	}
	for _, doc := range file.Docs {
		p.find(path, "", doc.Body)
	}
	return p
}

func (p *places) find(path, key string, n ast.Node) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			p.find(path, key, v)
		}
	case *ast.MappingValueNode:
		inner := strings.TrimPrefix(key+"."+n.Key.GetToken().Value, ".")
		p.found(path, inner, n.Key)
		p.find(path, inner, n.Value)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			inner := fmt.Sprintf("%s[%d]", key, i)
			p.found(path, inner, v)
			p.find(path, inner, v)
		}
	}
}

func (p *places) found(path, key string, n ast.Node) {
	if at := n.GetToken().Position; at != nil {
		p.set(key, fmt.Sprintf("%s:%d:%d", path, at.Line, at.Column))
	}
}
