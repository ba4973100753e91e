// Package quantize rewrites ONNX files so that constant matrix products run in 8 bits. It
// imports nothing of Frontdesk. The bytes of a file enter, and those of the new file leave;
// fields that are not changed are copied.
package quantize

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// NameGraphs gives a name to the graphs in a model that have none. ONNX Runtime writes such
// graphs from files in ORT format, and does not read them. The result is deterministic.
func NameGraphs(model []byte) ([]byte, error) {
	return rewrite(model, func(g *graph) error {
		count := 0
		var name func(*graph)
		name = func(g *graph) {
			if g.name == "" {
				g.name = fmt.Sprintf("graph%d", count)
			}
			count++
			for _, n := range g.nodes {
				for i := range n.attributes {
					if sub := n.graphs[i]; sub != nil {
						name(sub)
					}
				}
			}
		}
		name(g)
		return nil
	})
}

// Products replaces each MatMul whose second input is a constant float32 matrix [k,n], also
// in nested graphs, by a product of 8-bit integers: DynamicQuantizeLinear of the first input,
// MatMulInteger, Cast to float and Mul by both scales. Each column of the matrix has its own
// scale, its largest magnitude / 127, as in ONNX Runtime's dynamic quantization. The result is
// deterministic.
// The error says why model is not an ONNX file that can be rewritten.
func Products(model []byte) ([]byte, error) {
	return rewrite(model, func(g *graph) error {
		q := &quantizer{quantized: make(map[*tensor]*quantizedMatrix)}
		return q.graph(g, nil)
	})
}

// rewrite applies change to the model's main graph.
func rewrite(model []byte, change func(*graph) error) ([]byte, error) {
	fields, err := splitMessage(model)
	if err != nil {
		return nil, err
	}
	var out []byte
	hasGraph := false
	for _, f := range fields {
		switch {
		case f.num == modelOpset:
			if err := checkOpset(f.value); err != nil {
				return nil, err
			}
		case f.num == modelGraph && hasGraph:
			return nil, errWire
		case f.num == modelGraph:
			hasGraph = true
			g, err := parseGraph(f.value, 0)
			if err != nil {
				return nil, err
			}
			if err := change(g); err != nil {
				return nil, err
			}
			b := g.bytes()
			out = appendMessage(slices.Grow(out, len(b)+len(model)-len(f.raw)+16), modelGraph, b)
			continue
		}
		out = append(out, f.raw...)
	}
	if !hasGraph {
		return nil, errWire
	}
	return out, nil
}

// checkOpset refuses operators older than DynamicQuantizeLinear.
func checkOpset(b []byte) error {
	fields, err := splitMessage(b)
	if err != nil {
		return err
	}
	domain, version := "", uint64(0)
	for _, f := range fields {
		switch f.num {
		case opsetDomain:
			domain = string(f.value)
		case opsetVersion:
			version = f.n
		}
	}
	if domain == "" && version < 11 {
		return fmt.Errorf("operator set %d is too old (want 11 or later)", version)
	}
	return nil
}

// quantizer quantizes the matrices of a model.
type quantizer struct {
	quantized map[*tensor]*quantizedMatrix
}

// quantizedMatrix holds the three tensors that replace a matrix where it is stored. scale and
// zero have a number for each column.
type quantizedMatrix struct{ matrix, scale, zero *tensor }

// scope is a graph and the graphs around it, innermost first.
type scope struct {
	constants map[string]*tensor
	outer     *scope
}

func (s *scope) find(name string) *tensor {
	for ; s != nil; s = s.outer {
		if t, ok := s.constants[name]; ok {
			return t
		}
	}
	return nil
}

// graph replaces the products of g, whose surrounding graphs are outer.
func (q *quantizer) graph(g *graph, outer *scope) error {
	s := &scope{constants: make(map[string]*tensor, len(g.initializers)), outer: outer}
	for _, t := range g.initializers {
		s.constants[t.name] = t
	}
	var nodes []*node
	dynamic := make(map[string]bool) // inputs that g quantizes already
	for _, n := range g.nodes {
		for i := range n.attributes {
			if sub := n.graphs[i]; sub != nil {
				if err := q.graph(sub, s); err != nil {
					return err
				}
			}
		}
		var matrix *tensor
		if n.op == "MatMul" && n.domain == "" && len(n.inputs) == 2 && len(n.outputs) == 1 {
			matrix = s.find(n.inputs[1])
		}
		if matrix == nil || matrix.kind != typeFloat || len(matrix.dims) != 2 {
			nodes = append(nodes, n)
			continue
		}
		c, err := q.matrix(matrix)
		if err != nil {
			return err
		}
		if in := n.inputs[0]; !dynamic[in] {
			dynamic[in] = true
			nodes = append(nodes, newNode("DynamicQuantizeLinear", in+"_QuantizeLinear",
				[]string{in}, []string{in + "_quantized", in + "_scale", in + "_zero_point"}))
		}
		nodes = append(nodes, product(n, c)...)
	}
	g.nodes = nodes
	q.replaceMatrices(g)
	return nil
}

