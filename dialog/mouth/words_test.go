package mouth

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"frontdesk/dialog"
	"frontdesk/media"
)

// timedSynthesizer says every word for a time of its own and then pauses. The ends of words
// come one piece late.
type timedSynthesizer struct{ ms map[string]int }

const pauseMS = 40 // between words

func (s timedSynthesizer) Speak(ctx context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	return dialog.Audio(s.SpeakClause(ctx, dialog.Clause{Text: text, Voice: v}))
}

func (s timedSynthesizer) SpeakClause(_ context.Context, c dialog.Clause) iter.Seq2[dialog.Speech, error] {
	return func(yield func(dialog.Speech, error) bool) {
		samples, read := 0, 0
		var late []dialog.WordEnd
		for w := range strings.FieldsSeq(c.Text) {
			read += strings.Index(c.Text[read:], w) + len(w)
			end := samples + s.ms[w]*media.MouthRate/1000
			pcm := slices.Repeat([]int16{1000}, (s.ms[w]+pauseMS)*media.MouthRate/1000)
			samples += len(pcm)
			if !yield(dialog.Speech{PCM: pcm, Words: late}, nil) {
				return
			}
			late = []dialog.WordEnd{{Text: read, Samples: end}}
		}
		yield(dialog.Speech{Words: late}, nil)
	}
}

// cutSink cancels a reply at a frame, as an interruption does.
type cutSink struct {
	frames, last int
	cut          func()
}

func (s *cutSink) WriteFrame(pcm []int16) error {
	if pcm == nil {
		return nil
	}
	if s.frames++; s.frames == s.last {
		s.cut()
	}
	return nil
}

// TestInterruptionKeepsTheWordsThatWerePlayed cuts a reply at every 60 ms. In letters the
// words are equally long; in time they are not.
func TestInterruptionKeepsTheWordsThatWerePlayed(t *testing.T) {
	t.Parallel()
	voice := timedSynthesizer{map[string]int{"one": 60, "two": 300, "six.": 500, "ten": 120}}
	const text = "  one two six. ten "
	ends := []struct{ ms, bytes int }{{60, 6}, {60 + 40 + 300, 10}, {60 + 40 + 300 + 40 + 500, 15}}
	var cuts sync.WaitGroup
	for at := 60; at < 1000; at += 60 {
		cuts.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			playout := media.NewPlayout(&cutSink{last: at / 20, cut: cancel})
			playing, stop := context.WithCancel(t.Context())
			var run sync.WaitGroup
			run.Go(func() { _ = playout.Run(playing) })
			m := NewVoice(&dialog.Agent{Synthesizer: voice}, playout)
			shown := ""
			heard, err := m.Say(ctx, slices.Values([]string{text}), func(piece string) { shown += piece })
			// Flush fades out the frame that follows, and does not count it.
			played := int(playout.Played() * 1000 / media.MouthRate)
			stop()
			run.Wait()
			want := ""
			for _, e := range ends {
				if e.ms <= played {
					want = text[:e.bytes]
				}
			}
			if err != nil || heard != want || shown != heard || played < at {
				t.Errorf("cut at %d ms, %d ms were played: heard %q, shown %q, want %q, %v", at, played, heard, shown, want, err)
			}
		})
	}
	cuts.Wait()
}

func TestCacheKeepsTheEndsOfWords(t *testing.T) {
	c := Cached(timedSynthesizer{map[string]int{"one": 60, "two": 300}})
	var ends [2][]dialog.WordEnd
	for i := range ends {
		for piece, err := range c.SpeakClause(t.Context(), dialog.Clause{Text: "one two"}) {
			if err != nil {
				t.Fatal(err)
			}
			ends[i] = append(ends[i], piece.Words...)
		}
	}
	if len(ends[0]) != 2 || !slices.Equal(ends[0], ends[1]) {
		t.Errorf("got %v, then from the cache %v", ends[0], ends[1])
	}
}
