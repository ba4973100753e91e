package app

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"frontdesk/internal/caller"
)

func TestCallKeepsTheOrderOfTurns(t *testing.T) {
	command := &cobra.Command{}
	o := callFlags(command)
	err := command.ParseFlags([]string{
		"--say", "one", "--text=two", "--json", "--wav", "three.wav", "--say", "four", "--barge-in", "800", "--url", "https://host/",
	})
	want := []caller.Turn{
		{Kind: caller.Say, Text: "one"}, {Kind: caller.Text, Text: "two"}, {Kind: caller.WAV, Text: "three.wav"}, {Kind: caller.Say, Text: "four"},
	}
	if err != nil || !slices.Equal(o.Turns, want) || !o.JSON || *o.BargeIn != 800*time.Millisecond || o.URL != "https://host/" {
		t.Errorf("%v, %+v", err, o)
	}
}

func TestLongFlagsMayBeginWithOneDash(t *testing.T) {
	root := (&program{}).root()
	got := withDoubleDashes(root, []string{"call", "-say", "-hello", "-json", "--wav=x", "-url=y", "-h", "-", "--"})
	if want := []string{"call", "--say", "-hello", "--json", "--wav=x", "--url=y", "-h", "-", "--"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
