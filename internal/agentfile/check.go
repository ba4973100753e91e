package agentfile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"frontdesk/dialog"
)

const (
	maxName         = 64
	maxLine         = 200   // characters of what is shown or named in one line
	maxSpeech       = 1000  // characters of what is said at once
	maxInstructions = 32000 // characters
	maxTry          = 6
	maxTools        = 100
	maxPrompts      = 10
	maxTokens       = 10_000_000
	minMemory       = 2000 // tokens
	maxDays         = 3650
	minFiller       = 200 * time.Millisecond
	maxFiller       = 10 * time.Second
	minWait         = time.Second
	maxWait         = 10 * time.Minute
	maxTimeout      = 5 * time.Minute
	minRing         = 5 * time.Second
	maxRing         = 3 * time.Minute
)

var (
	validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	validTool = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
)

// file checks the document and makes a File of it. Files of look-ups stay relative
// to root.
func (s *source) file(folder string, root *os.Root) (File, error) {
	d := &s.doc
	if err := s.checkName(folder); err != nil {
		return File{}, err
	}
	if err := s.checkTexts(); err != nil {
		return File{}, err
	}
	f := File{
		Name: d.Name, Title: d.Title, Greeting: strings.TrimSpace(d.Greeting),
		Instructions: strings.TrimSpace(d.Instructions), Language: d.Language, Voice: d.Voice,
		Try: d.Try, Farewell: strings.TrimSpace(d.Farewell), Record: d.Record,
	}
	if f.Title == "" {
		f.Title = f.Name
	}
	if f.Language != "" {
		tag, err := language.Parse(f.Language)
		if err != nil {
			return File{}, s.wrong("language", "%q is not a language such as en-US", f.Language)
		}
		f.Language = tag.String()
	}
	var err error
	if f.Handover, err = s.handover(); err != nil {
		return File{}, err
	}
	if f.Silence, err = s.silence(); err != nil {
		return File{}, err
	}
	if f.Filler, err = s.filler(); err != nil {
		return File{}, err
	}
	f.Speculation.Disabled = s.doc.Speculation.Off
	if n := s.doc.Speculation.Tokens; n != nil {
		if *n < 1 || *n > maxTokens {
			return File{}, s.wrong("speculation.tokens", "%d is not between 1 and %d", *n, maxTokens)
		}
		f.Speculation.MaxTokens = *n
	}
	if f.Memory, err = s.memory(); err != nil {
		return File{}, err
	}
	f.Tools, err = s.tools(root)
	return f, err
}

func (s *source) handover() (dialog.Handover, error) {
	d := s.doc.Handover
	h := dialog.Handover{
		Message: strings.TrimSpace(d.Message), To: strings.TrimSpace(d.To), Blind: d.Blind,
		SkipConfirmation: d.Direct, FailedMessage: strings.TrimSpace(d.Failed), CallBackMessage: strings.TrimSpace(d.Later),
	}
	if h.To == "" || d.Ring == "" {
		return h, nil
	}
	var err error
	h.RingTimeout, err = s.duration("handover.ring", d.Ring, minRing, maxRing)
	return h, err
}

func (s *source) memory() (dialog.MemoryPolicy, error) {
	d := s.doc.Memory
	m := dialog.MemoryPolicy{RememberCallers: d.Callers}
	for _, n := range []struct {
		path  string
		given *int
		least int
		most  int
		set   *int
	}{
		{"memory.tokens", d.Tokens, minMemory, maxTokens, &m.MaxTokens},
		{"memory.days", d.Days, 1, maxDays, &m.Days},
	} {
		if n.given == nil {
			continue
		}
		if *n.given < n.least || *n.given > n.most {
			return m, s.wrong(n.path, "%d is not between %d and %d", *n.given, n.least, n.most)
		}
		*n.set = *n.given
	}
	return m, nil
}

func (s *source) checkName(folder string) error {
	switch name := s.doc.Name; {
	case name == "":
		return s.wrong("name", "is required")
	case len(name) > maxName || !validName.MatchString(name):
		return s.wrong("name", "%q is not a name: use up to %d of a-z, 0-9, - and _, beginning with a letter or digit", name, maxName)
	case name != folder:
		return s.wrong("name", "%q must be the name of the folder, %q", name, folder)
	}
	return nil
}

// checkTexts holds every text against its limit.
func (s *source) checkTexts() error {
	d := &s.doc
	texts := []struct {
		path, text string
		limit      int
	}{
		{"title", d.Title, maxLine},
		{"greeting", d.Greeting, maxSpeech},
		{"instructions", d.Instructions, maxInstructions},
		{"language", d.Language, maxLine},
		{"voice", d.Voice, maxLine},
		{"farewell", d.Farewell, maxSpeech},
		{"silence.prompt", d.Silence.Prompt, maxSpeech},
		{"handover.message", d.Handover.Message, maxSpeech},
		{"handover.to", d.Handover.To, maxLine},
		{"handover.failed", d.Handover.Failed, maxSpeech},
		{"handover.later", d.Handover.Later, maxSpeech},
	}
	for _, t := range texts {
		if n := utf8.RuneCountInString(t.text); n > t.limit {
			return s.wrong(t.path, "%d characters long; the limit is %d", n, t.limit)
		}
	}
	if len(d.Try) > maxTry {
		return s.wrong("try", "%d entries; the limit is %d", len(d.Try), maxTry)
	}
	for i, t := range d.Try {
		path := fmt.Sprintf("try[%d]", i)
		if strings.TrimSpace(t) == "" {
			return s.wrong(path, "is empty")
		}
		if n := utf8.RuneCountInString(t); n > maxLine {
			return s.wrong(path, "%d characters long; the limit is %d", n, maxLine)
		}
	}
	return nil
}

