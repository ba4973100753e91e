package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"frontdesk/dialog"
	"frontdesk/internal/config"
	"frontdesk/internal/eval"
	"frontdesk/session"
)

const evalUsage = `frontdesk eval turns MANIFEST [--condition NAME] [--agent NAME] [--hangover TIME] [--json] [--details]
frontdesk eval interruptions MANIFEST [--agent NAME] [--json] [--details]

turns plays recorded turns to the ears of an agent, faster than real time, and says how
soon they notice that the caller has finished, and how often too soon.
interruptions plays the recordings of the categories interruption, yes_no and
backchannel, and coughs and knocks, to an agent that speaks, in real time, and says
whether and how soon it stops or goes on. MANIFEST is a JSON list of {"file", "voice", "category", "ref", "speech_start_ms", "speech_end_ms",
"speech_segments_ms": [[from, to]…], "pauses": [{"start_ms", "end_ms"}…]}.

`

// evalCommand measures the ears on recordings.
func evalCommand(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "interruptions" {
		return evalInterruptions(ctx, args[1:], environ, stdout, stderr)
	}
	if len(args) == 0 || args[0] != "turns" {
		_, _ = io.WriteString(stderr, evalUsage)
		if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
			return flag.ErrHelp
		}
		return misuse{errors.New("eval: what is to be measured? turns or interruptions")}
	}
	o := evalOptions("turns", stderr)
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

func evalOptions(what string, stderr io.Writer) *options {
	o := newOptions("eval "+what, stderr)
	o.Usage = func() { _, _ = io.WriteString(stderr, evalUsage); o.PrintDefaults() }
	return o
}

// evalInterruptions measures what an agent that speaks does when there is sound.
func evalInterruptions(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	o := evalOptions("interruptions", stderr)
	agent := o.String("agent", "", "`name` of the agent that speaks")
	asJSON := o.Bool("json", false, "print one JSON object per kind of sound")
	details := o.Bool("details", false, "print each sound that was taken for another kind")
	given, err := o.parse(args, 1)
	if err != nil {
		return err
	}
	corpus, err := eval.Load(given[0])
	if err != nil {
		return err
	}
	c, err := o.settings(environ)
	if err != nil {
		return err
	}
	var kinds []eval.Interruptions
	var all []eval.Overlap
	err = withAgent(ctx, c, *agent, stderr, func(a *dialog.Agent) (err error) {
		kinds, all, err = eval.RunInterruptions(ctx, a, corpus)
		return err
	})
	if err != nil {
		return err
	}
	if err := writeInterruptions(stdout, kinds, *asJSON); err != nil {
		return err
	}
	for _, o := range all {
		if *details && o.Stopped != o.Interrupts() {
			fmt.Fprintf(stdout, "  %s at %d ms: stopped %v, resumed %v, %q\n", o.File, o.Into, o.Stopped, o.Resumed, o.Said)
		}
	}
	return nil
}

func writeInterruptions(out io.Writer, kinds []eval.Interruptions, asJSON bool) error {
	if asJSON {
		for _, k := range kinds {
			if err := json.NewEncoder(out).Encode(k); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(out, "%-12s %5s  %8s  %8s  %18s  %18s  %9s  %s\n", "kind", "cases",
		"stopped", "resumed", "softer 50th, 95th", "silent 50th, 95th", "back", "words lost")
	for _, k := range kinds {
		if _, err := fmt.Fprintf(out, "%-12s %5d  %6.1f %%  %6.1f %%  %7d, %5d ms  %8d, %5d ms  %6d ms  %8.1f %%\n", k.Kind, k.Cases,
			k.Stopped, k.Resumed, k.DuckedP50, k.DuckedP95, k.SilentP50, k.SilentP95, k.ResumedP50, k.WordsLost); err != nil {
			return err
		}
	}
	return nil
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
