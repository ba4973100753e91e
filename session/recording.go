package session

import (
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/media"
)

// recorded lays a recorder over line that writes to the file name. The function it
// returns ends the recording. A call that cannot be recorded goes on without.
func recorded(line dialog.Line, name string, log *zap.Logger) (dialog.Line, func()) {
	recorder, err := newRecorder(name)
	if err != nil {
		log.Error("call is not recorded", zap.Error(err))
		return line, func() {}
	}
	line.Source, line.Sink = recorder.Source(line.Source), recorder.Sink(line.Sink)
	return line, func() {
		if err := recorder.Close(); err != nil {
			log.Error("recording ended early", zap.String("file", name), zap.Error(err))
		}
		if n := recorder.Dropped(); n > 0 {
			log.Warn("recording has gaps", zap.String("file", name), zap.Int("frames", n))
		}
	}
}

func newRecorder(name string) (*media.Recorder, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	return media.NewRecorder(name)
}
