//go:build cgo

package moonshine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/onnx"
)

func encoderFile(dir string) onnx.Network {
	return onnx.Network{File: dir + "/encoder_model.onnx", Inputs: []string{"input_values"}, Outputs: []string{"last_hidden_state"}}
}

func decoderFile(dir string) onnx.Network {
	return onnx.Network{
		File:    dir + "/decoder_model_merged.onnx",
		Inputs:  slices.Concat([]string{"input_ids", "encoder_hidden_states", "use_cache_branch"}, pastWritten[:], pastAudio[:]),
		Outputs: slices.Concat([]string{"logits"}, presentWritten[:], presentAudio[:]),
	}
}

// decoder runs the network for one worker. Its memory is reused from utterance to
// utterance. It is not safe for concurrent use.
type decoder struct {
	*network
	binding *ort.IoBinding
	audio   attention    // the audio's keys and values
	started attention    // after the start token
	written [2]attention // the tokens' keys and values: after the last run, and after the one before it
	latest  *attention   // the last run's keys and values
	none    attention    // before the start token
	states  *ort.Tensor[float32]
	first   []float32 // logits of the first token
	logits  []float32 // of the last run
}

func newDecoder(n *network) (*decoder, error) {
	d := &decoder{network: n, first: make([]float32, vocabulary)}
	var err error
	if d.binding, err = n.decoder.CreateIoBinding(); err != nil {
		return nil, err
	}
	return d, d.none.resize(1, 0)
}

func (d *decoder) close() {
	for _, a := range []*attention{&d.audio, &d.started, &d.written[0], &d.written[1], &d.none} {
		a.free()
	}
	if d.states != nil {
		_ = d.states.Destroy()
	}
	_ = d.binding.Destroy()
}

// encode encodes pcm, samples at media.EarRate from -1 to 1. Until the next encode, decode
// and score work on them.
func (d *decoder) encode(pcm []float32) error {
	in, err := ort.NewTensor(ort.NewShape(1, int64(len(pcm))), pcm)
	if err != nil {
		return err
	}
	defer in.Destroy()
	if d.states != nil {
		_ = d.states.Destroy()
		d.states = nil
	}
	out := []ort.Value{nil}
	if err := d.network.encoder.Run([]ort.Value{in}, out); err != nil {
		return err
	}
	states, ok := out[0].(*ort.Tensor[float32])
	if !ok || len(states.GetShape()) != 3 || states.GetShape()[2] != hidden {
		_ = out[0].Destroy()
		return errors.New("the encoder is not Moonshine base's")
	}
	d.states = states
	if err := errors.Join(d.audio.resize(1, int(states.GetShape()[1])), d.started.resize(1, 1)); err != nil {
		return err
	}
	d.binding.ClearBoundOutputs()
	err = d.bind(d.binding.BindOutput, presentAudio[:], &d.audio)
	if err == nil {
		err = d.bind(d.binding.BindInput, pastAudio[:], &d.none)
	}
	if err == nil {
		err = d.runBound(&d.none, &d.started, []int64{int64(startToken)}, false)
	}
	if err != nil {
		return err
	}
	copy(d.first, d.logits)
	d.binding.ClearBoundOutputs()
	return d.bind(d.binding.BindInput, pastAudio[:], &d.audio)
}

func (d *decoder) bind(bind func(string, ort.Value) error, names []string, a *attention) error {
	for i, name := range names {
		if err := bind(name, a.tensors[i]); err != nil {
			return err
		}
	}
	return nil
}

// runBound runs the network on ids, which are equally many tokens for each hypothesis of past.
// It sets now to past and these tokens, and d.logits to the logits after each of them.
// pastAudio must be bound.
func (d *decoder) runBound(past, now *attention, ids []int64, isCached bool) error {
	batch := int64(past.batch)
	length := int64(len(ids)) / batch
	if n := len(ids) * vocabulary; cap(d.logits) < n {
		d.logits = make([]float32, n)
	} else {
		d.logits = d.logits[:n]
	}
	in, err1 := ort.NewTensor(ort.NewShape(batch, length), ids)
	cached, err2 := ort.NewTensor(ort.NewShape(1), []bool{isCached})
	out, err3 := ort.NewTensor(ort.NewShape(batch, length, vocabulary), d.logits)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	defer in.Destroy()
	defer cached.Destroy()
	defer out.Destroy()
	err := errors.Join(
		now.resize(past.batch, past.length+int(length)),
		d.binding.BindInput("input_ids", in),
		d.binding.BindInput("encoder_hidden_states", d.states),
		d.binding.BindInput("use_cache_branch", cached),
		d.bind(d.binding.BindInput, pastWritten[:], past),
		d.binding.BindOutput("logits", out),
		d.bind(d.binding.BindOutput, presentWritten[:], now),
	)
	if err != nil {
		return err
	}
	return d.network.decoder.RunWithBinding(d.binding)
}

// spare returns the one of written that latest does not use.
func (d *decoder) spare() *attention {
	if d.latest == &d.written[0] {
		return &d.written[1]
	}
	return &d.written[0]
}

