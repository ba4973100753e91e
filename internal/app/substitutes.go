package app

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// quietTime is how long the neural voices must have said everything themselves before their
// next substitution is logged, so that an hour of overload is one line.
const quietTime = time.Minute

// substitutes counts the clauses that a cheaper voice said because the neural voice was
// overloaded.
type substitutes struct {
	log   *zap.Logger
	count atomic.Uint64

	mu   sync.Mutex
	last time.Time // substitution
}

// note counts a clause that the voice of that name said. err says why the neural voice did
// not; nil if a clause before was the reason.
func (s *substitutes) note(name string, err error) {
	s.count.Add(1)
	s.mu.Lock()
	now := time.Now()
	isNew := now.Sub(s.last) > quietTime
	s.last = now
	s.mu.Unlock()
	if isNew {
		s.log.Warn("the neural voice is overloaded: a cheaper voice says replies that would begin late (see frontdesk_voice_substituted_total)",
			zap.String("voice", name), zap.Error(err))
	}
}
