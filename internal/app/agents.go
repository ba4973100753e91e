package app

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/dialog/mouth"
	"frontdesk/dialog/provider/clerk"
	"frontdesk/dialog/provider/openai"
	"frontdesk/dialog/provider/pocketsphinx"
	"frontdesk/dialog/provider/silero"
	"frontdesk/internal/agentfile"
	"frontdesk/internal/config"
	"frontdesk/internal/fault"
	"frontdesk/internal/phrasebook"
	"frontdesk/internal/words"
	"frontdesk/media"
	"frontdesk/tools"
	"frontdesk/tools/chain"
	"frontdesk/tools/gate"
	"frontdesk/tools/knowledge"
	"frontdesk/tools/mcp"
)

const toolsGrace = 5 * time.Second // for tools that still run when the server stops

// agentSet holds all agents of this server, and what they share.
type agentSet struct {
	byName       map[string]*dialog.Agent
	descriptions map[string]description
	choices      map[string][]dialog.Choice
	defaultName  string // the agent for callers that name none
	tickets      *tools.Tickets
	neural       *neuralSpeech
	servers      []*mcp.Server
	offers       map[string]*tools.Registry // for MCP clients, by agent
	chains       *chain.Runner              // runs the tools that are workflows
	bases        []*knowledge.Base
	closers      []func() error
}

// description says for people how an agent works.
type description struct {
	recognizer, voice, model string
	pages                    int // of knowledge
}

// openAgents reads the agents' folders and gives each agent its model, recognizer, voice
// and tools. It logs and omits agents that do not work; the default agent must work. attempts
// counts attempts to guess a PIN; nil counts them in this process alone.
func openAgents(ctx context.Context, c config.Config, shared *sql.DB, attempts gate.Counter, log *zap.Logger, announce *announcer) (*agentSet, error) {
	files, problems := agentfile.LoadAll(c.Agents)
	for _, err := range problems {
		log.Error("agent omitted", zap.Error(err))
	}
	tickets, err := tools.OpenTickets(ctx, shared)
	if err != nil {
		return nil, err
	}
	set := &agentSet{
		byName: make(map[string]*dialog.Agent), descriptions: make(map[string]description),
		choices:     make(map[string][]dialog.Choice),
		offers:      make(map[string]*tools.Registry),
		chains:      chain.NewRunner(),
		defaultName: c.Agent, tickets: tickets,
	}
	if c.Agent == "" {
		set.defaultName = defaultAgent(files, problems)
	}
	o := agentOpener{config: c, log: log, announce: announce, set: set, attempts: attempts}
	if o.neural, err = newNeuralSpeech(c, log); err != nil {
		return nil, err
	}
	set.neural = o.neural
	set.closers = append(set.closers, o.neural.Close)
	detector, closeDetector, err := openDetector(c.VAD, o.neural, log)
	if err != nil {
		return nil, misuse{err}
	}
	o.detector = detector
	set.closers = append(set.closers, closeDetector)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a, err := o.open(ctx, files[name])
		if err != nil {
			log.Error("agent omitted", zap.String("agent", name), zap.Error(err))
			continue
		}
		set.byName[name] = a
	}
	set.waitForServers(ctx)
	for name := range set.byName {
		set.choices[name] = o.choices(files[name].Choices, name)
	}
	o.neural.warn()
	if set.byName[set.defaultName] == nil {
		set.Close()
		return nil, misuse{missingAgent(c, set, len(files)+len(problems))}
	}
	debug.FreeOSMemory()
	return set, nil
}

// defaultAgent returns the only agent of the folder, or else demo.
func defaultAgent(files map[string]agentfile.File, problems []error) string {
	if len(files) == 1 && len(problems) == 0 {
		for name := range files {
			return name
		}
	}
	return "demo"
}

// missingAgent explains why there is no default agent among so many folders.
func missingAgent(c config.Config, set *agentSet, folders int) error {
	working := slices.Sorted(maps.Keys(set.byName))
	switch {
	case folders == 0:
		return fmt.Errorf("no agents in %s: set --agents to the folder that holds one folder per agent", c.Agents)
	case len(working) == 0:
		return fmt.Errorf("no agent in %s works: correct the errors above", c.Agents)
	case c.Agent == "":
		return fmt.Errorf("agent: choose the agent that answers callers (no agent %q works in %s; %s)",
			set.defaultName, c.Agents, "working: "+strings.Join(working, ", "))
	default:
		return fmt.Errorf("agent: no agent %q works in %s (working: %s)", set.defaultName, c.Agents, strings.Join(working, ", "))
	}
}

