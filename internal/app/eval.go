package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"frontdesk/dialog"
	"frontdesk/internal/config"
	"frontdesk/internal/db"
	"frontdesk/internal/eval"
)

const manifestHelp = `MANIFEST is a JSON list of {"file", "voice", "category", "ref", "speech_start_ms",
"speech_end_ms", "speech_segments_ms": [[from, to]…], "pauses": [{"start_ms", "end_ms"}…]}.`

// evalFlags are the flags of all measurements.
type evalFlags struct {
	*settingsFlags
	agent         string
	detector      string // in detectorNames; "": as configured
	json, details bool
	usesKnowledge bool                 // the measurement waits until pages are found by their meaning
	change        func(*config.Config) // what the measurement configures itself; may be nil
}

func addEvalFlags(c *cobra.Command) *evalFlags {
	f := &evalFlags{settingsFlags: addSettingsFlags(c)}
	c.Flags().StringVar(&f.agent, "agent", "", "`name` of the agent to measure (default: the one that answers)")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object per row")
	return f
}

// addConditionFlag adds the flag that names conditions, and returns what reads it.
func addConditionFlag(c *cobra.Command) func() ([]eval.Condition, error) {
	names := c.Flags().StringSlice("condition", nil, "measure only the conditions of these `names`")
	return func() ([]eval.Condition, error) {
		if len(*names) == 0 {
			return eval.Conditions(), nil
		}
		var list []eval.Condition
		for _, name := range *names {
			c, err := eval.FindCondition(name)
			if err != nil {
				return nil, misuse{err}
			}
			list = append(list, c)
		}
		return list, nil
	}
}

// evalCommand measures replies, knowledge, speech and turn-taking.
func (p *program) evalCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "eval", Short: "Measure replies, knowledge, speech and turn-taking", Args: knownCommand,
		RunE: func(*cobra.Command, []string) error {
			return misuse{errors.New("name what to measure: dialog, knowledge, speech, voice, turns, detectors or interruptions (see frontdesk eval --help)")}
		},
	}
	command.AddCommand(p.evalDialogCommand(), p.evalKnowledgeCommand(), p.evalSpeechCommand(), p.evalVoiceCommand(), p.evalTurnsCommand(), p.evalDetectorsCommand(), p.evalInterruptionsCommand())
	return command
}

// evaluate runs measure with the agent, opened as for serving, and the recordings of a manifest.
func (p *program) evaluate(ctx context.Context, f *evalFlags, manifest string, measure func(*dialog.Agent, []*eval.Recording) error) error {
	corpus, err := eval.Load(manifest)
	if err != nil {
		return err
	}
	return p.withAgent(ctx, f, func(a *dialog.Agent) error { return measure(a, corpus) })
}

// withAgent runs measure with the agent, opened as for serving.
func (p *program) withAgent(ctx context.Context, f *evalFlags, measure func(*dialog.Agent) error) error {
	c, err := f.load(p.environ)
	if err != nil {
		return err
	}
	if f.detector != "" {
		c.VAD.Provider = detectorNames[f.detector]
	}
	if f.change != nil {
		f.change(&c)
	}
	log, err := newLog("warn", p.stderr)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	conn, err := db.Open(filepath.Join(c.Data, "frontdesk.db"))
	if err != nil {
		return err
	}
	defer conn.Close()
	agents, err := openAgents(ctx, c, conn, nil, log, nil)
	if err != nil {
		return err
	}
	defer agents.Close()
	if f.usesKnowledge {
		agents.waitForVectors(ctx)
	}
	a, err := agents.Find(f.agent)
	if err != nil {
		return misuse{err}
	}
	return measure(a)
}
