package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
)

// refund is a rule that uses every row of the table.
func refund() Rule {
	return Rule{
		Effect: Money, Who: VerifiedByFact, Identify: []string{"order", "amount"}, Destinations: []string{"account"},
		Arguments: resolve(`{"properties":{"amount":{"maximum":50}}}`),
	}
}

func resolve(text string) *jsonschema.Resolved {
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		panic(err)
	}
	return r
}

// goodRequest returns a request for a refund to which no rule objects.
func goodRequest() Request {
	const arguments = `{"order":"47329","amount":20,"account":"jon@example.com"}`
	return Request{
		Agent: "demo", Tool: "refund", Rule: refund(), Arguments: json.RawMessage(arguments),
		Evidence: Evidence{
			Caller: "+15550100", Line: "+15550100", Proved: []string{"47329"},
			Said: []string{"refund order four seven three two nine please", "twenty dollars to jon at example dot com", "yes"},
		},
		Approval: Approve("refund", json.RawMessage(arguments), "", "yes", 1),
	}
}

// Each row of the table objects to a call to which no other row objects.
func TestEveryRuleObjects(t *testing.T) {
	for _, test := range []struct {
		rule    string
		change  func(*Request)
		verdict Verdict
		code    fault.Code
	}{
		{"", func(*Request) {}, Allowed, ""},
		{"arguments", func(r *Request) { r.Rule.Arguments = resolve(`{"properties":{"amount":{"maximum":10}}}`) }, Refused, fault.Forbidden},
		{"arguments", func(r *Request) { r.Arguments = json.RawMessage(`[]`) }, Refused, fault.Invalid},
		{"who", func(r *Request) { r.Evidence.Proved = nil }, Refused, NotVerified},
		{"who", func(r *Request) { r.Evidence.Proved = []string{"11111"} }, Refused, NotVerified},
		{"who", func(r *Request) { r.Rule.Who = VerifiedByPIN }, Refused, NotVerified},
		{"who", func(r *Request) { r.Rule.Who = VerifiedOperator; r.Evidence.Assurance = VerifiedByPIN }, Refused, fault.Forbidden},
		{"", func(r *Request) { r.Rule.Who = VerifiedByPIN; r.Evidence.Assurance = VerifiedByPIN }, Allowed, ""},
		{"", func(r *Request) { r.Rule.Who = VerifiedOperator; r.Evidence.Assurance = VerifiedOperator }, Allowed, ""},
		{"origin", func(r *Request) { r.Evidence.Said[1] = "thirty dollars to jon at example dot com" }, Refused, NotSaid},
		{"origin", func(r *Request) { r.Arguments = json.RawMessage(`{"order":"47329","amount":-20}`) }, Refused, NotSaid},
		{"destination", func(r *Request) { r.Evidence.Said[1] = "twenty dollars to jim at example dot com" }, Refused, NotSaid},
		{"destination", func(r *Request) {
			r.Evidence.Said[1] = "twenty dollars"
			r.Evidence.Outputs = []Output{{JSON: json.RawMessage(`{"payee":"jon@example.com"}`)}}
		}, Refused, NotSaid},
		{"", func(r *Request) {
			r.Evidence.Said[1] = "twenty dollars"
			r.Evidence.Outputs = []Output{{JSON: json.RawMessage(`{"payee":"jon@example.com"}`), IsTrusted: true}}
		}, Allowed, ""},
		{"wrong values", func(r *Request) { r.Used.Wrong = 3 }, Refused, fault.Limited},
		{"limit of the turn", func(r *Request) { r.Used.Turn = 1 }, Refused, fault.Limited},
		{"limit of the session", func(r *Request) { r.Used.Session = 3 }, Refused, fault.Limited},
		{"", func(r *Request) { r.Used.Session = 3; r.Rule.Limits.Session = 4 }, Allowed, ""},
		{"consent", func(r *Request) { r.Approval = nil }, MustAsk, ""},
		{"consent", func(r *Request) { r.Approval = Approve(r.Tool, json.RawMessage(`{"order":"47329"}`), "", "yes", 1) }, MustAsk, ""},
		{"consent", func(r *Request) { r.Approval = Approve("create_ticket", r.Arguments, "", "yes", 1) }, MustAsk, ""},
		{"consent", func(r *Request) { r.Approval = nil; r.Rule.Consent = AskUnlessRequested }, MustAsk, ""},
		{"", func(r *Request) {
			r.Approval, r.Rule.Consent = nil, AskUnlessRequested
			r.Rule.IsRequest = func(text string) bool { return text == "yes" }
		}, Allowed, ""},
		{"", func(r *Request) { r.Approval, r.Rule.Consent = nil, NoConsent }, Allowed, ""},
		{"", func(r *Request) { r.Approval, r.Rule.Effect, r.Rule.Limits = nil, Read, Limits{} }, Allowed, ""},
	} {
		r := goodRequest()
		test.change(&r)
		d := New(NewCounter()).Decide(context.Background(), r)
		if d.Rule != test.rule || d.Verdict != test.verdict || (d.Err != nil) != (test.verdict == Refused) || d.Err != nil && d.Err.Code != test.code {
			t.Errorf("row %q: got %+v (%v)", test.rule, d, d.Err)
		}
		if d.Permit.Allows(r.Tool, r.Arguments) != (test.verdict == Allowed) {
			t.Errorf("row %q: the permit does not follow the verdict", test.rule)
		}
	}
}

