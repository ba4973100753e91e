package conversation

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"frontdesk/dialog"
)

const maxTold = 5 // issues that a person or the next conversation is told

// setOverview replaces the overview of the session after a turn; changed are the issues of it
// that were opened or have another state.
func (c *conversation) setOverview(turn int, o dialog.Overview, changed []dialog.Issue) {
	if reflect.DeepEqual(o, c.recall.overview) {
		return
	}
	c.recall.overview, c.recall.isNewOverview = o, true
	c.emit(dialog.Event{Kind: dialog.OverviewChanged, Turn: turn, Overview: &o, Issues: changed})
}

// WithIssues returns m with the latest issues of o as facts, for the caller's next conversation.
// A fact about the same issue that m has is replaced.
func WithIssues(m dialog.Memory, o *dialog.Overview) dialog.Memory {
	if o.IsEmpty() {
		return m
	}
	m.Facts = slices.Clone(m.Facts)
	for _, i := range latest(o.Issues) {
		f := dialog.Fact{Kind: "open", Text: describeIssue(i)}
		if i.State == dialog.IssueResolved {
			f.Kind = "solved"
		}
		m.Facts = slices.DeleteFunc(m.Facts, func(old dialog.Fact) bool { return isSameIssue(old, f, i) })
		m.Facts = append(m.Facts, f)
	}
	return boundMemory(m)
}

// isSameIssue reports whether a fact is about i, of which f is the new fact.
func isSameIssue(old, f dialog.Fact, i dialog.Issue) bool {
	if old.Kind != "open" && old.Kind != "solved" {
		return false
	}
	isNamed := func(name string) bool { return len(name) >= 4 && strings.Contains(old.Text, name) }
	return old.Text == f.Text || isNamed(i.Ticket) || i.Ticket == "" && isNamed(i.About)
}

// openIssues returns what is open, a line for each issue, for the person to whom the caller is
// handed over; "" if nothing is.
func (c *conversation) openIssues() string {
	open := slices.DeleteFunc(slices.Clone(c.recall.overview.Issues), func(i dialog.Issue) bool { return i.State == dialog.IssueResolved })
	var lines []string
	for _, i := range latest(open) {
		lines = append(lines, "- "+describeIssue(i))
	}
	return strings.Join(lines, "\n")
}

func latest(issues []dialog.Issue) []dialog.Issue { return issues[max(0, len(issues)-maxTold):] }

// describeIssue returns an issue in words for people and models.
func describeIssue(i dialog.Issue) string {
	text := strings.ReplaceAll(string(i.Intent), "_", " ")
	for _, more := range []string{i.About, i.Ticket} {
		if more != "" {
			text += ", " + more
		}
	}
	if i.Said != "" {
		text += fmt.Sprintf(": \u201c%s\u201d", i.Said)
	}
	return clipped(text, maxFact)
}