func (s *source) filler() (dialog.Filler, error) {
	var out dialog.Filler
	d := s.doc.Filler
	if d.Texts != nil {
		out.Texts = make([]string, 0, len(*d.Texts))
		for i, text := range *d.Texts {
			text = strings.TrimSpace(text)
			path := fmt.Sprintf("filler.texts[%d]", i)
			switch n := utf8.RuneCountInString(text); {
			case text == "":
				return out, s.wrong(path, "is empty")
			case n > maxLine:
				return out, s.wrong(path, "%d characters long; the limit is %d", n, maxLine)
			}
			out.Texts = append(out.Texts, text)
		}
	}
	if d.After == "" {
		return out, nil
	}
	var err error
	out.After, err = s.duration("filler.after", d.After, minFiller, maxFiller)
	return out, err
}

func (s *source) silence() (dialog.Silence, error) {
	d := s.doc.Silence
	out := dialog.Silence{Prompt: strings.TrimSpace(d.Prompt)}
	if d.Prompts != nil {
		if *d.Prompts < 1 || *d.Prompts > maxPrompts {
			return out, s.wrong("silence.prompts", "%d is not between 1 and %d", *d.Prompts, maxPrompts)
		}
		out.MaxPrompts = *d.Prompts
	}
	if d.Wait == "" {
		return out, nil
	}
	var err error
	out.Wait, err = s.duration("silence.wait", d.Wait, minWait, maxWait)
	return out, err
}

// duration reads a text such as "10s" or "1m30s".
func (s *source) duration(path, text string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, s.wrong(path, "%q is not a duration such as 10s", text)
	}
	if d < least || d > most {
		return 0, s.wrong(path, "%s is not between %s and %s", text, least, most)
	}
	return d, nil
}

func (s *source) tools(root *os.Root) (Tools, error) {
	d := &s.doc.Tools
	var out Tools
	if d.Allow != nil {
		out.Allow = append([]string{}, *d.Allow...)
	}
	if n := len(out.Allow) + len(d.Timeouts) + len(d.Lookup); n > 3*maxTools {
		return out, s.wrong("tools", "%d entries; this is too many", n)
	}
	for i, name := range out.Allow {
		if !validTool.MatchString(name) {
			return out, s.wrong(fmt.Sprintf("tools.allow[%d]", i), "%q is not the name of a tool: use a-z, 0-9 and _", name)
		}
	}
	var err error
	if d.Timeout != "" {
		if out.Timeout, err = s.duration("tools.timeout", d.Timeout, time.Millisecond, maxTimeout); err != nil {
			return out, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Timeouts)) {
		if !validTool.MatchString(name) {
			return out, s.wrong("tools.timeouts", "%q is not the name of a tool: use a-z, 0-9 and _", name)
		}
		limit, err := s.duration("tools.timeouts."+name, d.Timeouts[name], time.Millisecond, maxTimeout)
		if err != nil {
			return out, err
		}
		if out.Timeouts == nil {
			out.Timeouts = make(map[string]time.Duration)
		}
		out.Timeouts[name] = limit
	}
	out.Lookups, err = s.lookups(root)
	return out, err
}

func (s *source) lookups(root *os.Root) ([]Lookup, error) {
	var out []Lookup
	seen := make(map[string]bool)
	for i, l := range s.doc.Tools.Lookup {
		at := func(key string) string { return fmt.Sprintf("tools.lookup[%d].%s", i, key) }
		switch {
		case !validTool.MatchString(l.Name):
			return nil, s.wrong(at("name"), "%q is not the name of a tool: use 1 to 64 of a-z, 0-9 and _", l.Name)
		case seen[l.Name]:
			return nil, s.wrong(at("name"), "two look-ups are called %q", l.Name)
		case strings.TrimSpace(l.Description) == "" || utf8.RuneCountInString(l.Description) > maxSpeech:
			return nil, s.wrong(at("description"), "say in 1 to %d characters what it finds", maxSpeech)
		case l.Key == "" || utf8.RuneCountInString(l.Key) > maxLine:
			return nil, s.wrong(at("key"), "name the column to find rows by")
		case !filepath.IsLocal(l.File):
			return nil, s.wrong(at("file"), "%q is not a file inside the agent's folder", l.File)
		}
		// A root refuses links that lead out of it.
		if info, err := root.Stat(l.File); err != nil || !info.Mode().IsRegular() {
			return nil, s.wrong(at("file"), "%q is not a file inside the agent's folder", l.File)
		}
		seen[l.Name] = true
		out = append(out, Lookup{Name: l.Name, Description: strings.TrimSpace(l.Description), File: l.File, Key: l.Key})
	}
	return out, nil
}
