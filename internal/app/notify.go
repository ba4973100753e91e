package app

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/archive"
	"frontdesk/internal/config"
	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/notify"
	"frontdesk/tools/outbox"
)

const (
	maxDeadListed = 1000            // dead letters that are listed
	statsTimeout  = 2 * time.Second // for the metrics of the outbox
)

// routes returns which events the configured destinations get.
func routes(c config.Config) []outbox.Route {
	var list []outbox.Route
	for _, n := range c.Notify {
		r := outbox.Route{Name: n.Name, Agents: n.Agents, Content: n.Content}
		for _, e := range n.Events {
			r.Events = append(r.Events, outbox.Type(e))
		}
		list = append(list, r)
	}
	return list
}

// openDestinations returns the configured destinations by name. The error names the place of
// each mistake.
func openDestinations(c config.Config, refs notify.Refs) (map[string]outbox.Destination, error) {
	found := make(map[string]outbox.Destination)
	var errs []error
	for i, n := range c.Notify {
		d, err := openDestination(n, refs)
		if err != nil {
			key := fmt.Sprintf("notify[%d]", i)
			field, message, _ := strings.Cut(err.Error(), " ")
			if slices.Contains([]string{"url", "secret", "from", "to", "service_desk", "request_type"}, field) {
				errs = append(errs, c.Wrong(key+"."+field, "%s", message))
				continue
			}
			errs = append(errs, c.Wrong(key, "%v", err))
			continue
		}
		found[n.Name] = d
	}
	if len(errs) > 0 {
		return nil, misuse{errors.Join(errs...)}
	}
	return found, nil
}

func openDestination(n config.Notify, refs notify.Refs) (outbox.Destination, error) {
	secret := ""
	var err error
	if n.Secret != "" {
		if secret, err = config.ResolveSecret(n.Secret); err != nil {
			return nil, fmt.Errorf("secret %w", err)
		}
	}
	var network notify.Network
	for _, p := range n.Private {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return nil, err
		}
		network.Private.Networks = append(network.Private.Networks, prefix)
	}
	desk := notify.DeskConfig{
		Name: n.Name, URL: n.URL, User: n.User, Token: secret, ServiceDesk: n.ServiceDesk, RequestType: n.RequestType, Refs: refs, Network: network,
	}
	switch n.Type {
	case "webhook":
		return notify.NewWebhook(n.URL, secret, network)
	case "email":
		return notify.NewMail(notify.MailConfig{
			URL: n.URL, From: n.From, To: n.To, User: n.User, Password: secret, Insecure: n.Insecure, Network: network,
		})
	case "zendesk":
		return notify.NewZendesk(desk)
	}
	return notify.NewJira(desk)
}

// checkNotify returns what is wrong with the destinations.
func checkNotify(c config.Config) error {
	_, err := openDestinations(c, nil)
	return err
}

// openOutbox opens the outbox in conn and starts to deliver its events until stop is called.
// The queue is for events that are not stored with a ticket.
func openOutbox(ctx context.Context, c config.Config, conn *sql.DB, log *zap.Logger) (s *outbox.Store, q *outbox.Queue, metrics prometheus.Collector, stop func(), err error) {
	if s, err = outbox.Open(ctx, conn, routes(c)); err != nil {
		return nil, nil, nil, nil, err
	}
	destinations, err := openDestinations(c, s)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	d := outbox.NewDispatcher(s, destinations, outbox.Options{Node: nodeName(), Log: log})
	q = outbox.NewQueue(s, log)
	stopQueue, stopDispatcher := inBackground(q.Run), inBackground(d.Run)
	return s, q, outboxMetrics{s, d, q}, func() { stopQueue(); stopDispatcher() }, nil
}

// reportCall returns what adds an event for each call that starts or ends.
func reportCall(add func(outbox.Event)) func(session.CallReport) {
	return func(r session.CallReport) {
		e := outbox.Event{
			ID: "evt_" + r.Call + ".started", Type: outbox.CallStarted, At: r.At,
			Data: outbox.Data{Agent: r.Agent, Language: r.Language, Session: r.Session, Call: r.Call, Transport: r.Transport},
		}
		if r.Result != "" {
			e.ID, e.Type = "evt_"+r.Call+".ended", outbox.CallEnded
			e.Data.Result, e.Data.Seconds = string(r.Result), int(r.Lasted.Round(time.Second)/time.Second)
		}
		addOverview(&e.Data, r.Overview)
		add(e)
	}
}