// Find returns the agent of that name, or the default agent for "".
func (s *agentSet) Find(name string) (*dialog.Agent, error) {
	if name == "" {
		name = s.defaultName
	}
	a, ok := s.byName[name]
	if !ok {
		return nil, fault.New(fault.NotFound, "unknown agent %q", name)
	}
	return a, nil
}

// All returns the agents, the default agent first.
func (s *agentSet) All() []*dialog.Agent {
	list := []*dialog.Agent{s.byName[s.defaultName]}
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		if name != s.defaultName {
			list = append(list, s.byName[name])
		}
	}
	return list
}

// Choices returns the agents that callers of an agent may choose by a key.
func (s *agentSet) Choices(agent string) []dialog.Choice { return s.choices[agent] }

// Close frees what the agents hold. No call may be in progress.
func (s *agentSet) Close() {
	for _, f := range slices.Backward(s.closers) {
		_ = f()
	}
}

// agentOpener opens agents from their files.
type agentOpener struct {
	config   config.Config
	log      *zap.Logger
	announce *announcer
	set      *agentSet
	attempts gate.Counter // may be nil

	detector func() dialog.VoiceDetector
	neural   *neuralSpeech
}

// warn tells the operator of something that works but should be changed.
func (o *agentOpener) warn(err error) { o.log.Warn("an agent should be changed", zap.Error(err)) }

// openDetector returns what makes the voice detector of a call, and what frees its network.
func openDetector(v config.VAD, neural *neuralSpeech, log *zap.Logger) (func() dialog.VoiceDetector, func() error, error) {
	builtIn, nothing := func() dialog.VoiceDetector { return media.NewDetector() }, func() error { return nil }
	if v.Provider == "builtin" {
		return builtIn, nothing, nil
	}
	model := cmp.Or(v.Model, neural.cache.Path("silero-vad", "silero_vad.onnx"))
	isRequired := v.Provider != "auto" || v.Model != ""
	if !isRequired && requireFile(model) != nil {
		return builtIn, nothing, nil
	}
	n, err := silero.Open(silero.Config{
		Model:     model,
		Library:   cmp.Or(v.Library, neural.library()),
		OnFailure: func(err error) { log.Error("a call continues with the built-in voice detector", zap.Error(err)) },
	})
	switch {
	case err == nil && v.Provider == "silero":
		return n.Detector, n.Close, nil
	case err == nil:
		return n.Fused, n.Close, nil
	case isRequired:
		return nil, nil, fmt.Errorf("vad: %w", err)
	}
	log.Warn("Silero VAD is not used; the built-in voice detector works alone", zap.Error(err))
	return builtIn, nothing, nil
}

// open opens the agent that f describes.
func (o *agentOpener) open(ctx context.Context, f agentfile.File) (*dialog.Agent, error) {
	o.announce.printf("Preparing the agent %s (%s)", f.Title, f.Name)
	a := &dialog.Agent{
		Name: f.Name, Title: f.Title, Greeting: f.Greeting, Instructions: f.Instructions,
		Language: f.Language, Voice: f.Voice, Suggestions: f.Try, Farewell: f.Farewell,
		Silence: f.Silence, Speculation: f.Speculation, Memory: f.Memory, Filler: f.Filler, Handover: f.Handover, Grounding: f.Grounding,
		Detector: o.detector,
	}
	a.Memory.RecordAudio = f.Record
	base, err := o.knowledge(ctx, f)
	if err != nil {
		return nil, err
	}
	var d description
	texts := append([]string{f.Title, f.Greeting, f.Farewell, f.Handover.Message, f.Handover.FailedMessage}, f.Try...)
	if base != nil {
		d.pages = base.Pages()
		texts = append(texts, base.Texts()...)
	}
	expected := phrasebook.Knowledge{Texts: texts}
	if a.Tools, expected.Keys, err = o.tools(f, base); err != nil {
		return nil, err
	}
	if _, ok := a.Tools.Find("ticket_status"); ok {
		expected.IsTicket = tools.IsTicketNumber
	}
	if a.Model, d.model, err = o.model(); err != nil {
		return nil, err
	}
	if a.Recognizer, d.recognizer, err = o.recognizer(f, expected); err != nil {
		return nil, err
	}
	if a.Synthesizer, d.voice, err = o.synthesizer(f); err != nil {
		return nil, err
	}
	if a.Synthesizer != nil {
		a.Synthesizer = mouth.Cached(a.Synthesizer)
	}
	o.warnOfReader(f)
	o.set.descriptions[a.Name] = d
	return a, nil
}