func TestCallersAndHoursAreLimited(t *testing.T) {
	g := New(NewCounter())
	decide := func(caller string) Decision {
		r := goodRequest()
		r.Evidence.Caller = caller
		r.Rule.Limits = Limits{Caller: 2, Hour: 3}
		return g.Decide(context.Background(), r)
	}
	for i, want := range []struct {
		caller string
		Verdict
	}{{"a", Allowed}, {"a", Allowed}, {"a", Refused}, {"b", Allowed}, {"b", Refused}, {"c", Refused}} {
		if d := decide(want.caller); d.Verdict != want.Verdict || d.Verdict == Refused && d.Err.Code != fault.Limited {
			t.Errorf("call %d of %s: got %+v", i, want.caller, d)
		}
	}
}

type brokenCounter struct{}

func (brokenCounter) Take(context.Context, string, int, time.Duration) (bool, error) {
	return false, errors.New("the store is away")
}

func TestWhatCannotBeCountedIsRefused(t *testing.T) {
	d := New(brokenCounter{}).Decide(context.Background(), goodRequest())
	if d.Verdict != Refused || d.Err.Code != fault.Storage {
		t.Errorf("got %+v", d)
	}
	r := goodRequest()
	r.Rule = Rule{Identify: []string{"order"}}
	if d := New(brokenCounter{}).Decide(context.Background(), r); d.Verdict != Allowed {
		t.Errorf("a tool that reads: got %+v", d)
	}
}

func TestPermitIsForOneCall(t *testing.T) {
	r := goodRequest()
	p := New(NewCounter()).Decide(context.Background(), r).Permit
	for _, c := range []struct {
		tool, arguments string
		want            bool
	}{
		{"refund", string(r.Arguments), true},
		{"refund", `{ "amount": 20, "account": "jon@example.com", "order": "47329" }`, true},
		{"refund", `{"order":"47329","amount":21,"account":"jon@example.com"}`, false},
		{"refund2", string(r.Arguments), false},
	} {
		if p.Allows(c.tool, json.RawMessage(c.arguments)) != c.want {
			t.Errorf("%s %s: allowed is not %v", c.tool, c.arguments, c.want)
		}
	}
	if (Permit{}).Allows("refund", r.Arguments) {
		t.Error("a zero permit allows a call")
	}
}

