package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/internal/archive"
	"frontdesk/internal/config"
	"frontdesk/internal/fault"
	"frontdesk/internal/phone"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/outbox"
	"frontdesk/tools/workflow"
)

const eraseHelp = `Without --yes, the command only prints what it would erase. CALLER is how your own system
names the caller (frontdesk.caller), or an account as "frontdesk tickets show" prints it. It
covers tickets, sessions in the store and in the archive, recordings, what agents remember,
what callers said in events that were not delivered yet, and finished workflows. The sessions
of the tickets that it finds, and the tickets of those sessions, are erased with them. The
command works while servers run, and can be repeated when it was interrupted.`

// eraseCommand erases a caller everywhere.
func (p *program) eraseCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "erase [CALLER]", Short: "Erase everything that is stored of a caller", Long: eraseHelp, Args: cobra.MaximumNArgs(1),
		Example: "  frontdesk erase customer-42\n  frontdesk erase --line +4930123456 --email ann@example.org --yes",
	}
	flags := addSettingsFlags(command)
	var who tools.TicketSelector
	var yes, asJSON bool
	command.Flags().StringVar(&who.Line, "line", "", "telephone `number` of the caller's line, or that they left as contact")
	command.Flags().StringVar(&who.Email, "email", "", "e-mail `address` that the caller left as contact")
	command.Flags().StringArrayVar(&who.Sessions, "session", nil, "a `session` of the caller; may be repeated")
	command.Flags().BoolVar(&yes, "yes", false, "erase it")
	command.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		who.Known = strings.Join(args, "")
		if err := checkSelector(who); err != nil {
			return misuse{err}
		}
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		return withEraser(cmd.Context(), c, func(e *eraser) error {
			found, err := e.find(cmd.Context(), who)
			if err == nil && yes {
				err = e.erase(cmd.Context(), who, &found)
			}
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(p.stdout).Encode(found)
			} else {
				err = found.print(p.stdout, c)
			}
			if err == nil && len(found.Left) > 0 {
				err = fault.New(fault.Conflict, "not everything could be erased: erase again later")
			}
			return err
		})
	}
	return command
}

// checkSelector returns what is wrong with the choice of a caller.
func checkSelector(who tools.TicketSelector) error {
	switch {
	case who.Known == "" && who.Line == "" && who.Email == "" && len(who.Sessions) == 0:
		return errors.New("name the caller, or one of --line, --email and --session")
	case who.Line != "" && !phone.IsCallback(phone.Key(who.Line)):
		return errors.New("--line: that is not a telephone number (want one such as +4930123456)")
	case who.Email != "" && !strings.Contains(who.Email, "@"):
		return errors.New("--email: that is not an e-mail address")
	}
	return nil
}

// erasure is what is stored of a caller, and what became of it.
type erasure struct {
	Erased    bool             `json:"erased"` // false: it was only looked up
	Tickets   []erasedTicket   `json:"tickets"`
	Sessions  []*erasedSession `json:"sessions"`
	Memories  []string         `json:"memories"`  // AGENT/CALLER
	Events    int              `json:"events"`    // not delivered yet, with what callers said
	Workflows []string         `json:"workflows"` // that are finished
	Elsewhere []outbox.Ref     `json:"elsewhere"` // what help desks have
	Left      []string         `json:"left"`      // what could not be erased, and why
}

type erasedTicket struct {
	ID      string       `json:"id"`
	Status  tools.Status `json:"status"`
	Subject string       `json:"subject"`
}

type erasedSession struct {
	ID         string `json:"id"`
	Stored     bool   `json:"stored"`
	Archived   bool   `json:"archived"`
	Recordings int    `json:"recordings"` // in the data folder of this machine
}

// topics are the tickets and sessions.
func (e erasure) topics() (topics []string) {
	for _, t := range e.Tickets {
		topics = append(topics, t.ID)
	}
	for _, s := range e.Sessions {
		topics = append(topics, s.ID)
	}
	return topics
}

// eraser has everything that may store something of a caller.
type eraser struct {
	recordings string // the folder
	tokens     *session.Tokens
	store      sessionStore
	archive    *archive.Archive // nil if nothing is archived
	tickets    *tools.Tickets
	events     *outbox.Store
	flows      *workflow.Engine
}

