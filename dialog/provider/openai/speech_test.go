package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"frontdesk/dialog"
	"frontdesk/internal/fakeai"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

func newSpeech(t *testing.T, c Config) *Speech {
	t.Helper()
	if c.Model == "" {
		c.Model = "tts-1"
	}
	s, err := NewSpeech(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func speakAll(ctx context.Context, s *Speech, text string) ([]int16, error) {
	var all []int16
	for pcm, err := range s.Speak(ctx, text, dialog.Voice{}) {
		if err != nil {
			return all, err
		}
		all = append(all, pcm...)
	}
	return all, nil
}

// ramp returns n samples that count up by step, and their bytes.
func ramp(n, step int) ([]int16, []byte) {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(i * step)
	}
	return pcm, wav(pcm, media.MouthRate)[44:]
}

func TestSpeechIsYieldedAsItWasSent(t *testing.T) {
	want, _ := ramp(9001, 1)
	for _, asWAV := range []bool{false, true} {
		ai := fakeai.New(fakeai.Options{WAV: asWAV, Speak: func(string) []int16 { return want }})
		defer ai.Close()
		s := newSpeech(t, Config{URL: ai.URL, Voice: "af_heart"})
		got, err := speakAll(t.Context(), s, "Hello there.")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("WAV %v: %d samples, %v", asWAV, len(got), err)
		}
		if body := string(ai.Requests()[0].Body); body != `{"model":"tts-1","input":"Hello there.","voice":"af_heart","response_format":"pcm"}` {
			t.Error(body)
		}
	}
}

func TestVoiceOfTheAgentTakesPrecedence(t *testing.T) {
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	for pcm, err := range newSpeech(t, Config{URL: ai.URL}).Speak(t.Context(), "Hi", dialog.Voice{Name: "nova"}) {
		if err != nil || len(pcm) == 0 {
			t.Fatal(len(pcm), err)
		}
	}
	if body := string(ai.Requests()[0].Body); !strings.Contains(body, `"voice":"nova"`) {
		t.Error(body)
	}
}

func TestFirstPieceIsYieldedBeforeTheRestArrives(t *testing.T) {
	_, first := ramp(100, 1)
	more := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(first)
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = w.Write(first)
	})
	pieces := 0
	for pcm, err := range newSpeech(t, Config{URL: url}).Speak(t.Context(), "Hi", dialog.Voice{}) {
		if err != nil || len(pcm) != 100 {
			t.Fatalf("%d samples, %v", len(pcm), err)
		}
		if pieces++; pieces == 1 {
			close(more)
		}
	}
	if pieces != 2 {
		t.Errorf("%d pieces", pieces)
	}
}

