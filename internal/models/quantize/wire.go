package quantize

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto3 (ONNX 1.x), for the messages that this package reads.
const (
	modelGraph, modelOpset                                                      = 7, 8
	opsetDomain, opsetVersion                                                   = 1, 2
	graphNode, graphName, graphInitializer, graphOutput, valueName              = 1, 2, 5, 12, 1
	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute, nodeDomain          = 1, 2, 3, 4, 5, 7
	attributeName, attributeInt, attributeGraph, attributeType                  = 1, 3, 6, 20
	tensorDims, tensorType, tensorFloats, tensorName, tensorRaw, tensorExternal = 1, 2, 4, 8, 9, 13
)

const (
	typeFloat, typeInt8 = 1, 3 // TensorProto.DataType
	typeInt             = 2    // AttributeProto.AttributeType
	maxDepth            = 16   // of graphs in graphs; the networks here have two levels
)

var errWire = errors.New("not an ONNX file")

// field is one field of a message. Its slices are parts of the file, not copies.
type field struct {
	num   protowire.Number
	raw   []byte // tag and value, as they are in the file
	value []byte // of a length-delimited field
	n     uint64 // of a varint field
}

func splitMessage(b []byte) ([]field, error) {
	var fields []field
	for len(b) > 0 {
		num, kind, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return nil, errWire
		}
		f := field{num: num}
		size := 0
		switch kind {
		case protowire.BytesType:
			f.value, size = protowire.ConsumeBytes(b[tag:])
		case protowire.VarintType:
			f.n, size = protowire.ConsumeVarint(b[tag:])
		default:
			size = protowire.ConsumeFieldValue(num, kind, b[tag:])
		}
		if size < 0 {
			return nil, errWire
		}
		f.raw, b = b[:tag+size], b[tag+size:]
		fields = append(fields, f)
	}
	return fields, nil
}

func appendMessage(b []byte, num protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), message)
}

func appendText(b []byte, num protowire.Number, texts ...string) []byte {
	for _, s := range texts {
		b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
	}
	return b
}

func appendNumber(b []byte, num protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), n)
}

// graph is a GraphProto.
type graph struct {
	name         string
	nodes        []*node
	initializers []*tensor
	outputs      []string
	rest         [][]byte // all other fields
}

// node is a NodeProto. If it has graphs, it is written anew with them, else raw is copied.
type node struct {
	raw                []byte
	op, name, domain   string
	inputs, outputs    []string
	attributes, others []field
	graphs             map[int]*graph // by the index of the attribute
}

// tensor is a TensorProto.
type tensor struct {
	raw    []byte // the message
	name   string
	kind   uint64
	dims   []uint64
	data   []byte // little-endian
	floats []byte // packed, if data is empty
}

func parseGraph(b []byte, depth int) (*graph, error) {
	if depth > maxDepth {
		return nil, errors.New("graphs in graphs are nested too deep")
	}
	fields, err := splitMessage(b)
	if err != nil {
		return nil, err
	}
	g := new(graph)
	for _, f := range fields {
		switch f.num {
		case graphName:
			g.name = string(f.value)
		case graphNode:
			n, err := parseNode(f.value, depth)
			if err != nil {
				return nil, err
			}
			g.nodes = append(g.nodes, n)
		case graphInitializer:
			t, err := parseTensor(f.value)
			if err != nil {
				return nil, err
			}
			g.initializers = append(g.initializers, t)
		case graphOutput:
			value, err := splitMessage(f.value)
			if err != nil {
				return nil, err
			}
			for _, v := range value {
				if v.num == valueName {
					g.outputs = append(g.outputs, string(v.value))
				}
			}
			g.rest = append(g.rest, f.raw)
		default:
			g.rest = append(g.rest, f.raw)
		}
	}
	return g, nil
}

func parseNode(b []byte, depth int) (*node, error) {
	fields, err := splitMessage(b)
	if err != nil {
		return nil, err
	}
	n := &node{raw: b}
	for _, f := range fields {
		switch f.num {
		case nodeInput:
			n.inputs = append(n.inputs, string(f.value))
		case nodeOutput:
			n.outputs = append(n.outputs, string(f.value))
		case nodeName:
			n.name = string(f.value)
		case nodeOp:
			n.op = string(f.value)
		case nodeDomain:
			n.domain = string(f.value)
		}
		if f.num != nodeAttribute {
			n.others = append(n.others, f)
			continue
		}
		g, err := parseAttributeGraph(f.value, depth)
		if err != nil {
			return nil, err
		}
		if g != nil {
			if n.graphs == nil {
				n.graphs = make(map[int]*graph)
			}
			n.graphs[len(n.attributes)] = g
		}
		n.attributes = append(n.attributes, f)
	}
	return n, nil
}

// parseAttributeGraph returns the graph of an attribute, or nil if it has none.
func parseAttributeGraph(b []byte, depth int) (*graph, error) {
	fields, err := splitMessage(b)
	if err != nil {
		return nil, err
	}
	for _, f := range fields {
		if f.num == attributeGraph {
			return parseGraph(f.value, depth+1)
		}
	}
	return nil, nil
}

func parseTensor(b []byte) (*tensor, error) {
	fields, err := splitMessage(b)
	if err != nil {
		return nil, err
	}
	t := &tensor{raw: b}
	for _, f := range fields {
		switch f.num {
		case tensorDims:
			if f.value == nil {
				t.dims = append(t.dims, f.n)
				continue
			}
			for v := f.value; len(v) > 0; {
				d, size := protowire.ConsumeVarint(v)
				if size < 0 {
					return nil, errWire
				}
				t.dims, v = append(t.dims, d), v[size:]
			}
		case tensorType:
			t.kind = f.n
		case tensorName:
			t.name = string(f.value)
		case tensorRaw:
			t.data = f.value
		case tensorFloats:
			t.floats = f.value
		case tensorExternal:
			return nil, fmt.Errorf("the data of tensor %q is in another file", t.name)
		}
	}
	if len(t.data) == 0 {
		t.data = t.floats // packed floats have the layout of raw data
	}
	return t, nil
}

// bytes returns the GraphProto.
func (g *graph) bytes() []byte {
	const perField = 16 // at least the bytes of tag and length
	size := perField + len(g.name)
	for _, t := range g.initializers {
		size += len(t.raw) + perField
	}
	for _, n := range g.nodes {
		size += len(n.raw) + perField
	}
	for _, raw := range g.rest {
		size += len(raw)
	}
	b := make([]byte, 0, size) // growing it step by step would need several times the memory
	for _, n := range g.nodes {
		b = appendMessage(b, graphNode, n.bytes())
	}
	b = appendText(b, graphName, g.name)
	for _, t := range g.initializers {
		b = appendMessage(b, graphInitializer, t.raw)
	}
	for _, raw := range g.rest {
		b = append(b, raw...)
	}
	return b
}

// bytes returns the NodeProto.
func (n *node) bytes() []byte {
	if len(n.graphs) == 0 {
		return n.raw
	}
	var b []byte
	for _, f := range n.others {
		b = append(b, f.raw...)
	}
	for i, f := range n.attributes {
		g, ok := n.graphs[i]
		if !ok {
			b = append(b, f.raw...)
			continue
		}
		fields, _ := splitMessage(f.value) // parseNode has checked them
		var a []byte
		for _, f := range fields {
			if f.num == attributeGraph {
				a = appendMessage(a, attributeGraph, g.bytes())
			} else {
				a = append(a, f.raw...)
			}
		}
		b = appendMessage(b, nodeAttribute, a)
	}
	return b
}