// tools opens the tools that the agent may use, and returns the keys of its tables.
// base may be nil.
func (o *agentOpener) tools(f agentfile.File, base *knowledge.Base) (_ *tools.Registry, keys []string, err error) {
	own, keys, err := o.lookups(f)
	if err != nil {
		return nil, nil, err
	}
	if base != nil {
		own = append(own, knowledge.Tool(base))
	}
	if o.config.MCP {
		if o.set.offers[f.Name], err = operatorTools(f, o.set.tickets, own); err != nil {
			return nil, nil, err
		}
	}
	r, err := o.registry(f, own)
	if err != nil {
		return nil, nil, err
	}
	r = r.WithSets(o.mcpServers(f)...)
	o.set.closers = append(o.set.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), toolsGrace)
		defer cancel()
		return r.Wait(ctx)
	})
	r, err = o.withChains(r, f)
	return r, keys, err
}

// registry returns the agent's tickets, its own look-ups and knowledge, its accounts and its
// endpoints.
func (o *agentOpener) registry(f agentfile.File, own []tools.Tool) (*tools.Registry, error) {
	all := append(o.set.tickets.Tools(f.Handover.Message), own...)
	if v := f.Tools.Verify; v != nil {
		v.Attempts, v.Scope = o.attempts, f.Name
		v.OnProblem = func(err error) {
			o.log.Warn("a changed table of accounts is not used", zap.String("agent", f.Name), zap.Error(err))
		}
		t, err := tools.OpenVerifier(*v)
		if err != nil {
			return nil, f.Locate("tools.verify", err)
		}
		all = append(all, t)
	}
	endpoints, err := o.endpoints(f)
	if err != nil {
		return nil, err
	}
	return tools.NewRegistry(append(all, endpoints...)...)
}

// restrict applies what agent.yaml says of single tools.
func restrict(r *tools.Registry, f agentfile.File) (*tools.Registry, error) {
	r, err := r.Restrict(tools.Policy{Allow: f.Tools.Allow, Timeout: f.Tools.Timeout, Timeouts: f.Tools.Timeouts, Rules: f.Tools.Rules})
	if err != nil {
		return nil, f.LocatePolicy(err)
	}
	return r, nil
}

// lookups opens the agent's tables, and returns the keys in them.
func (o *agentOpener) lookups(f agentfile.File) (found []tools.Tool, keys []string, err error) {
	for i, l := range f.Tools.Lookups {
		key := fmt.Sprintf("tools.lookup[%d]", i)
		l.OnProblem = func(err error) {
			o.log.Warn("a changed look-up table is not used", zap.String("agent", f.Name), zap.Error(err))
		}
		t, err := tools.OpenLookup(l)
		if err != nil {
			return nil, nil, f.Locate(key, err)
		}
		if columns := t.PersonalColumns(); l.Fact == "" && len(columns) > 0 {
			o.warn(f.Locate(key, fmt.Errorf("everybody who knows or guesses a key is told the columns %s: "+
				"set fact to a column whose value the caller must say first", strings.Join(columns, ", "))))
		}
		found = append(found, t)
		keys = append(keys, t.Keys()...)
	}
	return found, keys, nil
}

// model returns the configured models in order, with the clerk last, and their names.
func (o *agentOpener) model() (dialog.Model, string, error) {
	models, err := languageModels(o.config)
	if err != nil {
		return nil, "", err
	}
	var names []string
	for _, p := range o.config.LLM {
		if p.Provider == "openai" {
			names = append(names, remoteName(p))
		}
	}
	name := strings.Join(append(names, "the built-in clerk"), ", then ")
	return conversation.Fallback(append(models, clerk.Clerk{})...), name, nil
}

