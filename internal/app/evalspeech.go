package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"frontdesk/dialog"
	"frontdesk/internal/eval"
)

func (p *program) evalSpeechCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "speech MANIFEST",
		Short: "Measure how well speech is understood, how soon, and at what cost",
		Long: `Play recordings to an agent's recognizer, which the setting stt.provider chooses, and
print the wrong words, the numbers and e-mail addresses that are exact, the time from the
last audio to the final transcript, and the CPU seconds per second of audio. The
recordings of each voice make one call. Spelling does not count, nor does how numbers are
written.

` + manifestHelp + `
"ref" is what is said.`,
		Args: exactArgs("MANIFEST"),
	}
	f := addEvalFlags(command)
	conditions := addConditionFlag(command)
	realtime := command.Flags().Bool("realtime", false, "play as fast as people speak, all voices at once")
	command.Flags().BoolVar(&f.details, "details", false, "print each utterance that was misheard")
	command.RunE = func(c *cobra.Command, args []string) error {
		list, err := conditions()
		if err != nil {
			return err
		}
		return p.evaluate(c.Context(), f, args[0], func(a *dialog.Agent, corpus []*eval.Recording) error {
			if a.Recognizer == nil {
				return misuse{errors.New("the agent has no recognizer: set stt.provider")}
			}
			return p.evalSpeech(c.Context(), f, a, corpus, list, eval.SpeechOptions{Realtime: *realtime})
		})
	}
	return command
}

func (p *program) evalSpeech(ctx context.Context, f *evalFlags, a *dialog.Agent, corpus []*eval.Recording, conditions []eval.Condition, o eval.SpeechOptions) error {
	if !f.json {
		fmt.Fprintf(p.stdout, "%-11s %-16s %5s %6s  %7s %18s  %11s  %9s  %8s  %17s  %s\n", "condition", "voice", "turns", "words",
			"wrong", "subst, del, ins", "short turns", "numbers", "e-mails", "final 50th, 95th", "CPU-s per s")
	}
	for _, c := range conditions {
		scores, heard, err := eval.RunSpeech(ctx, a, corpus, c, o)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		for _, s := range scores {
			if err := p.writeSpeech(s, f.json); err != nil {
				return err
			}
		}
		p.writeMisheard(f, heard)
	}
	return nil
}

// writeMisheard writes the utterances that failed and, if they are asked for, those that
// were misheard.
func (p *program) writeMisheard(f *evalFlags, heard []eval.Recognized) {
	for _, r := range heard {
		if r.Err != nil {
			fmt.Fprintf(p.stderr, "  %s: the recognizer failed: %v\n", r.File, r.Err)
		}
		if f.details && r.Errors.Total() > 0 {
			fmt.Fprintf(p.stdout, "  %s: %q understood as %q\n", r.File, r.Words, r.Transcript)
		}
	}
}

func (p *program) writeSpeech(s eval.Speech, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(p.stdout).Encode(s)
	}
	voice := s.Voice
	if voice == "" {
		voice = "all"
	}
	_, err := fmt.Fprintf(p.stdout, "%-11s %-16s %5d %6d  %5.1f %% %6d %5d %5d  %9.1f %%  %4d/%4d  %4d/%3d  %5d, %6d ms  %11.3f\n",
		s.Condition, voice, s.Utterances, s.WordErrors.Words, s.Wrong, s.Substituted, s.Deleted, s.Inserted, s.ShortWrong,
		s.NumbersExact, s.Numbers, s.EmailsExact, s.Emails, s.FinalP50, s.FinalP95, s.CPU)
	return err
}
