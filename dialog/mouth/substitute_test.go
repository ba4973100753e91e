package mouth

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

// scriptedVoice says every clause in one piece, unless fail returns an error for it.
type scriptedVoice struct {
	said *[]string
	name string
	fail func(text string) error
}

func (v scriptedVoice) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if v.fail != nil {
			if err := v.fail(text); err != nil {
				yield(nil, err)
				return
			}
		}
		*v.said = append(*v.said, v.name+" "+text)
		yield(make([]int16, media.MouthFrame), nil)
	}
}

// sayAll says replies through one mouth, and returns what it heard of each.
func sayAll(t *testing.T, s dialog.Synthesizer, replies ...[]string) (heard []string, errs []error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	playout := media.NewPlayout(&cutSink{})
	var run sync.WaitGroup
	run.Go(func() { _ = playout.Run(ctx) })
	m := NewVoice(&dialog.Agent{Synthesizer: s}, playout)
	for _, clauses := range replies {
		h, err := m.Say(ctx, slices.Values(clauses), func(string) {})
		heard, errs = append(heard, h), append(errs, err)
	}
	stop()
	run.Wait()
	return heard, errs
}

func TestSubstituteSaysTheRestOfAReply(t *testing.T) {
	t.Parallel()
	busy := fault.New(fault.Unavailable, "busy").Retryable(0)
	isBusy := true
	var said []string
	var notes []error
	own := scriptedVoice{&said, "own", func(text string) error {
		if text == "B." && isBusy {
			isBusy = false // for this clause only: the next ones could be said
			return busy
		}
		return nil
	}}
	voice := Cached(WithSubstitute(own, scriptedVoice{&said, "cheap", nil}, func(err error) { notes = append(notes, err) }))
	replies := [][]string{{"A. ", "B. ", "C. ", "A."}, {"B. ", "C."}}
	heard, errs := sayAll(t, voice, replies...)
	for i, r := range replies {
		if heard[i] != strings.Join(r, "") || errs[i] != nil {
			t.Errorf("reply %d: heard %q, %v", i, heard[i], errs[i])
		}
	}
	if want := []string{"own A.", "cheap B.", "cheap C.", "cheap A.", "own B.", "own C."}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q: a reply keeps its substitute, and the cache holds the own voice only", said, want)
	}
	if len(notes) != 3 || !errors.Is(notes[0], busy) || notes[1] != nil || notes[2] != nil {
		t.Errorf("notes %v", notes)
	}
}

func TestNoSubstituteForAWrongVoice(t *testing.T) {
	t.Parallel()
	var said []string
	own := scriptedVoice{&said, "own", func(string) error { return fault.New(fault.Invalid, "no such voice") }}
	voice := WithSubstitute(own, scriptedVoice{&said, "cheap", nil}, func(error) { t.Error("substituted") })
	if _, errs := sayAll(t, voice, []string{"A."}); errs[0] == nil {
		t.Error("no error")
	}
}