// languageModels returns the configured models without the clerk.
func languageModels(c config.Config) ([]dialog.Model, error) {
	var models []dialog.Model
	for _, p := range c.LLM {
		if p.Provider != "openai" {
			continue
		}
		m, err := openai.NewModel(openai.Config{URL: p.URL, Model: p.Model, Key: p.Key})
		if err != nil {
			return nil, err
		}
		models = append(models, m)
	}
	return models, nil
}

// warnOfReader warns of an agent that wants a model to read its turns if there is none.
func (o *agentOpener) warnOfReader(f agentfile.File) {
	isModel := func(p config.Provider) bool { return p.Provider == "openai" }
	if !f.Memory.Reading.ByModel || isModel(o.config.Understanding) || slices.ContainsFunc(o.config.LLM, isModel) {
		return
	}
	o.warn(f.Locate("understanding.by", errors.New("no language model is configured, so the rules alone read turns: set llm or understanding in frontdesk.yaml, or write rules here")))
}

// openReader returns the model that reads finished turns for agents that want it, or nil if there
// is none.
func openReader(c config.Config) (dialog.Model, error) {
	if p := c.Understanding; p.Provider == "openai" {
		return openai.NewModel(openai.Config{URL: p.URL, Model: p.Model, Key: p.Key})
	}
	models, err := languageModels(c)
	if err != nil || len(models) == 0 {
		return nil, err
	}
	return conversation.Fallback(models...), nil
}

// recognizer opens the agent's recognizer, which expects that callers speak of what the agent
// knows, and returns its name for people.
func (o *agentOpener) recognizer(f agentfile.File, expected phrasebook.Knowledge) (dialog.Recognizer, string, error) {
	switch p := o.config.STT; p.Provider {
	case "none":
		return nil, "none: callers type", nil
	case "openai":
		return remoteRecognizer(p)
	}
	if !words.IsEnglish(f.Language) {
		return o.foreignRecognizer(f)
	}
	switch o.config.STT.Provider {
	case "moonshine":
		r, err := o.neural.openRecognizer(expected)
		return r, moonshineName, err
	case "auto":
		if r, err := o.neural.openRecognizer(expected); err == nil {
			return r, moonshineName, nil
		}
	}
	if !pocketsphinx.Available {
		return nil, "none in a build without cgo: callers type (set stt.url)", nil
	}
	return o.pocketsphinx(f, expected.Texts)
}

// foreignRecognizer returns the recognizer for a language that this machine cannot
// recognize: a server, or none.
func (o *agentOpener) foreignRecognizer(f agentfile.File) (dialog.Recognizer, string, error) {
	if p := o.config.STT; p.URL != "" {
		return remoteRecognizer(p)
	}
	o.log.Warn("callers type or press keys, because the recognizers of this machine know English only: set stt.url to a server that recognizes the agent's language",
		zap.String("agent", f.Name), zap.String("language", f.Language))
	return nil, "none for " + f.Language + ": callers type (set stt.url)", nil
}

func remoteRecognizer(p config.Provider) (dialog.Recognizer, string, error) {
	r, err := openai.NewTranscriber(openai.Config{URL: p.URL, Model: p.Model, Key: p.Key})
	return r, remoteName(p), err
}

const moonshineName = "Moonshine, on this machine"

func (o *agentOpener) pocketsphinx(f agentfile.File, texts []string) (dialog.Recognizer, string, error) {
	o.announce.printf("  building the speech recognizer from %s", count(len(texts), "text"))
	r, err := pocketsphinx.New(pocketsphinx.Config{
		Texts:    texts,
		Language: f.Language,
		Cache:    filepath.Join(o.config.Data, "cache"),
	})
	if err != nil {
		return nil, "", err
	}
	o.set.closers = append(o.set.closers, r.Close)
	return r, "pocketsphinx, on this machine", nil
}

// remoteName names a model on a server, such as "llama3.3 at 127.0.0.1:11434".
func remoteName(p config.Provider) string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return p.Model
	}
	return p.Model + " at " + u.Host
}