// withEraser runs do with an eraser.
func withEraser(ctx context.Context, c config.Config, do func(*eraser) error) (err error) {
	e := &eraser{recordings: filepath.Join(c.Data, "recordings")}
	conn, store, closeStore, err := openData(ctx, c)
	if err != nil {
		return err
	}
	defer closeStore()
	e.store = store
	if e.tokens, err = newTokens(c); err != nil {
		return err
	}
	shared, closeShared, err := openShared(ctx, c, conn)
	if err != nil {
		return err
	}
	defer closeShared()
	if e.tickets, err = tools.OpenTickets(ctx, shared); err != nil {
		return err
	}
	if e.events, err = outbox.Open(ctx, shared, routes(c)); err != nil {
		return err
	}
	if c.Archive.IsEnabled() {
		if e.archive, err = openArchive(ctx, c, ""); err != nil {
			return err
		}
		defer e.archive.Close()
	}
	if e.flows, err = openWorkflows(ctx, c, zap.NewNop()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.flows.Close()) }()
	return do(e)
}

// find returns what is stored of a caller.
func (e *eraser) find(ctx context.Context, who tools.TicketSelector) (found erasure, err error) {
	found = erasure{
		Tickets: []erasedTicket{}, Sessions: []*erasedSession{}, Memories: []string{}, Workflows: []string{}, Elsewhere: []outbox.Ref{}, Left: []string{},
	}
	tickets, err := e.tickets.Find(ctx, who)
	if err != nil {
		return found, err
	}
	ids := slices.Clone(who.Sessions)
	for _, t := range tickets {
		ids = append(ids, t.Session)
	}
	if found.Sessions, err = e.sessions(ctx, who, ids); err != nil {
		return found, err
	}
	who.Sessions = nil
	for _, s := range found.Sessions {
		who.Sessions = append(who.Sessions, s.ID)
	}
	if tickets, err = e.tickets.Find(ctx, who); err != nil {
		return found, err
	}
	for _, t := range tickets {
		found.Tickets = append(found.Tickets, erasedTicket{t.ID.String(), t.Status, t.Subject})
	}
	if who.Known != "" {
		memories, err := e.store.ListCaller(ctx, strings.TrimPrefix(who.Known, "known:"))
		if err != nil {
			return found, err
		}
		found.Memories = append(found.Memories, memories...)
	}
	if found.Events, err = e.events.Stored(ctx, found.topics()); err != nil {
		return found, err
	}
	refs, err := e.events.Refs(ctx, found.topics())
	if err != nil {
		return found, err
	}
	found.Elsewhere = append(found.Elsewhere, refs...)
	for _, topic := range found.topics() {
		list, err := e.flows.ListOf(topic)
		if err != nil {
			return found, err
		}
		for _, w := range list {
			found.Workflows = append(found.Workflows, w.ID)
		}
	}
	return found, nil
}