// addOverview adds what a session is about, without anything that the caller said.
func addOverview(d *outbox.Data, o *dialog.Overview) {
	if o.IsEmpty() {
		return
	}
	for _, t := range o.Topics {
		if !slices.Contains(d.Topics, string(t.Intent)) {
			d.Topics = append(d.Topics, string(t.Intent))
		}
	}
	d.ResolvedIssues = o.Count(dialog.IssueResolved)
	d.OpenIssues = len(o.Issues) - d.ResolvedIssues
}

// reportSummary returns what stores an event for each session that was summarized.
func reportSummary(s *outbox.Store) func(context.Context, archive.Summary) error {
	return func(ctx context.Context, r archive.Summary) error {
		data := outbox.Data{Agent: r.Agent, Session: r.Session, Content: &outbox.Content{Summary: r.Text}}
		addOverview(&data, r.Overview)
		if r.Overview != nil {
			for _, i := range r.Overview.Issues {
				data.Content.Issues = append(data.Content.Issues, outbox.Issue{
					Intent: string(i.Intent), State: string(i.State), Reason: string(i.Reason), About: i.About, Said: i.Said, Ticket: i.Ticket,
				})
			}
		}
		return s.Publish(ctx, outbox.Event{ID: "evt_" + r.Session + ".summarized", Type: outbox.CallSummarized, At: time.Now(), Data: data})
	}
}

