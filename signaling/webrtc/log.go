package webrtc

import (
	"github.com/pion/logging"
	"go.uber.org/zap"
)

// pionLogs sends pion's log to zap at debug level, because a single caller's packets can
// provoke even pion's errors.
type pionLogs struct{ log *zap.Logger }

// NewLogger implements logging.LoggerFactory.
func (l pionLogs) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{l.log.Named("pion." + scope).WithOptions(zap.AddCallerSkip(1)).Sugar()}
}

type pionLog struct{ log *zap.SugaredLogger }

func (pionLog) Trace(string)                     {}
func (pionLog) Tracef(string, ...any)            {}
func (pionLog) Debug(string)                     {}
func (pionLog) Debugf(string, ...any)            {}
func (pionLog) Info(string)                      {}
func (pionLog) Infof(string, ...any)             {}
func (l pionLog) Warn(msg string)                { l.log.Debug(msg) }
func (l pionLog) Warnf(format string, a ...any)  { l.log.Debugf(format, a...) }
func (l pionLog) Error(msg string)               { l.log.Debug(msg) }
func (l pionLog) Errorf(format string, a ...any) { l.log.Debugf(format, a...) }
