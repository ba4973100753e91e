// Package agentfile reads agents from their folders: agent.yaml, which says what an
// agent is, beside knowledge/ and the tables its look-ups use. It gives plain data
// and starts nothing: main turns a File into a dialog.Agent with its model, ears,
// voice and tools. It stands between dialog and main: it imports dialog and fault
// of Frontdesk, and only main imports it.
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
)

const (
	fileName      = "agent.yaml"
	knowledgeName = "knowledge"
	maxFile       = 256 << 10 // bytes of agent.yaml
	maxAgents     = 1000      // folders looked at
)

// File is an agent as its folder describes it. Empty fields were not set; what
// dialog.Agent gives a default keeps that default.
type File struct {
	Dir          string // the folder, as it was given to Load
	Knowledge    string // the folder of knowledge pages, "" when there is none
	Name         string // always the folder's name
	Title        string // Name when not set
	Greeting     string
	Instructions string
	Language     string // BCP 47
	Voice        string
	Try          []string
	Farewell     string
	Silence      dialog.Silence
	Speculation  dialog.Speculation
	Memory       dialog.MemoryPolicy
	Filler       dialog.Filler
	Handover     dialog.Handover
	Record       bool
	Tools        Tools
}

// Tools is which tools the agent may use, and the look-ups it brings.
type Tools struct {
	Allow    []string                 // names; nil allows every tool, empty allows none
	Timeout  time.Duration            // of every tool, 0 when not set
	Timeouts map[string]time.Duration // of single tools, by name
	Lookups  []Lookup
}

// Lookup is a tool that finds a row in a table by a key.
type Lookup struct {
	Name        string // of the tool
	Description string // what it finds and when to use it, for the model
	File        string // path of the table, CSV with a row of headings; inside the agent's folder
	Key         string // the heading of the column to find the row by
}

// Load reads the agent in dir. The error is a fault.Error that is safe to show: it
// names a wrong key or value by folder, file, line and column.
func Load(dir string) (File, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return File{}, fault.Wrap(err, fault.Internal, "the agent's folder cannot be found")
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
	f.Dir = dir
	for i := range f.Tools.Lookups {
		f.Tools.Lookups[i].File = filepath.Join(dir, f.Tools.Lookups[i].File)
	}
	if info, err := root.Stat(knowledgeName); err == nil && info.IsDir() {
		f.Knowledge = filepath.Join(dir, knowledgeName)
	}
	return f, nil
}

// LoadAll reads every agent below root: each folder that does not begin with a dot
// is one. A folder that cannot be read is a problem of its own and leaves the others alone.
func LoadAll(root string) (agents map[string]File, problems []error) {
	agents = make(map[string]File)
	entries, err := os.ReadDir(root)
	if err != nil {
		return agents, []error{fileError(err, filepath.Base(root))}
	}
	if len(entries) > maxAgents {
		return agents, []error{fault.New(fault.TooLarge, "%s: holds more than %d entries: this is not a folder of agents", filepath.Base(root), maxAgents)}
	}
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		info, err := os.Stat(dir) // a link to a folder is a folder
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

// readFile reads agent.yaml; label is what errors call it.
func readFile(root *os.Root, label string) ([]byte, error) {
	info, err := root.Stat(fileName)
	if err != nil {
		return nil, fileError(err, label)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for ever
		return nil, fault.New(fault.Invalid, "%s: is not a file", label)
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
		return nil, fault.New(fault.TooLarge, "%s: is larger than %d kB: this is not an agent", label, maxFile>>10)
	}
	return text, nil
}

// fileError says in plain words why the file system refused; the cause, which may
// hold a path, is for the log.
func fileError(err error, label string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.NotFound, "%s: does not exist", label)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Forbidden, "%s: may not be read", label)
	default:
		return fault.Wrap(err, fault.Invalid, "%s: cannot be read", label)
	}
}
