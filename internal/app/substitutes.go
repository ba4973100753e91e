package app

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog/provider/workers"
)

// quietTime is how long the neural voices must have said everything themselves before their
// next substitution for the same reason is logged, so that an hour of overload is one line.
const quietTime = time.Minute

// substitutes counts the clauses that a cheaper voice said because the neural voice was
// overloaded or had failed.
type substitutes struct {
	log   *zap.Logger
	count atomic.Uint64

	mu       sync.Mutex
	overload time.Time // of the last substitution for an overload
	failure  time.Time // of the last one for a failure
}

// note counts a clause that the voice of that name said. err says why the neural voice did
// not; nil if a clause before was the reason.
func (s *substitutes) note(name string, err error) {
	s.count.Add(1)
	if err == nil {
		return
	}
	last, message := &s.overload, "the neural voice is overloaded: a cheaper voice says replies that would begin late"
	if !workers.IsRefusal(err) {
		last, message = &s.failure, "the neural voice failed: a cheaper voice says its replies"
	}
	s.mu.Lock()
	now := time.Now()
	isNew := now.Sub(*last) > quietTime
	*last = now
	s.mu.Unlock()
	if isNew {
		s.log.Warn(message+" (see frontdesk_voice_substituted_total)", zap.String("voice", name), zap.Error(err))
	}
}
