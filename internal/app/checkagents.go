package app

import (
	"errors"
	"io"
	"maps"
	"os"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"frontdesk/internal/agentfile"
	"frontdesk/tools"
	"frontdesk/tools/chain"
	"frontdesk/tools/knowledge"
)

// checkAgents returns what is wrong with the agents in a folder, and writes to out what works
// but should be changed. It loads no speech model and connects to nothing. A folder that does
// not exist is not wrong here: only a server needs it.
func checkAgents(folder string, out io.Writer) error {
	if _, err := os.Stat(folder); err != nil {
		return nil
	}
	files, problems := agentfile.LoadAll(folder)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := checkTools(files[name], out); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return misuse{errors.Join(problems...)}
	}
	return nil
}

// checkTools opens the tools of an agent, except for knowledge and MCP servers, and applies
// what agent.yaml says of single tools.
func checkTools(f agentfile.File, out io.Writer) error {
	o := agentOpener{log: warningsTo(out), set: &agentSet{tickets: new(tools.Tickets), chains: chain.NewRunner()}}
	defer o.set.Close()
	own, _, err := o.lookups(f)
	if err != nil {
		return err
	}
	if f.Knowledge != "" {
		own = append(own, knowledge.Tool(nil))
	}
	r, err := o.registry(f, own)
	if err != nil {
		return err
	}
	for _, m := range f.Tools.MCP {
		r = r.WithSets(tools.NewSet(m.Name, func(error) {}))
	}
	_, err = o.withChains(r, f)
	return err
}

// warningsTo returns a log that writes warnings as plain lines to w.
func warningsTo(w io.Writer) *zap.Logger {
	return zap.New(zapcore.NewCore(lineEncoder{zapcore.NewMapObjectEncoder()}, zapcore.AddSync(w), zapcore.WarnLevel))
}
