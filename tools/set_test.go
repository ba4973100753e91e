package tools

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

func nothing(name string) Tool {
	return Func(name, "Does nothing.", gate.Rule{}, func(context.Context, string, struct{}) (any, []Note, error) { return name, nil, nil })
}

func TestCurrentHasTheToolsOfNow(t *testing.T) {
	set := NewSet("crm", func(err error) { t.Error(err) })
	r := newRegistry(t, nothing("own"), nothing("crm_hidden")).WithSets(set)
	r, err := r.Restrict(Policy{Timeout: time.Second, Timeouts: map[string]time.Duration{"crm_find": 2 * time.Second}})
	require.NoError(t, err)

	first := r.Current()
	if got := first.names(); !slices.Equal(got, []string{"own", "crm_hidden"}) || !slices.Equal(first.Away(), []string{"crm"}) {
		t.Errorf("away: tools %v, away %v", got, first.Away())
	}
	problems := set.Replace([]Tool{nothing("crm_find"), nothing("crm_hidden"), nothing("crm_find"), nothing("other"), nothing("crm_" + strings.Repeat("x", 64))})
	if len(problems) != 3 {
		t.Errorf("problems %v, want three", problems)
	}
	second := r.Current()
	if got := second.names(); !slices.Equal(got, []string{"own", "crm_hidden", "crm_find"}) || len(second.Away()) > 0 {
		t.Errorf("there: tools %v, away %v", got, second.Away())
	}
	if len(first.names()) != 2 || r.Current() != second {
		t.Error("a registry that Current returned has changed, or was made anew without a change")
	}
	if got := second.find("crm_find").timeout; got != 2*time.Second {
		t.Errorf("timeout %v, want that of the policy", got)
	}
	if got := second.DoAsOperator(t.Context(), Call{ID: "1", Name: "crm_find"}); got.Failed || string(got.Output) != `"crm_find"` {
		t.Errorf("a call got %+v", got)
	}
	set.Replace([]Tool{nothing("crm_find"), nothing("crm_change")})
	if third := r.Current(); third.find("crm_find").calls != second.find("crm_find").calls {
		t.Error("a tool that stays forgets the calls that run")
	}
	set.Clear()
	if got := r.Current().names(); !slices.Equal(got, []string{"own", "crm_hidden"}) {
		t.Errorf("away again: tools %v", got)
	}
}

func TestPoliciesHoldForToolsThatComeLater(t *testing.T) {
	set := NewSet("crm", func(err error) { t.Error(err) })
	all := newRegistry(t, nothing("own")).WithSets(set)
	r, err := all.Restrict(Policy{Allow: []string{"crm_find"}})
	require.NoError(t, err)
	set.Replace([]Tool{nothing("crm_find"), nothing("crm_delete")})
	if got := r.Current().names(); !slices.Equal(got, []string{"crm_find"}) {
		t.Errorf("tools %v, want only the allowed one", got)
	}
	if _, err := all.Restrict(Policy{Allow: []string{"crn_find"}}); err == nil {
		t.Error("a name that no set can have was accepted")
	}
	var none *Registry
	if none.Current() != nil || none.Away() != nil || none.WithSets() != nil || len(none.WithSets(set).Current().names()) != 2 {
		t.Error("a nil registry has no tools but those of its sets")
	}
}

func TestToolToWhichARuleDoesNotFitIsOmitted(t *testing.T) {
	var problems []error
	set, other := NewSet("crm", func(err error) { problems = append(problems, err) }), NewSet("other", nil)
	effect := gate.Money
	r, err := newRegistry(t).WithSets(set, other).Restrict(Policy{Rules: map[string]RuleChange{
		"crm_find": {Identify: []string{"customer"}}, "crm_pay": {Effect: &effect},
	}})
	require.NoError(t, err)
	set.Replace([]Tool{nothing("crm_find"), nothing("crm_pay")})
	spec, _ := r.Find("crm_pay")
	if got := r.Current().names(); !slices.Equal(got, []string{"crm_pay"}) || spec.Rule.Effect != gate.Money {
		t.Errorf("tools %v, rule %+v", got, spec.Rule)
	}
	other.Clear()
	r.Current()
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), `unknown argument "customer" of tool "crm_find"`) {
		t.Errorf("problems %v, want one about the argument", problems)
	}
}
