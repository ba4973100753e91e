package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/internal/archive"
	"frontdesk/internal/config"
	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/workflow"
)

const archiveGrace = 7 * 24 * time.Hour // how long the store keeps a session that cannot be archived

// archiveCommand lists, shows, exports and erases finished sessions.
func (p *program) archiveCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "archive", Short: "List, show, export and erase finished sessions", Args: knownCommand, RunE: showHelp,
	}
	var asJSON bool
	var folder string
	ls := p.archiveSubcommand("ls", "List the archived sessions", func(c archiveCall) error {
		return archiveListing.print(c.archive.List(c.ctx), asJSON, p.stdout)
	})
	show := p.archiveSubcommand("show SESSION", "Print a session", func(c archiveCall) error {
		return showArchive(c.ctx, c.archive, c.argument, asJSON, p.stdout)
	})
	export := p.archiveSubcommand("export SESSION", "Write a session and its recordings to a folder", func(c archiveCall) error {
		return exportArchive(c.ctx, c.archive, c.argument, folder, p.stdout)
	})
	erase := p.archiveSubcommand("erase SESSION", "Destroy a session's key and all its data", func(c archiveCall) error {
		return eraseArchived(c.ctx, c.config, c.argument, p.stdout)
	})
	for _, c := range []*cobra.Command{ls, show} {
		c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	}
	export.Flags().StringVar(&folder, "to", "", "new `folder` to write to (default: named as the session)")
	command.AddCommand(ls, show, export, erase, p.archiveForgetCommand())
	return command
}

// archiveCall is what a subcommand of archive works on.
type archiveCall struct {
	ctx      context.Context
	config   config.Config
	archive  *archive.Archive
	argument string // "" for ls
}

// archiveSubcommand returns a subcommand that runs do with the archive opened.
func (p *program) archiveSubcommand(use, short string, do func(archiveCall) error) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short}
	flags := addSettingsFlags(command)
	identity := command.Flags().String("identity", "", "`file` of the age identity that decrypts the archive (default: the data folder's own)")
	_, argument, _ := strings.Cut(use, " ")
	command.Args = exactArgs(strings.Fields(argument)...)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		if !c.Archive.IsEnabled() {
			return misuse{errors.New("nothing is archived, because archive.url is none")}
		}
		a, err := openArchive(cmd.Context(), c, *identity)
		if err != nil {
			return err
		}
		defer a.Close()
		return do(archiveCall{ctx: cmd.Context(), config: c, archive: a, argument: strings.Join(args, "")})
	}
	return command
}

func (p *program) archiveForgetCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "forget AGENT/CALLER", Short: "Delete what an agent remembers of a caller", Args: exactArgs("AGENT/CALLER"),
	}
	flags := addSettingsFlags(command)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		return forget(cmd.Context(), c, args[0], p.stdout)
	}
	return command
}

// openArchive opens the configured archive, with the identities in a file if one is given.
func openArchive(ctx context.Context, c config.Config, identity string) (*archive.Archive, error) {
	a, err := archive.Settings{URL: c.Archive.URL, Data: c.Data, Recipients: c.Archive.Recipients, Identity: identity}.Open(ctx)
	if err != nil && fault.From(err).Code == fault.Invalid {
		return nil, misuse{err}
	}
	return a, err
}

// archiveListing shows the archived sessions.
var archiveListing = listing[archive.Info]{
	heading: "SESSION\tARCHIVED\tSIZE",
	none:    "No session is archived yet. A session is archived after it has ended, or was not resumed in time.",
	cells: func(k archive.Info) []string {
		size := fmt.Sprintf("%d KB", (k.Bytes+1023)/1024)
		if k.Erased {
			size = "erased"
		}
		return []string{k.Session, k.At.Local().Format(time.DateTime), size}
	},
}

// showArchive prints the summary and the conversation of a session.
func showArchive(ctx context.Context, a *archive.Archive, id string, asJSON bool, w io.Writer) error {
	r, err := a.Get(ctx, id)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	fmt.Fprintf(w, "%s with %s, %s\n\n%s\n\n", r.Session, r.Agent, r.Created.Local().Format(time.DateTime), r.Summary)
	for _, e := range r.Entries {
		var m dialog.Message
		if e.Kind != "message" || json.Unmarshal(e.Body, &m) != nil {
			continue
		}
		switch {
		case m.Role == dialog.User:
			fmt.Fprintf(w, "%s  Caller: %s\n", e.At.Local().Format(time.TimeOnly), m.Text)
		case m.Role == dialog.Assistant && m.Text != "":
			fmt.Fprintf(w, "%s  Agent:  %s\n", e.At.Local().Format(time.TimeOnly), m.Text)
		}
		for _, c := range m.Calls {
			fmt.Fprintf(w, "%s  Tool:   %s %s\n", e.At.Local().Format(time.TimeOnly), c.Name, c.Arguments)
		}
	}
	for _, rec := range r.Recordings {
		fmt.Fprintf(w, "\nRecording: %s, %d KB\n", rec.Name, (rec.Bytes+1023)/1024)
	}
	return nil
}

