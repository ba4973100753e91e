package amd

import (
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/media"
)

// sounds are a scene at 8 kHz, one after the other.
type sounds []func(t testing.TB) []float64

func silent(d time.Duration) func(testing.TB) []float64 {
	return func(testing.TB) []float64 { return make([]float64, samples(d)) }
}

func samples(d time.Duration) int { return int(d * 8000 / time.Second) }

// at is x at a level in dBFS, measured where it is not silent.
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

var said sync.Map // voice and text: *sync.Once and sound

type saying struct {
	once sync.Once
	pcm  []float64
}

// say is text in a voice of flite, or of espeak-ng where its name begins with "e-", at
// -24 dBFS; each is made once.
func say(voice, text string) func(testing.TB) []float64 {
	return func(t testing.TB) []float64 {
		v, _ := said.LoadOrStore(voice+":"+text, &saying{})
		s := v.(*saying)
		s.once.Do(func() {
			if name, ok := strings.CutPrefix(voice, "e-"); ok {
				file := filepath.Join(t.TempDir(), "speech.wav")
				if out, err := exec.Command("espeak-ng", "-v", name, "-w", file, text).CombinedOutput(); err != nil {
					t.Fatalf("espeak-ng: %v: %s", err, out)
				}
				s.pcm = readWAVAt(t, file, 8000)
			} else {
				s.pcm = says(t, voice, text, 8000)
			}
			s.pcm = at(-24, s.pcm)
		})
		return s.pcm
	}
}

// beep is a tone of hz with ramps of 5 ms.
func beep(hz float64, d time.Duration, db float64) func(testing.TB) []float64 {
	return chord(d, db, hz)
}

func chord(d time.Duration, db float64, hz ...float64) func(testing.TB) []float64 {
	return func(testing.TB) []float64 {
		out := make([]float64, samples(d))
		for i := range out {
			ramp := min(float64(min(i, len(out)-i))/40, 1)
			for _, f := range hz {
				out[i] += ramp * math.Sin(2*math.Pi*f*float64(i)/8000)
			}
		}
		return at(db, out)
	}
}

// music is three parts that move twice a second, with harmonics.
func music(d time.Duration, db float64) func(testing.TB) []float64 {
	return func(testing.TB) []float64 {
		r, out := rand.New(rand.NewPCG(21, 22)), make([]float64, samples(d))
		for part := range 3 {
			base := 220 * math.Pow(2, float64(part)/2)
			for note := 0; note < len(out); note += 4000 {
				hz := base * math.Pow(2, float64(r.IntN(8))/12)
				for i := note; i < min(note+4000, len(out)); i++ {
					fade := math.Exp(-float64(i-note) / 3000)
					for k := 1.0; k <= 4; k++ {
						out[i] += fade / k * math.Sin(2*math.Pi*k*hz*float64(i)/8000)
					}
				}
			}
		}
		return at(db, out)
	}
}

// burst is noise, as of a cough or of moving the receiver.
func burst(d time.Duration, db float64) func(testing.TB) []float64 {
	return func(testing.TB) []float64 {
		x := pinkNoise(rand.New(rand.NewPCG(23, uint64(d))), samples(d))
		for i := range x {
			x[i] *= math.Sin(math.Pi * float64(i) / float64(len(x)))
		}
		return at(db, x)
	}
}

// line is a way through the telephone: a law of G.711 and noise under the speech.
type line struct {
	name  string
	a     bool    // A-law, else mu-law
	noise float64 // dBFS
}

var lines = []line{
	{"mu-law", false, -70},
	{"A-law, pink noise at 20 dB", true, -44},
	{"mu-law, pink noise at 10 dB", false, -34},
}

// carry is a scene as it comes out of line: at EarRate.
func (l line) carry(t testing.TB, scene sounds) []int16 {
	var x []float64
	for _, s := range scene {
		x = append(x, s(t)...)
	}
	r := rand.New(rand.NewPCG(25, uint64(len(x))))
	under := at(l.noise, pinkNoise(r, max(len(x), 8000)))
	pcm := make([]int16, len(x))
	for i, v := range x {
		pcm[i] = clip(float32(v + under[i]))
	}
	if l.a {
		pcm = media.DecodePCMA(nil, media.EncodePCMA(nil, pcm))
	} else {
		pcm = media.DecodePCMU(nil, media.EncodePCMU(nil, pcm))
	}
	return media.NewResampler(8000, media.EarRate).Process(nil, pcm)
}

type answered struct {
	name  string
	who   Verdict
	beeps int
	scene sounds
}

const ms = time.Millisecond

