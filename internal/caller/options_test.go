package caller

import (
	"strings"
	"testing"
)

func TestContradictingOptionsAreRefused(t *testing.T) {
	const url = "http://host"
	hello := []Turn{{Say, "hi"}}
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"nothing to say":          {Options{URL: url}, "nothing to say"},
		"empty words":             {Options{URL: url, Turns: []Turn{{Say, " "}}}, "--say is empty"},
		"URL":                     {Options{URL: "host:8080", Turns: hello}, "invalid --url"},
		"resume and agent":        {Options{URL: url, Resume: "rt_x", Agent: "a", Turns: hello}, "--agent"},
		"recording text":          {Options{URL: url, Save: "x.wav", Turns: []Turn{{Text, "hi"}}}, "--save"},
		"agent and SIP address":   {Options{SIP: "sip:a@b", Agent: "a", Turns: hello}, "SIP address"},
		"words typed on a keypad": {Options{SIP: "sip:a@b", Turns: []Turn{{Text, "hi"}}}, "sends DTMF"},
	} {
		if err := test.options.Check(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	if err := (Options{SIP: "sip:a@b", Turns: []Turn{{Text, "1,2#"}}}).Check(); err != nil {
		t.Error(err)
	}
}
