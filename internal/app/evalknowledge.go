package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"frontdesk/internal/agentfile"
	"frontdesk/internal/eval/retrieval"
	"frontdesk/tools/knowledge"
)

const maxQuestions = 8 << 20 // bytes of a file of questions

// knowledgeFlags are the flags of eval knowledge.
type knowledgeFlags struct {
	*settingsFlags
	agent, half, plot string
	words             bool // search without meanings
	json, failures    bool
}

func (p *program) evalKnowledgeCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "knowledge [FILE]",
		Short: "Measure how well the knowledge base answers questions",
		Long: `Ask labelled questions and print how often the right passage is found first, or among
the first three (R@1, R@3), the mean reciprocal rank (MRR), how many questions are answered
with "I don't know" although a page answers them (missed) or with a wrong passage (misled),
how many of those that no page answers are answered (wrong), how many are answered rightly
if no more than 3 % of those are (A@3%), and how far the confidence is from the truth (ECE).

FILE is YAML. Each entry gives the sections that answer some questions, and the questions:

  questions:
    - answers: ["returns.md#How to return", "stores*.md"]   # any of these is right; FILE may be a pattern
      plain: ["How do I return something?"]
      spoken: ["um how do i send something back"]
      typed: ["how to retrn stuff"]
      paraphrased: ["I'd like to give a pan back"]
    - parts: [["shipping.md#Prices"], ["shipping.md#Days"]] # each part is needed
      plain: ["What is express, and do you deliver on Sundays?"]
    - near miss: ["Do you sell cars?"]                      # no page states it
    - off topic: ["Tell me a joke."]

Questions to the same section, or of the same group (the key "group"), are in the same half:
fit thresholds on the half dev, and believe only the half held-out.

Without FILE, built-in questions to built-in pages of several companies and to the pages of
the demo agent, if it is there, are asked.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misuse{fmt.Errorf("unexpected argument %q (see %s --help)", args[1], c.CommandPath())}
			}
			return nil
		},
	}
	f := &knowledgeFlags{settingsFlags: addSettingsFlags(command)}
	command.Flags().StringVar(&f.agent, "agent", "", "`name` of the agent whose pages answer FILE (default: the one that answers)")
	command.Flags().StringVar(&f.half, "half", "all", "which `half` to ask: dev, held-out or all")
	command.Flags().BoolVar(&f.words, "words", false, "search by words alone, as without the network that compares meanings")
	command.Flags().StringVar(&f.plot, "plot", "", "write a calibration plot to `FILE`.svg")
	command.Flags().BoolVar(&f.failures, "failures", false, "print each question that failed, and what was found")
	command.Flags().BoolVar(&f.json, "json", false, "print one JSON object per row")
	command.RunE = func(c *cobra.Command, args []string) error {
		if f.half != "all" && f.half != string(retrieval.Dev) && f.half != string(retrieval.HeldOut) {
			return misuse{fmt.Errorf("unknown half %q (want dev, held-out or all)", f.half)}
		}
		results, err := p.askAll(c.Context(), f, args)
		if err != nil {
			return err
		}
		return p.reportKnowledge(f, results)
	}
	return command
}

// askAll asks the questions of the file in args, or the built-in ones.
func (p *program) askAll(ctx context.Context, f *knowledgeFlags, args []string) ([]retrieval.Result, error) {
	c, err := f.load(p.environ)
	if err != nil {
		return nil, err
	}
	agents, problems := agentfile.LoadAll(c.Agents)
	if len(args) == 1 {
		questions, err := readQuestions(args[0])
		if err != nil {
			return nil, misuse{err}
		}
		name := cmp.Or(f.agent, c.Agent, defaultAgent(agents, problems))
		a, ok := agents[name]
		if !ok || a.Knowledge == "" {
			return nil, misuse{fmt.Errorf("agent: no agent %q with pages works in %s", name, c.Agents)}
		}
		return p.ask(ctx, f, filepath.Base(args[0]), questions, a.Knowledge, a.Language)
	}
	sets, err := retrieval.BuiltIns()
	if err != nil {
		return nil, err
	}
	var all []retrieval.Result
	for _, s := range sets {
		results, err := p.askBuiltIn(ctx, f, s, agents)
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	if len(all) == 0 {
		return nil, errors.New("no questions in this half")
	}
	return all, nil
}

func (p *program) askBuiltIn(ctx context.Context, f *knowledgeFlags, s retrieval.BuiltIn, agents map[string]agentfile.File) ([]retrieval.Result, error) {
	if !s.HasPages() {
		a, ok := agents[s.Name]
		if !ok {
			fmt.Fprintf(p.stderr, "the set %s is left out: there is no agent %s\n", s.Name, s.Name)
			return nil, nil
		}
		return p.ask(ctx, f, s.Name, s.Questions, a.Knowledge, s.Language)
	}
	dir, err := os.MkdirTemp("", "frontdesk-eval-")
	if err != nil {
		return nil, fmt.Errorf("write pages: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := s.WritePages(dir); err != nil {
		return nil, err
	}
	return p.ask(ctx, f, s.Name, s.Questions, dir, s.Language)
}

func readQuestions(file string) ([]retrieval.Question, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxQuestions {
		return nil, fmt.Errorf("%s: larger than %d MB", file, maxQuestions>>20)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return retrieval.Parse(file, text)
}

// ask asks the questions of the chosen half to the pages in dir.
func (p *program) ask(ctx context.Context, f *knowledgeFlags, set string, questions []retrieval.Question, dir, language string) (_ []retrieval.Result, err error) {
	c, err := f.load(p.environ)
	if err != nil {
		return nil, err
	}
	o := agentOpener{log: warningsTo(p.stderr)}
	if !f.words {
		if o.neural, err = newNeuralSpeech(c, o.log); err != nil {
			return nil, err
		}
		defer o.neural.Close()
	}
	k, err := knowledge.Open(ctx, dir, o.knowledgeOptions(agentfile.File{Name: set, Language: language}))
	if err != nil {
		return nil, err
	}
	defer k.Close()
	if err := k.WaitForVectors(ctx); err != nil {
		return nil, err
	}
	var chosen []retrieval.Question
	for _, q := range questions {
		if f.half == "all" || q.Half() == retrieval.Half(f.half) {
			chosen = append(chosen, q)
		}
	}
	return retrieval.Run(ctx, set, chosen, func(ctx context.Context, query string, limit int) ([]retrieval.Hit, error) {
		found, err := k.Search(ctx, query, limit)
		var hits []retrieval.Hit
		for _, p := range found {
			hits = append(hits, retrieval.Hit{File: p.File, Heading: p.Heading, Confidence: p.Confidence, IsAnswer: p.IsAnswer})
		}
		return hits, err
	})
}

// reportKnowledge prints the scores and, if they are asked for, the failures, and writes the
// plot.
func (p *program) reportKnowledge(f *knowledgeFlags, results []retrieval.Result) error {
	scores := retrieval.Scores(results)
	if err := p.writeScores(scores, f.json); err != nil {
		return err
	}
	if f.failures {
		for _, r := range results {
			if err := p.writeFailure(r); err != nil {
				return err
			}
		}
	}
	if f.plot == "" {
		return nil
	}
	svg := retrieval.Plot("Confidence of the knowledge base", scores[0])
	if err := os.WriteFile(f.plot, []byte(svg), 0o644); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

func (p *program) writeScores(scores []retrieval.Score, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(p.stdout)
		for _, s := range scores {
			if err := encoder.Encode(s); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(p.stdout, "%-9s %-12s %5s  %6s %6s %6s  %7s %7s %7s  %6s  %5s  %s\n",
		"set", "kind", "asked", "R@1", "R@3", "MRR", "missed", "misled", "wrong", "A@3%", "ECE", "search 50th, 95th")
	for _, s := range scores {
		found, decided, wrong, target := fmt.Sprintf("%6s %6s %6s", "-", "-", "-"), fmt.Sprintf("%7s %7s", "-", "-"), "-", "-"
		if s.Answerable > 0 {
			found = fmt.Sprintf("%6.3f %6.3f %6.3f", s.At1, s.At3, s.MRR)
			decided = fmt.Sprintf("%5.1f %% %5.1f %%", 100*s.Missed, 100*s.Misled)
		}
		if s.Answerable < s.Questions {
			wrong = fmt.Sprintf("%.1f %%", 100*s.Wrong)
		}
		if s.Answerable > 0 && s.Answerable < s.Questions {
			target = fmt.Sprintf("%.3f", s.AnsweredAtTarget)
		}
		if _, err := fmt.Fprintf(p.stdout, "%-9s %-12s %5d  %s  %s %7s  %6s  %.3f  %d, %d µs\n", cmp.Or(s.Set, "all"), cmp.Or(s.Kind, "all"),
			s.Questions, found, decided, wrong, target, s.Calibration, s.P50, s.P95); err != nil {
			return err
		}
	}
	return p.writeReliability(scores[0])
}

// writeReliability prints the reliability table of all questions.
func (p *program) writeReliability(s retrieval.Score) error {
	fmt.Fprintf(p.stdout, "\n%-10s  %5s  %10s  %s\n", "confidence", "asked", "mean", "right")
	for i, b := range s.Bins {
		if b.Count == 0 {
			continue
		}
		if _, err := fmt.Fprintf(p.stdout, "%.1f to %.1f  %5d  %10.2f  %5.2f\n", float64(i)/10, float64(i+1)/10, b.Count, b.Confidence, b.Right); err != nil {
			return err
		}
	}
	return nil
}

// writeFailure prints a question that failed, what should have been found, and what was.
func (p *program) writeFailure(r retrieval.Result) error {
	if r.IsRight() {
		return nil
	}
	fmt.Fprintf(p.stdout, "\n%s, %s: %q\n", r.Set, r.Kind, r.Text)
	for _, answers := range r.Parts {
		fmt.Fprintf(p.stdout, "  want %q\n", answers)
	}
	if len(r.Parts) == 0 {
		fmt.Fprintln(p.stdout, "  want none")
	}
	for i, h := range r.Hits[:min(3, len(r.Hits))] {
		verb := "found"
		if i == 0 && r.IsAnswered {
			verb = "said"
		}
		fmt.Fprintf(p.stdout, "  %s %s#%s, confidence %.2f\n", verb, h.File, h.Heading, h.Confidence)
	}
	if len(r.Hits) == 0 {
		fmt.Fprintln(p.stdout, "  found nothing")
	}
	_, err := fmt.Fprintln(p.stdout, "  rank", r.Rank)
	return err
}
