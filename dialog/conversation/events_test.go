package conversation

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
)

func TestEventsComeInTheOrderOfTheGoldenFile(t *testing.T) {
	agent := &dialog.Agent{Greeting: "Hello.", Model: toolCallingModel, Tools: newRegistry(t, map[string]func(context.Context) (string, error){
		"lookup": func(context.Context) (string, error) { return `{"n":1}`, nil },
	})}
	p, _ := voiceCall(t, agent, Options{}, func(p *fakePhone) {
		p.wait(time.Second)
		p.says("lookup")
		p.wait(5 * time.Second)
	})
	var out strings.Builder
	for _, e := range p.eventsOf() {
		fmt.Fprintln(&out, eventLine(e))
	}
	golden := "testdata/events.golden"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	if out.String() != string(want) {
		t.Errorf("got events\n%s\nwant (UPDATE_GOLDEN=1 writes the file)\n%s", out.String(), want)
	}
}

// eventLine shows an event without its time.
func eventLine(e dialog.Event) string {
	names := [...]string{"CallerStarted", "CallerStopped", "CallerPartial", "CallerSaid", "ReplyStarted", "ReplyText", "SpeakingStarted",
		"ReplyHeard", "SpeakingStopped", "ReplyEnded", "ToolStarted", "ToolEnded", "ToolHeld", "ToolRefused", "ClauseReplaced", "ClientToolCalled", "NoticeRaised", "TurnEnded", "AgentChosen", "TurnRead", "OverviewChanged", "ToolAbandoned"}
	s := fmt.Sprintf("%d %s", e.Turn, names[e.Kind])
	for _, id := range []string{e.Item, e.Response} {
		if id != "" {
			s += " " + id
		}
	}
	if e.Text != "" {
		s += fmt.Sprintf(" %q", e.Text)
	}
	if e.Status != "" {
		s += " " + string(e.Status)
	}
	if e.Call != nil {
		s += " " + e.Call.Name
	}
	return s
}
