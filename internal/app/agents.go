package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/dialog/mouth"
	"frontdesk/dialog/provider/clerk"
	"frontdesk/dialog/provider/espeak"
	"frontdesk/dialog/provider/flite"
	"frontdesk/dialog/provider/openai"
	"frontdesk/dialog/provider/pocketsphinx"
	"frontdesk/dialog/provider/silero"
	"frontdesk/internal/agentfile"
	"frontdesk/internal/config"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/media"
	"frontdesk/tools"
)

const lateTools = 5 * time.Second // that a stopping node gives tools which outlast their deadline

// roster is every agent of this node, and what they share.
type roster struct {
	agents map[string]*dialog.Agent
	first  string // the one that answers callers who name none
	close  []func() error

	tickets *tools.Tickets
}

// openAgents reads the agents' folders and gives each its model, ears, voice and
// tools. An agent that cannot work is logged and left out; the first one must work.
func openAgents(ctx context.Context, c config.Config, db *sql.DB, log *zap.Logger) (*roster, error) {
	files, problems := agentfile.LoadAll(c.Agents)
	for _, err := range problems {
		log.Error("agent left out", zap.Error(err))
	}
	if c.Agent == "" {
		c.Agent = defaultAgent(files, problems)
	}
	tickets, err := tools.OpenTickets(ctx, db)
	if err != nil {
		return nil, err
	}
	b := builder{c: c, log: log, tickets: tickets, roster: &roster{agents: make(map[string]*dialog.Agent), first: c.Agent, tickets: tickets}}
	if err := b.openDetector(); err != nil {
		return nil, misuse{err}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		a, err := b.agent(ctx, files[name])
		if err != nil {
			log.Error("agent left out", zap.String("agent", name), zap.Error(err))
			continue
		}
		b.roster.agents[name] = a
	}
	if b.roster.agents[c.Agent] == nil {
		b.roster.Close()
		return nil, misuse{errors.New("agent: there is no working agent " + c.Agent + " in " + c.Agents)}
	}
	return b.roster, nil
}

// defaultAgent is the only agent of the folder, or else demo.
func defaultAgent(files map[string]agentfile.File, problems []error) string {
	if len(files) == 1 && len(problems) == 0 {
		for name := range files {
			return name
		}
	}
	return "demo"
}

// Find returns the agent of that name, "" being the first one.
func (r *roster) Find(name string) (*dialog.Agent, error) {
	if name == "" {
		name = r.first
	}
	a, ok := r.agents[name]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no agent %q", name)
	}
	return a, nil
}

// All lists the agents, the first one first.
func (r *roster) All() []*dialog.Agent {
	list := []*dialog.Agent{r.agents[r.first]}
	for _, name := range slices.Sorted(maps.Keys(r.agents)) {
		if name != r.first {
			list = append(list, r.agents[name])
		}
	}
	return list
}

// Close gives back what the agents hold. No call may be running.
func (r *roster) Close() {
	for _, f := range slices.Backward(r.close) {
		_ = f()
	}
}

// builder makes agents of files.
type builder struct {
	c       config.Config
	log     *zap.Logger
	tickets *tools.Tickets
	roster  *roster

	detector func() dialog.VoiceDetector
}

// openDetector opens the voice detector that all agents share.
func (b *builder) openDetector() error {
	b.detector = func() dialog.VoiceDetector { return media.NewDetector() }
	if b.c.VAD.Model == "" {
		return nil
	}
	n, err := silero.Open(silero.Config{
		Model: b.c.VAD.Model, Library: b.c.VAD.Library,
		OnFailure: func(err error) { b.log.Error("the built-in detector takes over in a call", zap.Error(err)) },
	})
	if err != nil {
		return fmt.Errorf("vad: %w", err)
	}
	b.detector = n.Detector
	b.roster.close = append(b.roster.close, n.Close)
	return nil
}

