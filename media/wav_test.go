package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"frontdesk/internal/require"
)

// foreignWAV returns a file as other programs write it.
func foreignWAV(code, channels, rate, bits, dataSize int, extra string, audio []byte) []byte {
	var b bytes.Buffer
	le := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	b.WriteString("RIFF\xff\xff\xff\xffWAVE" + extra + "fmt ")
	le(uint32(16))
	le([]uint16{uint16(code), uint16(channels)})
	le([]uint32{uint32(rate), uint32(rate * channels * bits / 8)})
	le([]uint16{uint16(channels * bits / 8), uint16(bits)})
	b.WriteString("data")
	le(uint32(dataSize))
	b.Write(audio)
	return b.Bytes()
}

func TestWAVReaderReadsEveryKind(t *testing.T) {
	half := binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.5))
	loud := binary.LittleEndian.AppendUint32(nil, math.Float32bits(7))
	nan := binary.LittleEndian.AppendUint32(nil, 0x7fc00000)
	extended := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x28\x00\x00\x00\xfe\xff\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71data\x02\x00\x00\x00\x07\x00")
	for name, c := range map[string]struct {
		file []byte
		want []int16
	}{
		"8 bits":          {foreignWAV(1, 1, 8000, 8, 3, "", []byte{0, 128, 255}), []int16{-32768, 0, 32512}},
		"16 bits":         {foreignWAV(1, 1, 8000, 16, 4, "", []byte{1, 0, 0xff, 0xff}), []int16{1, -1}},
		"24 bits":         {foreignWAV(1, 1, 8000, 24, 6, "", []byte{0, 1, 0, 0, 0, 0x80}), []int16{1, -32768}},
		"32 bits":         {foreignWAV(1, 1, 8000, 32, 4, "", []byte{0, 0, 2, 0}), []int16{2}},
		"float":           {foreignWAV(3, 1, 8000, 32, 12, "", slices.Concat(half, loud, nan)), []int16{16384, 32767, 0}},
		"A-law":           {foreignWAV(6, 1, 8000, 8, 2, "", []byte{0xAA, 0x2A}), []int16{32256, -32256}},
		"mu-law":          {foreignWAV(7, 1, 8000, 8, 2, "", []byte{0x80, 0x00}), []int16{32124, -32124}},
		"stereo":          {foreignWAV(1, 2, 8000, 16, 4, "", []byte{10, 0, 20, 0}), []int16{15}},
		"streamed, 0":     {foreignWAV(1, 1, 8000, 16, 0, "", []byte{1, 0, 2, 0}), []int16{1, 2}},
		"streamed, -1":    {foreignWAV(1, 1, 8000, 16, -1, "", []byte{1, 0, 2, 0}), []int16{1, 2}},
		"truncated":       {foreignWAV(1, 1, 8000, 16, 100, "", []byte{1, 0, 2}), []int16{1}},
		"chunks between":  {foreignWAV(1, 1, 8000, 16, 2, "LIST\x03\x00\x00\x00abc\x00", []byte{1, 0}), []int16{1}},
		"chunks after":    {foreignWAV(1, 1, 8000, 16, 2, "", []byte{1, 0, 'L', 'I', 'S', 'T'}), []int16{1}},
		"extended header": {extended, []int16{7}},
	} {
		pcm, _, err := ReadWAV(iotest.OneByteReader(bytes.NewReader(c.file)), 100)
		if err != nil || !slices.Equal(pcm, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, pcm, err, c.want)
		}
	}
}

func TestWAVReaderRefusesAbsurdFiles(t *testing.T) {
	for name, file := range map[string][]byte{
		"empty":          nil,
		"text":           []byte("<html>Not found</html>"),
		"only a header":  []byte("RIFF\x00\x00\x00\x00WAVE"),
		"no format":      []byte("RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00"),
		"short format":   []byte("RIFF\x00\x00\x00\x00WAVEfmt \x02\x00\x00\x00\x01\x00"),
		"huge chunk":     []byte("RIFF\x00\x00\x00\x00WAVEjunk\xf0\xff\xff\xff"),
		"no channels":    foreignWAV(1, 0, 8000, 16, 2, "", nil),
		"many channels":  foreignWAV(1, 2000, 8000, 16, 2, "", nil),
		"no rate":        foreignWAV(1, 1, 0, 16, 2, "", nil),
		"absurd rate":    foreignWAV(1, 1, 1<<30, 16, 2, "", nil),
		"odd bits":       foreignWAV(1, 1, 8000, 12, 2, "", nil),
		"no bits":        foreignWAV(1, 1, 8000, 0, 2, "", nil),
		"compressed":     foreignWAV(85, 1, 8000, 16, 2, "", nil),
		"longer than 10": foreignWAV(1, 1, 8000, 16, 0, "", make([]byte, 22)),
	} {
		if _, _, err := ReadWAV(bytes.NewReader(file), 10); !errors.Is(err, ErrWAV) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := io.MultiReader(strings.NewReader("RIFF"), iotest.ErrReader(io.ErrClosedPipe))
	if _, err := NewWAVReader(broken); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a failing reader gave %v", err)
	}
}

func TestWrittenWAVCanBeRead(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteWAV(&b, EarRate, 1, []int16{1, -2, 32767}))
	pcm, rate, err := ReadWAV(&b, 3)
	if err != nil || rate != EarRate || !slices.Equal(pcm, []int16{1, -2, 32767}) {
		t.Errorf("%v at %d, %v", pcm, rate, err)
	}
}

func FuzzWAVReader(f *testing.F) {
	f.Add(foreignWAV(1, 2, 8000, 16, 4, "LIST\x02\x00\x00\x00ab", []byte{1, 0, 2, 0}))
	f.Add(foreignWAV(3, 1, 48000, 32, 0, "", make([]byte, 16)))
	f.Add(foreignWAV(1, 8, 8000, 24, -1, "", make([]byte, 99)))
	f.Fuzz(func(t *testing.T, file []byte) {
		pcm, rate, err := ReadWAV(bytes.NewReader(file), 1<<16)
		if err != nil && !errors.Is(err, ErrWAV) {
			t.Errorf("%v is not ErrWAV", err)
		}
		if err == nil && (rate < 4000 || len(pcm) > len(file)) {
			t.Errorf("%d samples at %d from %d bytes", len(pcm), rate, len(file))
		}
	})
}

func TestWAVBlockDoesNotAllocate(t *testing.T) {
	f, err := newWAVWriter(discard{}, EarRate, 2, 2*EarFrame)
	require.NoError(t, err)
	block := make([]int16, 2*EarFrame)
	if n := testing.AllocsPerRun(100, func() { _ = f.writeBlock(block) }); n > 0 {
		t.Errorf("%v allocations per block", n)
	}
}

func TestWAVFileEndsBeforeItsSizesOverflow(t *testing.T) {
	f, err := newWAVWriter(discard{}, EarRate, 2, 2*EarFrame)
	require.NoError(t, err)
	f.enc.WrittenBytes = math.MaxUint32 - 100
	if err := f.writeBlock(make([]int16, 2*EarFrame)); !errors.Is(err, errWAVFull) {
		t.Error(err)
	}
}
