package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/dialog/provider/workers"
)

func TestAnOverloadIsLoggedOnce(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	s := substitutes{log: zap.New(core)}
	for range 100 {
		s.note("flite", workers.ErrLate)
		s.note("flite", nil)
	}
	if lines.Len() != 1 || s.count.Load() != 200 {
		t.Errorf("%d lines for %d clauses, want 1 for 200", lines.Len(), s.count.Load())
	}
	for range 2 {
		s.note("flite", errors.New("broken"))
	}
	if lines.Len() != 2 || !strings.Contains(lines.All()[1].Message, "failed") {
		t.Errorf("logged %v, want the failure once, too", lines.All())
	}
	s.overload = s.overload.Add(-2 * quietTime)
	s.note("flite", workers.ErrLate)
	if lines.Len() != 3 || time.Since(s.overload) > quietTime || !strings.Contains(lines.All()[2].Message, "overloaded") {
		t.Errorf("logged %v after a quiet time", lines.All())
	}
}
