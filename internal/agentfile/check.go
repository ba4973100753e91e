package agentfile

import (
	"errors"
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
	"frontdesk/internal/hours"
	"frontdesk/internal/spoken"
	"frontdesk/tools"
)

const (
	maxName         = 64
	maxLine         = 200   // characters of a text shown on one line
	maxSpeech       = 1000  // characters of a text the agent speaks
	maxInstructions = 32000 // characters
	maxTry          = 6
	maxTools        = 100
	maxMisses       = 10
	maxWords        = 100 // that make the agent offer a person
	maxPrompts      = 10
	maxTokens       = 10_000_000
	minMemory       = 2000 // tokens
	maxDays         = 3650
	minFiller       = 200 * time.Millisecond
	maxFiller       = 10 * time.Second
	minReading      = time.Second
	maxReading      = time.Minute
	minWait         = time.Second
	maxWait         = 10 * time.Minute
	maxTimeout      = 5 * time.Minute
	minRing         = 5 * time.Second
	maxRing         = 3 * time.Minute
	maxTries        = 10 // of a call-back
	minCallBack     = time.Minute
	maxCallBack     = 7 * 24 * time.Hour
	minSpeed        = 0.5
	maxSpeed        = 2.0
)

var (
	validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	validTool = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
)

// file validates the document and converts it to a File. The paths of look-up tables stay
// relative to root.
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
			return File{}, s.invalid("language", "unknown language tag %q (want BCP 47, such as en-US)", f.Language)
		}
		f.Language = tag.String()
	}
	var err error
	if err = s.style(&f); err != nil {
		return File{}, err
	}
	if f.Handover, err = s.handover(); err != nil {
		return File{}, err
	}
	if f.Choices, err = s.choices(); err != nil {
		return File{}, err
	}
	if f.Silence, err = s.silence(); err != nil {
		return File{}, err
	}
	if f.Filler, err = s.filler(); err != nil {
		return File{}, err
	}
	f.Speculation.Disabled, f.Grounding.AnyNumbers = d.Speculation.Off, d.Grounding.AnyNumbers
	if f.Speculation.MaxTokens, err = s.number("speculation.tokens", d.Speculation.Tokens, 1, maxTokens); err != nil {
		return File{}, err
	}
	if f.Memory, err = s.memory(); err != nil {
		return File{}, err
	}
	f.Tools, err = s.tools(root)
	return f, err
}

// style reads how the agent speaks.
func (s *source) style(f *File) error {
	var err error
	if f.Lexicon, err = spoken.NewLexicon(s.doc.Pronunciation); err != nil {
		return s.invalid("pronunciation", "%v", err)
	}
	if s.doc.Speed == nil {
		return nil
	}
	f.Speed = *s.doc.Speed
	if f.Speed >= minSpeed && f.Speed <= maxSpeed {
		return nil
	}
	return s.invalid("speed", "%v is out of range (want %v to %v)", f.Speed, minSpeed, maxSpeed)
}

func (s *source) handover() (dialog.Handover, error) {
	d := s.doc.Handover
	h := dialog.Handover{
		Message: strings.TrimSpace(d.Message), To: strings.TrimSpace(d.To), Blind: d.Blind,
		SkipConfirmation: d.Direct, FailedMessage: strings.TrimSpace(d.Failed), CallBackMessage: strings.TrimSpace(d.Later),
	}
	var err error
	if h.Hours, err = s.hours(); err != nil {
		return h, err
	}
	if !h.Hours.IsSet() && strings.Contains(h.Message, tools.NextOpening) {
		return h, s.invalid("handover.message", "%s needs opening hours: add hours.open, or write when somebody calls back", tools.NextOpening)
	}
	if h.Escalation, err = s.escalation(); err != nil {
		return h, err
	}
	if h.CallBack, err = s.callBack(); err != nil {
		return h, err
	}
	if h.To == "" || d.Ring == "" {
		return h, nil
	}
	h.RingTimeout, err = s.duration("handover.ring", d.Ring, minRing, maxRing)
	return h, err
}