// reportTicket returns what stores events for what happens to a ticket.
func reportTicket(s *outbox.Store) func(context.Context, *sql.Tx, tools.TicketNews) error {
	return func(ctx context.Context, tx *sql.Tx, news tools.TicketNews) error {
		for _, e := range ticketEvents(news) {
			if err := s.PublishIn(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// deliveryOf returns what tells what became of the events of a ticket.
func deliveryOf(s *outbox.Store) func(context.Context, tools.TicketID) (tools.Delivery, error) {
	return func(ctx context.Context, id tools.TicketID) (tools.Delivery, error) {
		waiting, dead, err := s.Undelivered(ctx, id.String())
		return tools.Delivery{Waiting: waiting, Failed: dead}, err
	}
}

// ticketEvents returns the events for what happened to a ticket. A call of a tool that is
// repeated changes nothing, so it makes no events, and their ids may be random.
func ticketEvents(news tools.TicketNews) []outbox.Event {
	t := news.Ticket
	data := outbox.Data{
		Agent: t.Agent, Language: t.Language, Session: t.Session, Ticket: t.ID.String(),
		Subject: t.Subject, Status: string(t.Status), Priority: string(t.Priority),
		Content: &outbox.Content{Description: t.Description, Contact: t.Contact, Note: news.Note},
	}
	var types []outbox.Type
	switch {
	case news.IsNew:
		types = append(types, outbox.TicketOpened)
	case news.IsReply:
		types = append(types, outbox.TicketReplied)
	case !news.IsCallback || news.Note != "": // a promise alone changes nothing in the ticket
		types = append(types, outbox.TicketChanged)
	}
	if news.IsHandover {
		types = append(types, outbox.HandoverWanted)
	}
	if news.IsCallback {
		types = append(types, outbox.CallbackPromised)
	}
	if news.IsMissed {
		types = append(types, outbox.CallbackMissed)
	}
	var events []outbox.Event
	for _, kind := range types {
		e := outbox.Event{ID: "evt_" + rand.Text(), Type: kind, At: t.Updated, Data: data}
		if isCallback := kind == outbox.CallbackPromised || kind == outbox.CallbackMissed; isCallback && !news.Due.IsZero() {
			e.Data.Due = &news.Due
		}
		if kind == outbox.CallbackMissed {
			e.Data.Attempts = news.Attempts
		}
		events = append(events, e)
	}
	return events
}

// outboxMetrics collects what waits and what was delivered, by destination.
type outboxMetrics struct {
	store      *outbox.Store
	dispatcher *outbox.Dispatcher
	queue      *outbox.Queue
}

var (
	destinationLabel = []string{"destination"}
	outboxWaiting    = prometheus.NewDesc("frontdesk_outbox_waiting", "Events that wait for a destination.", destinationLabel, nil)
	outboxDead       = prometheus.NewDesc("frontdesk_outbox_dead", "Dead letters of a destination.", destinationLabel, nil)
	outboxOldest     = prometheus.NewDesc("frontdesk_outbox_oldest_seconds", "Age of the oldest event that waits; 0 if none does.", destinationLabel, nil)
	outboxQueued     = prometheus.NewDesc("frontdesk_outbox_queued", "Events of calls that wait until the database takes them.", nil, nil)
	outboxDropped    = prometheus.NewDesc("frontdesk_outbox_dropped_total", "Events of calls that were dropped because the database was away for too long.", nil, nil)
	outboxDelivered  = prometheus.NewDesc("frontdesk_outbox_delivered_total", "Events that this node delivered.", destinationLabel, nil)
	outboxFailed     = prometheus.NewDesc("frontdesk_outbox_failed_total", "Attempts of this node that failed.", destinationLabel, nil)
)

// Describe implements prometheus.Collector.
func (outboxMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{outboxWaiting, outboxDead, outboxOldest, outboxQueued, outboxDropped, outboxDelivered, outboxFailed} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m outboxMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statsTimeout)
	defer cancel()
	queued, dropped := m.queue.Counts()
	to <- prometheus.MustNewConstMetric(outboxQueued, prometheus.GaugeValue, float64(queued))
	to <- prometheus.MustNewConstMetric(outboxDropped, prometheus.CounterValue, float64(dropped))
	delivered, failed := m.dispatcher.Counts()
	for name, n := range delivered {
		to <- prometheus.MustNewConstMetric(outboxDelivered, prometheus.CounterValue, float64(n), name)
		to <- prometheus.MustNewConstMetric(outboxFailed, prometheus.CounterValue, float64(failed[name]), name)
	}
	backlogs, err := m.store.Backlogs(ctx)
	if err != nil {
		return // these are absent while the database does not answer
	}
	for name, b := range backlogs {
		oldest := 0.0
		if !b.Oldest.IsZero() {
			oldest = max(0, time.Since(b.Oldest).Seconds())
		}
		to <- prometheus.MustNewConstMetric(outboxWaiting, prometheus.GaugeValue, float64(b.Waiting), name)
		to <- prometheus.MustNewConstMetric(outboxDead, prometheus.GaugeValue, float64(b.Dead), name)
		to <- prometheus.MustNewConstMetric(outboxOldest, prometheus.GaugeValue, oldest, name)
	}
}

const outboxHelp = `Events that could not be delivered within a day, or that their destination refused, are
dead letters. List them, and when the cause is removed, send them again or drop them.`

// outboxCommand lists, retries and drops dead letters.
func (p *program) outboxCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "outbox", Short: "List, retry and drop events that could not be delivered", Long: outboxHelp, Args: knownCommand, RunE: showHelp,
	}
	var asJSON bool
	ls := p.outboxSubcommand("ls", "List the dead letters", nil, func(ctx context.Context, s *outbox.Store, _ string) error {
		return listDead(ctx, s, asJSON, p.stdout)
	})
	ls.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	command.AddCommand(ls)
	for _, c := range []struct {
		use, short, done string
		do               func(s *outbox.Store, ctx context.Context, id, destination string) (int, error)
	}{
		{"retry EVENT|all", "Send a dead letter again, or all of them", "sent again", (*outbox.Store).Retry},
		{"drop EVENT|all", "Delete a dead letter, or all of them", "dropped", (*outbox.Store).Drop},
	} {
		var destination string
		sub := p.outboxSubcommand(c.use, c.short, []string{"the id of an event, or all,"}, func(ctx context.Context, s *outbox.Store, id string) error {
			if id == "all" {
				id = ""
			}
			n, err := c.do(s, ctx, id, destination)
			if err == nil && n == 0 {
				err = fault.New(fault.NotFound, "there is no such dead letter: see frontdesk outbox ls")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "%s: %s\n", count(n, "dead letter"), c.done)
			return nil
		})
		sub.Flags().StringVar(&destination, "destination", "", "only those of the destination of this `name`")
		command.AddCommand(sub)
	}
	return command
}

// outboxSubcommand returns a subcommand that runs do with the outbox opened.
func (p *program) outboxSubcommand(use, short string, args []string, do func(ctx context.Context, s *outbox.Store, argument string) error) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short, Args: exactArgs(args...)}
	flags := addSettingsFlags(command)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		return withOutbox(cmd.Context(), c, func(s *outbox.Store) error { return do(cmd.Context(), s, strings.Join(args, "")) })
	}
	return command
}

// withOutbox runs do with the outbox opened.
func withOutbox(ctx context.Context, c config.Config, do func(*outbox.Store) error) error {
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
	s, err := outbox.Open(ctx, shared, routes(c))
	if err != nil {
		return err
	}
	return do(s)
}

// listDead prints the dead letters.
func listDead(ctx context.Context, s *outbox.Store, asJSON bool, w io.Writer) error {
	letters, err := s.DeadLetters(ctx, maxDeadListed)
	if err != nil {
		return err
	}
	return listing[outbox.Letter]{
		heading: "EVENT\tDESTINATION\tTIME\tATTEMPTS\tPROBLEM",
		none:    "There are no dead letters.",
		cells: func(l outbox.Letter) []string {
			return []string{l.ID, l.Destination, l.At.Local().Format(time.DateTime), strconv.Itoa(l.Attempts), l.Error}
		},
	}.print(each(letters), asJSON, w)
}
