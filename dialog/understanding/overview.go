package understanding

import (
	"regexp"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

const (
	maxTopics   = 12 // of a session; then the oldest is dropped
	maxIssues   = 20 // then the oldest resolved one is dropped, or else the oldest
	activeTurns = 3  // for which a topic is active
	recentTurns = 6  // for which words without a number may be about an issue
	maxSaid     = 160
)

// topicIntents are intents that say what the caller speaks of.
var topicIntents = []dialog.Intent{
	dialog.IntentQuestion, dialog.IntentHours, dialog.IntentLookup, dialog.IntentDelivery, dialog.IntentRefund, dialog.IntentBilling,
	dialog.IntentTicketNew, dialog.IntentTicketStatus, dialog.IntentTicketChange, dialog.IntentTicketClose, dialog.IntentComplaint, dialog.IntentPerson,
}

// followUps are intents whose turn is about the issue before it, if there is one.
var followUps = []dialog.Intent{
	dialog.IntentLookup, dialog.IntentTicketNew, dialog.IntentTicketChange, dialog.IntentTicketClose, dialog.IntentComplaint, dialog.IntentPerson, dialog.IntentOther,
}

// notSettledByWords are intents that no answer settles: somebody must do something.
var notSettledByWords = []dialog.Intent{dialog.IntentComplaint, dialog.IntentPerson, dialog.IntentTicketNew}

// problem matches folded words of a caller who tells of a problem.
var problem = regexp.MustCompile(`\b(?:broken|broke|leaks?|leaking|defective|damaged|faulty|stopped working|(?:does|do|did|is|will) ?n[o ]?t (?:work|start|turn|charge|arrive|open|connect)\w*|never (?:came|arrived)|missing|wrong (?:item|size|product|one)|problem|` +
	`kaputt|defekt|beschadigt|undicht|funktioniert nicht|geht nicht|fehlt|falsche[nrs]? (?:artikel|produkt|grosse|ware)|` +
	`casse|cassee|abime|abimee|en panne|ne (?:fonctionne|marche|s allume) (?:pas|plus)|manque|probleme|` +
	`roto|rota|averiado|danado|no (?:funciona|enciende|llega|llego)|falta|problema)\b`)

// Follow returns o after a finished turn, and the issues that were opened or have another state.
func Follow(o dialog.Overview, t Turn, u dialog.Understanding) (dialog.Overview, []dialog.Issue) {
	f := newFollower(o, t.Number)
	f.t, f.u = t, u
	f.touchTopic()
	if !f.readNotes() {
		f.readWords()
	}
	return f.finish()
}

// Revise returns o after a model read a turn, and the issues that were opened or have another
// state. What tickets and later turns say stays.
func Revise(o dialog.Overview, t Turn, r dialog.Reading) (dialog.Overview, []dialog.Issue) {
	f := newFollower(o, t.Number)
	f.t, f.u = t, *r.Understanding
	for i := range f.o.Topics {
		if topic := &f.o.Topics[i]; topic.Turn == t.Number && topic.About == "" {
			topic.About = r.Topic
		}
	}
	last := slices.IndexFunc(f.o.Issues, func(i dialog.Issue) bool { return i.Changed == t.Number })
	if last < 0 {
		if r.Issue == dialog.IssueOpen {
			f.open(dialog.IssueOpen, dialog.BecauseModel)
			f.o.Issues[len(f.o.Issues)-1].About = r.Topic
		}
		return f.finish()
	}
	issue := &f.o.Issues[last]
	if issue.About == "" {
		issue.About = r.Topic
	}
	switch {
	case issue.Ticket != "" || r.Issue == "":
	case r.Issue == dialog.IssueAnswered && !f.u.Answered: // it contradicts itself
	default:
		f.set(last, r.Issue, dialog.BecauseModel)
	}
	return f.finish()
}

// Leave returns o after the session: the caller left with the answers that they had.
func Leave(o *dialog.Overview) *dialog.Overview {
	if o.IsEmpty() {
		return nil
	}
	left := dialog.Overview{Topics: o.Topics, Issues: slices.Clone(o.Issues)}
	for i := range left.Issues {
		if left.Issues[i].State == dialog.IssueAnswered {
			left.Issues[i].State, left.Issues[i].Reason = dialog.IssueResolved, dialog.BecauseLeft
		}
	}
	return &left
}

// follower changes an overview.
type follower struct {
	o      dialog.Overview
	before map[int]dialog.IssueState
	number int // of the turn
	t      Turn
	u      dialog.Understanding
}

func newFollower(o dialog.Overview, number int) *follower {
	f := &follower{o: dialog.Overview{Topics: slices.Clone(o.Topics), Issues: slices.Clone(o.Issues)}, number: number, before: make(map[int]dialog.IssueState)}
	for _, i := range o.Issues {
		f.before[i.ID] = i.State
	}
	return f
}

// finish drops what is too much and returns the overview and the issues that changed.
func (f *follower) finish() (dialog.Overview, []dialog.Issue) {
	for i := range f.o.Topics {
		f.o.Topics[i].Active = f.o.Topics[i].Turn > f.number-activeTurns
	}
	f.o.Topics = f.o.Topics[max(0, len(f.o.Topics)-maxTopics):]
	var changed []dialog.Issue
	for _, i := range f.o.Issues {
		if f.before[i.ID] != i.State {
			changed = append(changed, i)
		}
	}
	for len(f.o.Issues) > maxIssues {
		oldest := max(0, slices.IndexFunc(f.o.Issues, func(i dialog.Issue) bool { return i.State == dialog.IssueResolved }))
		f.o.Issues = slices.Delete(f.o.Issues, oldest, oldest+1)
	}
	return f.o, changed
}

// about returns the order, ticket or product that the caller named, or "".
func (f *follower) about() string {
	for _, kind := range []dialog.EntityKind{dialog.EntityOrder, dialog.EntityTicket, dialog.EntityProduct} {
		if i := slices.IndexFunc(f.u.Entities, func(e dialog.Entity) bool { return e.Kind == kind }); i >= 0 {
			return f.u.Entities[i].Value
		}
	}
	return ""
}

// page returns the title of the page from which the answer came, or "".
func (f *follower) page() string {
	i := slices.IndexFunc(f.t.Notes, func(n tools.Note) bool { return n.Kind == "source" })
	if i < 0 {
		return ""
	}
	return oneLine(f.t.Notes[i].Title, maxValue)
}

// touchTopic makes the topic of the turn the last one.
func (f *follower) touchTopic() {
	if !slices.Contains(topicIntents, f.u.Intent) {
		return
	}
	topic := dialog.Topic{Intent: f.u.Intent, About: f.about(), Turn: f.number}
	if topic.About == "" {
		topic.About = f.page()
	}
	for i, known := range f.o.Topics {
		isSame := known.Intent == topic.Intent && (known.About == topic.About || known.About == "" || topic.About == "")
		if isLater := topic.Intent == dialog.IntentLookup && known.About == "" && known.Turn >= f.number-1; isSame || isLater {
			if topic.About == "" {
				topic.About = known.About
			}
			topic.Intent = known.Intent // a number that was asked for does not change the topic
			f.o.Topics = slices.Delete(f.o.Topics, i, i+1)
			break
		}
	}
	f.o.Topics = append(f.o.Topics, topic)
}

// readNotes follows the tickets and hand-overs of the turn's tools, and reports whether there
// were any.
func (f *follower) readNotes() (any bool) {
	for _, n := range f.t.Notes {
		if n.Kind != "ticket" && n.Kind != "handover" || n.ID == "" {
			continue
		}
		any = true
		i := slices.IndexFunc(f.o.Issues, func(i dialog.Issue) bool { return i.Ticket == n.ID })
		if i < 0 {
			if i = f.current(); i >= 0 && f.o.Issues[i].Ticket != "" {
				i = -1
			}
		}
		if i < 0 {
			f.leave()
			i = f.open(dialog.IssueOpen, dialog.BecauseTicket)
		}
		f.o.Issues[i].Ticket, f.o.Issues[i].Changed = n.ID, f.number
		switch status := tools.Status(n.Text); {
		case n.Kind == "handover":
			f.set(i, dialog.IssueOpen, dialog.BecauseHandover)
		case status == tools.Solved || status == tools.Closed || status == tools.Withdrawn:
			f.set(i, dialog.IssueResolved, dialog.BecauseTicket)
		default:
			f.set(i, dialog.IssueOpen, dialog.BecauseTicket)
		}
	}
	return any
}

// readWords follows what the caller said and whether they were answered.
func (f *follower) readWords() {
	switch intent := f.u.Intent; {
	case intent == dialog.IntentGoodbye || intent == dialog.IntentThanks || words.NeedsNothingMore(f.t.Caller) && len(words.Split(f.t.Caller)) > 1:
		f.confirm(intent == dialog.IntentGoodbye)
	case intent == dialog.IntentYes:
		if len(f.t.Tools) == 0 {
			f.confirm(false)
		}
	case slices.Contains(topicIntents, intent), intent == dialog.IntentOther && f.isAboutIssue():
		f.ask()
	}
}

// isAboutIssue reports whether a caller who asks for nothing tells of a problem, or of an issue
// that there is.
func (f *follower) isAboutIssue() bool {
	if problem.MatchString(folded(f.t.Caller)) {
		return true
	}
	if about := f.about(); about != "" && slices.ContainsFunc(f.o.Issues, func(i dialog.Issue) bool { return i.About == about || i.Ticket == about }) {
		return true
	}
	return f.current() >= 0 && (len(f.t.Tools) > 0 || f.u.Sentiment <= -0.5)
}

// current returns the issue that was touched last and is not resolved, or -1.
func (f *follower) current() int {
	best := -1
	for i, issue := range f.o.Issues {
		if issue.State != dialog.IssueResolved && issue.Changed >= f.number-recentTurns && (best < 0 || issue.Changed >= f.o.Issues[best].Changed) {
			best = i
		}
	}
	return best
}

// confirm resolves the current issue, or all of them, if they were answered.
func (f *follower) confirm(all bool) {
	for i := range f.o.Issues {
		if f.o.Issues[i].State == dialog.IssueAnswered && (all || i == f.current()) {
			f.set(i, dialog.IssueResolved, dialog.BecauseConfirmed)
			f.o.Issues[i].Changed = f.number
		}
	}
}

// leave resolves the issues that were answered, because the caller speaks of something else.
func (f *follower) leave() {
	for i := range f.o.Issues {
		if f.o.Issues[i].State == dialog.IssueAnswered {
			f.set(i, dialog.IssueResolved, dialog.BecauseLeft)
		}
	}
}

// ask follows a turn in which the caller wants something.
func (f *follower) ask() {
	i := f.match()
	isNew := i < 0
	if isNew {
		f.leave()
		i = f.open(dialog.IssueOpen, "")
	}
	issue := &f.o.Issues[i]
	issue.Changed = f.number
	if about := f.about(); about != "" && about != issue.Ticket {
		issue.About = about
	} else if issue.About == "" {
		issue.About = f.page()
	}
	switch {
	case issue.Ticket != "": // the ticket says when it is resolved
	case f.t.Status == dialog.Cancelled: // the caller interrupted the answer
	case !f.u.Answered:
		f.set(i, dialog.IssueOpen, dialog.BecauseUnanswered)
	case !isNew && (f.u.Intent == dialog.IntentComplaint || f.u.Sentiment <= -0.5):
		f.set(i, dialog.IssueOpen, dialog.BecauseComplaint)
	case slices.Contains(notSettledByWords, f.u.Intent) || f.asksBack():
		f.set(i, dialog.IssueOpen, "")
	default:
		f.set(i, dialog.IssueAnswered, "")
	}
}

// match returns the issue that the turn is about, or -1 for a new one.
func (f *follower) match() int {
	about, current := f.about(), f.current()
	if about != "" {
		if i := slices.IndexFunc(f.o.Issues, func(i dialog.Issue) bool { return i.About == about || i.Ticket == about }); i >= 0 {
			return i
		}
	}
	if current < 0 {
		return -1
	}
	issue := f.o.Issues[current]
	isFollowUp := slices.Contains(followUps, f.u.Intent)
	switch {
	case about != "" && issue.About != "":
		return -1
	case isFollowUp || f.u.Intent == issue.Intent && issue.State == dialog.IssueOpen:
		return current
	case f.u.Intent == issue.Intent && f.u.Intent != dialog.IntentQuestion && about == "":
		return current // such as "and when does it come" after "where is my order"
	}
	return -1
}

// asksBack reports whether the reply is nothing but a question to the caller.
func (f *follower) asksBack() bool {
	reply := strings.TrimSpace(f.t.Reply)
	return len(f.t.Tools) == 0 && strings.HasSuffix(reply, "?") && !strings.ContainsAny(strings.TrimSuffix(reply, "?"), ".!?:")
}

// open adds an issue of the turn and returns its index.
func (f *follower) open(state dialog.IssueState, reason dialog.IssueReason) int {
	id := 1
	for _, i := range f.o.Issues {
		id = max(id, i.ID+1)
	}
	f.o.Issues = append(f.o.Issues, dialog.Issue{
		ID: id, Intent: f.u.Intent, State: state, Reason: reason, Opened: f.number, Changed: f.number,
		Said: oneLine(f.t.Caller, maxSaid),
	})
	return len(f.o.Issues) - 1
}

func (f *follower) set(i int, state dialog.IssueState, reason dialog.IssueReason) {
	f.o.Issues[i].State, f.o.Issues[i].Reason = state, reason
}
