package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"frontdesk/internal/config"
	"frontdesk/internal/db"
	"frontdesk/internal/words"
	"frontdesk/tools"
	"frontdesk/tools/outbox"
)

// ticketView is a ticket with everything that its team may know, for --json.
type ticketView struct {
	ID       string `json:"id"`
	Former   string `json:"former,omitempty"`
	Session  string `json:"session,omitempty"`
	Known    string `json:"known,omitempty"`
	Line     string `json:"line,omitempty"`
	Agent    string `json:"agent,omitempty"`
	Language string `json:"language,omitempty"`
	Said     string `json:"said,omitempty"`
	Assignee string `json:"assignee,omitempty"`
	tools.Ticket
	Notes []noteView `json:"notes,omitempty"`
}

type noteView struct {
	tools.TicketNote
	By string `json:"by,omitempty"`
}

func newTicketView(t tools.Ticket) ticketView {
	v := ticketView{
		ID: t.ID.String(), Session: t.Session, Known: t.Known, Line: t.Line, Agent: t.Agent,
		Language: t.Language, Said: t.Said, Assignee: t.Assignee, Ticket: t,
	}
	if t.Former != 0 {
		v.Former = t.Former.String()
	}
	for _, n := range t.Notes {
		v.Notes = append(v.Notes, noteView{n, n.By})
	}
	return v
}

// ticketsCommand lists and works on tickets. It works while servers run.
func (p *program) ticketsCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "tickets", Short: "List, show, assign, edit, answer, close, export and erase tickets", Args: knownCommand, RunE: showHelp,
	}
	var asJSON bool
	var filter tools.TicketFilter
	var status, by string
	ls := p.ticketSubcommand("ls", "List the tickets, the one that has waited longest first", func(c ticketCall) error {
		filter.Status = tools.Status(status)
		return ticketListing.print(c.tickets.List(c.ctx, filter), asJSON, p.stdout)
	})
	ls.Flags().StringVar(&status, "status", "", "only those with this `status` (open, waiting, solved, closed, withdrawn or draft)")
	ls.Flags().StringVar(&filter.Assignee, "assignee", "", "only those of this `person`")
	ls.Flags().DurationVar(&filter.OlderBy, "older", 0, "only those that have not changed for this `time`, such as 48h")
	ls.Flags().StringVar(&filter.Session, "session", "", "only those that were opened in this `session`")
	show := p.ticketSubcommand("show TICKET", "Print a ticket with its history", func(c ticketCall) error {
		t, err := c.tickets.GetAsOperator(c.ctx, c.id)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(p.stdout).Encode(newTicketView(t))
		}
		return showTicket(t, p.stdout)
	})
	for _, c := range []*cobra.Command{ls, show} {
		c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	}
	export := p.ticketSubcommand("export", "Print all tickets, one JSON object per line", func(c ticketCall) error {
		return ticketListing.print(c.tickets.List(c.ctx, tools.TicketFilter{}), true, p.stdout)
	})
	changes := []*cobra.Command{
		p.ticketEdit(&by),
		p.ticketChange("assign TICKET PERSON", "Give a ticket to a person of the team", &by, func(person string) tools.Change {
			return tools.Change{Assignee: person, Note: "Assigned to " + person + "."}
		}),
		p.ticketChange("reply TICKET TEXT", "Note an answer for the caller, and wait for them", &by, func(text string) tools.Change {
			return tools.Change{Note: text, IsReply: true, Status: tools.Waiting}
		}),
		p.ticketChange("close TICKET", "Close a ticket", &by, func(string) tools.Change { return tools.Change{Status: tools.Closed} }),
	}
	erase := p.ticketSubcommand("erase TICKET", "Delete a ticket and its history for good", func(c ticketCall) error {
		err := c.tickets.Erase(c.ctx, c.id)
		if err == nil {
			fmt.Fprintf(p.stdout, "%s is erased.\n", c.id)
		}
		return err
	})
	forget := p.ticketSubcommand("forget CALLER", "Delete all tickets of a caller whom your own system named", func(c ticketCall) error {
		n, err := c.tickets.EraseFound(c.ctx, tools.TicketSelector{Known: c.text})
		if err == nil {
			fmt.Fprintf(p.stdout, "Erased tickets: %d\n", n)
		}
		return err
	})
	command.AddCommand(append(changes, ls, show, export, erase, forget)...)
	return command
}

// ticketCall is what a subcommand of tickets works on.
type ticketCall struct {
	ctx     context.Context
	tickets *tools.Tickets
	id      tools.TicketID // 0 without one
	text    string         // the last argument
}

