package understanding

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// step is a turn of a test, as "caller -> reply", with what its tools returned.
type step struct {
	said  string
	tool  string
	notes []tools.Note
}

func follow(steps []step) dialog.Overview {
	var o dialog.Overview
	before := ""
	for i, s := range steps {
		caller, reply, _ := strings.Cut(s.said, " -> ")
		t := Turn{Number: i + 1, Language: "en", Before: before, Caller: caller, Reply: reply, Status: dialog.Completed, Notes: s.notes}
		if s.tool != "" {
			t.Tools = []dialog.ToolUse{{Name: s.tool}}
		}
		o, _ = Follow(o, t, Read(t))
		before = reply
	}
	return o
}

func issuesOf(o dialog.Overview) string {
	var out []string
	for _, i := range o.Issues {
		text := fmt.Sprintf("%s %s", i.Intent, i.State)
		for _, more := range []string{i.About, i.Ticket, string(i.Reason)} {
			if more != "" {
				text += " " + more
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func ticket(kind, status string) []tools.Note {
	return []tools.Note{{Kind: kind, ID: "T-48291532", Text: status}}
}

func TestIssuesOfASession(t *testing.T) {
	const unknown = "I'm sorry, our pages don't say anything about that."
	page := []tools.Note{{Kind: "source", Title: "Batteries", Text: "It lasts a day."}}
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"only hello":             {[]step{{said: "hello -> Hello."}, {said: "the blue one -> Fine."}}, ""},
		"answered":               {[]step{{said: "how long does it last? -> A day.", tool: "search_knowledge", notes: page}}, "question answered Batteries"},
		"answered and confirmed": {[]step{{said: "how long does it last? -> A day."}, {said: "thank you -> You are welcome."}}, "question resolved confirmed"},
		"answered and left":      {[]step{{said: "how long does it last? -> A day."}, {said: "where is my order 47329 -> It is on its way.", tool: "order_status"}}, "question resolved left; delivery answered 47329"},
		"that is all":            {[]step{{said: "how long does it last? -> A day."}, {said: "no thanks that's all -> Bye."}}, "question resolved confirmed"},
		"unanswered":             {[]step{{said: "do you ship to Mars? -> " + unknown}, {said: "thanks -> You are welcome."}}, "question open unanswered"},
		"asked again":            {[]step{{said: "do you ship to Mars? -> " + unknown}, {said: "can you ship it to Mars? -> Yes, we do."}}, "question answered"},
		"the number comes later": {[]step{{said: "where is my order -> What is its number?"}, {said: "it is order 47329 -> It is on its way.", tool: "order_status"}}, "delivery answered 47329"},
		"not happy with it":      {[]step{{said: "where is order 47329 -> It is on its way.", tool: "order_status"}, {said: "that is unacceptable -> I am sorry."}}, "delivery open 47329 complaint"},
		"two orders":             {[]step{{said: "where is order 47329 -> On its way.", tool: "x"}, {said: "and where is order 51111 -> Delivered.", tool: "x"}}, "delivery resolved 47329 left; delivery answered 51111"},
		"back to the first":      {[]step{{said: "where is order 47329 -> On its way.", tool: "x"}, {said: "where is order 51111 -> Delivered.", tool: "x"}, {said: "so order 47329 is not here, this is terrible -> I am sorry."}}, "delivery open 47329 complaint; delivery answered 51111"},
		"a problem":              {[]step{{said: "my kettle leaks -> Please check the lid."}}, "other answered"},
		"a ticket":               {[]step{{said: "my kettle is broken -> Shall I open a ticket?"}, {said: "yes please -> Done.", tool: "create_ticket", notes: ticket("ticket", "open")}, {said: "thanks, bye -> Goodbye."}}, "other open T-48291532 ticket"},
		"a solved ticket":        {[]step{{said: "what is the status of my ticket T-48291532 -> It is solved.", tool: "ticket_status", notes: ticket("ticket", "solved")}}, "ticket_status resolved T-48291532 ticket"},
		"a withdrawn ticket":     {[]step{{said: "open a ticket about my kettle -> Done.", tool: "create_ticket", notes: ticket("ticket", "open")}, {said: "never mind, close the ticket -> Done.", tool: "update_ticket", notes: ticket("ticket", "withdrawn")}}, "ticket_new resolved T-48291532 ticket"},
		"reopened":               {[]step{{said: "status of my ticket -> Solved.", tool: "ticket_status", notes: ticket("ticket", "solved")}, {said: "it is not solved -> I opened it again.", tool: "update_ticket", notes: ticket("ticket", "open")}}, "ticket_status open T-48291532 ticket"},
		"a person":               {[]step{{said: "where is order 47329 -> On its way.", tool: "x"}, {said: "I want to talk to a person -> A colleague calls you.", tool: "hand_over", notes: ticket("handover", "")}}, "delivery open 47329 T-48291532 handed_over"},
		"only a person":          {[]step{{said: "a person please -> Shall I ask one?"}, {said: "no -> Fine."}}, "person open"},
		"a complaint":            {[]step{{said: "I want to make a complaint -> What happened?"}, {said: "your driver was rude -> I am sorry."}}, "complaint open complaint"},
	} {
		if got := issuesOf(follow(c.steps)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestTopicsOfASession(t *testing.T) {
	o := follow([]step{
		{said: "when are you open? -> At 8."},
		{said: "where is my order? -> What is the number of the order?"},
		{said: "it is 47329 -> It is on its way.", tool: "order_status"},
		{said: "how long does it last -> A day.", tool: "search_knowledge", notes: []tools.Note{{Kind: "source", Title: "Batteries"}}},
	})
	var got []string
	for _, topic := range o.Topics {
		got = append(got, fmt.Sprintf("%s %s %d %v", topic.Intent, topic.About, topic.Turn, topic.Active))
	}
	if want := "hours  1 false; delivery 47329 3 true; question Batteries 4 true"; strings.Join(got, "; ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "; "), want)
	}
}

func TestOverviewsAreBounded(t *testing.T) {
	var o dialog.Overview
	for i := range 100 {
		turn := Turn{Number: i + 1, Caller: fmt.Sprintf("where is order %d %s", 10000+i, strings.Repeat("and ", 500)), Reply: "I don't know.", Status: dialog.Completed}
		o, _ = Follow(o, turn, Read(turn))
	}
	b, err := json.Marshal(o)
	if err != nil || len(o.Issues) != maxIssues || len(o.Topics) != maxTopics || len(b) > 8<<10 {
		t.Errorf("%d issues, %d topics, %d bytes, %v", len(o.Issues), len(o.Topics), len(b), err)
	}
	if last := o.Issues[maxIssues-1]; last.ID != 100 || last.About != "10099" {
		t.Errorf("the last issue is %+v", last)
	}
}

func TestAModelRevisesTheOverview(t *testing.T) {
	unanswered, answered := dialog.Understanding{Intent: dialog.IntentQuestion}, dialog.Understanding{Intent: dialog.IntentQuestion, Answered: true}
	turn := Turn{Number: 1, Caller: "does the Kettle X2 whistle?", Reply: "It may.", Status: dialog.Completed}
	for name, c := range map[string]struct {
		r    dialog.Reading
		want string
	}{
		"open":            {dialog.Reading{Understanding: &unanswered, Issue: dialog.IssueOpen}, "question open model"},
		"resolved":        {dialog.Reading{Understanding: &answered, Issue: dialog.IssueResolved, Topic: "Kettle X2"}, "question resolved Kettle X2 model"},
		"none":            {dialog.Reading{Understanding: &answered}, "question answered"},
		"a contradiction": {dialog.Reading{Understanding: &unanswered, Issue: dialog.IssueAnswered}, "question answered"},
	} {
		o, _ := Follow(dialog.Overview{}, turn, Read(turn))
		o, _ = Revise(o, turn, c.r)
		if got := issuesOf(o); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		later := Turn{Number: 2, Caller: "and does it whistle loudly?", Reply: "No.", Status: dialog.Completed}
		after, _ := Follow(o, later, Read(later))
		if got, _ := Revise(after, later, dialog.Reading{Understanding: &answered, Issue: dialog.IssueAnswered}); got.Issues[0].Said != turn.Caller {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	// An issue that the rules did not see, and one that has a ticket.
	statement := Turn{Number: 1, Caller: "it whistles all night", Reply: "Oh.", Status: dialog.Completed}
	o, _ := Follow(dialog.Overview{}, statement, Read(statement))
	o, changed := Revise(o, statement, dialog.Reading{Understanding: &unanswered, Issue: dialog.IssueOpen, Topic: "whistles"})
	if got := issuesOf(o); got != "question open whistles model" || len(changed) != 1 {
		t.Errorf("got %s, %v", got, changed)
	}
	o.Issues[0].Ticket = "T-48291532"
	if o, changed = Revise(o, statement, dialog.Reading{Understanding: &answered, Issue: dialog.IssueResolved}); o.Issues[0].State != dialog.IssueOpen || len(changed) != 0 {
		t.Errorf("a model resolved the issue of a ticket: %+v", o)
	}
}

func TestCallersWhoLeaveHadTheirAnswer(t *testing.T) {
	o := follow([]step{{said: "how long does it last? -> A day."}})
	if got := Leave(&o); issuesOf(*got) != "question resolved left" || issuesOf(o) != "question answered" {
		t.Errorf("got %s, and %s before", issuesOf(*got), issuesOf(o))
	}
	if Leave(nil) != nil || Leave(&dialog.Overview{}) != nil {
		t.Error("nothing became something")
	}
}

func FuzzFollow(f *testing.F) {
	f.Add("where is order 47329", "On its way.", "solved", uint8(3))
	f.Add("\xff\u2028", "?", "", uint8(200))
	f.Fuzz(func(t *testing.T, caller, reply, status string, turns uint8) {
		var o dialog.Overview
		for i := range int(turns) {
			turn := Turn{Number: i + 1, Caller: caller, Reply: reply, Status: dialog.Completed}
			if i%3 == 1 {
				turn.Notes = []tools.Note{{Kind: "ticket", ID: "T-1", Text: status}, {Kind: "source", Title: caller}}
			}
			u := Read(turn)
			o, _ = Follow(o, turn, u)
			o, _ = Revise(o, turn, dialog.Reading{Understanding: &u, Issue: dialog.IssueOpen, Topic: "x"})
		}
		ids := make(map[int]bool)
		for _, i := range o.Issues {
			if ids[i.ID] || i.ID < 1 || i.Opened > i.Changed || i.State == "" || len(i.Said) > maxSaid || len(i.About) > maxValue {
				t.Fatalf("issue %+v", i)
			}
			ids[i.ID] = true
		}
		if len(o.Issues) > maxIssues || len(o.Topics) > maxTopics {
			t.Fatalf("%d issues, %d topics", len(o.Issues), len(o.Topics))
		}
	})
}

func BenchmarkFollow(b *testing.B) {
	o := follow([]step{{said: "when are you open? -> At 8."}, {said: "where is order 47329 -> On its way.", tool: "x"}})
	turn := Turn{Number: 3, Caller: "and where is order 51111", Reply: "It is on its way.", Status: dialog.Completed}
	u := Read(turn)
	b.ReportAllocs()
	for b.Loop() {
		Follow(o, turn, u)
	}
}