// sessions returns the sessions in which the caller spoke, and those named by ids as far as
// something is stored of them.
func (e *eraser) sessions(ctx context.Context, who tools.TicketSelector, ids []string) ([]*erasedSession, error) {
	keys := e.tokens.CallerKeys(who.Known, who.Line)
	if who.Known != "" {
		keys = append(keys, e.tokens.CallerKeys("known:"+strings.TrimPrefix(who.Known, "known:"), "")...)
	}
	found := make(map[string]*erasedSession)
	add := func(id string, callers []string) *erasedSession {
		isCaller := slices.ContainsFunc(callers, func(k string) bool { return slices.Contains(keys, k) })
		if !isCaller && !slices.Contains(ids, id) {
			return &erasedSession{}
		}
		if found[id] == nil {
			found[id] = &erasedSession{ID: id}
		}
		return found[id]
	}
	err := e.store.List(ctx, func(id string, s session.State) error {
		add(id, s.Callers).Stored = true
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	if e.archive != nil {
		for info, err := range e.archive.List(ctx) {
			if err != nil {
				return nil, err
			}
			if !info.Erased {
				add(info.Session, info.Callers).Archived = true
			}
		}
	}
	list := []*erasedSession{}
	for _, id := range ids {
		if id != "" {
			add(id, nil)
		}
	}
	for _, s := range found {
		s.Recordings = archive.CountRecordings(e.recordings, s.ID)
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *erasedSession) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// erase erases what find has found. The tickets are the last, because by them the rest is
// found when an erasure that was interrupted is repeated.
func (e *eraser) erase(ctx context.Context, who tools.TicketSelector, found *erasure) error {
	topics := found.topics()
	if _, err := e.events.Erase(ctx, topics); err != nil {
		return err
	}
	for _, s := range found.Sessions {
		if err := e.eraseSession(ctx, s); fault.From(err) != nil && fault.From(err).Code == fault.Conflict {
			found.Left = append(found.Left, s.ID+" is in a call, or is being archived")
		} else if err != nil {
			return err
		}
	}
	found.Workflows = []string{}
	for _, topic := range topics {
		list, err := e.flows.ListOf(topic)
		if err != nil {
			return err
		}
		_, unfinished, err := e.flows.Erase(ctx, topic)
		if err != nil {
			return err
		}
		for _, w := range list {
			if !slices.Contains(unfinished, w.ID) {
				found.Workflows = append(found.Workflows, w.ID)
			}
		}
		for _, id := range unfinished {
			found.Left = append(found.Left, "the workflow "+id+" is not finished: see frontdesk workflows")
		}
	}
	for _, m := range found.Memories {
		if err := e.store.SaveCaller(ctx, m, nil, 0); err != nil {
			return err
		}
	}
	if len(found.Left) > 0 {
		return nil // the tickets stay, so that the rest is found again
	}
	for _, s := range found.Sessions {
		who.Sessions = append(who.Sessions, s.ID)
	}
	_, err := e.tickets.EraseFound(ctx, who)
	found.Erased = err == nil
	return err
}

// eraseSession erases a session from the store and the archive, and its recordings. The
// error is Conflict if it is in use.
func (e *eraser) eraseSession(ctx context.Context, s *erasedSession) error {
	if s.Stored {
		lease, err := e.store.Acquire(ctx, s.ID, nodeName(), session.LeaseTTL, false)
		if err == nil {
			err = e.store.Delete(ctx, lease)
		}
		if err != nil && fault.From(err).Code != fault.NotFound {
			return err
		}
	}
	if err := archive.RemoveRecordings(e.recordings, s.ID); err != nil || e.archive == nil {
		return err
	}
	_, err := e.archive.Erase(ctx, s.ID) // it may have been archived meanwhile
	if err != nil && fault.From(err).Code != fault.NotFound {
		return err
	}
	return nil
}

// print prints what was found or erased.
func (e erasure) print(w io.Writer, c config.Config) error {
	isEmpty := len(e.topics()) == 0 && len(e.Memories) == 0
	switch {
	case isEmpty:
		fmt.Fprintln(w, "Nothing is stored of this caller.")
		return nil
	case e.Erased:
		fmt.Fprintln(w, "Erased:")
	case len(e.Left) > 0:
		fmt.Fprintln(w, "Erased, except the tickets, which come last:")
	default:
		fmt.Fprintln(w, "This would be erased:")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, t := range e.Tickets {
		fmt.Fprintf(table, "  Ticket\t%s\t%s, %s\n", t.ID, t.Status, oneLine(t.Subject))
	}
	for _, s := range e.Sessions {
		fmt.Fprintf(table, "  Session\t%s\t%s\n", s.ID, s.places())
	}
	for _, m := range e.Memories {
		fmt.Fprintf(table, "  Memory\t%s\t\n", oneLine(m))
	}
	for _, f := range e.Workflows {
		fmt.Fprintf(table, "  Workflow\t%s\t\n", oneLine(f))
	}
	if e.Events > 0 {
		fmt.Fprintf(table, "  Events\t%d\tnot delivered yet: what callers said is removed\n", e.Events)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, problem := range e.Left {
		fmt.Fprintln(w, "Left:", oneLine(problem))
	}
	e.printElsewhere(w, c)
	if !e.Erased && len(e.Left) == 0 {
		fmt.Fprintln(w, "Nothing is erased yet. Add --yes to erase it.")
	}
	return nil
}

// printElsewhere prints what the command cannot reach.
func (e erasure) printElsewhere(w io.Writer, c config.Config) {
	fmt.Fprintln(w, "Erase this yourself, the command cannot reach it:")
	for _, r := range e.Elsewhere {
		fmt.Fprintf(w, "  %s has %s as %s\n", oneLine(r.Destination), r.Topic, oneLine(r.Ref))
	}
	for _, n := range c.Notify {
		if n.Type == "webhook" || n.Type == "email" {
			fmt.Fprintf(w, "  what %s (%s) has received about the tickets and sessions above\n", n.Name, n.Type)
		}
	}
	if c.Store != "sqlite" {
		fmt.Fprintln(w, "  recordings in the data folders of other nodes: their names begin with the sessions above")
	}
	fmt.Fprintln(w, "  logs, backups, exported files, and sessions without a ticket that began before this version or under another secret")
	fmt.Fprintln(w, "How often a caller did something is counted under a hash, which ends within a day.")
}

// places says where a session is stored.
func (s *erasedSession) places() string {
	var places []string
	if s.Stored {
		places = append(places, "in the store")
	}
	if s.Archived {
		places = append(places, "in the archive")
	}
	if s.Recordings > 0 {
		places = append(places, count(s.Recordings, "recording"))
	}
	if len(places) == 0 {
		return "only in tickets, events or workflows"
	}
	return strings.Join(places, ", ")
}
