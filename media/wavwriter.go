package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"
)

const (
	wavHeaderSize = 44
	wavBits       = 16
)

var errWAVFull = errors.New("a WAV file holds at most 4 GB")

// wavWriter writes blocks of signed 16-bit PCM as a WAV file with go-audio/wav. The
// library alone would allocate a minute of audio for each file and twice for each sample,
// and leave a file without sizes if the process is killed. So wavWriter passes the library
// whole blocks of bytes, which it copies to the file, and sync makes it correct the sizes at
// any time. writeBlock does not allocate.
type wavWriter struct {
	enc   *wav.Encoder
	block []byte
	boxed any // block, converted once
}

// newWAVWriter writes the header of an empty file. Every block has the given number of
// samples of all channels together, interleaved. The caller closes w.
func newWAVWriter(w io.WriteSeeker, rate, channels, block int) (*wavWriter, error) {
	enc := wav.NewEncoder(w, 1, wavBits, channels, wavPCM) // at this rate its buffer is small
	enc.SampleRate = rate
	if err := enc.Write(&audio.IntBuffer{Format: &audio.Format{NumChannels: channels}}); err != nil {
		return nil, fmt.Errorf("write WAV header: %w", err)
	}
	enc.NumChans = block // from here on the library uses it only to compute the size of a block
	b := make([]byte, 2*block)
	f := &wavWriter{enc: enc, block: b, boxed: b}
	return f, f.sync()
}

// writeBlock appends a block.
func (f *wavWriter) writeBlock(samples []int16) error {
	if int64(f.enc.WrittenBytes) > math.MaxUint32-int64(len(f.block)) {
		return errWAVFull
	}
	for i, s := range samples {
		binary.LittleEndian.PutUint16(f.block[2*i:], uint16(s))
	}
	return f.enc.WriteFrame(f.boxed)
}

// sync corrects the sizes in the header, so that the file plays up to here.
func (f *wavWriter) sync() error {
	written := f.enc.WrittenBytes
	err := f.enc.Close() // which leaves the file open and continues at its end
	f.enc.WrittenBytes = written
	if err != nil {
		return fmt.Errorf("write WAV header: %w", err)
	}
	return nil
}

// WriteWAV writes samples, interleaved by channel, as a WAV file of signed 16-bit PCM.
func WriteWAV(w io.Writer, rate, channels int, samples []int16) error {
	m := &memoryFile{bytes: make([]byte, 0, wavHeaderSize+2*len(samples))}
	f, err := newWAVWriter(m, rate, channels, len(samples))
	if err == nil {
		err = errors.Join(f.writeBlock(samples), f.sync())
	}
	if err != nil {
		return err
	}
	_, err = w.Write(m.bytes)
	return err
}

// memoryFile is a file in memory.
type memoryFile struct {
	bytes    []byte
	position int
}

// Write implements io.Writer.
func (m *memoryFile) Write(b []byte) (int, error) {
	n := copy(m.bytes[m.position:], b)
	m.bytes = append(m.bytes, b[n:]...)
	m.position += len(b)
	return len(b), nil
}

// Seek implements io.Seeker for positions inside the file.
func (m *memoryFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		m.position = int(offset)
	case io.SeekCurrent:
		m.position += int(offset)
	case io.SeekEnd:
		m.position = len(m.bytes) + int(offset)
	}
	return int64(m.position), nil
}
