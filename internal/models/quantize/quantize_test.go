package quantize

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"frontdesk/internal/require"
)

// The exported names are for runtime_test.go, which is in another package because
// internal/modelstest imports this one.

// Rows and Columns are the shape of the test network's matrices.
const Rows, Columns = 16, 8

// floatTensor returns a TensorProto.
func floatTensor(name string, values []float32, dims ...uint64) []byte {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return newTensor(name, typeFloat, dims, raw).raw
}

// value returns a ValueInfoProto of a tensor.
func value(name string, kind uint64, dims ...uint64) []byte {
	var shape []byte
	for _, d := range dims {
		shape = appendMessage(shape, 1, appendNumber(nil, 1, d))
	}
	tensorType := appendMessage(appendNumber(nil, 1, kind), 2, shape)
	return appendMessage(appendText(nil, valueName, name), 2, appendMessage(nil, 1, tensorType))
}

// branch returns a nameless GraphProto that multiplies x with matrix, which has columns.
func branch(matrix string, columns uint64, constants ...[]byte) []byte {
	product := newNode("MatMul", "p", []string{"x", matrix}, []string{matrix + "_y"})
	b := appendMessage(nil, graphNode, product.raw)
	for _, c := range constants {
		b = appendMessage(b, graphInitializer, c)
	}
	return appendMessage(b, graphOutput, value(matrix+"_y", typeFloat, 1, columns))
}

// Network returns a network whose If multiplies x by one of two matrices. The first is a
// constant of the main graph, the second of the branch.
func Network(first, second []float32) []byte { return network(Rows, Columns, first, second) }

func network(rows, columns uint64, first, second []float32) []byte {
	const graphType, boolType = 5, 9
	choice := newNode("If", "", []string{"cond"}, []string{"y"})
	for name, g := range map[string][]byte{
		"then_branch": branch("first", columns),
		"else_branch": branch("second", columns, floatTensor("second", second, rows, columns)),
	} {
		a := appendMessage(appendText(nil, attributeName, name), attributeGraph, g)
		choice.raw = appendMessage(choice.raw, nodeAttribute, appendNumber(a, attributeType, graphType))
	}
	g := appendText(appendMessage(nil, graphNode, choice.raw), graphName, "main")
	g = appendMessage(g, graphInitializer, floatTensor("first", first, rows, columns))
	g = appendMessage(g, 11, value("x", typeFloat, 1, rows))
	g = appendMessage(g, 11, value("cond", boolType))
	g = appendMessage(g, graphOutput, value("y", typeFloat, 1, columns))
	model := appendText(appendNumber(nil, 1, 8), 2, "the producer")
	model = appendMessage(model, modelOpset, appendNumber(appendText(nil, opsetDomain, ""), opsetVersion, 14))
	return appendMessage(model, modelGraph, g)
}

// RandomFloats returns n normally distributed numbers.
func RandomFloats(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(rng.NormFloat64())
	}
	return list
}

// constant returns the constant that a GraphProto of the main graph has.
func constant(t *testing.T, model []byte, name string) *tensor {
	t.Helper()
	var found *tensor
	_, err := rewrite(model, func(g *graph) error {
		for _, i := range g.initializers {
			if i.name == name {
				found = i
			}
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

func TestMatrixIsQuantizedByColumn(t *testing.T) {
	first := make([]float32, Rows*Columns)
	first[0], first[Columns], first[2*Columns] = 127, -63.5, 0.4 // column 0: scale 1
	first[1] = -2540                                             // column 1: scale 20
	out, err := Products(Network(first, RandomFloats(1, Rows*Columns)))
	require.NoError(t, err)
	q, scale := constant(t, out, "first_quantized"), constant(t, out, "first_scale")
	if q == nil || scale == nil || constant(t, out, "first") != nil {
		t.Fatal("the matrix was not replaced")
	}
	for i, want := range map[int]int8{0: 127, Columns: -64, 2 * Columns: 0, 1: -127, 2: 0} {
		if got := int8(q.data[i]); got != want {
			t.Errorf("value %d is %d, want %d", i, got, want)
		}
	}
	for j, want := range []float32{1, 20, 1} {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(scale.data[4*j:])); got != want {
			t.Errorf("scale %d is %v, want %v", j, got, want)
		}
	}
	if !bytes.Contains(out, []byte("the producer")) {
		t.Error("a field of the model that is not known was lost")
	}
}

func TestEveryGraphHasAName(t *testing.T) {
	out, err := NameGraphs(Network(RandomFloats(1, Rows*Columns), RandomFloats(2, Rows*Columns)))
	require.NoError(t, err)
	names := make(map[string]bool)
	_, err = rewrite(out, func(g *graph) error {
		names[g.name] = true
		for _, n := range g.nodes {
			for _, sub := range n.graphs {
				names[sub.name] = true
			}
		}
		return nil
	})
	require.NoError(t, err)
	if len(names) != 3 || names[""] || !names["main"] {
		t.Errorf("got names %v, want main and two others", names)
	}
}

func TestWrongFilesAreRefused(t *testing.T) {
	matrix := RandomFloats(1, Rows*Columns)
	infinite := RandomFloats(1, Rows*Columns)
	infinite[3] = float32(math.Inf(1))
	old := appendMessage(nil, modelOpset, appendNumber(nil, opsetVersion, 9))
	for want, model := range map[string][]byte{
		"not an ONNX file": []byte("GIF89a"),
		"not finite":       Network(infinite, matrix),
		"bytes for 16 x 8": Network(matrix[1:], matrix),
		"too old":          append(old, Network(matrix, matrix)...),
	} {
		if _, err := Products(model); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := Products(nil); err == nil {
		t.Error("an empty file was accepted")
	}
}

func FuzzProducts(f *testing.F) {
	// The smallest networks: the fuzzer minimizes each input that it keeps, byte by byte.
	f.Add(network(1, 1, []float32{1}, []float32{2}))
	f.Add(network(1, 2, []float32{1}, []float32{2, 0}))
	f.Fuzz(func(t *testing.T, model []byte) {
		named, err := NameGraphs(model)
		if err != nil {
			return
		}
		out, err := Products(named)
		if err != nil {
			return
		}
		if again, err := NameGraphs(out); err != nil || !bytes.Equal(again, out) {
			t.Errorf("the result is not read back: %v", err)
		}
	})
}
