package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/eval"
)

// detectorNames are the names of voice detectors on the command line, and the values of
// vad.provider that they stand for.
var detectorNames = map[string]string{"builtin": "builtin", "silero": "silero", "both": "auto"}

// checkDetectors returns an error if a name is not in detectorNames.
func checkDetectors(names ...string) error {
	for _, name := range names {
		if detectorNames[name] == "" {
			return misuse{fmt.Errorf("unknown detector %q (want builtin, silero or both)", name)}
		}
	}
	return nil
}

func addSampleFlag(c *cobra.Command) *int {
	return c.Flags().Int("sample", 1, "play only every `n`th recording")
}

func (p *program) evalTurnsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "turns MANIFEST",
		Short: "Measure how soon, and how often too soon, the end of a turn is noticed",
		Long: `Play recorded turns to an agent's recognizer, faster than real time, and print how
soon it notices that the caller has finished, and how often too soon.

` + manifestHelp,
		Args: exactArgs("MANIFEST"),
	}
	f := addEvalFlags(command)
	chosen := addConditionFlag(command)
	hangover := command.Flags().Duration("hangover", 0, "end each turn after this `time` of silence, for comparison")
	sample := addSampleFlag(command)
	command.Flags().StringVar(&f.detector, "detector", "", "voice `detector`: builtin, silero or both (default: as configured)")
	command.Flags().BoolVar(&f.details, "details", false, "print each turn that was cut off, missed or late")
	command.RunE = func(c *cobra.Command, args []string) error {
		conditions, err := chosen()
		if err != nil {
			return err
		}
		if f.detector != "" {
			if err := checkDetectors(f.detector); err != nil {
				return err
			}
		}
		return p.evaluate(c.Context(), f, args[0], func(a *dialog.Agent, corpus []*eval.Recording) error {
			if *hangover > 0 {
				fixed := *a
				fixed.Endpointer = func() dialog.Endpointer { return eval.Hangover(*hangover) }
				a = &fixed
			}
			return p.evalTurns(c.Context(), f, a, eval.Sample(corpus, *sample), conditions)
		})
	}
	return command
}

func (p *program) evalTurns(ctx context.Context, f *evalFlags, a *dialog.Agent, corpus []*eval.Recording, conditions []eval.Condition) error {
	if !f.json {
		fmt.Fprintf(p.stdout, "%-11s %5s  %12s  %17s  %12s  %13s  %7s  %s\n", "condition", "turns",
			"cut off", "of those pausing", "delay median", "95th of 100", "missed", "frames right")
	}
	for _, c := range conditions {
		t, all, err := eval.RunTurns(ctx, a, corpus, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if f.json {
			err = json.NewEncoder(p.stdout).Encode(t)
		} else {
			_, err = fmt.Fprintf(p.stdout, "%-11s %5d  %10.1f %%  %15.1f %%  %9d ms  %10d ms  %5.1f %%  %10.1f %%\n", t.Condition, t.Turns,
				t.Early, t.EarlyPause, t.DelayP50, t.DelayP95, t.Missed, t.FrameAccuracy)
		}
		if err != nil {
			return err
		}
		if f.details {
			for _, d := range all {
				if !d.Ended || d.Early() || d.Delay > t.DelayP95 {
					fmt.Fprintf(p.stdout, "  %s: ended %v, %d ms, %q (%s); all of it: %q\n", d.File, d.Ended, d.Delay, d.Words, d.Why, d.Text)
				}
			}
		}
	}
	return nil
}

func (p *program) evalDetectorsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "detectors MANIFEST",
		Short: "Measure how well voice detectors tell speech from other audio",
		Long: `Play recorded turns to voice detectors and print how many frames of 20 ms they take
rightly for speech or for none, how often they take background between the turns for
speech, and the CPU time of a frame. The detector "both" is the built-in one corrected by
Silero.

` + manifestHelp,
		Args: exactArgs("MANIFEST"),
	}
	settings := addSettingsFlags(command)
	chosen := addConditionFlag(command)
	names := command.Flags().StringSlice("detector", []string{"builtin", "silero", "both"}, "measure the `detectors` of these names")
	asJSON := command.Flags().Bool("json", false, "print one JSON object per row")
	sample := addSampleFlag(command)
	command.RunE = func(c *cobra.Command, args []string) error {
		conditions, err := chosen()
		if err != nil {
			return err
		}
		if err := checkDetectors(*names...); err != nil {
			return err
		}
		corpus, err := eval.Load(args[0])
		if err != nil {
			return err
		}
		return p.evalDetectors(settings, *names, *asJSON, eval.Sample(corpus, *sample), conditions)
	}
	return command
}

func (p *program) evalDetectors(settings *settingsFlags, names []string, asJSON bool, corpus []*eval.Recording, conditions []eval.Condition) error {
	c, err := settings.load(p.environ)
	if err != nil {
		return err
	}
	neural, err := newNeuralSpeech(c, zap.NewNop())
	if err != nil {
		return err
	}
	defer neural.Close()
	makers := make(map[string]func() dialog.VoiceDetector)
	for _, name := range names {
		v := c.VAD
		v.Provider = detectorNames[name]
		if name != "builtin" { // named, so that a missing network is an error
			v.Model = cmp.Or(v.Model, neural.cache.Path("silero-vad", "silero_vad.onnx"))
		}
		open, closeNetwork, err := openDetector(v, neural, zap.NewNop())
		if err != nil {
			return err
		}
		defer closeNetwork()
		makers[name] = open
	}
	if !asJSON {
		fmt.Fprintf(p.stdout, "%-11s %-8s  %8s  %8s  %12s  %8s  %15s  %s\n", "condition", "detector", "right", "hits", "false alarms", "between", "onsets in 60 ms", "CPU per frame")
	}
	for _, c := range conditions {
		for _, name := range names {
			d, err := eval.RunDetector(makers[name], corpus, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
			if asJSON {
				err = json.NewEncoder(p.stdout).Encode(struct {
					Detector string `json:"detector"`
					eval.Detection
				}{name, d})
			} else {
				_, err = fmt.Fprintf(p.stdout, "%-11s %-8s  %6.1f %%  %6.1f %%  %10.1f %%  %6.1f %%  %13.1f %%  %10.0f µs\n",
					d.Condition, name, d.Correct, d.Hits, d.Alarms, d.Outside, d.Prompt, d.CPU)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
