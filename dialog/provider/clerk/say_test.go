package clerk

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools"
)

// sayingTool is a tool that says how to tell its result.
type sayingTool struct{ parameters string }

func (s sayingTool) Spec() tools.Spec {
	return tools.Spec{Name: "parcel_status", Description: "Look up a parcel.", Parameters: json.RawMessage(s.parameters), Say: "Your parcel is {status}."}
}

func (sayingTool) Call(_ context.Context, call tools.Call) (tools.Result, error) {
	var args map[string]json.Number
	if err := json.Unmarshal(call.Arguments, &args); err != nil {
		return tools.Result{}, err
	}
	switch args["tracking"] {
	case "4242":
		return tools.Result{Output: json.RawMessage(`{"say":"Your parcel is on its way.","result":{"status":"on its way"}}`)}, nil
	case "5555":
		return tools.Result{Output: json.RawMessage(`{"status":"a text that does not fit into the sentence"}`)}, nil
	case "6666":
		return tools.Result{}, fault.New(fault.BadAnswer, "an answer that cannot be used")
	}
	return tools.Result{}, fault.New(fault.NotFound, "nothing under this")
}

func TestClerkUsesToolsThatSayTheirResult(t *testing.T) {
	for _, kind := range []string{"string", "integer"} {
		registry, err := tools.NewRegistry(sayingTool{`{"type":"object","properties":{"tracking":{"type":"` + kind + `","maxLength":5,"maximum":99999}},"required":["tracking"]}`})
		require.NoError(t, err)
		for _, c := range []struct{ said, number, want string }{
			{"where is my parcel", "", "I can look that up."},
			{"where is my parcel", "four two four two", "Your parcel is on its way."},
			{"where is parcel 4242", "", "Your parcel is on its way."},
			{"where is parcel 5555", "", englishPhrases.failed},
			{"where is parcel 6666", "", englishPhrases.failed},
			{"where is parcel 7777", "", "I can't find parcel 7 7 7 7."},
			{"where is parcel 123456", "", "I can't find parcel 1 2 3 4 5 6."}, // does not fit the schema
		} {
			conversation := newConversation(t, registry)
			got := conversation.say(c.said)
			if c.number != "" {
				got = conversation.say(c.number)
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, %q: got %q, want %q", kind, c.said, got, c.want)
			}
		}
	}
}

func TestClerkLeavesOtherToolsAlone(t *testing.T) {
	for _, parameters := range []string{
		`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"]}`,
		`{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]}`,
		`{"type":"object","properties":{"a":{"type":"string"}}}`,
		`{"type":"object"}`,
	} {
		if _, ok := newLookup(sayingTool{parameters}.Spec()); ok {
			t.Errorf("%s: the clerk cannot fill in these parameters", parameters)
		}
	}
}