// ticketSubcommand returns a subcommand that runs do with the tickets opened.
func (p *program) ticketSubcommand(use, short string, do func(ticketCall) error) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short}
	flags := addSettingsFlags(command)
	names := strings.Fields(use)[1:]
	command.Args = exactArgs(names...)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		call := ticketCall{ctx: cmd.Context()}
		if len(names) > 0 && names[0] == "TICKET" {
			var ok bool
			if call.id, ok = tools.ParseTicketID(args[0]); !ok {
				return misuse{errors.New("that is not the number of a ticket (want one such as T-48291532)")}
			}
		}
		if len(names) > 0 {
			call.text = args[len(args)-1]
		}
		return withTickets(cmd.Context(), c, func(t *tools.Tickets) error {
			call.tickets = t
			return do(call)
		})
	}
	return command
}

// ticketChange returns a subcommand that changes a ticket.
func (p *program) ticketChange(use, short string, by *string, change func(text string) tools.Change) *cobra.Command {
	command := p.ticketSubcommand(use, short, func(c ticketCall) error {
		made := change(c.text)
		made.By = *by
		if u, err := user.Current(); made.By == "" && err == nil {
			made.By = u.Username
		}
		made.By = cmp.Or(made.By, "operator")
		t, err := c.tickets.UpdateAsOperator(c.ctx, "", c.id, made)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s is %s.\n", t.ID, t.Status)
		return nil
	})
	command.Flags().StringVar(by, "by", "", "`name` of who does this (default: the user of this system)")
	return command
}

// ticketEdit returns the subcommand that changes fields of a ticket.
func (p *program) ticketEdit(by *string) *cobra.Command {
	var to tools.Change
	edit := p.ticketChange("edit TICKET", "Change the priority, category or subject of a ticket", by, func(string) tools.Change { return to })
	edit.Flags().StringVar((*string)(&to.Priority), "priority", "", "new `priority` (low, normal, high or urgent)")
	edit.Flags().StringVar(&to.Category, "category", "", "new `category`")
	edit.Flags().StringVar(&to.Subject, "subject", "", "new `subject`")
	return edit
}

// withTickets runs do with the tickets opened. What it changes is told to the destinations of
// events, too.
func withTickets(ctx context.Context, c config.Config, do func(*tools.Tickets) error) error {
	conn, err := db.Open(filepath.Join(c.Data, "frontdesk.db"))
	if err != nil {
		return err
	}
	defer conn.Close()
	shared, closeShared, err := openShared(ctx, c, conn)
	if err != nil {
		return err
	}
	defer closeShared()
	t, err := tools.OpenTickets(ctx, shared)
	if err != nil {
		return err
	}
	events, err := outbox.Open(ctx, shared, routes(c))
	if err != nil {
		return err
	}
	t.Listen(reportTicket(events))
	return do(t)
}

// ticketListing shows tickets.
var ticketListing = listing[tools.Ticket]{
	heading: "TICKET\tSTATUS\tPRIORITY\tCHANGED\tASSIGNEE\tSUBJECT",
	none:    "No tickets.",
	cells: func(t tools.Ticket) []string {
		return []string{t.ID.String(), string(t.Status), string(t.Priority), t.Updated.Local().Format(time.DateTime), cmp.Or(t.Assignee, "-"), t.Subject}
	},
	view: func(t tools.Ticket) any { return newTicketView(t) },
}

// showTicket prints a ticket.
func showTicket(t tools.Ticket, w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\t%s\n", t.ID, oneLine(t.Subject))
	for _, f := range [][2]string{
		{"Status", string(t.Status)}, {"Priority", string(t.Priority)}, {"Category", t.Category}, {"Product", t.Product},
		{"Since", t.Since}, {"Tried", t.Tried}, {"Contact", t.Contact}, {"Line", t.Line}, {"Caller", t.Known},
		{"Language", t.Language}, {"Agent", t.Agent}, {"Session", t.Session}, {"Assignee", t.Assignee},
		{"Opened", t.Created.Local().Format(time.DateTime)}, {"Changed", t.Updated.Local().Format(time.DateTime)},
	} {
		if f[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", f[0], oneLine(f[1]))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, f := range [][2]string{{"", t.Description}, {"The caller's last words:\n", t.Said}} {
		if f[1] != "" {
			fmt.Fprintf(w, "\n%s%s\n", f[0], words.Printable(f[1]))
		}
	}
	for _, n := range t.Notes {
		kind := ""
		if n.Reply {
			kind = ", for the caller"
		}
		if n.Status != "" {
			kind += ", now " + string(n.Status)
		}
		fmt.Fprintf(w, "\n%s  %s%s\n", n.At.Local().Format(time.DateTime), oneLine(cmp.Or(n.By, "-")), kind)
		if n.Text != "" {
			fmt.Fprintln(w, words.Printable(n.Text))
		}
	}
	return nil
}
