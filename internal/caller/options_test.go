package caller

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTurnsKeepTheirOrder(t *testing.T) {
	o, err := parse([]string{"--say", "one", "--text=two", "--json", "--wav", "three.wav", "-say", "four", "--barge-in", "800", "--url", "https://host/"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := []planned{{"say", "one"}, {"text", "two"}, {"wav", "three.wav"}, {"say", "four"}}
	if !slices.Equal(o.turns, want) || !o.json || o.barge != 800*time.Millisecond || o.url != "https://host" || !o.voiced() {
		t.Errorf("%+v", o)
	}
}

func TestMisuseIsToldAndEndsWithTwo(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing to say":      {nil, "nothing to say"},
		"empty words":         {[]string{"--say", " "}, "is empty"},
		"unknown flag":        {[]string{"--loud", "--say", "hi"}, "-loud"},
		"loose words":         {[]string{"--say", "hi", "there"}, `"there"`},
		"flag without a word": {[]string{"--say"}, "-say"},
		"URL":                 {[]string{"--url", "host:8080", "--say", "hi"}, "not a URL"},
		"barge-in":            {[]string{"--barge-in", "soon", "--say", "hi"}, "milliseconds"},
		"resume and agent":    {[]string{"--resume", "rt_x", "--agent", "a", "--say", "hi"}, "--agent"},
		"recording text":      {[]string{"--save", "x.wav", "--text", "hi"}, "--save"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			status := Main(t.Context(), test.args, &out, &errs, nil, nil)
			if status != 2 || !strings.Contains(errs.String(), test.want) || !strings.Contains(errs.String(), "--help") || out.Len() > 0 {
				t.Errorf("status %d: %s%s", status, out.String(), errs.String())
			}
		})
	}
}

func TestHelpShowsEveryFlag(t *testing.T) {
	var help bytes.Buffer
	if _, err := parse([]string{"--help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	for _, f := range []string{"say", "wav", "text", "url", "agent", "key", "resume", "save", "json", "barge-in"} {
		if !strings.Contains(help.String(), "  -"+f) {
			t.Errorf("--%s is not explained:\n%s", f, help.String())
		}
	}
	if status := Main(t.Context(), []string{"-h"}, io.Discard, io.Discard, nil, nil); status != 0 {
		t.Errorf("status %d", status)
	}
}
