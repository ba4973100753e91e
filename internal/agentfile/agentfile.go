// Package agentfile reads agents from their folders: agent.yaml describes the agent, and
// next to it are knowledge/ and the tables for its look-ups. Load and LoadAll return
// plain data and start nothing; the app turns a File into a dialog.Agent with a model, a
// recognizer, a voice and tools. The package imports dialog, tools, chain, httptool, workflow, fault, spoken and
// yamlfile, and only the app imports it.
package agentfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/spoken"
	"frontdesk/tools"
	"frontdesk/tools/chain"
	"frontdesk/tools/httptool"
)

const (
	fileName      = "agent.yaml"
	knowledgeName = "knowledge"
	maxFile       = 256 << 10 // bytes of agent.yaml
	maxAgents     = 1000      // entries in the folder of agents
)

// File describes an agent. An empty field was not set in agent.yaml, so dialog.Agent uses
// its default.
type File struct {
	Knowledge    string // the folder of knowledge pages; "" if the agent has none
	Name         string // equals the folder's name
	Title        string // equals Name if not set
	Greeting     string
	Instructions string
	Language     string // BCP 47
	Voice        string
	Speed        float64         // of the voice, 0.5 to 2; 0 if not set
	Lexicon      *spoken.Lexicon // how the voice pronounces words; nil if not set
	Try          []string
	Farewell     string
	Silence      dialog.Silence
	Speculation  dialog.Speculation
	Memory       dialog.MemoryPolicy
	Filler       dialog.Filler
	Handover     dialog.Handover
	Grounding    dialog.Grounding
	Choices      []Choice
	Record       bool
	Tools        Tools
}

// Locate returns err with the place of a key in agent.yaml, such as "tools.lookup[0]", or of
// the nearest key above it.
func (f File) Locate(key string, err error) error {
	if f.Tools.source == nil {
		return err
	}
	return f.Tools.source.invalid(key, "%v", err)
}

// LocatePolicy returns an error of tools.Registry.Restrict with the place of what is wrong.
func (f File) LocatePolicy(err error) error {
	key, ok := fault.From(err).Details["key"].(string)
	if !ok {
		return err
	}
	return f.Locate("tools."+key, err)
}

// Choice is an agent that callers choose by a key.
type Choice struct {
	Key   string // one digit
	Agent string // its name
	Text  string // "" if not set
}

// Tools says which tools the agent may use and defines its look-ups.
type Tools struct {
	Allow    []string                    // names of tools; nil allows all, an empty list allows none
	Timeout  time.Duration               // for every tool; 0 if not set
	Timeouts map[string]time.Duration    // for single tools, by name
	Rules    map[string]tools.RuleChange // of single tools, by name
	Lookups  []tools.LookupConfig        // File is a path inside the agent's folder, joined with that folder's; OnProblem is nil
	Verify   *tools.VerifyConfig         // how callers prove who they are; nil: they cannot
	MCP      []MCPServer
	HTTP     []httptool.Config // endpoints, with the values of references; Resolver and OnChange are nil

	Workflows []chain.Config // whose tools are not checked

	source *source // of errors that come later
}

// Load reads the agent in dir. The error is a fault.Error that is safe to show: for a
// wrong key or value it begins with folder/file:line:column.
func Load(dir string) (File, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return File{}, fault.Wrap(err, fault.Internal, "cannot find the agent's folder")
	}
	name := filepath.Base(abs)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return File{}, fileError(err, name)
	}
	defer root.Close()
	text, err := readFile(root, name+"/"+fileName)
	if err != nil {
		return File{}, err
	}
	s, err := parse(name+"/"+fileName, text)
	if err != nil {
		return File{}, err
	}
	f, err := s.file(name, root)
	if err != nil {
		return File{}, err
	}
	f.Tools.source = s
	for i := range f.Tools.Lookups {
		f.Tools.Lookups[i].File = filepath.Join(dir, f.Tools.Lookups[i].File)
	}
	if v := f.Tools.Verify; v != nil {
		v.File = filepath.Join(dir, v.File)
	}
	for i := range f.Tools.MCP {
		f.Tools.MCP[i].Dir = dir
	}
	if info, err := root.Stat(knowledgeName); err == nil && info.IsDir() {
		f.Knowledge = filepath.Join(dir, knowledgeName)
	}
	return f, nil
}

// LoadAll reads the agents below root: each folder whose name does not begin with a dot.
// A folder that cannot be read becomes an entry of problems; the others are still loaded.
func LoadAll(root string) (agents map[string]File, problems []error) {
	agents = make(map[string]File)
	entries, err := os.ReadDir(root)
	if err != nil {
		return agents, []error{fileError(err, filepath.Base(root))}
	}
	if len(entries) > maxAgents {
		return agents, []error{fault.New(fault.TooLarge, "%s: more than %d entries: is this the folder of agents?", filepath.Base(root), maxAgents)}
	}
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		info, err := os.Stat(dir) // follows links
		if e.Name()[0] == '.' || err == nil && !info.IsDir() {
			continue
		}
		f, err := Load(dir)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		agents[f.Name] = f
	}
	return agents, problems
}

// readFile reads agent.yaml. Errors call it label.
func readFile(root *os.Root, label string) ([]byte, error) {
	info, err := root.Stat(fileName)
	if err != nil {
		return nil, fileError(err, label)
	}
	if !info.Mode().IsRegular() { // opening a named pipe would block
		return nil, fault.New(fault.Invalid, "%s: is not a regular file", label)
	}
	f, err := root.Open(fileName)
	if err != nil {
		return nil, fileError(err, label)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fileError(err, label)
	}
	if len(text) > maxFile {
		return nil, fault.New(fault.TooLarge, "%s: larger than the limit of %d kB", label, maxFile>>10)
	}
	return text, nil
}

// fileError turns an error of the file system into a fault. Its message is safe to show;
// the wrapped cause, which may hold a path, is for the log.
func fileError(err error, label string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.NotFound, "%s: does not exist", label)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Forbidden, "%s: permission denied", label)
	default:
		return fault.Wrap(err, fault.Invalid, "%s: cannot be read", label)
	}
}