// callBack reads how promised call-backs are made.
func (s *source) callBack() (dialog.CallBack, error) {
	d := s.doc.Handover.CallBack
	out := dialog.CallBack{By: dialog.CallBackBy(d.By), Message: strings.TrimSpace(d.Message)}
	switch out.By {
	case "", dialog.CallBackByTeam, dialog.CallBackByAgent, dialog.CallBackOff:
	case dialog.CallBackByPerson:
		if s.doc.Handover.To == "" {
			return out, s.invalid("handover.callback.by", "person needs handover.to, the number of the person who calls back")
		}
	default:
		return out, s.invalid("handover.callback.by", "unknown value %q (want team, person, agent or off)", d.By)
	}
	var err error
	if out.Tries, err = s.number("handover.callback.tries", d.Tries, 1, maxTries); err != nil {
		return out, err
	}
	if d.Delay != "" {
		if out.Delay, err = s.duration("handover.callback.delay", d.Delay, minCallBack, maxCallBack); err != nil {
			return out, err
		}
	}
	if d.Within != "" {
		out.Within, err = s.duration("handover.callback.within", d.Within, minCallBack, maxCallBack)
	}
	return out, err
}

// escalation reads when the agent offers a person by itself.
func (s *source) escalation() (dialog.Escalation, error) {
	d := s.doc.Escalate
	var out dialog.Escalation
	var err error
	if out.Misses, err = s.number("escalate.misses", d.Misses, 1, maxMisses); err != nil {
		return out, err
	}
	if d.SentimentBelow != nil {
		out.SentimentBelow = *d.SentimentBelow
		if !(out.SentimentBelow > -1 && out.SentimentBelow < 0) {
			return out, s.invalid("escalate.sentiment_below", "%v is out of range (want between -1 and 0, such as -0.6)", out.SentimentBelow)
		}
	}
	if len(d.Words) > maxWords {
		return out, s.invalid("escalate.words", "too many entries: %d (limit %d)", len(d.Words), maxWords)
	}
	for i, w := range d.Words {
		if err := s.checkEntry(fmt.Sprintf("escalate.words[%d]", i), w); err != nil {
			return out, err
		}
		out.Words = append(out.Words, strings.TrimSpace(w))
	}
	return out, nil
}

// hours reads when people answer; nil if it is not set.
func (s *source) hours() (*hours.Hours, error) {
	d := s.doc.Hours
	if d == nil {
		return nil, nil
	}
	h, err := hours.New(hours.Config{Timezone: d.Timezone, Open: d.Open, Closed: d.Closed, Special: d.Special})
	if e, ok := errors.AsType[*hours.Error](err); ok {
		return nil, s.invalid("hours."+e.Key, "%s", e.Message)
	}
	return h, err
}

func (s *source) choices() ([]Choice, error) {
	var out []Choice
	for i, c := range s.doc.Choices {
		at := func(key string) string { return fmt.Sprintf("choices[%d].%s", i, key) }
		choice := Choice{Key: c.Key, Agent: c.Agent, Text: strings.TrimSpace(c.Text)}
		switch {
		case len(c.Key) != 1 || c.Key[0] < '0' || c.Key[0] > '9':
			return nil, s.invalid(at("key"), "invalid key %q (want one digit, such as \"1\")", c.Key)
		case slices.ContainsFunc(out, func(o Choice) bool { return o.Key == c.Key }):
			return nil, s.invalid(at("key"), "another choice already has the key %s", c.Key)
		case len(c.Agent) > maxName || !validName.MatchString(c.Agent):
			return nil, s.invalid(at("agent"), "invalid name of an agent %q", c.Agent)
		}
		if err := s.checkLength(at("text"), choice.Text, maxSpeech); err != nil {
			return nil, err
		}
		out = append(out, choice)
	}
	return out, nil
}

