package openai

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const maxEvent = 1 << 20 // bytes of one event, and of one of its lines

var errLongEvent = errors.New("an event of the stream is too long")

// eventReader reads server-sent events (WHATWG HTML, 9.2.6) with lines that end in LF or
// CRLF. It ignores event names, ids, retry times and comments.
type eventReader struct {
	r    *bufio.Reader
	data []byte
	line []byte
}

func newEventReader(r io.Reader) *eventReader {
	return &eventReader{r: bufio.NewReaderSize(r, 4<<10)}
}

// next returns the data of the next event that has any, valid until the next call. At the
// end it returns io.EOF. It also returns a last event without its blank line, because servers
// that omit "[DONE]" tend to omit that line, too.
func (e *eventReader) next() ([]byte, error) {
	e.data = e.data[:0]
	hasData := false
	for {
		line, err := e.readLine()
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			if errors.Is(err, io.EOF) && hasData && len(e.data) > 0 {
				return e.data, nil
			}
			return nil, err
		}
		if len(line) == 0 {
			if hasData && len(e.data) > 0 {
				return e.data, nil
			}
			hasData, e.data = false, e.data[:0]
			continue
		}
		value, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		if len(e.data)+len(value) > maxEvent {
			return nil, errLongEvent
		}
		if hasData {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, bytes.TrimPrefix(value, []byte(" "))...)
		hasData = true
	}
}

// readLine returns a line without its line ending. The last line may come with io.EOF.
func (e *eventReader) readLine() ([]byte, error) {
	e.line = e.line[:0]
	for {
		part, err := e.r.ReadSlice('\n')
		if len(e.line)+len(part) > maxEvent {
			return nil, errLongEvent
		}
		if !errors.Is(err, bufio.ErrBufferFull) && len(e.line) == 0 {
			return trimLine(part), err
		}
		e.line = append(e.line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return trimLine(e.line), err
		}
	}
}

func trimLine(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	return bytes.TrimPrefix(line, []byte("\ufeff")) // some servers begin with a byte order mark
}
