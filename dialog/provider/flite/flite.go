// Package flite gives agents the English voices of flite, a small synthesizer that Debian
// packages and that needs no account or network. It imports dialog, fault, spoken and
// package process, which runs the program.
package flite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/process"
	"frontdesk/internal/fault"
	"frontdesk/internal/spoken"
)

const (
	defaultVoice = "slt"
	clockVoice   = "awb_time" // can only tell the time of day
)

// Config selects the voice.
type Config struct {
	Voice   string          // name of an installed voice; default "slt"
	Speed   float64         // 0.5 to 2; default 1
	Lexicon *spoken.Lexicon // the agent's pronunciation; may be nil
}

// New finds flite and its voices. The error says what to install, or which voices exist.
func New(c Config) (*process.Synthesizer, error) {
	program, voices, err := find()
	if err != nil {
		return nil, err
	}
	configured := cmp.Or(c.Voice, defaultVoice)
	if !slices.Contains(voices, configured) {
		return nil, fault.New(fault.Invalid, "flite has no voice %q (want one of %s)", configured, strings.Join(voices, ", "))
	}
	stretch := fmt.Sprintf("duration_stretch=%.3f", 1/cmp.Or(c.Speed, 1))
	return &process.Synthesizer{
		Program: program,
		Lexicon: c.Lexicon,
		// Clients may ask for voices of other services: the configured voice speaks then.
		Choose: func(v dialog.Voice) (voice, language string, err error) {
			if slices.Contains(voices, v.Name) {
				return v.Name, "en", nil
			}
			return configured, "en", nil
		},
		// The text is one argument after -t, so it is never read as an option or by a shell.
		Command: func(voice, text string) ([]string, string) {
			return []string{"-voice", voice, "--setf", stretch, "-o", "/dev/stdout", "-t", text}, ""
		},
	}, nil
}

func find() (*process.Program, []string, error) {
	program, err := process.Find("flite", "flite")
	if err != nil {
		return nil, nil, err
	}
	list, err := program.List("-lv")
	return program, parseVoices(list), err
}

// parseVoices reads "Voices available: kal awb_time kal16 awb rms slt".
func parseVoices(list string) []string {
	_, names, _ := strings.Cut(list, ":")
	return slices.DeleteFunc(strings.Fields(names), func(name string) bool { return name == clockVoice })
}
