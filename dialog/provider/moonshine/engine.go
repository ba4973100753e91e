//go:build cgo

package moonshine

import (
	"context"
	"errors"

	"frontdesk/media"
)

// openEngine loads the model and reads a second of silence with each worker's decoder.
func openEngine(c Config) (*engine, error) {
	n, err := openNetwork(c)
	if err != nil {
		return nil, err
	}
	e := &engine{tokenizer: n.tokenizer, close: n.close}
	for range c.Workers {
		d, err := newDecoder(n)
		if err == nil {
			e.readers = append(e.readers, d)
			err = d.encode(make([]float32, media.EarRate))
		}
		if err == nil {
			_, err = d.decode(context.Background(), decodeOptions{beam: 1, limit: 2})
		}
		if err != nil {
			for _, r := range e.readers {
				r.close()
			}
			return nil, errors.Join(err, n.close())
		}
	}
	return e, nil
}
