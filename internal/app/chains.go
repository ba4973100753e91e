package app

import (
	"cmp"
	"maps"
	"strings"

	"frontdesk/internal/agentfile"
	"frontdesk/tools"
	"frontdesk/tools/chain"
	"frontdesk/tools/gate"
)

// withChains returns the tools that the agent may use, with those that are workflows. The steps
// of a workflow may use all tools in r, also those that the agent itself may not.
func (o *agentOpener) withChains(r *tools.Registry, f agentfile.File) (*tools.Registry, error) {
	if len(f.Tools.Workflows) == 0 {
		return restrict(r, f)
	}
	p := tools.Policy{Timeout: f.Tools.Timeout, Timeouts: maps.Clone(f.Tools.Timeouts), Rules: maps.Clone(f.Tools.Rules)}
	names := []string{chain.StatusTool}
	for _, c := range f.Tools.Workflows {
		names = append(names, c.Name)
	}
	for _, name := range names {
		delete(p.Timeouts, name)
		delete(p.Rules, name)
	}
	steps, err := r.Restrict(p)
	if err != nil {
		return nil, f.LocatePolicy(err)
	}
	chains := make(map[string]*chain.Tool)
	with := chain.Tools{Registry: steps, Later: laterRules(f)}
	for i, c := range f.Tools.Workflows {
		t, err := chain.New(f.Name, c, with, o.set.chains)
		if err != nil {
			return nil, f.LocateWorkflow(i, err)
		}
		if r, err = r.With(t); err != nil {
			return nil, f.LocateWorkflow(i, &chain.FieldError{Field: "name", Message: err.Error() + ": choose another name"})
		}
		chains[c.Name] = t
	}
	if r, err = r.With(chain.Status(o.set.chains)); err != nil {
		return nil, f.Locate("tools.workflow", err)
	}
	if r, err = restrict(r, f); err != nil {
		return nil, err
	}
	for name, t := range chains {
		if spec, ok := r.Find(name); ok {
			if err := t.CheckRule(spec.Rule); err != nil {
				return nil, f.Locate("tools.rules."+name, err)
			}
		}
	}
	return r, nil
}

// laterRules returns the rules of tools of MCP servers that have not answered yet: at least as
// strict as those that they will have.
func laterRules(f agentfile.File) func(name string) (gate.Rule, bool) {
	return func(name string) (gate.Rule, bool) {
		for _, m := range f.Tools.MCP {
			if !strings.HasPrefix(name, m.Name+"_") {
				continue
			}
			rule, change := gate.Rule{Effect: gate.Write}, f.Tools.Rules[name]
			if e := cmp.Or(change.Effect, m.Effect); e != nil {
				rule.Effect = *e
			}
			if change.Who != nil {
				rule.Who = *change.Who
			}
			rule.IsTrusted = change.IsTrusted != nil && *change.IsTrusted
			rule.Identify, rule.Destinations, rule.Limits = change.Identify, change.Destinations, change.Limits
			return rule, true
		}
		return gate.Rule{}, false
	}
}
