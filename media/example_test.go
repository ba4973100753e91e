package media_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"frontdesk/media"
)

// sine returns a tone at the given sample rate.
func sine(hz, rate int, duration time.Duration) []int16 {
	pcm := make([]int16, int(duration.Seconds()*float64(rate)))
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*float64(hz*i)/float64(rate)))
	}
	return pcm
}

// Convert a stream from the telephone's 8 kHz to the 16 kHz of a recognizer. A Resampler
// takes pieces of any length; Flush returns what its filter still holds.
func ExampleResampler() {
	r := media.NewResampler(8000, media.EarRate)
	var out []int16
	for range 50 { // one second in pieces of 20 ms
		out = r.Process(out, make([]int16, 160))
	}
	out = r.Flush(out)
	fmt.Println(len(out), "samples: one second and the delay of the filter")
	// Output: 16024 samples: one second and the delay of the filter
}

// Write two channels and read them back. WAVReader mixes all channels to mono.
func ExampleReadWAV() {
	var file bytes.Buffer
	stereo := []int16{100, 300, -50, 50} // left, right, left, right
	if err := media.WriteWAV(&file, media.EarRate, 2, stereo); err != nil {
		fmt.Println(err)
		return
	}
	pcm, rate, err := media.ReadWAV(&file, 30*media.EarRate) // refuses more than 30 s
	fmt.Println(pcm, rate, err)
	// Output: [200 0] 16000 <nil>
}

// Packets arrive out of order and one is lost. The buffer returns them in order and reports
// the lost one, which a Decoder can then conceal.
func ExampleJitterBuffer() {
	j := media.NewJitterBuffer(48000) // the RTP clock of Opus
	start := time.Now()
	for _, n := range []int{0, 2, 1, 4} { // packet 3 is lost
		j.Push(uint16(n), uint32(n*960), []byte{byte(n)}, start.Add(time.Duration(n)*media.FrameTime))
	}
	for range 5 {
		payload, got := j.Pop(false)
		fmt.Println(payload, got == media.Missed)
	}
	// Output:
	// [0] false
	// [1] false
	// [2] false
	// [] true
	// [4] false
}

// frames is a Sink that reports each frame: true if it has audio.
type frames chan bool

func (f frames) WriteFrame(frame []int16) error {
	f <- frame != nil
	return nil
}

// Play a reply at real-time pace. The caller interrupts after three frames: Played tells how
// much of the reply they heard, and Flush drops the rest.
func ExamplePlayout() {
	sink := make(frames, 100)
	p := media.NewPlayout(sink)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go p.Run(ctx)

	reply := sine(440, media.MouthRate, 500*time.Millisecond)
	_ = p.Write(ctx, reply)
	for n := 0; n < 3; { // three frames of audio
		if <-sink {
			n++
		}
	}
	heard := p.Played()
	p.Flush()
	for <-sink { // until the playout is silent
	}
	fmt.Println(heard >= 3*media.MouthFrame, heard < int64(len(reply)))
	// Output: true true
}

// Detect speech frame by frame. The detector learns the background in the first half second
// of the stream; after that, hardly any frame of noise is taken for speech.
func ExampleDetector() {
	d := media.NewDetector()
	frame := make([]int16, media.EarFrame)
	random := rand.New(rand.NewPCG(1, 2))
	speech := 0
	for n := range 200 { // four seconds of noise
		for i := range frame {
			frame[i] = int16(20 * random.NormFloat64())
		}
		if p := d.Detect(frame); n >= 25 && p >= 0.5 {
			speech++
		}
	}
	fmt.Println(speech < 5)
	// Output: true
}

// Send digits as telephone events and receive them on the other side.
func ExampleDTMFSender() {
	var sender media.DTMFSender
	receiver := media.NewDTMFReceiver()
	if err := sender.Queue("42#"); err != nil {
		fmt.Println(err)
		return
	}
	var packet [4]byte
	for stamp := uint32(160); sender.IsSending(); stamp += 160 { // every 20 ms at 8 kHz
		if payload, event, _ := sender.Next(packet[:], stamp, 160); len(payload) > 0 {
			receiver.Push(event, payload)
		}
	}
	close(receiver.Digits)
	for digit := range receiver.Digits {
		fmt.Print(string(digit))
	}
	// Output: 42#
}

// Encode 20 ms for a telephone and decode them for a recognizer.
func ExampleG711Encoder() {
	enc := media.NewG711Encoder(media.EncodePCMU)
	dec := media.NewG711Decoder(media.DecodePCMU)
	frame := sine(440, media.MouthRate, media.FrameTime)
	var packet [160]byte
	payload, err := enc.Encode(packet[:], frame)
	pcm, _ := dec.Decode(nil, payload)
	fmt.Println(len(frame), "samples,", len(payload), "bytes,", len(pcm) > 280, err)
	// Output: 480 samples, 160 bytes, true <nil>
}
