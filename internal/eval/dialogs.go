package eval

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/yamlfile"
)

const (
	maxSuite         = 4 << 20 // bytes of a file
	maxConversations = 5000    // in a file
)

// Suite is a file of conversations, with what each reply must be like.
type Suite struct {
	Agent string `yaml:"agent"` // "" is the default agent
	// Now is when the conversations take place, as 2026-12-02T10:00 in the agent's time zone.
	Now           string     `yaml:"now"`
	Conversations []Dialogue `yaml:"conversations"`

	file   string
	places yamlfile.Places
}

// Dialogue is one conversation.
type Dialogue struct {
	Name  string `yaml:"name"`
	Kind  string `yaml:"kind"` // figures are given by kind
	Now   string `yaml:"now"`  // replaces that of the Suite
	Turns []Line `yaml:"turns"`
}

// Line is what the caller does, one of Say, Type and Keys, and what the reply must be like.
// Texts are compared without regard to case, punctuation and spaces. {ticket} stands for the
// ticket that was opened last.
type Line struct {
	Say  string `yaml:"say"`  // spoken, as a recognizer writes it
	Type string `yaml:"type"` // typed
	Keys string `yaml:"keys"` // digits of a telephone
	// Want are texts that the reply must have, each as one or more alternatives: "9 am|nine".
	Want []string `yaml:"want"`
	Not  []string `yaml:"not"` // texts that the reply must not have
	// Tools are the tools that must have run, and no others beside search_knowledge; "none"
	// stands for no tools. Empty allows all.
	Tools []string `yaml:"tools"`
	// Source is the page that must be shown as the source, such as shipping.md, as one or
	// more alternatives; "none" stands for no page. Empty allows all.
	Source string `yaml:"source"`
	Ends   bool   `yaml:"ends"` // the agent must end the conversation
}

// isChecked reports whether the turn has anything to get wrong.
func (l Line) isChecked() bool {
	return len(l.Want)+len(l.Not)+len(l.Tools) > 0 || l.Source != "" || l.Ends
}

// said returns what the caller does, for reports.
func (l Line) said() string { return cmp.Or(l.Say, l.Type, l.Keys) }

// LoadSuite reads conversations. Errors name the file, line and column.
func LoadSuite(file string) (*Suite, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSuite {
		return nil, fmt.Errorf("%s: larger than %d MB", file, maxSuite>>20)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseSuite(filepath.Base(file), text)
}

func parseSuite(name string, text []byte) (*Suite, error) {
	d, err := yamlfile.Parse(name, text)
	if err != nil {
		return nil, err
	}
	s := &Suite{file: name, places: d.Places}
	if err := d.Decode(s); err != nil {
		return nil, err
	}
	return s, s.check()
}

// check returns what is wrong with the suite.
func (s *Suite) check() error {
	if n := len(s.Conversations); n == 0 || n > maxConversations {
		return fmt.Errorf("%s: %d conversations (want 1 to %d)", s.file, n, maxConversations)
	}
	if _, err := parseNow(s.Now); err != nil {
		return s.errorAt("now", err)
	}
	for i, c := range s.Conversations {
		key := fmt.Sprintf("conversations[%d]", i)
		if c.Name == "" || len(c.Turns) == 0 {
			return s.errorAt(key, fmt.Errorf("a conversation needs a name and turns"))
		}
		if _, err := parseNow(c.Now); err != nil {
			return s.errorAt(key+".now", err)
		}
		for j, l := range c.Turns {
			if err := l.check(); err != nil {
				return s.errorAt(fmt.Sprintf("%s.turns[%d]", key, j), err)
			}
		}
	}
	return nil
}

func (s *Suite) errorAt(key string, err error) error {
	return fault.New(fault.Invalid, "%s: %s: %v", cmp.Or(s.places.Nearest(key), s.file), key, err)
}

var telephoneKeys = regexp.MustCompile(`^[0-9*#A-D]+$`)

func (l Line) check() error {
	n := 0
	for _, text := range []string{l.Say, l.Type, l.Keys} {
		if text != "" {
			n++
		}
	}
	switch {
	case n != 1:
		return fmt.Errorf("a turn needs one of say, type and keys")
	case l.Keys != "" && !telephoneKeys.MatchString(l.Keys):
		return fmt.Errorf("keys are 0-9 * # A-D, not %q", l.Keys)
	}
	for _, text := range slices.Concat(l.Want, l.Not) {
		for alternative := range strings.SplitSeq(text, "|") {
			if comparable(alternative) == "" {
				return fmt.Errorf("%q has an empty alternative", text)
			}
		}
	}
	return nil
}

// parseNow reads the time of a conversation; the zero time stands for the present.
func parseNow(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		return time.Time{}, fmt.Errorf("invalid time %q (want such as 2026-12-02T10:00)", text)
	}
	return t, nil
}

var notLetters = regexp.MustCompile(`[^\p{L}\p{N}%$€£@+]+`)

// comparable returns text in lower case, with one space for everything between words. It is
// surrounded by spaces, so that "9" is not found in "19"; "" stays "".
func comparable(text string) string {
	text = strings.TrimSpace(notLetters.ReplaceAllString(strings.ToLower(text), " "))
	if text == "" {
		return ""
	}
	return " " + text + " "
}

// has reports whether the reply has one of the alternatives.
func has(reply, alternatives string) bool {
	reply = comparable(reply)
	for a := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(reply, comparable(a)) {
			return true
		}
	}
	return false
}

// problems returns what is wrong with what happened in a turn.
func (l Line) problems(h Happened) []string {
	var out []string
	for _, w := range l.Want {
		if !has(h.Reply, w) {
			out = append(out, fmt.Sprintf("lacks %q", w))
		}
	}
	for _, w := range l.Not {
		if has(h.Reply, w) {
			out = append(out, fmt.Sprintf("has %q", w))
		}
	}
	if len(l.Tools) > 0 {
		want := slices.DeleteFunc(slices.Clone(l.Tools), func(t string) bool { return t == "none" })
		got := slices.DeleteFunc(slices.Clone(h.Tools), func(t string) bool { return t == "search_knowledge" && !slices.Contains(want, t) })
		if !slices.Equal(want, got) {
			out = append(out, fmt.Sprintf("ran the tools %v, not %v", got, want))
		}
	}
	if l.Source != "" {
		if got := cmp.Or(strings.Join(h.Sources, " "), "none"); !slices.Contains(strings.Split(l.Source, "|"), got) {
			out = append(out, fmt.Sprintf("shows the source %s, not %s", got, l.Source))
		}
	}
	if l.Ends != h.HasEnded {
		out = append(out, map[bool]string{true: "ended the conversation", false: "did not end the conversation"}[h.HasEnded])
	}
	return out
}
