package caller

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"frontdesk/media"
)

const usage = `Usage: frontdesk call [flags] [sip:ADDRESS] (--say TEXT | --wav FILE | --text TEXT)...

Calls a Frontdesk server over WebRTC. Each --say, --wav and --text is one turn of the
caller, in their order: words to speak, a recording to play, or a text to type. The
next turn begins when the reply has ended. With a SIP address it is a telephone: it
calls whoever is there, --text presses keys, and a reply is what can be heard.

  frontdesk call --say "When are you open?" --say "Thank you, goodbye."
  frontdesk call --wav question.wav --save call.wav
  frontdesk call --text "Where is order 4711?" --json
  frontdesk call sip:demo@127.0.0.1:5060 --say "When are you open?"

Exit status: 0 every turn was answered, 1 something failed, 2 wrong usage.

Flags:
`

// options is what the command line asks for.
type options struct {
	url    string
	sip    string // address to call by telephone, in place of url
	agent  string
	key    string
	resume string
	save   string
	json   bool
	barge  time.Duration // after the reply's first sound; negative waits for its end
	turns  []planned
}

// planned is a turn as the command line names it.
type planned struct {
	how  string // "say", "wav", "text"
	what string // the words, or the name of the file
}

// voiced reports whether any turn is spoken.
func (o options) voiced() bool {
	for _, t := range o.turns {
		if t.how != "text" {
			return true
		}
	}
	return false
}

// parse reads the command line. It prints help to w and then returns flag.ErrHelp.
func parse(args []string, w io.Writer) (options, error) {
	o := options{barge: -1}
	f := flag.NewFlagSet("frontdesk call", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.url, "url", "http://127.0.0.1:8080", "`URL` of the server")
	f.StringVar(&o.agent, "agent", "", "`name` of the agent to call (default: the server's)")
	f.StringVar(&o.key, "key", "", "server `key`, for servers that ask for one")
	f.StringVar(&o.resume, "resume", "", "go on with the session of this resume `token`")
	f.StringVar(&o.save, "save", "", "record the call to this WAV `file`: caller left, agent right")
	f.BoolVar(&o.json, "json", false, "print JSON, one object per line")
	f.Func("barge-in", "interrupt each reply but the last after so many `milliseconds` of its sound", func(s string) error {
		d, err := time.ParseDuration(s + "ms")
		if err != nil || d < 0 || d > time.Hour {
			return errors.New("milliseconds are a number such as 800")
		}
		o.barge = d
		return nil
	})
	for how, help := range map[string]string{
		"say": "`words` to speak", "wav": "recording to play, a WAV `file`", "text": "`text` to type",
	} {
		f.Func(how, help, func(what string) error {
			if strings.TrimSpace(what) == "" {
				return errors.New("is empty")
			}
			o.turns = append(o.turns, planned{how, what})
			return nil
		})
	}
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(w, usage)
		f.SetOutput(w)
		f.PrintDefaults()
		return o, err
	}
	if err == nil {
		rest := f.Args()
		for err == nil && len(rest) > 0 && (strings.HasPrefix(rest[0], "sip:") || strings.HasPrefix(rest[0], "sips:")) && o.sip == "" {
			o.sip = rest[0]
			if err = f.Parse(rest[1:]); err == nil { // flags may come behind it
				rest = f.Args()
			}
		}
	}
	if err == nil {
		err = o.check(f.Args())
	}
	return o, err
}

// pressable reports whether all that is typed are keys of a telephone.
func (o options) pressable() bool {
	for _, t := range o.turns {
		if t.how == "text" && !media.AreKeys(t.what) {
			return false
		}
	}
	return true
}

func (o *options) check(rest []string) error {
	u, err := url.Parse(o.url)
	switch {
	case len(rest) > 0:
		return fmt.Errorf("it takes no argument %q: put quotes around what belongs together", rest[0])
	case len(o.turns) == 0:
		return errors.New("there is nothing to say: give at least one --say, --wav or --text")
	case o.sip != "" && (o.resume != "" || o.key != "" || o.agent != ""):
		return errors.New("--agent, --key and --resume are for servers, not for telephones: name the agent in the address")
	case o.sip != "" && !o.pressable():
		return errors.New("on a telephone --text presses keys: 0-9, *, #, A-D, and a comma to wait half a second")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return fmt.Errorf("--url %q is not a URL such as http://127.0.0.1:8080", o.url)
	case o.resume != "" && o.agent != "":
		return errors.New("--resume goes on with the session's own agent: leave --agent out")
	case o.save != "" && !o.voiced():
		return errors.New("--save needs sound: at least one --say or --wav")
	}
	o.url = strings.TrimSuffix(o.url, "/")
	return nil
}