func (s *source) memory() (dialog.MemoryPolicy, error) {
	d := s.doc.Memory
	m := dialog.MemoryPolicy{RememberCallers: d.Callers}
	var err error
	if m.MaxTokens, err = s.number("memory.tokens", d.Tokens, minMemory, maxTokens); err != nil {
		return m, err
	}
	if m.Days, err = s.number("memory.days", d.Days, 1, maxDays); err != nil {
		return m, err
	}
	m.Reading, err = s.reading()
	return m, err
}

// reading reads who reads finished turns.
func (s *source) reading() (dialog.ReadingPolicy, error) {
	d := s.doc.Understanding
	p := dialog.ReadingPolicy{ByModel: d.By == "model"}
	if !slices.Contains([]string{"", "rules", "model"}, d.By) {
		return p, s.invalid("understanding.by", "unknown value %q (want rules or model)", d.By)
	}
	var err error
	if p.MaxTokens, err = s.number("understanding.tokens", d.Tokens, 1, maxTokens); err != nil || d.Timeout == "" {
		return p, err
	}
	p.Timeout, err = s.duration("understanding.timeout", d.Timeout, minReading, maxReading)
	return p, err
}

func (s *source) checkName(folder string) error {
	switch name := s.doc.Name; {
	case name == "":
		return s.invalid("name", "missing: set it to the name of the folder")
	case len(name) > maxName || !validName.MatchString(name):
		return s.invalid("name", "invalid name %q (want up to %d of a-z, 0-9, - and _, beginning with a letter or digit)", name, maxName)
	case name != folder:
		return s.invalid("name", "is %q but the folder is called %q: they must be equal", name, folder)
	}
	return nil
}

// checkTexts checks the length of every text.
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
		{"handover.callback.message", d.Handover.CallBack.Message, maxSpeech},
	}
	for _, t := range texts {
		if err := s.checkLength(t.path, t.text, t.limit); err != nil {
			return err
		}
	}
	if len(d.Try) > maxTry {
		return s.invalid("try", "too many entries: %d (limit %d)", len(d.Try), maxTry)
	}
	for i, t := range d.Try {
		if err := s.checkEntry(fmt.Sprintf("try[%d]", i), t); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) checkLength(path, text string, limit int) error {
	if n := utf8.RuneCountInString(text); n > limit {
		return s.invalid(path, "too long: %d characters (limit %d)", n, limit)
	}
	return nil
}

// checkEntry checks an entry of a list of short texts.
func (s *source) checkEntry(path, text string) error {
	if strings.TrimSpace(text) == "" {
		return s.invalid(path, "is empty: fill it in or remove it")
	}
	return s.checkLength(path, text, maxLine)
}

