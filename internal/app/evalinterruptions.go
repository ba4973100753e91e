package app

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"frontdesk/dialog"
	"frontdesk/internal/eval"
)

func (p *program) evalInterruptionsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "interruptions MANIFEST",
		Short: "Measure what stops an agent that is speaking",
		Long: `Play the recordings of the categories interruption, yes_no and backchannel, and coughs,
knocks, sighs, laughs, side talk, a television and the agent's own echo, to an agent that
is speaking, in real time, and print whether and how soon it stops or continues. Before the
agent speaks, the caller says another recording of the same voice. "yielded" counts the
calls in which the agent was silent within 400 ms and stopped.

` + manifestHelp,
		Args: exactArgs("MANIFEST"),
	}
	f := addEvalFlags(command)
	var options eval.InterruptionOptions
	command.Flags().StringSliceVar(&options.Only, "only", nil, "measure only these `kinds` of sounds")
	command.Flags().IntVar(&options.Limit, "limit", 0, "measure at most this `number` of cases of each kind")
	command.Flags().BoolVar(&f.details, "details", false, "print each sound that was mistaken for another kind")
	command.RunE = func(c *cobra.Command, args []string) error {
		return p.evaluate(c.Context(), f, args[0], func(a *dialog.Agent, corpus []*eval.Recording) error {
			kinds, all, err := eval.RunInterruptions(c.Context(), a, corpus, options)
			if err != nil {
				return err
			}
			if err := writeInterruptions(p.stdout, kinds, f.json); err != nil {
				return err
			}
			p.writeOverlaps(f, all)
			return nil
		})
	}
	return command
}

// writeOverlaps writes how often the agent cut in, and each sound that was mistaken if that is
// asked for.
func (p *program) writeOverlaps(f *evalFlags, all []eval.Overlap) {
	void := 0
	for _, o := range all {
		switch {
		case o.Void:
			void++
		case f.details && o.Stopped != o.Interrupts():
			fmt.Fprintf(p.stdout, "  %s at %d ms: stopped %v, resumed %v, %q\n", o.File, o.Into, o.Stopped, o.Resumed, o.Said)
		case f.details && o.Interrupts() && !o.Yielded():
			fmt.Fprintf(p.stdout, "  %s at %d ms: silent after %d ms, %q\n", o.File, o.Into, o.Silent, o.Said)
		}
	}
	if void > 0 {
		fmt.Fprintf(p.stderr, "%d calls measured nothing, because the agent did not answer\n", void)
	}
	if f.json {
		return
	}
	fmt.Fprintf(p.stdout, "cutting in: %.1f %% of %d calls\n", eval.CutIn(all), len(all)-void)
}

func writeInterruptions(out io.Writer, kinds []eval.Interruptions, asJSON bool) error {
	if asJSON {
		for _, k := range kinds {
			if err := json.NewEncoder(out).Encode(k); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(out, "%-22s %5s  %8s  %8s  %8s  %18s  %18s  %9s  %s\n", "kind", "cases",
		"yielded", "stopped", "resumed", "softer 50th, 95th", "silent 50th, 95th", "back", "words lost")
	for _, k := range kinds {
		if _, err := fmt.Fprintf(out, "%-22s %5d  %6.1f %%  %6.1f %%  %6.1f %%  %7d, %5d ms  %8d, %5d ms  %6d ms  %8.1f %%\n", k.Kind, k.Cases,
			k.Yielded, k.Stopped, k.Resumed, k.DuckedP50, k.DuckedP95, k.SilentP50, k.SilentP95, k.ResumedP50, k.WordsLost); err != nil {
			return err
		}
	}
	return nil
}
