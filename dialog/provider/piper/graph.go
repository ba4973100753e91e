package piper

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of the fields of ONNX (onnx.proto, github.com/onnx/onnx) that this file reads.
const (
	modelGraph          = 7
	graphNode           = 1
	graphName           = 2
	graphInitializer    = 5
	graphInput          = 11
	graphOutput         = 12
	nodeInput           = 1
	nodeOutput          = 2
	nodeOperator        = 4
	nodeAttribute       = 5
	attributeGraph      = 6
	attributeGraphs     = 11
	tensorName          = 8
	valueName           = 1
	valueType           = 2
	typeTensor          = 1
	tensorElement       = 1
	tensorShape         = 2
	shapeDimension      = 1
	dimensionValue      = 1
	dimensionParam      = 2
	elementFloat        = 1 // TensorProto.FLOAT
	decoderFirstWeights = "dec.conv_pre.weight"
)

var errBroken = errors.New("the file is not a valid ONNX file")

// field is one field of a protobuf message.
type field struct {
	number protowire.Number
	raw    []byte // with its tag
	value  []byte // the content of a length-delimited field; nil for others
}

// fields yields the fields of a protobuf message (protobuf.dev/programming-guides/encoding).
// A broken message yields errBroken and ends.
func fields(message []byte) iter.Seq2[field, error] {
	return func(yield func(field, error) bool) {
		for len(message) > 0 {
			f, n := readField(message)
			if n <= 0 {
				yield(field{}, errBroken)
				return
			}
			if !yield(f, nil) {
				return
			}
			message = message[n:]
		}
	}
}

// readField reads the field at the beginning of b and returns its length, 0 if it is broken.
func readField(b []byte) (field, int) {
	number, kind, n := protowire.ConsumeTag(b)
	if n < 0 {
		return field{}, 0
	}
	size := protowire.ConsumeFieldValue(number, kind, b[n:])
	if size < 0 {
		return field{}, 0
	}
	f := field{number: number, raw: b[:n+size]}
	if kind == protowire.BytesType {
		f.value, _ = protowire.ConsumeBytes(b[n:])
	}
	return f, n + size
}

// appendBytes appends a length-delimited field.
func appendBytes(b []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), value)
}

// appendInt appends a varint field.
func appendInt(b []byte, number protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), value)
}

// graph is a network that can be divided. Its slices point into the file.
type graph struct {
	model        [][]byte // raw fields of the model but the graph
	nodes        []node
	initializers []named // weights
	inputs       []named
	outputs      []string
}

// node is an operation.
type node struct {
	raw             []byte
	operator        string
	inputs, outputs []string
}

// named is a field that declares a name.
type named struct {
	name string
	raw  []byte
}