func TestAnswers(t *testing.T) {
	for want, texts := range map[Answer][]string{
		Yes: {"yes", "Yes, please.", "yeah that's right", "ok", "Okay, go ahead", "sure do it", "uh yes please", "that is correct thank you", "Ja, bitte", "ja genau",
			"Oui, allez-y", "d'accord", "Sí, por favor", "claro", "please do", "right"},
		No: {"no", "No thanks", "no, jon without h: jon@example.com", "don't do that", "nein", "lieber nicht", "non merci", "not yet", "wait", "yes no wait"},
		Unclear: {"", "what are your opening hours", "yes but send it to kim@example.com", "the other one", "yes and refund forty dollars", "maybe", "I think so",
			"yes goodbye", "yesterday", "und morgen"},
	} {
		for _, text := range texts {
			if got := AnswerIn(text); got != want {
				t.Errorf("AnswerIn(%q) = %d, want %d", text, got, want)
			}
		}
	}
}

func TestConsentEndsAfterTwoTurns(t *testing.T) {
	for turns, want := range map[int]bool{0: false, 1: true, 2: true, 3: false} {
		if got := Approve("refund", nil, "", "yes", turns) != nil; got != want {
			t.Errorf("after %d turns: consent is %v", turns, got)
		}
	}
}

func TestAnswerMayRepeatTheAction(t *testing.T) {
	const ticket, closes, cancels = "I would open a ticket: My kettle leaks. Shall I do that?", "I would close ticket T-48291537. Shall I do that?",
		"I would cancel order 47329. Shall I do that?"
	for _, test := range []struct {
		question, answer string
		want             Answer
	}{
		{ticket, "yes, open the ticket", Yes},
		{ticket, "yes please create it", Yes},
		{ticket, "yes that is right, go ahead and open the ticket for me", Yes},
		{ticket, "yes, close the ticket", Unclear},
		{ticket, "yes, cancel it", No},
		{ticket, "open", Unclear},
		{ticket, "yes, open two tickets", Unclear},
		{ticket, "yes, open it for kim", Unclear},
		{ticket, "sure, why not", Yes},
		{ticket, "no problem, go ahead", Yes},
		{ticket, "no problem", Unclear},
		{ticket, "why not", Unclear},
		{closes, "yes, close it", Yes},
		{closes, "yes, open it", Unclear},
		{cancels, "yes, cancel it", Yes},
		{cancels, "cancel", Unclear},
		{cancels, "no, don't cancel it", No},
		{"Ich würde ein Ticket anlegen: Es tropft. Soll ich das tun?", "Ja, legen Sie das Ticket an", Yes},
		{"Je vais ouvrir un ticket : La lampe. Dois-je le faire ?", "Oui, ouvrez le ticket", Yes},
		{"Voy a abrir un tique: La lámpara. ¿Quiere que lo haga?", "Sí, abra el tique", Yes},
	} {
		if got := answerTo(test.question, test.answer); got != test.want {
			t.Errorf("%q, answered %q: got %d, want %d", test.question, test.answer, got, test.want)
		}
	}
}

func FuzzDecide(f *testing.F) {
	f.Add("refund", `{"order":"47329"}`, "order 47329", `{"payee":"x@example.com"}`)
	f.Add("x", `{"order":[1,{"a":2}]}`, "j o n at example dot com", `[[[1e999]]]`)
	f.Fuzz(func(t *testing.T, tool, arguments, said, output string) {
		r := goodRequest()
		r.Tool, r.Arguments = tool, json.RawMessage(arguments)
		r.Evidence.Said = []string{said}
		r.Evidence.Outputs = []Output{{JSON: json.RawMessage(output)}}
		if d := New(NewCounter()).Decide(context.Background(), r); d.Verdict == Allowed && (d.Err != nil || !d.Permit.Allows(tool, r.Arguments)) {
			t.Errorf("allowed without a permit: %+v", d)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	r := goodRequest()
	for range 100 { // a long conversation
		r.Evidence.Said = append(r.Evidence.Said, "i would like to know how i can clean the coffee machine with number twelve")
		r.Evidence.Outputs = append(r.Evidence.Outputs, Output{JSON: json.RawMessage(fmt.Sprintf(`{"passage":%q}`, "Rinse it with cold water and a spoon of salt."))})
	}
	g := New(NewCounter())
	r.Rule.Limits = Limits{Caller: unlimited, Hour: unlimited}
	b.ReportAllocs()
	for b.Loop() {
		if d := g.Decide(context.Background(), r); d.Verdict != Allowed {
			b.Fatal(d)
		}
	}
}
