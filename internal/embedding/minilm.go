//go:build cgo

package embedding

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
)

// MiniLM is the network all-MiniLM-L6-v2, which knows English. It is safe for concurrent use.
type MiniLM struct {
	tokens  *wordPiece
	network *onnx.Session
}

const miniLMDimensions = 384

// OpenMiniLM opens the files model.onnx and vocab.json in dir.
func OpenMiniLM(rt *onnx.Runtime, dir string) (*MiniLM, error) {
	vocabulary, err := os.ReadFile(filepath.Join(dir, "vocab.json"))
	if err != nil {
		return nil, fault.Wrap(err, fault.Storage, "cannot read the vocabulary of MiniLM")
	}
	m := &MiniLM{}
	if m.tokens, err = newWordPiece(vocabulary); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s cannot be used", filepath.Join(dir, "vocab.json"))
	}
	m.network, err = rt.Open(onnx.Network{
		File:   filepath.Join(dir, "model.onnx"),
		Inputs: []string{"input_ids", "attention_mask", "token_type_ids"}, Outputs: []string{"last_hidden_state"},
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cannot open MiniLM")
	}
	return m, nil
}

// Name implements knowledge.Embedder.
func (m *MiniLM) Name() string { return "all-minilm-l6-v2-int8" }

// Close waits for the texts in work, and frees the network.
func (m *MiniLM) Close() error { return m.network.Close() }

// Query implements knowledge.Embedder.
func (m *MiniLM) Query(ctx context.Context, text string) ([]float32, error) {
	if ctx.Err() != nil {
		return nil, fault.From(ctx.Err())
	}
	return m.embed(text)
}

// Passages implements knowledge.Embedder. It ends one text after ctx.
func (m *MiniLM) Passages(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		var err error
		if out[i], err = m.Query(ctx, text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// embed returns the mean of the vectors of text's tokens.
func (m *MiniLM) embed(text string) ([]float32, error) {
	ids := m.tokens.tokens(text)
	n := int64(len(ids))
	mask := make([]int64, n)
	for i := range mask {
		mask[i] = 1
	}
	var in []ort.Value
	defer func() { destroy(in) }()
	for _, data := range [][]int64{ids, mask, make([]int64, n)} {
		t, err := ort.NewTensor(ort.NewShape(1, n), data)
		if err != nil {
			return nil, fmt.Errorf("run MiniLM: %w", err)
		}
		in = append(in, t)
	}
	out := []ort.Value{nil}
	defer func() { destroy(out) }()
	if err := m.network.Run(in, out); err != nil {
		return nil, fmt.Errorf("run MiniLM: %w", err)
	}
	hidden, ok := out[0].(*ort.Tensor[float32])
	if !ok || len(hidden.GetData()) != int(n)*miniLMDimensions {
		return nil, fault.New(fault.Internal, "MiniLM has an output of another size")
	}
	v := make([]float32, miniLMDimensions)
	for i, x := range hidden.GetData() {
		v[i%miniLMDimensions] += x
	}
	if !normalize(v) {
		return nil, fault.New(fault.Internal, "MiniLM made a vector without a direction")
	}
	return v, nil
}

func destroy(values []ort.Value) {
	for _, v := range values {
		if v != nil {
			_ = v.Destroy()
		}
	}
}
