// Package embedding turns texts into vectors whose cosine says how much their meanings agree,
// with a network on this machine (MiniLM). Texts enter as strings; vectors of length 1 leave.
// Of Frontdesk the package imports only internal/fault, internal/onnx and internal/words.
package embedding

import (
	"context"
	"math"
)

// Model turns texts into vectors. Knowledge bases use it through their own interface.
type Model interface {
	// Name tells which model makes the vectors: those of different names are not comparable.
	Name() string
	// Query returns the vector of a question.
	Query(ctx context.Context, text string) ([]float32, error)
	// Passages returns the vectors of texts that answer questions, in their order.
	Passages(ctx context.Context, texts []string) ([][]float32, error)
}

// normalize gives v the length 1. It reports false if v has no direction.
func normalize(v []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return false
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
	return true
}