func TestTextWithoutWordsSendsNoRequest(t *testing.T) {
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	s := newSpeech(t, Config{URL: ai.URL})
	for _, text := range []string{"", " \n", "…", "?!"} {
		if pcm, err := speakAll(t.Context(), s, text); err != nil || len(pcm) != 0 {
			t.Errorf("%q: %d samples, %v", text, len(pcm), err)
		}
	}
	var e *fault.Error
	if _, err := speakAll(t.Context(), s, strings.Repeat("a", maxInput+1)); !errors.As(err, &e) || e.Code != fault.TooLarge {
		t.Errorf("got %v", err)
	}
	if n := len(ai.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestUnsupportedAudioGivesAnErrorCode(t *testing.T) {
	riff := wav(make([]int16, 10), media.MouthRate)
	bent := func(at int, b byte) string {
		c := bytes.Clone(riff)
		c[at] = b
		return string(c)
	}
	for name, test := range map[string]struct{ kind, body string }{
		"MP3 by content type":                  {"audio/mpeg", "\xff\xfb\x90\x00rest"},
		"MP3 by ID3 tag":                       {"application/octet-stream", "ID3\x04rest"},
		"Ogg":                                  {"", "OggS\x00rest"},
		"JSON":                                 {"application/json", `{"error":"no"}`},
		"empty body":                           {"audio/pcm", ""},
		"a header only":                        {"audio/wav", string(riff[:30])},
		"8 bits":                               {"audio/wav", bent(34, 8)},
		"floats":                               {"audio/wav", bent(20, 3)},
		"no channel":                           {"audio/wav", bent(22, 0)},
		"unsupported rate in the header":       {"audio/wav", bent(26, 0xFF)},
		"data first":                           {"audio/wav", string(riff[:12]) + string(riff[36:])},
		"no data":                              {"audio/wav", string(riff[:36])},
		"endless chunk":                        {"audio/wav", string(riff[:36]) + "LIST\xff\xff\xff\x7f"},
		"not WAVE":                             {"audio/wav", bent(8, 'X')},
		"unsupported rate in the content type": {"audio/pcm; rate=1", "xxxx"},
	} {
		t.Run(name, func(t *testing.T) {
			pcm, err := speakAll(t.Context(), newSpeech(t, Config{URL: serve(t, respondWith(test.kind, test.body))}), "Hi")
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Provider {
				t.Errorf("%d samples, %v", len(pcm), err)
			}
		})
	}
}

func readAudio(r io.Reader, kind string, params map[string]string) ([]int16, error) {
	s := newAudioReader(r, kind, params)
	var all []int16
	for {
		pcm, err := s.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, pcm...)
	}
}

func TestOddReadsAndHeadersDoNotShiftTheAudio(t *testing.T) {
	want, raw := ramp(5000, 3)
	file := wav(want, media.MouthRate)
	tagged := slices.Concat(file[:36], []byte("LIST\x03\x00\x00\x00abc\x00"), file[36:], []byte("LIST\x04\x00\x00\x00tail"))
	long := slices.Concat(file[:16], []byte{18, 0, 0, 0}, file[20:36], []byte{0, 0}, file[36:])
	for name, b := range map[string][]byte{"PCM": raw, "PCM with half a sample": append(bytes.Clone(raw), 7), "WAV": file, "tags": tagged, "long format": long} {
		for how, r := range map[string]io.Reader{
			"whole": bytes.NewReader(b), "byte by byte": iotest.OneByteReader(bytes.NewReader(b)),
			"in halves": iotest.HalfReader(bytes.NewReader(b)), "error with data": iotest.DataErrReader(bytes.NewReader(b)),
		} {
			if got, err := readAudio(r, "", nil); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, %s: %d samples, %v", name, how, len(got), err)
			}
		}
	}
}

func TestStereoIsMixedToMono(t *testing.T) {
	got, err := readAudio(bytes.NewReader([]byte{10, 0, 20, 0, 0xF6, 0xFF, 0xEC, 0xFF}), "audio/pcm", map[string]string{"rate": "24000", "channels": "2"})
	if err != nil || !slices.Equal(got, []int16{15, -15}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestResampledAudioKeepsItsPitch(t *testing.T) {
	for _, rate := range []int{8000, 16000, 22050, 44100, 48000} {
		pcm := make([]int16, rate) // a second of 300 Hz
		for i := range pcm {
			pcm[i] = int16(10000 * math.Sin(2*math.Pi*300*float64(i)/float64(rate)))
		}
		got, err := readAudio(iotest.HalfReader(bytes.NewReader(wav(pcm, rate))), "audio/wav", nil)
		if err != nil || len(got) < media.MouthRate-100 || len(got) > media.MouthRate+100 {
			t.Fatalf("%d Hz: %d samples, %v", rate, len(got), err)
		}
		rising, low := 0, true
		for _, v := range got { // with hysteresis, because the filter rings at the edges
			if low && v > 5000 {
				rising++
			}
			low = v < -5000 || (low && v <= 5000)
		}
		if rising < 299 || rising > 301 {
			t.Errorf("%d Hz: %d periods in a second", rate, rising)
		}
	}
}

func FuzzAudio(f *testing.F) {
	pcm, raw := ramp(100, 100)
	f.Add(raw, "audio/pcm")
	f.Add(wav(pcm, 22050), "audio/wav")
	f.Add(wav(pcm, 8000)[:50], "")
	f.Fuzz(func(t *testing.T, b []byte, kind string) {
		whole, err := readAudio(bytes.NewReader(b), kind, nil)
		pieces, err2 := readAudio(iotest.OneByteReader(bytes.NewReader(b)), kind, nil)
		if (err == nil) != (err2 == nil) || len(whole) > 2*len(b)+64 {
			t.Fatalf("%d samples of %d bytes: %v, %v", len(whole), len(b), err, err2)
		}
		if len(whole) != len(pieces) {
			t.Errorf("%d samples whole, %d in pieces", len(whole), len(pieces))
		}
	})
}