// machines greet, and beep or do not. The silence behind is a caller's who waits.
func machines() []answered {
	end := silent(2 * time.Second)
	one := func(name string, beeps int, s ...func(testing.TB) []float64) answered {
		return answered{name, Machine, beeps, append(append(sounds{silent(400 * ms)}, s...), end)}
	}
	return []answered{
		one("long, beep 1000 Hz", 1, say("slt", "Hi, you have reached the office of Doctor Miller. We are closed at the moment. Please leave your name and number after the tone, and we will call you back."), silent(500*ms), beep(1000, 400*ms, -20)),
		one("standard voicemail, beep 1400 Hz", 1, say("rms", "The person you are calling is not available. At the tone, please record your message. When you have finished recording, you may hang up."), silent(800*ms), beep(1400, 250*ms, -15)),
		one("long beep 850 Hz", 1, say("awb", "Hello, this is Peter. I cannot come to the phone right now. Leave a message and I will get back to you as soon as I can."), silent(300*ms), beep(850, 1500*ms, -18)),
		one("short beep 2000 Hz, soft", 1, say("kal16", "Thank you for calling. Nobody is here to take your call. Please leave a message after the beep."), silent(600*ms), beep(2000, 120*ms, -28)),
		one("beep 440 Hz", 1, say("slt", "Hey, it's Julia, I'm out and about. You know what to do, so talk to you later after the beep."), silent(400*ms), beep(440, 600*ms, -20)),
		one("pauses of 0.6 s", 1, say("rms", "Hello."), silent(600*ms), say("rms", "You have reached five five five, one two three four."), silent(600*ms), say("rms", "Please leave a message."), silent(700*ms), beep(1100, 500*ms, -22)),
		one("name read in by its owner", 1, say("slt", "Your call has been forwarded to an automatic voice message system."), silent(500*ms), say("awb", "Bob Smith."), silent(500*ms), say("slt", "is not available."), silent(500*ms), beep(950, 300*ms, -20)),
		one("no beep", 0, say("awb", "We are sorry, all our offices are closed today. Our opening hours are Monday to Friday from nine to five. Please call again.")),
		one("short, beep soon", 1, say("slt", "Please leave a message after the tone."), silent(250*ms), beep(1000, 500*ms, -20)),
		one("short, long gap, beep", 1, say("kal16", "Leave a message."), silent(1500*ms), beep(1300, 700*ms, -20)),
		one("hello, then a long pause", 1, say("rms", "Hi, this is Frank."), silent(1200*ms), say("rms", "I am on holiday until the end of the month, please send me an e-mail instead, or leave a message."), silent(500*ms), beep(1000, 300*ms, -20)),
		one("beep alone", 1, silent(900*ms), beep(1200, 500*ms, -20)),
		one("music before", 1, music(3*time.Second, -26), silent(300*ms), say("slt", "Welcome to the voice mail of the garden centre. Please leave a message after the tone."), silent(600*ms), beep(1000, 400*ms, -20)),
		one("german", 1, say("e-de", "Guten Tag. Leider rufen Sie außerhalb unserer Geschäftszeiten an. Bitte hinterlassen Sie eine Nachricht nach dem Signalton."), silent(500*ms), beep(1000, 400*ms, -20)),
		one("french", 1, say("e-fr", "Bonjour, vous êtes bien chez Marie. Je ne suis pas là pour le moment, laissez-moi un message après le bip."), silent(500*ms), beep(620, 800*ms, -20)),
		one("spanish", 1, say("e-es", "El número que ha marcado no está disponible en este momento. Deje su mensaje después de la señal."), silent(500*ms), beep(1700, 300*ms, -20)),
	}
}

// people greet and wait.
func people() []answered {
	var out []answered
	one := func(name string, s ...func(testing.TB) []float64) {
		out = append(out, answered{name, Person, 0, append(append(sounds{silent(400 * ms)}, s...), silent(2*time.Second))})
	}
	for i, text := range []string{"Hello?", "Yes?", "Miller speaking.", "Hello, who is this?", "Hi, Sarah here.", "Anderson and sons, good morning.",
		"Good afternoon, reception.", "Yeah, hello?", "This is Tom.", "Front desk, how can I help?"} {
		one(text, say([]string{"slt", "rms", "awb", "kal16"}[i%4], text))
		if i < 6 {
			one(text+" again", say([]string{"awb", "slt", "kal16", "rms"}[i%4], text))
		}
	}
	one("business", say("slt", "Acme incorporated, this is Anna, how can I help you?"))
	one("business, rms", say("rms", "Good morning, Northern Insurance, my name is David, what can I do for you?"))
	one("business, awb", say("awb", "City hospital, emergency department, nurse Kelly speaking."))
	one("german", say("e-de", "Müller, guten Tag?"))
	one("french", say("e-fr", "Allô, oui?"))
	one("spanish", say("e-es", "¿Sí, dígame?"))
	one("cough first", burst(250*ms, -24), silent(400*ms), say("rms", "Hello?"))
	one("rustle first", burst(700*ms, -30), silent(200*ms), say("slt", "Hello?"))
	one("late", silent(2500*ms), say("awb", "Hello?"))
	one("twice", say("slt", "Hello?"), silent(500*ms), say("slt", "Hello?"))
	one("at once", say("kal16", "Yes, hello, Miller here."))
	one("dropped receiver", burst(60*ms, -15), silent(500*ms), burst(40*ms, -18), silent(700*ms), say("rms", "Hello?"))
	out[len(out)-2].scene = out[len(out)-2].scene[1:] // no silence before it
	return out
}
