package amd

import (
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
	"frontdesk/media"
)

const (
	sceneRate = 8000
	ms        = time.Millisecond
)

// sound makes audio at sceneRate.
type sound func(t testing.TB) []float64

// scene is what is heard on a call: sounds, one after the other.
type scene []sound

func silent(d time.Duration) sound {
	return func(testing.TB) []float64 { return make([]float64, samples(d)) }
}

func samples(d time.Duration) int { return int(d * sceneRate / time.Second) }

// at returns x at a level in dBFS, measured where it is not silent.
func at(db float64, x []float64) []float64 {
	peak, sum, n := 0.0, 0.0, 0
	for _, v := range x {
		peak = max(peak, v, -v)
	}
	for _, v := range x {
		if max(v, -v) > peak/50 {
			sum, n = sum+v*v, n+1
		}
	}
	gain := math.Pow(10, db/20) * 32768 / math.Sqrt(sum/float64(max(n, 1))+1e-9)
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * gain
	}
	return out
}

var synthesized sync.Map // voice and text → func(testing.TB) []float64 that synthesizes once

// speech is text in a voice of flite, or of espeak-ng if its name begins with "e-", at
// -24 dBFS.
func speech(voice, text string) sound {
	return func(t testing.TB) []float64 {
		var once sync.Once
		var pcm []float64
		f, _ := synthesized.LoadOrStore(voice+":"+text, func(t testing.TB) []float64 {
			once.Do(func() { pcm = at(-24, synthesize(t, voice, text)) })
			return pcm
		})
		return f.(func(testing.TB) []float64)(t)
	}
}

func synthesize(t testing.TB, voice, text string) []float64 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "speech.wav")
	cmd := exec.Command("flite", "-voice", voice, "-t", text, "-o", file)
	if name, isEspeak := strings.CutPrefix(voice, "e-"); isEspeak {
		cmd = exec.Command("espeak-ng", "-v", name, "-w", file, text)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", cmd.Args[0], err, out)
	}
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, 60*media.EarRate)
	require.NoError(t, err)
	resampler := media.NewResampler(rate, sceneRate)
	var out []float64
	for _, v := range resampler.Flush(resampler.Process(nil, pcm)) {
		out = append(out, float64(v))
	}
	return out
}

// beep is a tone of hz with ramps of 5 ms.
func beep(hz float64, d time.Duration, db float64) sound { return chord(d, db, hz) }

func chord(d time.Duration, db float64, hz ...float64) sound {
	return func(testing.TB) []float64 {
		out := make([]float64, samples(d))
		for i := range out {
			ramp := min(float64(min(i, len(out)-i))/40, 1)
			for _, f := range hz {
				out[i] += ramp * math.Sin(2*math.Pi*f*float64(i)/sceneRate)
			}
		}
		return at(db, out)
	}
}

// music is three voices with harmonics that change their notes twice a second.
func music(d time.Duration, db float64) sound {
	return func(testing.TB) []float64 {
		r, out := rand.New(rand.NewPCG(21, 22)), make([]float64, samples(d))
		for part := range 3 {
			base := 220 * math.Pow(2, float64(part)/2)
			for note := 0; note < len(out); note += 4000 {
				hz := base * math.Pow(2, float64(r.IntN(8))/12)
				for i := note; i < min(note+4000, len(out)); i++ {
					fade := math.Exp(-float64(i-note) / 3000)
					for k := 1.0; k <= 4; k++ {
						out[i] += fade / k * math.Sin(2*math.Pi*k*hz*float64(i)/sceneRate)
					}
				}
			}
		}
		return at(db, out)
	}
}

// noiseBurst is a noise like that of a cough or of moving the receiver.
func noiseBurst(d time.Duration, db float64) sound {
	return func(testing.TB) []float64 {
		x := audiotest.PinkNoise(rand.New(rand.NewPCG(23, uint64(d))), samples(d))
		for i := range x {
			x[i] *= math.Sin(math.Pi * float64(i) / float64(len(x)))
		}
		return at(db, x)
	}
}

// line is a way through the telephone network: a G.711 codec, and noise beneath the speech.
type line struct {
	name   string
	isALaw bool    // else mu-law
	noise  float64 // dBFS
}

var lines = []line{
	{"mu-law", false, -70},
	{"A-law, pink noise at 20 dB", true, -44},
	{"mu-law, pink noise at 10 dB", false, -34},
}

// carry returns a scene as it comes out of the line, at EarRate.
func (l line) carry(t testing.TB, s scene) []int16 {
	var x []float64
	for _, sound := range s {
		x = append(x, sound(t)...)
	}
	r := rand.New(rand.NewPCG(25, uint64(len(x))))
	noise := at(l.noise, audiotest.PinkNoise(r, max(len(x), sceneRate)))
	pcm := make([]int16, len(x))
	for i, v := range x {
		pcm[i] = int16(math.Round(min(max(v+noise[i], math.MinInt16), math.MaxInt16)))
	}
	if l.isALaw {
		pcm = media.DecodePCMA(nil, media.EncodePCMA(nil, pcm))
	} else {
		pcm = media.DecodePCMU(nil, media.EncodePCMU(nil, pcm))
	}
	return media.NewResampler(sceneRate, media.EarRate).Process(nil, pcm)
}

// answeredCall is a call from the moment it is answered.
type answeredCall struct {
	name  string
	who   AnsweredBy
	beeps int
	scene scene
}

