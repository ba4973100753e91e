package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/agentfile"
	"frontdesk/internal/embedding"
	"frontdesk/internal/onnx"
	"frontdesk/internal/words"
	"frontdesk/tools/knowledge"
	"frontdesk/tools/knowledge/documents"
)

// knowledge opens the agent's knowledge base; nil if it has none.
func (o *agentOpener) knowledge(ctx context.Context, f agentfile.File) (*knowledge.Base, error) {
	if f.Knowledge == "" {
		return nil, nil
	}
	o.announce.printf("  reading the pages in %s", f.Knowledge)
	k, err := knowledge.Open(ctx, f.Knowledge, o.knowledgeOptions(f))
	if err != nil {
		return nil, err
	}
	o.set.closers = append(o.set.closers, k.Close)
	o.set.bases = append(o.set.bases, k)
	for _, p := range k.Problems() {
		o.log.Warn("page omitted", zap.String("agent", f.Name), zap.String("page", p.File), zap.Error(p.Err))
	}
	return k, nil
}

// vectorsTimeout is how long measurements wait until pages are found by their meaning, too.
const vectorsTimeout = 2 * time.Minute

// waitForVectors returns when all pages can be found by their meaning, or after vectorsTimeout.
func (s *agentSet) waitForVectors(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, vectorsTimeout)
	defer cancel()
	for _, k := range s.bases {
		_ = k.WaitForVectors(ctx) // the only error is that of ctx
	}
}

// knowledgeOptions returns how an agent's pages are read and searched.
func (o *agentOpener) knowledgeOptions(f agentfile.File) knowledge.Options {
	options := knowledge.Options{Language: f.Language, Formats: documents.Formats(), OnProblem: func(err error) {
		o.log.Warn("knowledge base", zap.String("agent", f.Name), zap.Error(err))
	}}
	if o.neural != nil && o.config.Embedding.Provider != "none" && words.IsEnglish(f.Language) {
		if m := o.neural.openEmbedder(); m != nil {
			options.Embedder = m
		}
	}
	return options
}

// meanings names the network that compares the meanings of texts.
const meanings = "MiniLM"

// openEmbedder returns the network that compares the meanings of English texts, which all
// agents share; nil if it cannot be used, which one line of the log says.
func (n *neuralSpeech) openEmbedder() *embedding.MiniLM {
	if n.miniLM != nil || n.failed[meanings] != nil {
		return n.miniLM
	}
	n.try(meanings, func(rt *onnx.Runtime) (err error) {
		if err = requireFile(n.cache.Path("minilm-l6-en", "model.onnx")); err != nil {
			return err
		}
		if n.miniLM, err = embedding.OpenMiniLM(rt, n.cache.Path("minilm-l6-en", "")); err == nil {
			n.closers = append(n.closers, n.miniLM.Close)
		}
		return err
	})
	if err := n.failed[meanings]; err != nil {
		n.miniLM = nil
		n.log.Warn("pages are found by their words, not by their meaning", zap.Error(err))
	}
	return n.miniLM
}
