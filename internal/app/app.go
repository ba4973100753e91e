// Package app is the frontdesk program: its commands, and the wiring of a node.
// It imports everything; only main imports it.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"frontdesk/dialog/provider/flite"
	"frontdesk/internal/caller"
	"frontdesk/internal/config"
	"frontdesk/signaling/sip"
)

const usage = `Frontdesk answers callers in voice, from your own knowledge base.

  frontdesk [serve]   serve callers; --help shows its flags
  frontdesk call      be a caller, in the terminal
  frontdesk eval      measure turn-taking on recordings
  frontdesk archive   list, show, export and erase sessions that are over
  frontdesk config    print the effective configuration, secrets masked
  frontdesk health    exit 0 when a server is ready
  frontdesk help      this text
`

// Run runs the command that args name until it ends or the process is interrupted.
// It returns the exit status: 0 success, 1 failure, 2 wrong usage.
func Run(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "serve":
		err = serveCommand(ctx, args, environ, stderr)
	case "call":
		return callCommand(ctx, args, stdout, stderr)
	case "config":
		err = configCommand(args, environ, stdout, stderr)
	case "archive":
		err = archiveCommand(ctx, args, environ, stdout, stderr)
	case "eval":
		err = evalCommand(ctx, args, environ, stdout, stderr)
	case "health":
		err = healthCommand(ctx, args, stderr)
	case "help":
		_, _ = io.WriteString(stdout, usage)
	default:
		err = misuse{fmt.Errorf("there is no command %q: frontdesk help lists them", command)}
	}
	var wrong misuse
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, "frontdesk:", err)
		return 2
	default:
		fmt.Fprintln(stderr, "frontdesk:", err)
		return 1
	}
}

// misuse is an error in how the program was called or configured.
type misuse struct{ error }

// options are the flags that every command which needs a configuration has.
type options struct {
	*flag.FlagSet
	file, listen, agents, data string
}

func newOptions(command string, stderr io.Writer) *options {
	o := &options{FlagSet: flag.NewFlagSet("frontdesk "+command, flag.ContinueOnError)}
	o.SetOutput(stderr)
	o.StringVar(&o.file, "config", "", "configuration `file` (default frontdesk.yaml, if it is there)")
	o.StringVar(&o.listen, "listen", "", "`address` of HTTP (TCP) and media (UDP)")
	o.StringVar(&o.agents, "agents", "", "`folder` of agents")
	o.StringVar(&o.data, "data", "", "`folder` of the store, recordings and secrets")
	return o
}

// parse reads args, flags before and behind its so many arguments, which it returns.
func (o *options) parse(args []string, arguments int) ([]string, error) {
	var given []string
	for {
		if err := o.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, misuse{errors.New("see " + o.Name() + " --help")}
		}
		switch {
		case o.NArg() == 0 && len(given) < arguments:
			return nil, misuse{errors.New("something is missing: see " + o.Name() + " --help")}
		case o.NArg() == 0:
			return given, nil
		case len(given) == arguments:
			return nil, misuse{fmt.Errorf("%s takes no argument %q", strings.TrimPrefix(o.Name(), "frontdesk "), o.Arg(0))}
		}
		given, args = append(given, o.Arg(0)), o.Args()[1:]
	}
}

// settings puts flags, environment and file together into one checked configuration.
func (o *options) settings(environ []string) (config.Config, error) {
	if o.file == "" {
		if _, err := os.Stat("frontdesk.yaml"); err == nil {
			o.file = "frontdesk.yaml"
		}
	}
	c, err := config.Load(o.file, environ)
	if err != nil {
		return c, misuse{err}
	}
	for name, value := range map[string]string{"listen": o.listen, "agents": o.agents, "data": o.data} {
		if value != "" {
			c.SetFlag(name, value)
		}
	}
	if err := c.Check(); err != nil {
		return c, misuse{err}
	}
	return c, nil
}

// settings reads the configuration of a command that has no arguments.
func settings(command string, args, environ []string, stderr io.Writer) (config.Config, error) {
	o := newOptions(command, stderr)
	if _, err := o.parse(args, 0); err != nil {
		return config.Config{}, err
	}
	return o.settings(environ)
}

func configCommand(args, environ []string, stdout, stderr io.Writer) error {
	c, err := settings("config", args, environ, stderr)
	if err != nil {
		return err
	}
	b, err := c.Masked().YAML()
	if err != nil {
		return err
	}
	_, err = stdout.Write(b)
	return err
}

// callCommand is the terminal caller. Its voice is another than the demo agent's.
func callCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	voice, err := flite.New(flite.Config{Voice: "rms"})
	if err != nil {
		fmt.Fprintln(stderr, "frontdesk:", err)
		return 1
	}
	return caller.Main(ctx, args, stdout, stderr, voice, sip.Call)
}

func healthCommand(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("frontdesk health", flag.ContinueOnError)
	flags.SetOutput(stderr)
	url := flags.String("url", "http://127.0.0.1:8080", "`URL` of the server")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return misuse{errors.New("see frontdesk health --help")}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(*url, "/")+"/readyz", nil)
	if err != nil {
		return misuse{err}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not reachable: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", resp.Status)
	}
	return nil
}
