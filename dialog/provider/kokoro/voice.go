package kokoro

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

const (
	styleWidth = 256 // numbers of a style
	maxSymbols = 510 // of an utterance, and rows of a voice
)

// voice is a voice's file: its style for each number of symbols.
type voice struct {
	rows []float32
	turn chan struct{} // a semaphore: full while gain is measured
	gain float64       // from [-1, 1] to 16-bit samples of the common loudness; 0 until it is measured
}

// readVoice reads a voice's file.
func readVoice(file string) (*voice, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4*styleWidth*maxSymbols+1))
	if err != nil {
		return nil, err
	}
	v, err := parseVoice(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return v, nil
}

// parseVoice parses rows of 32-bit floating-point numbers, little-endian.
func parseVoice(b []byte) (*voice, error) {
	const row = 4 * styleWidth
	if len(b) == 0 || len(b)%row != 0 || len(b)/row > maxSymbols {
		return nil, fmt.Errorf("the voice has %d bytes (want 1 to %d times %d)", len(b), maxSymbols, row)
	}
	v := &voice{rows: make([]float32, len(b)/4), turn: make(chan struct{}, 1)}
	for i := range v.rows {
		x := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return nil, fmt.Errorf("number %d of the voice is not finite", i)
		}
		v.rows[i] = x
	}
	return v, nil
}

// style returns the style for an utterance of n symbols.
func (v *voice) style(n int) []float32 {
	i := min(n, len(v.rows)/styleWidth-1) * styleWidth
	return v.rows[i : i+styleWidth]
}
