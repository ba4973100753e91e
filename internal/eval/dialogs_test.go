package eval

import (
	"strings"
	"testing"

	"frontdesk/internal/require"
)

const suite = `agent: demo
now: 2026-12-02T10:00
conversations:
  - name: hours
    kind: facts
    turns:
      - {say: "when do you open", want: ["9 am|nine"], not: [sorry], source: hours.md, tools: [none]}
      - {keys: "12#"}
`

func TestSuiteIsRead(t *testing.T) {
	s, err := parseSuite("d.yaml", []byte(suite))
	require.NoError(t, err)
	l := s.Conversations[0].Turns
	if len(l) != 2 || !l[0].isChecked() || l[1].isChecked() || l[0].said() != "when do you open" {
		t.Errorf("got %+v", l)
	}
}

func TestMistakesInASuiteAreLocated(t *testing.T) {
	for _, c := range [][3]string{
		{"say: ", "said: ", "said"},
		{`keys: "12#"`, `keys: "12#", type: hello`, "d.yaml:8"},
		{`keys: "12#"`, `keys: "hello"`, "d.yaml:8"},
		{`"9 am|nine"`, `"9 am|"`, "d.yaml:7"},
		{"2026-12-02T10:00", "tomorrow", "d.yaml:2"},
		{"name: hours", "name: ''", "d.yaml:4"},
	} {
		text := strings.Replace(suite, c[0], c[1], 1)
		if _, err := parseSuite("d.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%q: got %v, want it to name %s", c[1], err, c[2])
		}
	}
}

func TestLineIsWrongForEachReason(t *testing.T) {
	l := Line{Say: "when", Want: []string{"9 a.m.|nine"}, Not: []string{"sorry"}, Tools: []string{"order_status"}, Source: "hours.md|stores.md"}
	right := Happened{Reply: "We open at 9 A.M., sir.", Tools: []string{"search_knowledge", "order_status"}, Sources: []string{"stores.md"}}
	if got := l.problems(right); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	wrong := []Happened{right, right, right, right, right}
	wrong[0].Reply = "We open at 19 a.m."
	wrong[1].Reply = "Sorry? At nine."
	wrong[2].Tools = []string{"search_knowledge"}
	wrong[3].Sources = nil
	wrong[4].HasEnded = true
	for i, h := range wrong {
		if got := l.problems(h); len(got) != 1 {
			t.Errorf("case %d: got %q, want one problem", i, got)
		}
	}
	none := Line{Say: "hello", Tools: []string{"none"}, Source: "none"}
	if got := none.problems(Happened{Reply: "Hello!"}); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	if got := none.problems(Happened{Tools: []string{"create_ticket"}, Sources: []string{"hours.md"}}); len(got) != 2 {
		t.Errorf("got %q, want two problems", got)
	}
}

func TestScoreCountsCheckedTurnsByKind(t *testing.T) {
	scores := ScoreDialogs([]DialogTurn{
		{Kind: "b", Number: 1, IsChecked: true}, {Kind: "b", Number: 2, IsChecked: true, Problems: []string{"x"}},
		{Kind: "a", Number: 1}, {Kind: "a", Number: 2, IsChecked: true},
	})
	want := []DialogScore{{"a", 1, 1, 1, 100}, {"b", 1, 2, 1, 50}, {"all", 2, 3, 2, 200.0 / 3}}
	for i, w := range want {
		if scores[i] != w {
			t.Errorf("got %+v, want %+v", scores[i], w)
		}
	}
}

func FuzzSuite(f *testing.F) {
	f.Add(suite)
	f.Add("conversations: [{name: a, turns: [{say: '|', want: ['|']}]}]")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSuite("d.yaml", []byte(text))
		if err != nil {
			return
		}
		for _, c := range s.Conversations {
			for _, l := range c.Turns {
				l.problems(Happened{Reply: text})
			}
		}
	})
}
