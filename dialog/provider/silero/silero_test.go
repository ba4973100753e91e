//go:build cgo

package silero

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/media"
)

// runtimeLibrary skips a test where there is no ONNX Runtime: FRONTDESK_VAD_LIBRARY says where.
func runtimeLibrary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("FRONTDESK_VAD_LIBRARY")
	if err := openLibrary(path); err != nil {
		t.Skipf("set FRONTDESK_VAD_LIBRARY to libonnxruntime, 1.24 or later, to run this: %v", err)
	}
	return path
}

func open(t testing.TB, model []byte) (*Network, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, model, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := Open(Config{Model: path, Library: runtimeLibrary(t), Failed: func(err error) { t.Error(err) }})
	if err == nil {
		t.Cleanup(func() { _ = n.Close() })
	}
	return n, err
}

// level is a frame whose samples are all v of full scale.
func level(v float64) []int16 {
	frame := make([]int16, media.EarFrame)
	for i := range frame {
		frame[i] = int16(v * 32768)
	}
	return frame
}

func TestAMissingLibraryIsNamed(t *testing.T) {
	if ort.IsInitialized() {
		t.Skip("another test has loaded it")
	}
	if err := openLibrary(filepath.Join(t.TempDir(), "libnone.so")); err == nil || !strings.Contains(err.Error(), "libnone.so") {
		t.Error(err)
	}
}

func TestFramesAreRegroupedAndTheStateIsCarriedOn(t *testing.T) {
	n, err := open(t, adder())
	if err != nil {
		t.Fatal(err)
	}
	// The network tells the mean of window and context, plus all it told before.
	d := n.Detector()
	first := 0.125 * window / (window + context) // before it there was silence
	sum, want := 0.0, 0.0
	for i := range 24 {
		got := float64(d.Detect(level(0.125)))
		for ; sum+window <= float64((i+1)*media.EarFrame); sum += window {
			if want == 0 {
				want = first
			} else {
				want += 0.125
			}
		}
		if math.Abs(got-want) > 1e-5 {
			t.Fatalf("frame %d: %v, want %v", i, got, want)
		}
	}
	other := n.Detector()
	other.Detect(level(0.125))
	if got := float64(other.Detect(level(0.125))); math.Abs(got-first) > 1e-5 {
		t.Errorf("a second stream begins with %v, want %v", got, first)
	}
}

func TestAStateThatIsUsedAgainHasForgotten(t *testing.T) {
	n, err := open(t, adder())
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.take()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.sound[context] = 1
		if err := s.run(); err != nil {
			t.Fatal(err)
		}
	}
	n.give(s)
	again, err := n.take()
	if err != nil || again != s {
		t.Fatalf("another state, %v", err)
	}
	if err := again.run(); err != nil || again.speech[0] != 0 {
		t.Errorf("silence is %v after a reuse, %v", again.speech[0], err)
	}
}

func TestWhatIsNoModelIsNamedAtTheStart(t *testing.T) {
	if _, err := Open(Config{Model: filepath.Join(t.TempDir(), "none.onnx")}); err == nil || !strings.Contains(err.Error(), "none.onnx") {
		t.Errorf("a missing model: %v", err)
	}
	for name, model := range map[string][]byte{
		"no ONNX":     []byte("RIFF"),
		"empty":       nil,
		"other names": network("input", "h", "sr", 128),
		"other state": network("input", "state", "sr", 64),
	} {
		if _, err := open(t, model); err == nil || !strings.Contains(err.Error(), "no Silero VAD version 5") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFrameDoesNotAllocate(t *testing.T) {
	n, err := open(t, adder())
	if err != nil {
		t.Fatal(err)
	}
	d, frame := n.Detector(), level(0)
	if a := testing.AllocsPerRun(100, func() { d.Detect(frame) }); a > 0 {
		t.Errorf("%v allocations", a)
	}
}

// adder is a network of Silero's shape that tells the mean of its input plus the
// greatest of its state, and adds that mean to its state.
func adder() []byte { return network("input", "state", "sr", memory/2) }

// network is an adder with these inputs and that size of state, as the protocol buffer
// that onnx.proto3 defines.
func network(input, state, rate string, size int) []byte {
	graph := join(
		node("Abs", []string{input}, "loud"),
		node("ReduceMean", []string{"loud"}, "level", ints("axes", 1), integer("keepdims", 1)),
		node("ReduceMax", []string{state}, "held", ints("axes", 0, 2), integer("keepdims", 0)),
		node("Add", []string{"level", "held"}, "output"),
		node("Add", []string{state, "level"}, "stateN"),
		text(2, "adder"),
		value(11, input, 1, 1, context+window),
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

// value is a tensor of a type (1 float, 7 int64) and a shape.
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
