//go:build cgo

package silero

// This file encodes a small ONNX network for the tests.

// adder returns a network with the inputs and outputs of Silero VAD. It returns the mean of
// its input plus the maximum of its state, and adds that mean to the state.
func adder() []byte { return network("input", "state", "sr", stateLen/2) }

// network returns an adder with the given names of inputs and size of the state, in the
// encoding of onnx.proto3.
func network(input, state, rate string, size int) []byte {
	graph := join(
		node("Abs", []string{input}, "loud"),
		node("ReduceMean", []string{"loud"}, "level", ints("axes", 1), integer("keepdims", 1)),
		node("ReduceMax", []string{state}, "held", ints("axes", 0, 2), integer("keepdims", 0)),
		node("Add", []string{"level", "held"}, "output"),
		node("Add", []string{state, "level"}, "stateN"),
		text(2, "adder"),
		value(11, input, 1, 1, contextLen+windowLen),
		value(11, state, 1, 2, 1, size),
		value(11, rate, 7),
		value(12, "output", 1, 1, 1),
		value(12, "stateN", 1, 2, 1, size),
	)
	return join(number(1, 8), field(7, graph), field(8, join(text(1, ""), number(2, 13))))
}

func node(op string, in []string, out string, attributes ...[]byte) []byte {
	var b []byte
	for _, name := range in {
		b = append(b, text(1, name)...)
	}
	return field(1, join(b, text(2, out), text(4, op), join(attributes...)))
}

func integer(name string, v int) []byte {
	return field(5, join(text(1, name), number(3, v), number(20, 2)))
}

func ints(name string, v ...int) []byte {
	b := join(text(1, name), number(20, 7))
	for _, i := range v {
		b = append(b, number(8, i)...)
	}
	return field(5, b)
}

// value describes a tensor by its type (1 float, 7 int64) and shape.
func value(tag int, name string, kind int, shape ...int) []byte {
	var dims []byte
	for _, n := range shape {
		dims = append(dims, field(1, number(1, n))...)
	}
	tensor := join(number(1, kind), field(2, dims))
	return field(tag, join(text(1, name), field(2, field(1, tensor))))
}

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func text(tag int, s string) []byte { return field(tag, []byte(s)) }

func field(tag int, content []byte) []byte {
	return join(varint(tag<<3|2), varint(len(content)), content)
}

func number(tag, v int) []byte { return join(varint(tag<<3), varint(v)) }

func varint(v int) (b []byte) {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}
