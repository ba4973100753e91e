package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"frontdesk/config"
	"frontdesk/dialog"
	"frontdesk/eval"
	"frontdesk/session"
)

const evalUsage = `frontdesk eval turns MANIFEST [--condition NAME] [--agent NAME] [--hangover TIME] [--json] [--details]

Plays recorded turns to the ears of an agent, faster than real time, and says how
soon they notice that the caller has finished, and how often too soon. MANIFEST is
a JSON list of {"file", "voice", "speech_start_ms", "speech_end_ms",
"speech_segments_ms": [[from, to]…], "pauses": [{"start_ms", "end_ms"}…]}.

`

// evalCommand measures the ears on recordings.
func evalCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] != "turns" {
		_, _ = io.WriteString(stderr, evalUsage)
		if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
			return flag.ErrHelp
		}
		return misuse{errors.New("eval: what is to be measured? turns")}
	}
	o := newOptions("eval turns", stderr)
	o.Usage = func() { _, _ = io.WriteString(stderr, evalUsage); o.PrintDefaults() }
	name := o.String("condition", "", "only the `condition` of that name")
	agent := o.String("agent", "", "`name` of the agent whose ears listen")
	asJSON := o.Bool("json", false, "print one JSON object per condition")
	hangover := o.Duration("hangover", 0, "end turns after so much silence `time`, to compare with")
	details := o.Bool("details", false, "print each turn that was cut off, missed or late")
	given, err := o.parse(args[1:], 1)
	if err != nil {
		return err
	}
	conditions := eval.Conditions()
	if *name != "" {
		c, err := eval.FindCondition(*name)
		if err != nil {
			return misuse{err}
		}
		conditions = []eval.Condition{c}
	}
	corpus, err := eval.Load(given[0])
	if err != nil {
		return err
	}
	c, err := o.settings(environ)
	if err != nil {
		return err
	}
	return withAgent(ctx, c, *agent, stderr, func(a *dialog.Agent) error {
		if *hangover > 0 {
			fixed := *a
			fixed.Endpointer = func() dialog.Endpointer { return eval.Hangover(*hangover) }
			a = &fixed
		}
		return evalTurns(ctx, a, corpus, conditions, turnsReport{stdout, *asJSON, *details})
	})
}

// withAgent opens the agent of that name, as serving would, for as long as do runs.
func withAgent(ctx context.Context, c config.Config, name string, stderr io.Writer, do func(*dialog.Agent) error) error {
	log, err := newLog("warn", stderr)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	db, err := session.OpenDB(filepath.Join(c.Data, "frontdesk.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	agents, err := openAgents(ctx, c, db, log)
	if err != nil {
		return err
	}
	defer agents.Close()
	a, err := agents.Find(name)
	if err != nil {
		return misuse{err}
	}
	return do(a)
}

// turnsReport is how the result of eval turns is printed.
type turnsReport struct {
	out           io.Writer
	json, details bool
}

func evalTurns(ctx context.Context, a *dialog.Agent, corpus []*eval.Recording, conditions []eval.Condition, r turnsReport) error {
	if !r.json {
		fmt.Fprintf(r.out, "%-11s %5s  %12s  %17s  %12s  %13s  %7s  %s\n", "condition", "turns",
			"cut off", "of those pausing", "delay median", "95th of 100", "missed", "frames right")
	}
	for _, c := range conditions {
		t, all, err := eval.RunTurns(ctx, a, corpus, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if r.json {
			err = json.NewEncoder(r.out).Encode(t)
		} else {
			_, err = fmt.Fprintf(r.out, "%-11s %5d  %10.1f %%  %15.1f %%  %9d ms  %10d ms  %5.1f %%  %10.1f %%\n", t.Condition, t.Turns,
				t.Early, t.EarlyPause, t.DelayP50, t.DelayP95, t.Missed, t.FrameAccuracy)
		}
		if err != nil {
			return err
		}
		if r.details {
			for _, d := range all {
				if !d.Ended || d.Early() || d.Delay > t.DelayP95 {
					fmt.Fprintf(r.out, "  %s: ended %v, %d ms, %q (%s); all of it: %q\n", d.File, d.Ended, d.Delay, d.Words, d.Why, d.Text)
				}
			}
		}
	}
	return nil
}