func readGraph(file []byte) (*graph, error) {
	g := &graph{}
	for f, err := range fields(file) {
		if err != nil {
			return nil, err
		}
		if f.number != modelGraph {
			g.model = append(g.model, f.raw)
			continue
		}
		for f, err := range fields(f.value) {
			if err == nil {
				err = g.add(f)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return g, nil
}

// add adds a field of the graph.
func (g *graph) add(f field) error {
	switch f.number {
	case graphNode:
		n, err := readNode(f)
		g.nodes = append(g.nodes, n)
		return err
	case graphInitializer:
		name, err := readName(f, tensorName)
		g.initializers = append(g.initializers, named{name, f.raw})
		return err
	case graphInput:
		name, err := readName(f, valueName)
		g.inputs = append(g.inputs, named{name, f.raw})
		return err
	case graphOutput:
		name, err := readName(f, valueName)
		g.outputs = append(g.outputs, name)
		return err
	}
	return nil
}

func readNode(f field) (node, error) {
	n := node{raw: f.raw}
	for f, err := range fields(f.value) {
		if err != nil {
			return n, err
		}
		switch f.number {
		case nodeInput:
			n.inputs = append(n.inputs, string(f.value))
		case nodeOutput:
			n.outputs = append(n.outputs, string(f.value))
		case nodeOperator:
			n.operator = string(f.value)
		case nodeAttribute:
			for f, err := range fields(f.value) {
				if err != nil {
					return n, err
				}
				if f.number == attributeGraph || f.number == attributeGraphs {
					return n, fmt.Errorf("the operator %s has a graph of its own", n.operator)
				}
			}
		}
	}
	return n, nil
}

// readName returns the name that a message holds in the field of that number.
func readName(f field, number protowire.Number) (string, error) {
	name := ""
	for f, err := range fields(f.value) {
		if err != nil {
			return "", err
		}
		if f.number == number {
			name = string(f.value)
		}
	}
	return name, nil
}

// halves are the two networks that a voice consists of.
type halves struct {
	encoder, decoder []byte // ONNX files
	latent           string // the tensor between them: channels × frames
	durations        string // an output of the encoder: frames of each symbol; "" if it is not known
	audio            string // the output of the decoder
	// decoderHasSpeakers says that the decoder has the input sid, too.
	decoderHasSpeakers bool
}

// divide cuts a VITS network (Kim, Kong & Son, 2021) of Piper in two, before its decoder. The
// decoder turns frames into audio and needs most of the time. It consists of convolutions, so
// it can run on a few frames at a time.
func divide(file []byte) (halves, error) {
	g, err := readGraph(file)
	if err != nil {
		return halves{}, err
	}
	h := halves{}
	for _, n := range g.nodes {
		if n.operator == "Conv" && len(n.inputs) > 1 && n.inputs[1] == decoderFirstWeights {
			h.latent = n.inputs[0]
		}
	}
	if h.latent == "" || len(g.outputs) != 1 {
		return halves{}, errors.New("the network is not a voice of Piper (VITS with the weights dec.conv_pre)")
	}
	h.audio = g.outputs[0]
	outputs := []string{h.latent}
	if h.durations = g.durations(); h.durations != "" {
		outputs = append(outputs, h.durations)
	}
	h.encoder, _ = g.cut("", outputs...)
	var inputs []string
	h.decoder, inputs = g.cut(h.latent, h.audio)
	h.decoderHasSpeakers = slices.Contains(inputs, "sid")
	return h, nil
}

// durations returns the tensor of how many frames each symbol lasts: VITS rounds them up, and
// nothing else. It is "" if several operations round up.
func (g *graph) durations() string {
	name := ""
	for _, n := range g.nodes {
		if n.operator != "Ceil" {
			continue
		}
		if name != "" || len(n.outputs) != 1 {
			return ""
		}
		name = n.outputs[0]
	}
	return name
}

// cut returns the model that computes outputs, which are tensors of floats. The tensor begin,
// if not empty, is an input of [1, channels, frames]; inputs are those of the whole network
// that the model has, too.
func (g *graph) cut(begin string, outputs ...string) (model []byte, inputs []string) {
	producers := make(map[string]int)
	for i, n := range g.nodes {
		for _, name := range n.outputs {
			producers[name] = i
		}
	}
	needed, isNodeNeeded := make(map[string]bool), make([]bool, len(g.nodes))
	for open := slices.Clone(outputs); len(open) > 0; {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		if needed[name] || name == begin || name == "" {
			continue
		}
		needed[name] = true
		if i, ok := producers[name]; ok && !isNodeNeeded[i] {
			isNodeNeeded[i] = true
			open = append(open, g.nodes[i].inputs...)
		}
	}
	var out []byte
	for i, n := range g.nodes {
		if isNodeNeeded[i] {
			out = append(out, n.raw...)
		}
	}
	for _, v := range g.initializers {
		if needed[v.name] {
			out = append(out, v.raw...)
		}
	}
	for _, v := range g.inputs {
		if needed[v.name] {
			out, inputs = append(out, v.raw...), append(inputs, v.name)
		}
	}
	if begin != "" {
		out = appendBytes(out, graphInput, declareFloats(begin, true))
	}
	for _, name := range outputs {
		out = appendBytes(out, graphOutput, declareFloats(name, false))
	}
	return appendBytes(slices.Concat(g.model...), modelGraph, appendBytes(out, graphName, []byte("part"))), inputs
}

// declareFloats returns the declaration (ValueInfoProto) of a tensor of floats, with the
// shape [1, channels, frames] or without a shape.
func declareFloats(name string, hasShape bool) []byte {
	tensor := appendInt(nil, tensorElement, elementFloat)
	if hasShape {
		shape := appendBytes(nil, shapeDimension, appendInt(nil, dimensionValue, 1))
		for _, param := range []string{"channels", "frames"} {
			shape = appendBytes(shape, shapeDimension, appendBytes(nil, dimensionParam, []byte(param)))
		}
		tensor = appendBytes(tensor, tensorShape, shape)
	}
	return appendBytes(appendBytes(nil, valueName, []byte(name)), valueType, appendBytes(nil, typeTensor, tensor))
}
