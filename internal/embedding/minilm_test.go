//go:build cgo

package embedding

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
)

func openMiniLM(t testing.TB) *MiniLM {
	t.Helper()
	file := modelstest.File(t, "minilm-l6-en", "model.onnx")
	rt, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	m, err := OpenMiniLM(rt, filepath.Dir(file))
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

func TestMiniLMComparesMeanings(t *testing.T) {
	m := openMiniLM(t)
	question, err := m.Query(t.Context(), "i want my money back")
	require.NoError(t, err)
	passages, err := m.Passages(t.Context(), []string{"How to get a refund for an order.", "The lamp flickers."})
	require.NoError(t, err)
	similarity := func(a, b []float32) (sum float64) {
		for i := range a {
			sum += float64(a[i]) * float64(b[i])
		}
		return sum
	}
	if n := similarity(question, question); math.Abs(n-1) > 1e-4 {
		t.Errorf("the vector has the length %v, want 1", n)
	}
	if refund, lamp := similarity(question, passages[0]), similarity(question, passages[1]); refund < lamp+0.3 {
		t.Errorf("the similarity with a refund is %.2f, with a lamp %.2f", refund, lamp)
	}
}

func TestMiniLMEndsWithItsContext(t *testing.T) {
	m := openMiniLM(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Passages(ctx, []string{"a"}); err == nil {
		t.Error("got no error")
	}
}

func BenchmarkMiniLM(b *testing.B) {
	m := openMiniLM(b)
	for b.Loop() {
		if _, err := m.Query(b.Context(), "how long does a refund take"); err != nil {
			b.Fatal(err)
		}
	}
}
