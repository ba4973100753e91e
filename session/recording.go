package session

import (
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/media"
)

// record returns line with a recorder around its audio, if the agent records calls. The
// caller must call finish. A call whose recording cannot start goes on without.
func (c *Call) record(line dialog.Line) (recorded dialog.Line, finish func()) {
	if !c.agent.Memory.RecordAudio || c.desk.o.RecordingsDir == "" || line.Source == nil || line.Sink == nil {
		return line, func() {}
	}
	name := c.session + "-" + c.id
	if c.hasChosen { // the first agent may have recorded, too
		name += "-" + c.agent.Name
	}
	name = filepath.Join(c.desk.o.RecordingsDir, name+".wav")
	recorder, err := newRecorder(name)
	if err != nil {
		c.log.Error("call is not recorded", zap.Error(err))
		return line, func() {}
	}
	line.Source, line.Sink = recorder.Source(line.Source), recorder.Sink(line.Sink)
	return line, func() {
		if err := recorder.Close(); err != nil {
			c.log.Error("recording ended early", zap.String("file", name), zap.Error(err))
		}
		if n := recorder.Dropped(); n > 0 {
			c.log.Warn("recording has gaps", zap.String("file", name), zap.Int("frames", n))
		}
	}
}

func newRecorder(name string) (*media.Recorder, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	return media.NewRecorder(name)
}
