package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/internal/config"
	"frontdesk/internal/fault"
	"frontdesk/tools/workflow"
)

// openWorkflows opens the database of the workflows: the Postgres database that nodes share,
// if one is configured, else one in the data folder. The caller must call Close.
func openWorkflows(ctx context.Context, c config.Config, log *zap.Logger) (*workflow.Engine, error) {
	return workflow.Open(ctx, workflow.Options{
		Node: nodeName(), URL: c.Database, Path: filepath.Join(c.Data, "workflows.db"), Log: log,
	})
}

// startWorkflows runs the workflows, also those that are tools of agents, archives finished
// sessions and makes promised call-backs, until stop is called.
func (n *node) startWorkflows(ctx context.Context, store sessionStore, report summaryReport) (stop func(), err error) {
	flows, err := openWorkflows(ctx, n.config, n.log)
	if err != nil {
		return nil, err
	}
	n.agents.chains.Open(flows)
	after, closeArchive, err := openArchiver(ctx, n.config, store, flows, report, n.log)
	if err != nil {
		return nil, errors.Join(err, flows.Close())
	}
	callBacks, stopCalls := n.keepCallBacks(flows)
	stopAll := func() {
		if err := flows.Close(); err != nil {
			n.log.Warn("closing the workflows failed", zap.Error(err))
		}
		stopCalls()
		closeArchive()
	}
	if err := flows.Launch(ctx); err != nil {
		stopAll()
		return nil, err
	}
	n.metrics.Register(workflowMetrics{flows})
	stopCallBacks, stopArchiver := inBackground(callBacks), func() {}
	if after != nil {
		stopArchiver = inBackground(after.Run)
	}
	return func() { stopArchiver(); stopCallBacks(); stopAll() }, nil
}

// workflowMetrics collects workflows by name and state.
type workflowMetrics struct{ flows *workflow.Engine }

var (
	workflowLabels    = []string{"workflow", "state"}
	workflowsActive   = prometheus.NewDesc("frontdesk_workflows", "Workflows of all nodes that are pending or running.", workflowLabels, nil)
	workflowsFinished = prometheus.NewDesc("frontdesk_workflows_finished_total", "Workflows that this node has finished.", workflowLabels, nil)
)

// Describe implements prometheus.Collector.
func (workflowMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- workflowsActive
	to <- workflowsFinished
}

// Collect implements prometheus.Collector.
func (m workflowMetrics) Collect(to chan<- prometheus.Metric) {
	for k, n := range m.flows.Counts() {
		to <- prometheus.MustNewConstMetric(workflowsFinished, prometheus.CounterValue, float64(n), k.Name, string(k.State))
	}
	active, err := m.flows.Unfinished()
	if err != nil {
		return // these are absent while the database does not answer
	}
	for k, n := range active {
		to <- prometheus.MustNewConstMetric(workflowsActive, prometheus.GaugeValue, float64(n), k.Name, string(k.State))
	}
}

// wokenByOperator is the reason of a wait that ended by a command.
const wokenByOperator = "operator"

const workflowsHelp = `A workflow is work of several steps that survives its process. The commands work on the
database of the workflows, whether a server runs or not: what they ask for is done by the
servers that share it.`

// workflowsCommand lists, shows, retries and cancels workflows.
func (p *program) workflowsCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "workflows", Short: "List, show, retry, wake and cancel durable workflows", Long: workflowsHelp, Args: knownCommand, RunE: showHelp,
	}
	command.AddCommand(p.workflowsListCommand(), p.workflowsShowCommand(), p.workflowsRetryCommand(),
		p.workflowsSubcommand("cancel WORKFLOW", "Cancel a workflow before its next step, and undo what was done",
			func(ctx context.Context, flows *workflow.Engine, id string) error {
				if err := flows.Cancel(ctx, id); err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "%s will be canceled before its next step.\n", id)
				return nil
			}),
		p.workflowsSubcommand("wake WORKFLOW", "End the wait of a workflow, so that it goes on now",
			func(ctx context.Context, flows *workflow.Engine, id string) error {
				isWaiting, err := flows.Wake(ctx, id, wokenByOperator)
				if err == nil && !isWaiting {
					err = fault.New(fault.Conflict, "the workflow %.80q does not wait: see frontdesk workflows ls", id)
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "%s goes on.\n", id)
				return nil
			}))
	return command
}

