package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"frontdesk/internal/agentfile"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools/knowledge"
	"frontdesk/tools/knowledge/documents"
	"frontdesk/tools/knowledge/lint"
)

const (
	kbResults = 5 // passages that a search prints
	kbColumns = 78
)

// kbCommand searches and checks the pages of an agent.
func (p *program) kbCommand() *cobra.Command {
	command := &cobra.Command{Use: "kb", Short: "Search and check the pages of an agent", Args: knownCommand, RunE: showHelp}
	command.AddCommand(
		p.kbSubcommand("search QUESTION", "Print the passages that answer a question, the best one first", p.searchKnowledge),
		p.kbSubcommand("stats", "Count an agent's pages, and say what is ignored and lacking", p.knowledgeStats),
		p.kbSubcommand("lint", "Find contradictions, passed dates and other mistakes; exit with status 1 if there are any", p.lintKnowledge),
	)
	return command
}

// kbCall is what a subcommand of kb works on.
type kbCall struct {
	ctx      context.Context
	agent    agentfile.File
	base     *knowledge.Base
	hasModel bool // meanings are compared
	asJSON   bool
	argument string
}

// kbSubcommand returns a subcommand that runs do with an agent's knowledge base opened.
func (p *program) kbSubcommand(use, short string, do func(kbCall) error) *cobra.Command {
	command := &cobra.Command{Use: use, Short: short}
	flags := addSettingsFlags(command)
	agent := command.Flags().String("agent", "", "`name` of the agent (default: the one that answers)")
	asJSON := command.Flags().Bool("json", false, "print one JSON object per line")
	_, argument, _ := strings.Cut(use, " ")
	command.Args = func(c *cobra.Command, args []string) error {
		if argument == "" {
			return exactArgs()(c, args)
		}
		if len(args) == 0 {
			return misuse{fmt.Errorf("%s is missing (see %s --help)", argument, c.CommandPath())}
		}
		return nil // words without quotation marks around them
	}
	command.RunE = func(cmd *cobra.Command, args []string) error {
		f, o, err := p.kbAgent(flags, *agent)
		if err != nil {
			return err
		}
		defer o.neural.Close()
		options := o.knowledgeOptions(f)
		base, err := knowledge.Open(cmd.Context(), f.Knowledge, options)
		if err != nil {
			return err
		}
		defer base.Close()
		if err := base.WaitForVectors(cmd.Context()); err != nil {
			return err
		}
		return do(kbCall{cmd.Context(), f, base, options.Embedder != nil, *asJSON, strings.Join(args, " ")})
	}
	return command
}

// kbAgent returns an agent with pages, and what opens its knowledge base.
func (p *program) kbAgent(flags *settingsFlags, name string) (agentfile.File, *agentOpener, error) {
	c, err := flags.load(p.environ)
	if err != nil {
		return agentfile.File{}, nil, err
	}
	files, problems := agentfile.LoadAll(c.Agents)
	if name == "" {
		name = c.Agent
	}
	if name == "" {
		name = defaultAgent(files, problems)
	}
	f, ok := files[name]
	switch {
	case !ok:
		return f, nil, misuse{errors.Join(append(problems, fmt.Errorf("agent: no agent %q works in %s: choose one with --agent", name, c.Agents))...)}
	case f.Knowledge == "":
		return f, nil, misuse{fmt.Errorf("the agent %s has no pages: put them into %s", name, path.Join(c.Agents, name, "knowledge"))}
	}
	neural, err := newNeuralSpeech(c, zap.NewNop()) // stats says what is lacking
	if err != nil {
		return f, nil, err
	}
	return f, &agentOpener{log: warningsTo(p.stderr), neural: neural}, nil
}

// searchKnowledge prints the passages that answer a question.
func (p *program) searchKnowledge(c kbCall) error {
	found, err := c.base.Search(c.ctx, c.argument, kbResults)
	if err != nil {
		return err
	}
	if c.asJSON {
		return p.printJSON(slices.Values(found))
	}
	if len(found) == 0 {
		fmt.Fprintln(p.stdout, "No page has any of these words.")
	}
	for i, passage := range found {
		verdict := "too low to answer"
		if passage.IsAnswer {
			verdict = "answers"
		}
		heading := passage.Source()
		if passage.Heading != "" {
			heading += " > " + passage.Heading
		}
		fmt.Fprintf(p.stdout, "%d. %s\n", i+1, oneLine(heading))
		fmt.Fprintf(p.stdout, "   %s · confidence %.2f, %s · %.0f %% of the words\n", oneLine(passage.File), passage.Confidence, verdict, 100*passage.Score)
		for _, line := range wrap(oneLine(passage.Text), kbColumns-3) {
			fmt.Fprintf(p.stdout, "   %s\n", line)
		}
	}
	return nil
}

