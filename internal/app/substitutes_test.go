package app

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestAnOverloadIsLoggedOnce(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	s := substitutes{log: zap.New(core)}
	for range 100 {
		s.note("flite", errors.New("busy"))
		s.note("flite", nil)
	}
	if lines.Len() != 1 || s.count.Load() != 200 {
		t.Errorf("%d lines for %d clauses, want 1 for 200", lines.Len(), s.count.Load())
	}
	s.last = s.last.Add(-2 * quietTime)
	s.note("flite", errors.New("busy"))
	if lines.Len() != 2 || time.Since(s.last) > quietTime {
		t.Errorf("%d lines after a quiet time, want 2", lines.Len())
	}
}
