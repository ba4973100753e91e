package phonemes

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const maxReply = 64 << 10 // bytes of IPA for one phrase

var errTooLong = errors.New("espeak-ng wrote more phonemes than expected")

// process is a running espeak-ng. It reads phrases line by line and writes one or more lines
// for each. Their number is not known in advance, so a marker follows each phrase.
type process struct {
	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File
	reader *bufio.Reader
	marker string // a word that is sent after each phrase, with its line feed
	end    string // the line that espeak-ng writes for the marker
}

// start starts espeak-ng and waits until it answers.
func start(path, voice string) (*process, error) {
	childIn, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stdout, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		stdin.Close()
		return nil, err
	}
	p := &process{
		cmd:   exec.Command(path, "-q", "--ipa", "-v", voice),
		stdin: stdin, stdout: stdout, reader: bufio.NewReaderSize(stdout, 4<<10), marker: newMarker() + "\n",
	}
	p.cmd.Stdin, p.cmd.Stdout = childIn, childOut // files, so that package exec needs no goroutine
	err = p.cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		stdin.Close()
		stdout.Close()
		return nil, err
	}
	if err := p.learnMarker(); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// learnMarker reads what espeak-ng writes for the marker. It sends the marker twice, because
// the answer must always be the same.
func (p *process) learnMarker() error {
	if err := p.write(p.marker+p.marker, startTimeout); err != nil {
		return err
	}
	line, err := p.reader.ReadSlice('\n') // bounded by the reader's buffer
	if err != nil {
		return err
	}
	first := string(line)
	line, err = p.reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	second := string(line)
	if strings.TrimSpace(first) == "" || first != second {
		return fmt.Errorf("espeak-ng answers %q with %q and %q", strings.TrimSpace(p.marker), first, second)
	}
	p.end = first
	return nil
}

// write sends text and gives the process until the timeout to read it and to answer.
func (p *process) write(text string, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	if err := errors.Join(p.stdin.SetWriteDeadline(deadline), p.stdout.SetReadDeadline(deadline)); err != nil {
		return err
	}
	_, err := p.stdin.WriteString(text)
	return err
}

// ask returns the lines that espeak-ng answers a phrase with. After an error the process must
// be stopped.
func (p *process) ask(phrase string, timeout time.Duration) (string, error) {
	if err := p.write(phrase+"\n"+p.marker, timeout); err != nil {
		return "", err
	}
	var reply strings.Builder
	for {
		line, err := p.reader.ReadSlice('\n')
		if err == nil && string(line) == p.end {
			return reply.String(), nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if reply.Len()+len(line) > maxReply {
			return "", errTooLong
		}
		reply.Write(line)
	}
}

// stop kills the process and waits for its end.
func (p *process) stop() {
	p.stdin.Close()
	p.stdout.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
