//go:build cgo

package quantize_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/models/quantize"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
)

// run returns the output of a test network for x.
func run(t *testing.T, rt *onnx.Runtime, model []byte, x []float32, takesFirst bool) []float32 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "m.onnx")
	require.NoError(t, os.WriteFile(file, model, 0o600))
	s, err := rt.Open(onnx.Network{File: file, Inputs: []string{"x", "cond"}, Outputs: []string{"y"}})
	require.NoError(t, err)
	defer s.Close()
	in, err := ort.NewTensor(ort.NewShape(1, quantize.Rows), x)
	require.NoError(t, err)
	defer in.Destroy()
	cond, err := ort.NewScalar(takesFirst)
	require.NoError(t, err)
	defer cond.Destroy()
	out, err := ort.NewEmptyTensor[float32](ort.NewShape(1, quantize.Columns))
	require.NoError(t, err)
	defer out.Destroy()
	require.NoError(t, s.Run([]ort.Value{in, cond}, []ort.Value{out}))
	return append([]float32(nil), out.GetData()...)
}

// TestQuantizedNetworkComputesTheSame allows 3 % of the largest output: both factors are
// rounded to 8 bits.
func TestQuantizedNetworkComputesTheSame(t *testing.T) {
	rt, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	model, err := quantize.NameGraphs(quantize.Network(quantize.RandomFloats(1, quantize.Rows*quantize.Columns), quantize.RandomFloats(2, quantize.Rows*quantize.Columns)))
	require.NoError(t, err)
	quantized, err := quantize.Products(model)
	require.NoError(t, err)
	x := quantize.RandomFloats(3, quantize.Rows)
	for _, takesFirst := range []bool{true, false} {
		want, got := run(t, rt, model, x, takesFirst), run(t, rt, quantized, x, takesFirst)
		largest, isEqual := 0.0, true
		for i := range want {
			largest = max(largest, math.Abs(float64(want[i])))
			isEqual = isEqual && want[i] == got[i]
		}
		for i := range want {
			if math.Abs(float64(want[i]-got[i])) > 0.03*largest {
				t.Errorf("first %v: output %d is %v, want %v", takesFirst, i, got[i], want[i])
			}
		}
		if isEqual {
			t.Errorf("first %v: nothing was quantized", takesFirst)
		}
	}
}
