//go:build unix

package phonemes

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, voice string) *Phonemizer {
	t.Helper()
	p, err := New(voice)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestPhrasesBecomePhonemes(t *testing.T) {
	p := open(t, "en-us")
	for phrase, want := range map[string]string{
		"Hello there":                 "həlˈoʊ ðˈɛɹ",
		"I said, to the cat, no.":     "aɪ sˈɛd tə ðə kˈæt nˈoʊ", // several lines of espeak-ng
		"":                            "",
		"...":                         "",
		"|||":                         "",
		"hello\nthere":                "həlˈoʊ ðˈɛɹ",
		"[[h@l'oU]]":                  "ˈeɪtʃ æt ˈɛlˈoʊ jˈuː", // read as text, never as phonemes
		"\xff\x00hello":               "həlˈoʊ",
		"-v de":                       "vˈiː də",
		strings.Repeat("no ", 10_000): strings.TrimSpace(strings.Repeat("nˈoʊ ", 300)),
	} {
		got, err := p.Phonemes(t.Context(), phrase)
		if err != nil || strings.NewReplacer("ˈ", "", "ˌ", "").Replace(got) != strings.NewReplacer("ˈ", "", "ˌ", "").Replace(want) {
			t.Errorf("Phonemes(%.40q) = %q, %v, want %q", phrase, got, err, want)
		}
	}
}

func TestWordsOfAnotherLanguageAreNotMarked(t *testing.T) {
	got, err := open(t, "de").Phonemes(t.Context(), "Das ist ein Update für Windows")
	if err != nil || got == "" || strings.ContainsAny(got, "()") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestUnknownVoiceIsAnError(t *testing.T) {
	_, err := New("xx-none")
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestMissingProgramNamesItsPackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := New("en-us")
	if err == nil || !strings.Contains(err.Error(), "apt install espeak-ng") {
		t.Errorf("got %v", err)
	}
}

func TestDeadProcessIsReplaced(t *testing.T) {
	p := open(t, "en-us")
	require.NoError(t, p.process.cmd.Process.Kill())
	_, err := p.process.cmd.Process.Wait()
	require.NoError(t, err)
	if got, err := p.Phonemes(t.Context(), "no"); err != nil || !strings.HasPrefix(got, "n") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestHungProcessIsKilledAndReplaced(t *testing.T) {
	p := open(t, "en-us")
	p.replyTimeout = 300 * time.Millisecond
	hung := p.process.cmd.Process
	require.NoError(t, hung.Signal(syscall.SIGSTOP))
	p2 := make(chan struct{})
	go func() { // the successor needs longer than the timeout of a reply on a busy machine
		defer close(p2)
		if _, err := p.Phonemes(context.Background(), "no"); err != nil {
			_, err = p.Phonemes(context.Background(), "no")
			if err != nil {
				t.Error(err)
			}
		}
	}()
	<-p2
	if err := hung.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the hung process still exists: %v", err)
	}
}

func TestProgramThatNeverAnswersIsAnError(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for name, commands := range map[string]string{
		"exits":         "exit 1",
		"endless start": "cat /dev/zero",
		"echoes":        "echo a; echo b; cat",
		"endless lines": "echo a; echo a; yes",
		"endless line":  "echo a; echo a; cat /dev/zero",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "espeak-ng"), []byte("#!/bin/sh\n"+commands), 0o700))
		p, err := New("en-us")
		if err == nil {
			p.replyTimeout = 300 * time.Millisecond
			_, err = p.Phonemes(t.Context(), "no")
			p.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestManyCallersGetTheirOwnPhonemes(t *testing.T) {
	p := open(t, "en-us")
	want := make(map[string]string)
	words := []string{"refund", "printer", "order", "please, wait", "..."}
	for _, w := range words {
		ipa, err := p.Phonemes(t.Context(), w)
		require.NoError(t, err)
		want[w] = ipa
	}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for _, w := range words {
				if got, err := p.Phonemes(context.Background(), w); err != nil || got != want[w] {
					t.Errorf("%q: got %q, %v, want %q", w, got, err, want[w])
				}
			}
		})
	}
	callers.Wait()
}

func TestCancelledCallerDoesNotWait(t *testing.T) {
	p := open(t, "en-us")
	p.turn <- struct{}{} // somebody else's phrase
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Phonemes(ctx, "no"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-p.turn
}

func TestPhraseWaitsForOthersWithADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Phonemizer{turn: make(chan struct{}, 1)}
		p.turn <- struct{}{} // somebody else's phrase
		began := time.Now()
		_, err := p.Phonemes(context.Background(), "no")
		if !fault.IsRetryable(err) || time.Since(began) != turnTimeout {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

func TestClosedPhonemizerFails(t *testing.T) {
	p := open(t, "en-us")
	p.Close()
	if _, err := p.Phonemes(t.Context(), "no"); err == nil {
		t.Error("no error")
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"hello", "[[a]]", "\xff\n", strings.Repeat("ü", 1000), "\u2028x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := clean(s)
		if len(out) > maxPhrase || strings.ContainsAny(out, "[]\n\r\x00") || !utf8.ValidString(out) {
			t.Errorf("clean(%q) = %q", s, out)
		}
	})
}

func BenchmarkPhrase(b *testing.B) {
	p := open(b, "en-us")
	for b.Loop() {
		if _, err := p.Phonemes(b.Context(), "Your order has been shipped this morning already"); err != nil {
			b.Fatal(err)
		}
	}
}
