package conversation

import (
	"context"
	"iter"
	"strings"
	"sync"
)

// script carries clauses from sayReply, which writes, to the mouth, which reads.
type script struct {
	clauses chan string
	handed  strings.Builder // what the mouth has taken

	mu         sync.Mutex // guards what follows: the owner may write a filler first
	hasBegun   bool
	left       int  // bytes that may still be written
	needsSpace bool // the last clause ended without white space
}

// writeFirst writes clause if nothing has been written yet, and reports whether it did.
func (s *script) writeFirst(clause string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hasBegun {
		return false
	}
	s.hasBegun, s.needsSpace = true, true
	s.clauses <- clause // the queue is empty
	return true
}

// fit returns clause with the space it needs before it, and whether more may follow.
func (s *script) fit(clause string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.needsSpace && !isSpace(clause[0]) {
		clause = " " + clause
	}
	s.hasBegun, s.needsSpace = true, !isSpace(clause[len(clause)-1])
	s.left -= len(clause)
	return clause, s.left > 0
}

// close says that nothing follows, not even a filler.
func (s *script) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hasBegun = true
	close(s.clauses)
}

// read yields the clauses as they are written. Before the first one it calls wait.
func (s *script) read(ctx context.Context, wait func(context.Context)) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			select {
			case clause, ok := <-s.clauses:
				if !ok {
					return
				}
				if s.handed.Len() == 0 {
					wait(ctx)
				}
				if ctx.Err() != nil {
					return
				}
				s.handed.WriteString(clause)
				if !yield(clause) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// rest yields what follows heard, for another mouth.
func (s *script) rest(ctx context.Context, heard string) iter.Seq[string] {
	return func(yield func(string) bool) {
		text := strings.TrimPrefix(s.handed.String(), heard)
		if text != "" && !yield(text) {
			return
		}
		s.read(ctx, func(context.Context) {})(yield)
	}
}