func (s *source) filler() (dialog.Filler, error) {
	var out dialog.Filler
	d := s.doc.Filler
	if d.Texts != nil {
		out.Texts = make([]string, 0, len(*d.Texts))
		for i, text := range *d.Texts {
			text = strings.TrimSpace(text)
			if err := s.checkEntry(fmt.Sprintf("filler.texts[%d]", i), text); err != nil {
				return out, err
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
	var err error
	if out.MaxPrompts, err = s.number("silence.prompts", d.Prompts, 1, maxPrompts); err != nil {
		return out, err
	}
	if d.Wait == "" {
		return out, nil
	}
	out.Wait, err = s.duration("silence.wait", d.Wait, minWait, maxWait)
	return out, err
}

// number checks the range of n, which is nil if not set; then it returns 0.
func (s *source) number(path string, n *int, lowest, highest int) (int, error) {
	if n == nil {
		return 0, nil
	}
	if *n < lowest || *n > highest {
		return 0, s.invalid(path, "%d is out of range (want %d to %d)", *n, lowest, highest)
	}
	return *n, nil
}

// duration parses a text such as "10s" or "1m30s" and checks its range.
func (s *source) duration(path, text string, shortest, longest time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, s.invalid(path, "invalid duration %q (want a number with a unit, such as 10s)", text)
	}
	if d < shortest || d > longest {
		return 0, s.invalid(path, "%s is out of range (want %s to %s)", text, shortest, longest)
	}
	return d, nil
}

func (s *source) tools(root *os.Root) (Tools, error) {
	d := &s.doc.Tools
	var out Tools
	if d.Allow != nil {
		out.Allow = append([]string{}, *d.Allow...)
	}
	if n := len(out.Allow) + len(d.Timeouts) + len(d.Rules) + len(d.Lookup) + len(d.MCP) + len(d.HTTP) + len(d.Workflow); n > 3*maxTools {
		return out, s.invalid("tools", "too many entries: %d (limit %d)", n, 3*maxTools)
	}
	for i, name := range out.Allow {
		if !validTool.MatchString(name) {
			return out, s.invalid(fmt.Sprintf("tools.allow[%d]", i), "invalid tool name %q (want 1 to 64 of a-z, 0-9 and _)", name)
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
			return out, s.invalid("tools.timeouts", "invalid tool name %q (want 1 to 64 of a-z, 0-9 and _)", name)
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
	if out.Rules, err = s.rules(); err != nil {
		return out, err
	}
	if out.Lookups, err = s.lookups(root); err != nil {
		return out, err
	}
	if out.Verify, err = s.verify(root); err != nil {
		return out, err
	}
	if out.MCP, err = s.mcpServers(root); err != nil {
		return out, err
	}
	if out.HTTP, err = s.endpoints(root); err != nil {
		return out, err
	}
	out.Workflows, err = s.workflows()
	return out, err
}

func (s *source) lookups(root *os.Root) ([]tools.LookupConfig, error) {
	var out []tools.LookupConfig
	seen := make(map[string]bool)
	for i, l := range s.doc.Tools.Lookup {
		at := func(key string) string { return fmt.Sprintf("tools.lookup[%d].%s", i, key) }
		switch {
		case !validTool.MatchString(l.Name):
			return nil, s.invalid(at("name"), "invalid tool name %q (want 1 to 64 of a-z, 0-9 and _)", l.Name)
		case seen[l.Name]:
			return nil, s.invalid(at("name"), "another look-up is already called %q", l.Name)
		case strings.TrimSpace(l.Description) == "" || utf8.RuneCountInString(l.Description) > maxSpeech:
			return nil, s.invalid(at("description"), "missing or too long: describe in 1 to %d characters what the look-up finds", maxSpeech)
		case l.Key == "" || utf8.RuneCountInString(l.Key) > maxLine:
			return nil, s.invalid(at("key"), "missing or too long: name the column that holds the key")
		case utf8.RuneCountInString(l.Fact) > maxLine:
			return nil, s.invalid(at("fact"), "too long: name the column that holds the fact")
		}
		if err := s.checkTable(at("file"), root, l.File); err != nil {
			return nil, err
		}
		seen[l.Name] = true
		out = append(out, tools.LookupConfig{Name: l.Name, Description: strings.TrimSpace(l.Description), File: l.File, Key: l.Key, Fact: l.Fact})
	}
	return out, nil
}

// checkTable returns an error if there is no file of that name inside the agent's folder.
func (s *source) checkTable(path string, root *os.Root, file string) error {
	if filepath.IsLocal(file) {
		// os.Root refuses links that lead out of the folder.
		if info, err := root.Stat(file); err == nil && info.Mode().IsRegular() {
			return nil
		}
	}
	return s.invalid(path, "no file %q inside the agent's folder", file)
}

func (s *source) verify(root *os.Root) (*tools.VerifyConfig, error) {
	d := s.doc.Tools.Verify
	if d == nil {
		return nil, nil
	}
	for _, column := range []struct{ key, value string }{{"account", d.Account}, {"pin", d.PIN}} {
		if column.value == "" || utf8.RuneCountInString(column.value) > maxLine {
			return nil, s.invalid("tools.verify."+column.key, "missing or too long: name the column of the table")
		}
	}
	return &tools.VerifyConfig{File: d.File, Account: d.Account, PIN: d.PIN}, s.checkTable("tools.verify.file", root, d.File)
}