// exportArchive writes a session, decrypted, to a new folder.
func exportArchive(ctx context.Context, a *archive.Archive, id, folder string, w io.Writer) error {
	r, err := a.Get(ctx, id)
	if err != nil {
		return err
	}
	if folder == "" {
		folder = id
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("create the folder to export to: %w", err)
	}
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "session.json"), append(body, '\n'), 0o600); err != nil {
		return err
	}
	for _, rec := range r.Recordings {
		f, err := os.OpenFile(filepath.Join(folder, rec.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		err = a.Copy(ctx, f, r, rec)
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name()) // it is incomplete
			return err
		}
	}
	fmt.Fprintf(w, "%s: session.json and %d recordings\n", folder, len(r.Recordings))
	return nil
}

// eraseArchived erases a session everywhere, as the command erase does.
func eraseArchived(ctx context.Context, c config.Config, id string, w io.Writer) error {
	return withEraser(ctx, c, func(e *eraser) error {
		who := tools.TicketSelector{Sessions: []string{id}}
		found, err := e.find(ctx, who)
		if err != nil {
			return err
		}
		if s := found.Sessions[0]; !s.Stored && !s.Archived && len(found.Tickets)+len(found.Workflows)+found.Events+s.Recordings == 0 {
			return fault.New(fault.NotFound, "session %s is not in the archive", id)
		}
		if err := e.erase(ctx, who, &found); err != nil {
			return err
		}
		if len(found.Left) > 0 {
			return fault.New(fault.Conflict, "%s; erase it again later", strings.Join(found.Left, "; "))
		}
		if n := len(found.Tickets); n > 0 {
			fmt.Fprintf(w, "Erased tickets of this session: %d\n", n)
		}
		if found.Sessions[0].Archived {
			fmt.Fprintf(w, "%s is erased: its key and all its data are deleted.\n", id)
		} else {
			fmt.Fprintf(w, "%s is erased. It was not archived yet.\n", id)
		}
		return nil
	})
}

// forget deletes what an agent remembers of a caller between sessions.
func forget(ctx context.Context, c config.Config, caller string, w io.Writer) error {
	return withStore(ctx, c, func(store sessionStore) error {
		known, err := store.LoadCaller(ctx, caller)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			return fault.New(fault.NotFound, "nothing is remembered of %q (want AGENT/CALLER)", caller)
		}
		if err := store.SaveCaller(ctx, caller, nil, 0); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s is forgotten.\n", caller)
		return nil
	})
}

// withStore runs do with the store opened.
func withStore(ctx context.Context, c config.Config, do func(sessionStore) error) error {
	_, store, closeStore, err := openData(ctx, c)
	if err != nil {
		return err
	}
	defer closeStore()
	return do(store)
}

// summaryReport is told of each summary; see archive.Options.
type summaryReport = func(context.Context, archive.Summary) error

// openArchiver returns what archives finished sessions, and registers its workflow. It is nil
// when nothing is archived. The configured language models summarize the sessions. The caller
// must call close.
func openArchiver(ctx context.Context, c config.Config, store sessionStore, flows *workflow.Engine, report summaryReport, log *zap.Logger) (after *archive.Archiver, close func(), err error) {
	if !c.Archive.IsEnabled() {
		return nil, func() {}, nil
	}
	models, err := languageModels(c)
	if err != nil {
		return nil, nil, err
	}
	var summarizer dialog.Model
	if len(models) > 0 {
		summarizer = conversation.Fallback(models...)
	}
	a, err := openArchive(ctx, c, "")
	if err != nil {
		return nil, nil, err
	}
	after = archive.New(archive.Options{
		Store: store, Archive: a, Node: nodeName(), RecordingsDir: filepath.Join(c.Data, "recordings"),
		Redact: c.Archive.Redact, Workflows: flows, Summarizer: summarizer, Report: report, Retention: c.Archive.Retention, Log: log,
	})
	return after, func() {
		if err := a.Close(); err != nil {
			log.Warn("closing the archive failed", zap.Error(err))
		}
	}, nil
}