// product returns the nodes that replace the MatMul n.
func product(n *node, c *quantizedMatrix) []*node {
	in, out := n.inputs[0], n.outputs[0]
	integers, floats, scales := out+"_output_quantized", out+"_output_quantized_cast_output", out+"_quant_scales"
	to := appendNumber(appendNumber(appendText(nil, attributeName, "to"), attributeInt, typeFloat), attributeType, typeInt)
	cast := newNode("Cast", integers+"_cast", []string{integers}, []string{floats})
	cast.raw = appendMessage(cast.raw, nodeAttribute, to)
	return []*node{
		newNode("MatMulInteger", n.name+"_quant",
			[]string{in + "_quantized", c.matrix.name, in + "_zero_point", c.zero.name}, []string{integers}),
		cast,
		newNode("Mul", scales+"_mul", []string{in + "_scale", c.scale.name}, []string{scales}),
		newNode("Mul", out+"_output_scale_mul", []string{floats, scales}, []string{out}),
	}
}

func newNode(op, name string, inputs, outputs []string) *node {
	b := appendText(nil, nodeInput, inputs...)
	b = appendText(b, nodeOutput, outputs...)
	b = appendText(b, nodeName, name)
	return &node{raw: appendText(b, nodeOp, op), op: op, name: name, inputs: inputs, outputs: outputs}
}

// matrix quantizes a constant, or returns the result of an earlier call.
func (q *quantizer) matrix(t *tensor) (*quantizedMatrix, error) {
	if c, ok := q.quantized[t]; ok {
		return c, nil
	}
	k, n := t.dims[0], t.dims[1]
	if k == 0 || n == 0 || k > math.MaxInt32 || n > math.MaxInt32 || k*n*4 != uint64(len(t.data)) {
		return nil, fmt.Errorf("tensor %q has %d bytes for %d x %d floats", t.name, len(t.data), k, n)
	}
	at := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:])) }
	scales := make([]float32, n)
	for i := range int(k * n) {
		v := max(at(i), -at(i))
		if !(v <= math.MaxFloat32) {
			return nil, fmt.Errorf("tensor %q has a value that is not finite", t.name)
		}
		scales[i%int(n)] = max(scales[i%int(n)], v)
	}
	packed, raw := make([]byte, 0, 4*n), make([]byte, k*n)
	for j := range scales {
		if scales[j] = float32(float64(scales[j]) / 127); scales[j] == 0 {
			scales[j] = 1 // all values of the column are zero, or too small to be scaled
		}
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(scales[j]))
	}
	for i := range raw {
		v := at(i) / scales[i%int(n)] // in float32, which decides how ties are rounded
		raw[i] = byte(int8(max(-127, min(127, math.RoundToEven(float64(v))))))
	}
	c := &quantizedMatrix{
		matrix: newTensor(t.name+"_quantized", typeInt8, t.dims, raw),
		scale:  newTensor(t.name+"_scale", typeFloat, t.dims[1:], packed),
		zero:   newTensor(t.name+"_zero_point", typeInt8, t.dims[1:], make([]byte, n)),
	}
	q.quantized[t] = c
	return c, nil
}

func newTensor(name string, kind uint64, dims []uint64, data []byte) *tensor {
	var b []byte
	for _, d := range dims {
		b = appendNumber(b, tensorDims, d)
	}
	b = appendNumber(b, tensorType, kind)
	b = appendText(b, tensorName, name)
	return &tensor{raw: appendMessage(b, tensorRaw, data), name: name, kind: kind, dims: dims, data: data}
}

// replaceMatrices stores the quantized matrices of g, and drops those that nothing else uses.
func (q *quantizer) replaceMatrices(g *graph) {
	used := make(map[string]bool)
	collectUses(g, used)
	var list []*tensor
	for _, t := range g.initializers {
		c := q.quantized[t]
		if c == nil || used[t.name] {
			list = append(list, t)
		}
		if c != nil {
			list = append(list, c.matrix, c.scale, c.zero)
		}
	}
	g.initializers = list
}

// collectUses adds the names that g and the graphs in it read.
func collectUses(g *graph, used map[string]bool) {
	for _, name := range g.outputs {
		used[name] = true
	}
	for _, n := range g.nodes {
		for _, in := range n.inputs {
			used[in] = true
		}
		for _, sub := range n.graphs {
			collectUses(sub, used)
		}
	}
}
