// Package app is the frontdesk program: its command line, and the wiring of a server. It
// imports all other packages; only main imports it.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"frontdesk/internal/suggest"
)

// misuse is an error in the command line or the configuration. It ends the program with
// exit status 2.
type misuse struct{ error }

// program is the environment that commands run in.
type program struct {
	environ        []string
	stdout, stderr io.Writer
}

// Run runs the command that args name until it ends or the process is interrupted. It
// returns the exit status: 0 success, 1 failure, 2 wrong usage or configuration.
func Run(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := (&program{environ: environ, stdout: stdout, stderr: stderr}).root()
	root.SetArgs(withDoubleDashes(root, args))
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "%s: %v\n", command.CommandPath(), err)
	var wrong misuse
	if errors.As(err, &wrong) {
		return 2
	}
	return 1
}

// root returns the command tree. Without a command, frontdesk serves.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "frontdesk",
		Short: "Answer callers in voice, from your own knowledge base",
		Long: "Frontdesk answers callers in voice, from your own knowledge base.\n" +
			"Without a command it serves: frontdesk is short for frontdesk serve.",
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	p.makeServe(root)
	root.Args = knownCommand
	root.AddCommand(p.serveCommand(), p.callCommand(), p.evalCommand(), p.archiveCommand(), p.eraseCommand(), p.workflowsCommand(), p.ticketsCommand(), p.outboxCommand(), p.modelsCommand(), p.mcpCommand(), p.kbCommand(),
		p.configCommand(), p.healthCommand(), p.versionCommand(), p.completionCommand())
	root.SetHelpCommand(helpCommand())
	return root
}

// withDoubleDashes lets long flags begin with one dash: it turns -config into --config.
func withDoubleDashes(root *cobra.Command, args []string) []string {
	var names []string
	var collect func(*cobra.Command)
	collect = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		for _, sub := range c.Commands() {
			collect(sub)
		}
	}
	collect(root)
	out := make([]string, 0, len(args)+1)
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && slices.Contains(names, name) {
			arg = "-" + arg
		}
		out = append(out, arg)
	}
	return out
}

// flagError explains an error of the flags of c.
func flagError(c *cobra.Command, err error) error {
	message := err.Error()
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		name := "--" + unknown.GetSpecifiedName()
		message = "unknown flag " + name + suggest.DidYouMean(name, names)
	}
	return misuse{fmt.Errorf("%s (see %s --help)", message, c.CommandPath())}
}

// knownCommand refuses arguments, except help, of a command that has subcommands.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 || args[0] == "help" {
		return nil
	}
	return unknownCommand(c, args[0])
}

func unknownCommand(parent *cobra.Command, name string) error {
	var names []string
	for _, sub := range parent.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return misuse{fmt.Errorf("unknown command %q%s (see %s --help)", name, suggest.DidYouMean(name, names), parent.CommandPath())}
}

// exactArgs returns a check that a command gets exactly the named arguments.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return misuse{fmt.Errorf("%s is missing (see %s --help)", names[len(args)], c.CommandPath())}
		case len(args) > len(names):
			return misuse{fmt.Errorf("unexpected argument %q (see %s --help)", args[len(names)], c.CommandPath())}
		}
		return nil
	}
}

// showHelp is what a command does that only has subcommands.
func showHelp(c *cobra.Command, _ []string) error { return c.Help() }

// helpCommand prints the help of the command that its arguments name.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		RunE: func(c *cobra.Command, args []string) error {
			command := c.Root()
			for _, name := range args {
				i := slices.IndexFunc(command.Commands(), func(sub *cobra.Command) bool { return sub.Name() == name })
				if i < 0 {
					return unknownCommand(command, name)
				}
				command = command.Commands()[i]
			}
			command.InitDefaultHelpFlag() // so that the help lists it
			command.InitDefaultVersionFlag()
			return command.Help()
		},
	}
}
