// Package espeak gives agents the voices of espeak-ng, which speaks about a hundred
// languages without an account or a network. espeak-ng is licensed under the GPL; it runs as
// a separate program and is never linked. The package imports dialog, fault, spoken and package
// process, which runs the program.
package espeak

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/process"
	"frontdesk/internal/fault"
	"frontdesk/internal/spoken"
)

const (
	defaultLanguage = "en-us"
	wordsPerMinute  = 165 // slightly slower than espeak-ng's own 175
)

// Config selects the voice.
type Config struct {
	// Voice is the name of an installed voice, optionally with a variant, such as
	// "en-gb+f3". It speaks only its own language; other languages, and all of them when
	// Voice is empty, are spoken by the best voice for the language.
	Voice   string
	Speed   float64         // 0.5 to 2; default 1
	Lexicon *spoken.Lexicon // the agent's pronunciation; may be nil
}

// New finds espeak-ng and its voices. The error says what to install, or that c.Voice does
// not exist.
func New(c Config) (*process.Synthesizer, error) {
	program, err := process.Find("espeak-ng", "espeak-ng")
	if err != nil {
		return nil, err
	}
	table, err := program.List("--voices")
	if err != nil {
		return nil, err
	}
	v := parseVoices(table)
	if c.Voice != "" && !v.has(c.Voice) {
		return nil, fault.New(fault.Invalid, "espeak-ng has no voice %q; run espeak-ng --voices for a list", c.Voice)
	}
	speed := strconv.Itoa(int(wordsPerMinute * cmp.Or(c.Speed, 1)))
	return &process.Synthesizer{
		Program: program,
		Lexicon: c.Lexicon,
		Choose: func(want dialog.Voice) (voice, language string, err error) {
			name, err := v.choose(want, c.Voice)
			return name, name, err // a voice is named after its language
		},
		Command: func(voice, text string) ([]string, string) {
			return []string{"-v", voice, "-s", speed, "-b", "1", "-z", "--stdin", "--stdout"}, text
		},
	}, nil
}

// choose returns the voice that was asked for, else the configured one, else the best one
// for the language. It skips names that espeak-ng does not have, because clients ask for
// voices of other services, and voices of another language than the wanted one.
func (v voices) choose(want dialog.Voice, configured string) (string, error) {
	language := cmp.Or(want.Language, defaultLanguage)
	for _, name := range []string{want.Name, configured} {
		if name != "" && v.has(name) && (want.Language == "" || sameLanguage(name, language)) {
			return strings.ToLower(name), nil
		}
	}
	if name, ok := v.find(language); ok {
		return name, nil
	}
	return "", fault.New(fault.Invalid, "espeak-ng has no voice for the language %q", language)
}

func sameLanguage(a, b string) bool { return slices.Contains(prefixes(a), primary(b)) }
