package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"frontdesk/dialog"
	"frontdesk/internal/eval"
)

// maxSentences is the size of a file of sentences, in bytes.
const maxSentences = 1 << 20

func (p *program) evalVoiceCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "voice [FILE]",
		Short: "Measure how well an agent's voice is understood, how soon it speaks, and at what cost",
		Long: `Let an agent speak, and print how long its voice needs for the first audio, its CPU
seconds per second of audio, its speed and level, and how many words a recognizer then
mishears: clean, and over a telephone. The setting tts.provider chooses the voice, and
stt.provider the recognizer. It measures whether a voice is clear, not whether it is
pleasant.

FILE holds one sentence per line; without it the voice says sentences of support agents.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misuse{fmt.Errorf("unexpected argument %q (see %s --help)", args[1], c.CommandPath())}
			}
			return nil
		},
	}
	f := addEvalFlags(command)
	command.Flags().BoolVar(&f.details, "details", false, "print each sentence that was misheard")
	command.RunE = func(c *cobra.Command, args []string) error {
		sentences := eval.VoiceSentences()
		if len(args) == 1 {
			var err error
			if sentences, err = readSentences(args[0]); err != nil {
				return misuse{err}
			}
		}
		return p.withAgent(c.Context(), f, func(a *dialog.Agent) error {
			if a.Synthesizer == nil || a.Recognizer == nil {
				return misuse{errors.New("the agent needs a voice and a recognizer: set tts.provider and stt.provider")}
			}
			return p.evalVoice(c.Context(), f, a, sentences)
		})
	}
	return command
}

func readSentences(file string) ([]string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSentences {
		return nil, fmt.Errorf("%s: larger than %d MB", file, maxSentences>>20)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	sentences := eval.Sentences(string(text))
	if len(sentences) == 0 {
		return nil, fmt.Errorf("%s: no sentences", file)
	}
	return sentences, nil
}

func (p *program) evalVoice(ctx context.Context, f *evalFlags, a *dialog.Agent, sentences []string) error {
	cost, recordings, err := eval.RunVoice(ctx, a, sentences)
	if err != nil {
		return err
	}
	if f.json {
		err = json.NewEncoder(p.stdout).Encode(cost)
	} else {
		_, err = fmt.Fprintf(p.stdout, "first audio after %d ms (median), %d ms (95th of 100); %.3f CPU-s per s; %.0f words a minute; %.1f dBFS; %d samples clipped\n",
			cost.FirstP50, cost.FirstP95, cost.CPU, cost.Rate, cost.Level, cost.Clipped)
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"clean", "telephone"} {
		c, err := eval.FindCondition(name)
		if err != nil {
			return err
		}
		scores, heard, err := eval.RunSpeech(ctx, a, recordings, c, eval.SpeechOptions{})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := p.writeIntelligibility(scores[len(scores)-1], f.json); err != nil {
			return err
		}
		p.writeMisheard(f, heard)
	}
	return nil
}

func (p *program) writeIntelligibility(s eval.Speech, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(p.stdout).Encode(s)
	}
	_, err := fmt.Fprintf(p.stdout, "%-9s  %.1f %% of %d words misheard\n", s.Condition, s.Wrong, s.WordErrors.Words)
	return err
}