func (b *builder) agent(ctx context.Context, f agentfile.File) (*dialog.Agent, error) {
	a := &dialog.Agent{
		Name: f.Name, Title: f.Title, Greeting: f.Greeting, Instructions: f.Instructions,
		Language: f.Language, Voice: f.Voice, Suggestions: f.Try, Farewell: f.Farewell,
		Silence: f.Silence, Speculation: f.Speculation, Memory: f.Memory, Filler: f.Filler, Handover: f.Handover, RecordAudio: f.Record,
		Detector: b.detector,
	}
	texts := append([]string{f.Title, f.Greeting, f.Farewell, f.Handover.Message, f.Handover.FailedMessage}, f.Try...)
	var err error
	if a.Tools, err = b.tools(ctx, f, &texts); err != nil {
		return nil, err
	}
	if a.Model, err = b.model(); err != nil {
		return nil, err
	}
	if a.Recognizer, err = b.ears(f, texts); err != nil {
		return nil, err
	}
	if a.Synthesizer, err = b.voice(f); err != nil {
		return nil, err
	}
	return a, nil
}

// tools opens what the agent may use and adds the words of its knowledge to texts.
func (b *builder) tools(ctx context.Context, f agentfile.File, texts *[]string) (*tools.Registry, error) {
	all := b.tickets.Tools(f.Handover.Message)
	if f.Knowledge != "" {
		k, err := tools.OpenKnowledge(ctx, f.Knowledge)
		if err != nil {
			return nil, err
		}
		b.roster.close = append(b.roster.close, k.Close)
		for _, p := range k.Problems() {
			b.log.Warn("page left out", zap.String("agent", f.Name), zap.String("page", p.File), zap.Error(p.Err))
		}
		*texts = append(*texts, k.Texts()...)
		all = append(all, tools.KnowledgeTool(k))
	}
	for _, l := range f.Tools.Lookups {
		t, err := tools.OpenLookup(tools.LookupConfig{Name: l.Name, Description: l.Description, File: l.File, Key: l.Key})
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	r, err := tools.NewRegistry(all...)
	if err != nil {
		return nil, err
	}
	b.roster.close = append(b.roster.close, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), lateTools)
		defer cancel()
		return r.Wait(ctx)
	})
	return r.Restrict(tools.Policy{Allow: f.Tools.Allow, Timeout: f.Tools.Timeout, Timeouts: f.Tools.Timeouts})
}

// model is the configured models in order, the clerk last.
func (b *builder) model() (dialog.Model, error) {
	models, err := languageModels(b.c)
	if err != nil {
		return nil, err
	}
	return conversation.Fallback(append(models, clerk.Clerk{})...), nil
}

// languageModels are the configured ones.
func languageModels(c config.Config) ([]dialog.Model, error) {
	var models []dialog.Model
	for _, p := range c.LLM {
		if p.Provider != "openai" {
			continue // the clerk comes last, once
		}
		m, err := openai.NewModel(openai.Config{URL: p.URL, Model: p.Model, Key: p.Key})
		if err != nil {
			return nil, err
		}
		models = append(models, m)
	}
	return models, nil
}

func (b *builder) ears(f agentfile.File, texts []string) (dialog.Recognizer, error) {
	p := b.c.STT
	switch p.Provider {
	case "none":
		return nil, nil
	case "openai":
		return openai.NewTranscriber(openai.Config{URL: p.URL, Model: p.Model, Key: p.Key})
	}
	r, err := pocketsphinx.New(pocketsphinx.Config{
		Texts:    texts,
		Language: f.Language,
		Cache:    filepath.Join(b.c.Data, "cache"),
	})
	if err != nil {
		return nil, err
	}
	b.roster.close = append(b.roster.close, r.Close)
	return r, nil
}

func (b *builder) voice(f agentfile.File) (dialog.Synthesizer, error) {
	v, err := b.synthesizer(f)
	if v == nil || err != nil {
		return nil, err
	}
	return mouth.Cached(v), nil
}

func (b *builder) synthesizer(f agentfile.File) (dialog.Synthesizer, error) {
	p := b.c.TTS
	switch {
	case p.Provider == "none":
		return nil, nil
	case p.Provider == "openai":
		return openai.NewSpeech(openai.Config{URL: p.URL, Model: p.Model, Key: p.Key, Voice: p.Voice})
	case p.Provider == "espeak", !words.IsEnglish(f.Language):
		return espeak.New(espeak.Config{Voice: p.Voice})
	default:
		return flite.New(flite.Config{Voice: p.Voice})
	}
}
