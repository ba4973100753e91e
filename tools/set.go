package tools

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"frontdesk/internal/fault"
)

// Set is a group of tools that changes while the program runs, such as those of an MCP
// server. Registry.Current returns a registry with the tools that its sets have now. Safe
// for concurrent use.
type Set struct {
	name      string
	onProblem func(error)

	mu      sync.Mutex // guards the fields below
	version uint64     // counts the changes
	entries []*entry
	isAway  bool
}

// NewSet returns a set without tools that is away. The names of its tools begin with the
// given name and an underscore. onProblem is told why a tool is omitted to which a rule of
// an agent does not fit.
func NewSet(name string, onProblem func(error)) *Set {
	return &Set{name: name, onProblem: onProblem, isAway: true}
}

// Replace puts the given tools in place of those that the set has. It omits tools with an
// invalid Spec, a duplicate name or a name that does not begin with the set's, and returns
// an error for each.
func (s *Set) Replace(tools []Tool) []error {
	var entries []*entry
	var problems []error
	for _, t := range tools {
		e, err := compile(t)
		switch {
		case err != nil:
		case !strings.HasPrefix(e.spec.Name, s.name+"_"):
			err = fault.New(fault.Invalid, "the name of tool %q does not begin with %q", e.spec.Name, s.name+"_")
		case slices.ContainsFunc(entries, func(o *entry) bool { return o.spec.Name == e.spec.Name }):
			err = fault.New(fault.Invalid, "duplicate tool name %q", e.spec.Name)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		entries = append(entries, e)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries { // calls of the former tool still count
		if i := slices.IndexFunc(s.entries, func(o *entry) bool { return o.spec.Name == e.spec.Name }); i >= 0 {
			e.calls = s.entries[i].calls
		}
	}
	s.entries, s.isAway = entries, false
	s.version++
	return problems
}

// Clear removes the tools, because what provides them is away.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries, s.isAway = nil, true
	s.version++
}

func (s *Set) current() (entries []*entry, isAway bool, version uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries, s.isAway, s.version
}

// dynamic is the part of a Registry that changes.
type dynamic struct {
	sets     []*Set
	policies []Policy // in the order in which they were applied
	cached   atomic.Pointer[snapshot]
}

// snapshot is what Current has returned last.
type snapshot struct {
	versions []uint64 // of the sets
	registry *Registry
}

func (d *dynamic) copy() *dynamic {
	if d == nil {
		return nil
	}
	return &dynamic{sets: slices.Clone(d.sets), policies: slices.Clone(d.policies)}
}

// mayHave reports whether a set may have a tool of that name, now or later.
func (d *dynamic) mayHave(name string) bool {
	return d != nil && slices.ContainsFunc(d.sets, func(s *Set) bool { return strings.HasPrefix(name, s.name+"_") })
}

// WithSets returns a registry that has the tools of the sets, too. They appear in what
// Current returns. Where names are equal, a tool of the registry hides one of a set.
func (r *Registry) WithSets(sets ...*Set) *Registry {
	if len(sets) == 0 {
		return r
	}
	if r == nil {
		r = &Registry{running: new(sync.WaitGroup)}
	}
	out := &Registry{tools: r.tools, running: r.running, dynamic: r.dynamic.copy()}
	if out.dynamic == nil {
		out.dynamic = new(dynamic)
	}
	out.dynamic.sets = append(out.dynamic.sets, sets...)
	return out
}

// Current returns a registry of the tools that r and its sets have now. It does not change
// when they do, so a turn that uses one registry sees the same tools from its beginning to
// its end. Current returns the same registry until a set changes, and r itself if r has no
// sets.
func (r *Registry) Current() *Registry {
	if r == nil || r.dynamic == nil {
		return r
	}
	type part struct {
		entries []*entry
		isAway  bool
	}
	d := r.dynamic
	parts, versions := make([]part, len(d.sets)), make([]uint64, len(d.sets))
	for i, s := range d.sets {
		parts[i].entries, parts[i].isAway, versions[i] = s.current()
	}
	before := d.cached.Load()
	if before != nil && slices.Equal(before.versions, versions) {
		return before.registry
	}
	out := &Registry{tools: slices.Clone(r.tools), running: r.running}
	for i, p := range parts {
		if p.isAway {
			out.away = append(out.away, d.sets[i].name)
		}
		for _, e := range p.entries {
			if out.find(e.spec.Name) != nil {
				continue
			}
			e, err := d.restrict(e)
			switch {
			case err == nil && e != nil:
				out.tools = append(out.tools, e)
			case err != nil && (before == nil || before.versions[i] != versions[i]):
				d.sets[i].onProblem(err)
			}
		}
	}
	d.cached.Store(&snapshot{versions: versions, registry: out})
	return out
}

// restrict applies the policies to a tool. It returns nil if they do not allow it.
func (d *dynamic) restrict(e *entry) (*entry, error) {
	for _, p := range d.policies {
		var err error
		if e, err = p.restrict(e); e == nil {
			return nil, err
		}
	}
	return e, nil
}

// Away returns the names of the sets whose tools are missing, of a registry that Current
// returned.
func (r *Registry) Away() []string {
	if r == nil {
		return nil
	}
	return r.away
}