func (p *program) printJSON(values func(yield func(knowledge.Passage) bool)) error {
	encoder := json.NewEncoder(p.stdout)
	for v := range values {
		if err := encoder.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// wrap divides text into lines of at most width characters, if its words are not longer.
func wrap(text string, width int) []string {
	var lines []string
	for word := range strings.FieldsSeq(text) {
		if n := len(lines); n > 0 && len([]rune(lines[n-1]))+1+len([]rune(word)) <= width {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// kbStats is what frontdesk kb stats prints.
type kbStats struct {
	Agent     string         `json:"agent"`
	Pages     int            `json:"pages"`
	Sections  int            `json:"sections"`
	Words     int            `json:"words"`
	Formats   map[string]int `json:"formats"`   // pages by extension
	Languages map[string]int `json:"languages"` // pages by language; "" for those too short to tell
	Meaning   bool           `json:"meaning"`   // pages are found by their meaning, too
	Ignored   []kbIgnored    `json:"ignored"`
}

type kbIgnored struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// knowledgeStats prints what an agent's pages are.
func (p *program) knowledgeStats(c kbCall) error {
	pages, problems, err := knowledge.ReadFolder(c.ctx, c.agent.Knowledge, documents.Formats())
	if err != nil {
		return err
	}
	s := kbStats{Agent: c.agent.Name, Pages: len(pages), Formats: make(map[string]int), Languages: make(map[string]int), Meaning: c.hasModel, Ignored: []kbIgnored{}}
	for file, page := range pages {
		var text strings.Builder
		for _, section := range page.Sections {
			s.Sections++
			for _, block := range section.Blocks {
				s.Words += len(strings.Fields(block))
				text.WriteString(block + "\n")
			}
		}
		s.Formats[strings.ToLower(path.Ext(file))]++
		s.Languages[lint.Language(text.String())]++
	}
	for _, problem := range problems {
		s.Ignored = append(s.Ignored, kbIgnored{problem.File, fault.From(problem.Err).Message})
	}
	if c.asJSON {
		return json.NewEncoder(p.stdout).Encode(s)
	}
	fmt.Fprintf(p.stdout, "agent      %s\npages      %d (%s)\nsections   %d\nwords      %d\nlanguages  %s\n",
		s.Agent, s.Pages, countsByName(s.Formats), s.Sections, s.Words, countsByName(s.Languages))
	switch {
	case s.Meaning:
		fmt.Fprintln(p.stdout, "search     by words and by meaning")
	case words.IsEnglish(c.agent.Language):
		fmt.Fprintln(p.stdout, "search     by words only; \"frontdesk models pull minilm-l6-en\" adds meaning")
	default:
		fmt.Fprintln(p.stdout, "search     by words only; the network for meaning knows English alone")
	}
	for _, ignored := range s.Ignored {
		fmt.Fprintf(p.stdout, "ignored    %s\n", oneLine(ignored.File))
		for _, line := range wrap(oneLine(ignored.Reason), kbColumns-11) {
			fmt.Fprintf(p.stdout, "           %s\n", line)
		}
	}
	return nil
}

// countsByName shows counts such as "md 23, pdf 2".
func countsByName(counts map[string]int) string {
	var out []string
	for name, n := range counts {
		if name = strings.TrimPrefix(name, "."); name == "" {
			name = "too short to tell"
		}
		out = append(out, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// lintKnowledge prints what is probably wrong with an agent's pages.
func (p *program) lintKnowledge(c kbCall) error {
	pages, problems, err := knowledge.ReadFolder(c.ctx, c.agent.Knowledge, documents.Formats())
	if err != nil {
		return err
	}
	search := func(ctx context.Context, question string, limit int) ([]string, error) {
		passages, err := c.base.Search(ctx, question, limit)
		var files []string
		for _, passage := range passages {
			files = append(files, passage.File)
		}
		return files, err
	}
	var found []lint.Finding
	for _, problem := range problems {
		found = append(found, lint.Finding{Kind: "ignored", File: problem.File, Message: fault.From(problem.Err).Message})
	}
	mistakes, err := lint.Check(c.ctx, pages, c.agent.Language, time.Now(), search)
	if err != nil {
		return err
	}
	found = append(found, mistakes...)
	encoder := json.NewEncoder(p.stdout)
	for _, f := range found {
		if c.asJSON {
			if err := encoder.Encode(f); err != nil {
				return err
			}
			continue
		}
		where := f.File
		if f.Heading != "" {
			where += " > " + f.Heading
		}
		fmt.Fprintf(p.stdout, "%s: %s\n", oneLine(where), f.Kind)
		for _, line := range wrap(oneLine(f.Message), kbColumns-2) {
			fmt.Fprintf(p.stdout, "  %s\n", line)
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("%d findings in %d pages", len(found), len(pages))
	}
	if !c.asJSON {
		fmt.Fprintf(p.stdout, "Nothing is wrong: %d pages.\n", len(pages))
	}
	return nil
}
