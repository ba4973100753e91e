package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"frontdesk/dialog"
	"frontdesk/internal/config"
	"frontdesk/internal/eval"
)

const evalDialogHelp = `Hold the conversations of FILE with an agent, and print how many of its replies are as
the file says. The conversations are text; their tickets and limits are kept in a
temporary folder. docs/quality.md describes the file.`

func (p *program) evalDialogCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "dialog FILE", Short: "Measure an agent's replies in written conversations", Long: evalDialogHelp, Args: exactArgs("FILE"),
	}
	f := addEvalFlags(command)
	only := command.Flags().String("only", "", "hold only conversations whose name or kind contains this `text`")
	command.Flags().BoolVar(&f.details, "details", false, "print each turn; wrong ones are marked with what is wrong")
	command.RunE = func(c *cobra.Command, args []string) error {
		suite, err := eval.LoadSuite(args[0])
		if err != nil {
			return err
		}
		f.agent = cmp.Or(f.agent, suite.Agent)
		turns, err := p.holdDialogs(c.Context(), f, suite, *only)
		if err != nil {
			return err
		}
		return printDialogs(f, turns, p.stdout)
	}
	return command
}

// holdDialogs holds the conversations whose name or kind contains only.
func (p *program) holdDialogs(ctx context.Context, f *evalFlags, suite *eval.Suite, only string) (all []eval.DialogTurn, err error) {
	folder, err := os.MkdirTemp("", "frontdesk-eval-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	f.usesKnowledge = true
	f.change = func(c *config.Config) {
		c.Data, c.Database = folder, ""
		c.STT, c.TTS = config.Provider{Provider: "none"}, config.Provider{Provider: "none"}
	}
	err = p.withAgent(ctx, f, func(a *dialog.Agent) error {
		for _, d := range suite.Conversations {
			if !strings.Contains(d.Name+"\n"+d.Kind, only) {
				continue
			}
			turns, err := suite.RunDialog(ctx, a, d)
			if err != nil {
				return err
			}
			all = append(all, turns...)
		}
		return nil
	})
	return all, err
}

// printDialogs prints the score, and with --details every turn.
func printDialogs(f *evalFlags, turns []eval.DialogTurn, w io.Writer) error {
	if f.json {
		return printDialogsJSON(f, turns, w)
	}
	if f.details {
		for _, t := range turns {
			if t.Number == 1 {
				fmt.Fprintf(w, "\n%s (%s)\n", t.Conversation, t.Kind)
			}
			fmt.Fprintf(w, "  > %s\n  < %s\n", t.Caller, t.Reply)
			for _, problem := range t.Problems {
				fmt.Fprintf(w, "    WRONG: %s\n", problem)
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%-24s %13s  %5s  %5s\n", "kind", "conversations", "turns", "right")
	for _, s := range eval.ScoreDialogs(turns) {
		fmt.Fprintf(w, "%-24s %13d  %5d  %4.1f %%\n", s.Kind, s.Conversations, s.Turns, s.Percent)
	}
	return nil
}

func printDialogsJSON(f *evalFlags, turns []eval.DialogTurn, w io.Writer) error {
	out := json.NewEncoder(w)
	if f.details {
		for _, t := range turns {
			if err := out.Encode(t); err != nil {
				return err
			}
		}
	}
	for _, s := range eval.ScoreDialogs(turns) {
		if err := out.Encode(s); err != nil {
			return err
		}
	}
	return nil
}