func (p *program) workflowsListCommand() *cobra.Command {
	var name, state, before string
	var limit int
	var asJSON bool
	ls := p.workflowsSubcommand("ls", "List the latest workflows", func(_ context.Context, flows *workflow.Engine, _ string) error {
		f := workflow.Filter{Name: name, State: workflow.State(state)}
		if before != "" {
			var err error
			if f.Before, err = time.ParseInLocation(time.DateTime, before, time.Local); err != nil {
				return misuse{fmt.Errorf("--before: %q is no time such as %q", before, time.DateTime)}
			}
		}
		list, hasMore := firstOf(flows.List(f), limit)
		if err := workflowListing.print(list, asJSON, p.stdout); err != nil || asJSON || !*hasMore {
			return err
		}
		_, err := fmt.Fprintln(p.stdout, "There are more: see --limit and --before.")
		return err
	})
	ls.Flags().IntVar(&limit, "limit", 100, "at most this `number` of workflows; 0 lists all")
	ls.Flags().StringVar(&before, "before", "", "only workflows that were started before this `time`, such as \"2026-11-30 18:00:00\"")
	ls.Flags().StringVar(&name, "name", "", "only workflows of this `name`, such as archive")
	ls.Flags().StringVar(&state, "state", "", "only workflows in this `state`: pending, running, completed, failed, compensated or unknown")
	ls.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return ls
}

func (p *program) workflowsShowCommand() *cobra.Command {
	var asJSON bool
	show := p.workflowsSubcommand("show WORKFLOW", "Show a workflow and its finished steps", func(_ context.Context, flows *workflow.Engine, id string) error {
		w, err := flows.Get(id)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(p.stdout).Encode(w)
		}
		return printWorkflow(w, p.stdout)
	})
	show.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return show
}

func (p *program) workflowsRetryCommand() *cobra.Command {
	var happened, notHappened bool
	retry := p.workflowsSubcommand("retry WORKFLOW", "Run a failed or unknown workflow again from the step that did not succeed",
		func(ctx context.Context, flows *workflow.Engine, id string) error {
			var err error
			if happened || notHappened {
				err = flows.Reconcile(ctx, id, happened)
			} else {
				err = flows.Retry(ctx, id)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "%s will be run again.\n", id)
			return nil
		})
	retry.Flags().BoolVar(&happened, "happened", false, "the effect of the unknown step has happened: go on with the next step")
	retry.Flags().BoolVar(&notHappened, "not-happened", false, "the effect of the unknown step has not happened: have it again")
	retry.MarkFlagsMutuallyExclusive("happened", "not-happened")
	return retry
}

// workflowsSubcommand returns a subcommand that runs do with the workflows' database opened.
func (p *program) workflowsSubcommand(use, short string, do func(ctx context.Context, flows *workflow.Engine, id string) error) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short}
	flags := addSettingsFlags(command)
	_, argument, _ := strings.Cut(use, " ")
	command.Args = exactArgs(strings.Fields(argument)...)
	command.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := flags.load(p.environ)
		if err != nil {
			return err
		}
		flows, err := openWorkflows(cmd.Context(), c, zap.NewNop())
		if err != nil {
			return err
		}
		err = do(cmd.Context(), flows, strings.Join(args, ""))
		if f := fault.From(err); err != nil && f.Code == fault.Invalid {
			err = misuse{err}
		}
		return errors.Join(err, flows.Close())
	}
	return command
}

// workflowListing shows workflows.
var workflowListing = listing[workflow.Info]{
	heading: "WORKFLOW\tSTATE\tSTARTED\tUPDATED\tDUE\tSTEP",
	none:    "There are no such workflows.",
	cells: func(i workflow.Info) []string {
		return []string{i.ID, string(i.State), i.Created.Local().Format(time.DateTime), i.Updated.Local().Format(time.DateTime), dueOf(i), i.Step}
	},
}

// dueOf returns until when a workflow waits, "" if it does not.
func dueOf(i workflow.Info) string {
	if i.Due == nil {
		return ""
	}
	return i.Due.Local().Format(time.DateTime)
}

// printWorkflow prints a workflow with its steps.
func printWorkflow(i workflow.Info, w io.Writer) error {
	fmt.Fprintf(w, "%s: %s, started %s\n", i.ID, i.State, i.Created.Local().Format(time.DateTime))
	if i.Node != "" {
		fmt.Fprintf(w, "Node: %s\n", i.Node)
	}
	if i.Due != nil {
		fmt.Fprintf(w, "Waits until: %s\n", dueOf(i))
	}
	if i.Message != "" {
		fmt.Fprintf(w, "%s: %s\n", i.Code, i.Message)
	}
	if len(i.Steps) == 0 {
		fmt.Fprintln(w, "No step has finished yet.")
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tSTATE\tATTEMPTS\tENDED\tPROBLEM")
	for _, s := range i.Steps {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", s.Name, s.State, s.Attempts, s.Ended.Local().Format(time.DateTime), s.Message)
	}
	return table.Flush()
}
