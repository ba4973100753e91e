package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"frontdesk/internal/config"
)

const healthTimeout = 3 * time.Second

// version is set with -ldflags "-X frontdesk/internal/app.version=v1.2.3".
var version string

// settingsFlags are the flags of commands that need the configuration.
type settingsFlags struct{ file, listen, agents, data string }

func addSettingsFlags(c *cobra.Command) *settingsFlags {
	f := new(settingsFlags)
	c.Flags().StringVar(&f.file, "config", "", "configuration `file` (default frontdesk.yaml, if it exists)")
	c.Flags().StringVar(&f.listen, "listen", "", "`address` for HTTP (TCP) and media (UDP)")
	c.Flags().StringVar(&f.agents, "agents", "", "`folder` of agents")
	c.Flags().StringVar(&f.data, "data", "", "`folder` of the store, recordings and secrets")
	_ = c.MarkFlagFilename("config", "yaml", "yml")
	_ = c.MarkFlagDirname("agents")
	_ = c.MarkFlagDirname("data")
	return f
}

// load combines flags, environment and file into a checked configuration.
func (f *settingsFlags) load(environ []string) (config.Config, error) {
	if f.file == "" {
		if _, err := os.Stat("frontdesk.yaml"); err == nil {
			f.file = "frontdesk.yaml"
		}
	}
	c, err := config.Load(f.file, environ)
	if err != nil {
		return c, misuse{err}
	}
	for name, value := range map[string]string{"listen": f.listen, "agents": f.agents, "data": f.data} {
		if value != "" {
			c.SetFlag(name, value)
		}
	}
	if err := c.Check(); err != nil {
		return c, misuse{err}
	}
	return c, nil
}

func (p *program) configCommand() *cobra.Command {
	command := &cobra.Command{Use: "config", Short: "Print the effective configuration, secrets masked, and check the agents", Args: exactArgs()}
	flags := addSettingsFlags(command)
	command.RunE = func(*cobra.Command, []string) error {
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		b, err := c.Masked().YAML()
		if err != nil {
			return err
		}
		if _, err = p.stdout.Write(b); err != nil {
			return err
		}
		if note := c.Renamed(); note != "" {
			fmt.Fprintln(p.stderr, note)
		}
		if err := checkNotify(c); err != nil {
			return err
		}
		return checkAgents(c.Agents, p.stderr)
	}
	return command
}

func (p *program) healthCommand() *cobra.Command {
	command := &cobra.Command{Use: "health", Short: "Exit with status 0 if a server is ready for calls", Args: exactArgs()}
	url := command.Flags().String("url", "http://127.0.0.1:8080", "`URL` of the server")
	command.RunE = func(c *cobra.Command, _ []string) error { return checkHealth(c.Context(), *url) }
	return command
}

func checkHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/readyz", nil)
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

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this program", Args: exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, versionText())
			return err
		},
	}
}

// versionText describes this build, such as "frontdesk v1.2.3 (commit 1a2b3c4d, go1.26.0, linux/amd64)".
func versionText() string {
	name, details := version, []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if name == "" {
			name = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 8 {
				details = append([]string{"commit " + s.Value[:8]}, details...)
			}
		}
	}
	if name == "" {
		name = "(devel)"
	}
	return fmt.Sprintf("frontdesk %s (%s)", name, strings.Join(details, ", "))
}

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script that completes commands and flags in your shell",
		Example: `  source <(frontdesk completion bash)
  frontdesk completion zsh > "${fpath[1]}/_frontdesk"
  frontdesk completion fish | source`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      exactArgs("the name of a shell (bash, zsh or fish)"),
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(p.stdout, true)
			case "zsh":
				return c.Root().GenZshCompletion(p.stdout)
			case "fish":
				return c.Root().GenFishCompletion(p.stdout, true)
			}
			return misuse{fmt.Errorf("unknown shell %q (want bash, zsh or fish)", args[0])}
		},
	}
}
