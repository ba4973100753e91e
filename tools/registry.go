package tools

// Registry is the set of tools an agent may use. Safe for concurrent use.
type Registry struct{}
