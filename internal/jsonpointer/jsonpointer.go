// Package jsonpointer finds parts of decoded JSON by JSON Pointers (RFC 6901). It imports only
// internal/words of Frontdesk. Parse reads a pointer, Find follows it in a value.
package jsonpointer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"frontdesk/internal/words"
)

const maxPointer = 500 // bytes

// Pointer is a JSON Pointer in parts. The empty one is the whole value.
type Pointer []string

var (
	validEscapes = regexp.MustCompile(`^(?:[^~]|~[01])*$`)
	validIndex   = regexp.MustCompile(`^(?:0|[1-9][0-9]{0,8})$`)
	unescape     = strings.NewReplacer("~1", "/", "~0", "~")
)

// Parse reads a pointer.
func Parse(text string) (Pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' || len(text) > maxPointer || !validEscapes.MatchString(text) {
		return nil, fmt.Errorf("%q is not a JSON Pointer (want one such as /parcel/status)", words.Clip(text, maxPointer))
	}
	var p Pointer
	for part := range strings.SplitSeq(text[1:], "/") {
		p = append(p, unescape.Replace(part))
	}
	return p, nil
}

// Find returns the part of a decoded value that p points to.
func (p Pointer) Find(value any) (any, bool) {
	for _, part := range p {
		switch v := value.(type) {
		case map[string]any:
			inner, ok := v[part]
			if !ok {
				return nil, false
			}
			value = inner
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || !validIndex.MatchString(part) || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}