// machines greet, and most of them beep. In the silence after it the caller waits.
func machines() []answeredCall {
	end := silent(2 * time.Second)
	one := func(name string, beeps int, s ...sound) answeredCall {
		return answeredCall{name, Machine, beeps, append(append(scene{silent(400 * ms)}, s...), end)}
	}
	return []answeredCall{
		one("long, beep 1000 Hz", 1, speech("slt", "Hi, you have reached the office of Doctor Miller. We are closed at the moment. Please leave your name and number after the tone, and we will call you back."), silent(500*ms), beep(1000, 400*ms, -20)),
		one("standard voicemail, beep 1400 Hz", 1, speech("rms", "The person you are calling is not available. At the tone, please record your message. When you have finished recording, you may hang up."), silent(800*ms), beep(1400, 250*ms, -15)),
		one("long beep 850 Hz", 1, speech("awb", "Hello, this is Peter. I cannot come to the phone right now. Leave a message and I will get back to you as soon as I can."), silent(300*ms), beep(850, 1500*ms, -18)),
		one("short beep 2000 Hz, soft", 1, speech("kal16", "Thank you for calling. Nobody is here to take your call. Please leave a message after the beep."), silent(600*ms), beep(2000, 120*ms, -28)),
		one("beep 440 Hz", 1, speech("slt", "Hey, it's Julia, I'm out and about. You know what to do, so talk to you later after the beep."), silent(400*ms), beep(440, 600*ms, -20)),
		one("pauses of 0.6 s", 1, speech("rms", "Hello."), silent(600*ms), speech("rms", "You have reached five five five, one two three four."), silent(600*ms), speech("rms", "Please leave a message."), silent(700*ms), beep(1100, 500*ms, -22)),
		one("name read in by its owner", 1, speech("slt", "Your call has been forwarded to an automatic voice message system."), silent(500*ms), speech("awb", "Bob Smith."), silent(500*ms), speech("slt", "is not available."), silent(500*ms), beep(950, 300*ms, -20)),
		one("no beep", 0, speech("awb", "We are sorry, all our offices are closed today. Our opening hours are Monday to Friday from nine to five. Please call again.")),
		one("short, beep soon", 1, speech("slt", "Please leave a message after the tone."), silent(250*ms), beep(1000, 500*ms, -20)),
		one("short, long gap, beep", 1, speech("kal16", "Leave a message."), silent(1500*ms), beep(1300, 700*ms, -20)),
		one("hello, then a long pause", 1, speech("rms", "Hi, this is Frank."), silent(1200*ms), speech("rms", "I am on holiday until the end of the month, please send me an e-mail instead, or leave a message."), silent(500*ms), beep(1000, 300*ms, -20)),
		one("beep alone", 1, silent(900*ms), beep(1200, 500*ms, -20)),
		one("music before", 1, music(3*time.Second, -26), silent(300*ms), speech("slt", "Welcome to the voice mail of the garden centre. Please leave a message after the tone."), silent(600*ms), beep(1000, 400*ms, -20)),
		one("german", 1, speech("e-de", "Guten Tag. Leider rufen Sie außerhalb unserer Geschäftszeiten an. Bitte hinterlassen Sie eine Nachricht nach dem Signalton."), silent(500*ms), beep(1000, 400*ms, -20)),
		one("french", 1, speech("e-fr", "Bonjour, vous êtes bien chez Marie. Je ne suis pas là pour le moment, laissez-moi un message après le bip."), silent(500*ms), beep(620, 800*ms, -20)),
		one("spanish", 1, speech("e-es", "El número que ha marcado no está disponible en este momento. Deje su mensaje después de la señal."), silent(500*ms), beep(1700, 300*ms, -20)),
	}
}

// people greet and wait.
func people() []answeredCall {
	var out []answeredCall
	one := func(name string, s ...sound) {
		out = append(out, answeredCall{name, Person, 0, append(append(scene{silent(400 * ms)}, s...), silent(2*time.Second))})
	}
	for i, text := range []string{"Hello?", "Yes?", "Miller speaking.", "Hello, who is this?", "Hi, Sarah here.", "Anderson and sons, good morning.",
		"Good afternoon, reception.", "Yeah, hello?", "This is Tom.", "Front desk, how can I help?"} {
		one(text, speech([]string{"slt", "rms", "awb", "kal16"}[i%4], text))
		if i < 6 {
			one(text+" again", speech([]string{"awb", "slt", "kal16", "rms"}[i%4], text))
		}
	}
	one("business", speech("slt", "Acme incorporated, this is Anna, how can I help you?"))
	one("business, rms", speech("rms", "Good morning, Northern Insurance, my name is David, what can I do for you?"))
	one("business, awb", speech("awb", "City hospital, emergency department, nurse Kelly speaking."))
	one("german", speech("e-de", "Müller, guten Tag?"))
	one("french", speech("e-fr", "Allô, oui?"))
	one("spanish", speech("e-es", "¿Sí, dígame?"))
	one("cough first", noiseBurst(250*ms, -24), silent(400*ms), speech("rms", "Hello?"))
	one("rustle first", noiseBurst(700*ms, -30), silent(200*ms), speech("slt", "Hello?"))
	one("late", silent(2500*ms), speech("awb", "Hello?"))
	one("twice", speech("slt", "Hello?"), silent(500*ms), speech("slt", "Hello?"))
	one("at once", speech("kal16", "Yes, hello, Miller here."))
	one("dropped receiver", noiseBurst(60*ms, -15), silent(500*ms), noiseBurst(40*ms, -18), silent(700*ms), speech("rms", "Hello?"))
	out[len(out)-2].scene = out[len(out)-2].scene[1:] // no silence before it
	return out
}