// run appends ids to the hypotheses of latest.
func (d *decoder) run(ids []int64) error {
	now := d.spare()
	if err := d.runBound(d.latest, now, ids, true); err != nil {
		return err
	}
	d.latest = now
	return nil
}

// reorder replaces the hypotheses of latest by copies of the given rows, cut to length.
func (d *decoder) reorder(rows []int, length int) error {
	now := d.spare()
	if err := now.gather(d.latest, rows, length); err != nil {
		return err
	}
	d.latest = now
	return nil
}

// at returns the logits at a position of the last run.
func (d *decoder) at(i int) []float32 { return d.logits[i*vocabulary:][:vocabulary] }

// decode returns the most likely hypotheses, best first. With a beam of 1 it chooses the
// best token at each step; with a larger one it compares hypotheses (beam search).
func (d *decoder) decode(ctx context.Context, o decodeOptions) ([]Hypothesis, error) {
	d.latest = &d.started
	if o.forbidEnd {
		o.bias = notEmpty{o.bias}
	}
	if o.beam > 1 {
		return d.search(ctx, o)
	}
	h, err := d.greedy(ctx, o)
	return []Hypothesis{h}, err
}

// greedy decodes with a beam of 1.
func (d *decoder) greedy(ctx context.Context, o decodeOptions) (Hypothesis, error) {
	var h Hypothesis
	next := h.choose(slices.Clone(d.first), o.bias)
	if len(o.draft) > 0 && next == o.draft[0] {
		var err error
		if next, err = d.verify(&h, o, next); err != nil {
			return h, err
		}
	}
	for next != endToken {
		h.Tokens = append(h.Tokens, next)
		if len(h.Tokens) >= o.limit || isLoop(h.Tokens) {
			return h, nil
		}
		if err := ctx.Err(); err != nil {
			return h, err
		}
		if err := d.run([]int64{int64(next)}); err != nil {
			return h, err
		}
		next = h.choose(d.at(0), o.bias)
	}
	h.Ended = true
	return h, nil
}

// verify runs the tokens of a draft at once, and appends those to h that decoding would have
// chosen. next is the first one; verify returns the one after them (Y. Leviathan et al.,
// "Fast inference from transformers via speculative decoding", 2023).
func (d *decoder) verify(h *Hypothesis, o decodeOptions, next Token) (Token, error) {
	draft := o.draft[:min(len(o.draft), o.limit-1)]
	ids := make([]int64, len(draft))
	for i, id := range draft {
		ids[i] = int64(id)
	}
	if len(ids) == 0 {
		return next, nil
	}
	if err := d.run(ids); err != nil {
		return 0, err
	}
	for i, id := range draft {
		if next != id {
			return next, d.reorder([]int{0}, 1+i)
		}
		h.Tokens = append(h.Tokens, id)
		next = h.choose(d.at(i), o.bias)
	}
	return next, nil
}

// score returns how likely the model finds sequences. It runs them all at once.
func (d *decoder) score(sequences [][]Token) ([]Hypothesis, error) {
	length := 0
	for _, s := range sequences {
		length = max(length, len(s))
	}
	out := make([]Hypothesis, len(sequences))
	if len(sequences) == 0 {
		return out, nil
	}
	d.latest = &d.started
	ids := make([]int64, len(sequences)*length)
	for i, s := range sequences {
		for j := range length {
			ids[i*length+j] = int64(endToken) // fills the row; the logits before it do not depend on it
			if j < len(s) {
				ids[i*length+j] = int64(s[j])
			}
		}
	}
	if length > 0 {
		if err := errors.Join(d.reorder(make([]int, len(sequences)), 1), d.run(ids)); err != nil {
			return nil, err
		}
	}
	for i, s := range sequences {
		logits := d.first
		for j := range len(s) + 1 {
			if j > 0 {
				logits = d.at(i*length + j - 1)
			}
			next := endToken
			if j < len(s) {
				next = s[j]
			}
			if next < 0 || next >= vocabulary {
				return nil, fmt.Errorf("%d is no token", next)
			}
			p := logits[next] - logSum(logits)
			out[i].LogProbs, out[i].Score = append(out[i].LogProbs, p), out[i].Score+p
		}
		out[i].Tokens, out[i].Ended = s, true
	}
	return out, nil
}

// choose appends the probability of the best next token to h and returns the token.
func (h *Hypothesis) choose(logits []float32, bias Bias) Token {
	total := logSum(logits)
	var unbiased []float32
	if bias != nil {
		unbiased = slices.Clone(logits)
		bias.Adjust(h.Tokens, logits)
	}
	best := Token(0)
	for i, v := range logits {
		if v > logits[best] {
			best = Token(i)
		}
	}
	h.Score += logits[best] - total
	p := logits[best]
	if bias != nil {
		p = unbiased[best]
	}
	h.LogProbs = append(h.LogProbs, p-total)
	return best
}

// notEmpty forbids the end of an utterance as its first token.
type notEmpty struct{ bias Bias }

// Adjust implements Bias.
func (n notEmpty) Adjust(prefix []Token, logits []float32) {
	if n.bias != nil {
		n.bias.Adjust(prefix, logits)
	}
	if len(prefix) == 0 {
		logits[endToken] = float32(math.Inf(-1))
	}
}
