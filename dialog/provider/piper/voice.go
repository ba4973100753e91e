package piper

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"

	"frontdesk/dialog/provider/loudness"
	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
	"frontdesk/internal/phonemes"
	"frontdesk/media"
)

const (
	// calibrationText is what a voice says while it is opened. Its loudness decides the gain.
	// Figures are words in every language.
	calibrationText = "0 1 2 3 4 5 6 7 8 9"
	// maxContext is the largest number of frames that a frame's audio may depend on, on each
	// side. The decoders that Piper trains need 10 to 16.
	maxContext = 64
	// sameSample is the largest difference between samples that are equal as 16-bit integers.
	sameSample = 0.5 / 32768
)

// voice is an open voice. It is safe for concurrent use.
type voice struct {
	name       string
	settings   *settings
	engine     engine
	phonemizer *phonemes.Phonemizer
	hop        int // samples of a frame
	context    int // frames on each side that a frame's audio depends on

	levelMu    sync.Mutex
	levels     map[int64]level // by speaker
	resamplers sync.Pool       // of *media.Resampler to media.MouthRate
}

// level is how loud a speaker's network speaks.
type level struct {
	gain    float64 // from [-1, 1] to 16-bit samples of the common loudness
	silence float64 // RMS of a block below which it is silence, as 16-bit samples
}

// openVoice opens the voice in an ONNX file. The error is fault.Invalid.
func openVoice(runtime *onnx.Runtime, name, file string) (*voice, error) {
	v := &voice{name: name, levels: make(map[int64]level)}
	err := v.open(runtime, file)
	if err == nil {
		return v, nil
	}
	v.close()
	return nil, fault.Wrap(err, fault.Invalid, "the voice %s cannot be opened", filepath.Base(name))
}

func (v *voice) open(runtime *onnx.Runtime, file string) error {
	var err error
	if v.settings, err = readSettings(file); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if v.phonemizer, err = phonemes.New(v.settings.Espeak.Voice); err != nil {
		return err
	}
	v.resamplers.New = func() any { return media.NewResampler(v.settings.Audio.SampleRate, media.MouthRate) }
	if v.engine, err = openEngine(runtime, file, v.settings.SpeakerCount > 1); err != nil {
		return err
	}
	l, err := v.calibrate(context.Background(), 0)
	if err != nil {
		return err
	}
	return v.measureDecoder(l)
}

func (v *voice) close() error {
	if v.phonemizer != nil {
		v.phonemizer.Close()
	}
	if v.engine != nil {
		return v.engine.close()
	}
	return nil
}

// speaker returns the number of the speaker in a name such as "en_US-libritts-high#12".
func (v *voice) speaker(name string) (int64, error) {
	_, who, _ := strings.Cut(name, speakerDivider)
	id, ok := v.settings.speaker(who)
	if !ok {
		return 0, fault.New(fault.Invalid, "the voice %s has no speaker %q (want a name of its speaker_id_map or a number below %d)",
			filepath.Base(v.name), who, v.settings.SpeakerCount)
	}
	return id, nil
}

// level returns a speaker's level. ok is false until it is measured.
func (v *voice) level(speaker int64) (l level, ok bool) {
	v.levelMu.Lock()
	defer v.levelMu.Unlock()
	l, ok = v.levels[speaker]
	return l, ok
}

// calibrate measures a speaker's level. It returns what was said.
func (v *voice) calibrate(ctx context.Context, speaker int64) (*latent, error) {
	ipa, err := v.phonemizer.Phonemes(ctx, calibrationText)
	if err != nil {
		return nil, err
	}
	l, err := v.engine.encode(numbers(v.settings.frame(v.settings.symbols(ipa))), v.scales(1), speaker)
	if err != nil {
		return nil, err
	}
	if l.frames == 0 {
		return nil, fmt.Errorf("it says nothing for %q", calibrationText)
	}
	audio, err := v.engine.decode(l, 0, l.frames)
	if err != nil {
		return nil, err
	}
	pcm := make([]int16, len(audio))
	for i, x := range audio {
		pcm[i] = int16(math.RoundToEven(float64(max(-1, min(1, x))) * math.MaxInt16))
	}
	loud := loudness.RMS(pcm)
	if loud == 0 {
		return nil, fmt.Errorf("it is silent for %q", calibrationText)
	}
	gain := min(loudness.Target/loud, loudness.MaxGain) * math.MaxInt16
	v.levelMu.Lock()
	defer v.levelMu.Unlock()
	v.levels[speaker] = level{gain: gain, silence: loudness.SilenceShare * loudness.Loudest(pcm, v.settings.Audio.SampleRate) * gain / math.MaxInt16}
	return l, nil
}

// measureDecoder sets hop and context. It decodes some frames of l with more and more context
// until the audio is the same as with maxContext.
func (v *voice) measureDecoder(l *latent) error {
	frame, err := v.engine.decode(l, 0, 1)
	if err != nil {
		return err
	}
	v.hop = len(frame)
	from, to := l.frames/2-2, l.frames/2+2
	if from < 0 {
		return fmt.Errorf("it says too little for %q", calibrationText)
	}
	v.context = maxContext
	want, err := v.decode(l, from, to)
	if err != nil {
		return err
	}
	for _, v.context = range []int{2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48} {
		got, err := v.decode(l, from, to)
		if err != nil || equal(got, want) {
			return err
		}
	}
	return fmt.Errorf("the audio of a frame depends on more than %d frames", v.context)
}

func equal(a, b []float32) bool {
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > sameSample {
			return false
		}
	}
	return true
}

// decode returns the audio of the frames [from, to), the same as if all were decoded.
func (v *voice) decode(l *latent, from, to int) ([]float32, error) {
	begin, end := max(0, from-v.context), min(l.frames, to+v.context)
	audio, err := v.engine.decode(l, begin, end)
	if err != nil {
		return nil, err
	}
	if len(audio) != (end-begin)*v.hop {
		return nil, fmt.Errorf("%d samples for %d frames of %d", len(audio), end-begin, v.hop)
	}
	return audio[(from-begin)*v.hop : (to-begin)*v.hop], nil
}

// scales are the network's parameters for a speed.
func (v *voice) scales(speed float32) [3]float32 {
	i := v.settings.Inference
	return [3]float32{i.Noise, i.Length / speed, i.LengthNoise}
}
