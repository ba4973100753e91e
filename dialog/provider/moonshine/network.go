//go:build cgo

package moonshine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/onnx"
)

// The shape of Moonshine base. The first run fails with files of another shape.
const (
	layers   = 8
	heads    = 8
	headSize = 52
	hidden   = 416
)

// network is the loaded model. It is safe for concurrent use; each worker runs it with a
// decoder of its own.
type network struct {
	encoder, decoder *onnx.Session
	tokenizer        *tokenizer
}

// keyNames returns the names of the keys and values that attention keeps: of layer 0, 1
// and so on. direction is "past_key_values" or "present"; part is "decoder" for what was
// written so far, "encoder" for the audio.
func keyNames(direction, part string) (names [2 * layers]string) {
	for i := range names {
		kind := [...]string{"key", "value"}[i%2]
		names[i] = fmt.Sprintf("%s.%d.%s.%s", direction, i/2, part, kind)
	}
	return names
}

var (
	pastWritten    = keyNames("past_key_values", "decoder")
	pastAudio      = keyNames("past_key_values", "encoder")
	presentWritten = keyNames("present", "decoder")
	presentAudio   = keyNames("present", "encoder")
)

// openNetwork loads the model's files.
func openNetwork(c Config) (*network, error) {
	n := &network{}
	f, err := os.Open(filepath.Join(c.Dir, "tokenizer.bin"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if n.tokenizer, err = readTokenizer(f); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	if n.encoder, err = c.Runtime.Open(encoderFile(c.Dir)); err != nil {
		return nil, err
	}
	if n.decoder, err = c.Runtime.Open(decoderFile(c.Dir)); err != nil {
		return nil, errors.Join(err, n.encoder.Close())
	}
	return n, nil
}

func (n *network) close() error {
	return errors.Join(n.encoder.Close(), n.decoder.Close())
}

// attention holds the keys and values of one part of the decoder's attention, in the order of
// keyNames. Each is [batch, heads, length, headSize].
type attention struct {
	batch, length int
	data          [2 * layers][]float32
	tensors       [2 * layers]*ort.Tensor[float32]
}

// resize makes room for other sizes. The content is undefined afterwards.
func (a *attention) resize(batch, length int) error {
	if a.tensors[0] != nil && a.batch == batch && a.length == length {
		return nil
	}
	a.free()
	a.batch, a.length = batch, length
	n := batch * heads * length * headSize
	for i := range a.tensors {
		if cap(a.data[i]) < n {
			a.data[i] = make([]float32, n, n+n/2)
		}
		a.data[i] = a.data[i][:n]
		var err error
		if a.tensors[i], err = ort.NewTensor(ort.NewShape(int64(batch), heads, int64(length), headSize), a.data[i]); err != nil {
			return err
		}
	}
	return nil
}

// free frees the tensors and keeps their memory for the next resize.
func (a *attention) free() {
	for i, t := range a.tensors {
		if t != nil {
			_ = t.Destroy()
			a.tensors[i] = nil
		}
	}
}

// gather copies the first length positions of the given rows of from.
func (a *attention) gather(from *attention, rows []int, length int) error {
	if err := a.resize(len(rows), length); err != nil {
		return err
	}
	n, m := length*headSize, from.length*headSize
	for i := range a.data {
		for b, row := range rows {
			for h := range heads {
				copy(a.data[i][(b*heads+h)*n:][:n], from.data[i][(row*heads+h)*m:])
			}
		}
	}
	return nil
}
