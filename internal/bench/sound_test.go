package bench

import (
	"fmt"
	"math"
	"time"

	"frontdesk/media"
)

const (
	syllableTime = 180 * time.Millisecond
	dipTime      = 40 * time.Millisecond // between syllables
	callerPitch  = 120.0                 // Hz, gliding up by a third
	agentPitch   = 200.0                 // Hz: 5 ms hold one period, so that any 5 ms are as loud as others
	harmonics    = 16
	roomLevel    = 6 // peak sample of the noise in a caller's room, about -75 dB of full scale
)

// samples is how many of them last d at MouthRate.
func samples(d time.Duration) int { return int(d * media.MouthRate / time.Second) }

// utterance is a caller's sentence: voiced syllables, loud from its first sample to its last.
func utterance(d time.Duration) []int16 {
	pcm := make([]int16, samples(d))
	phase := 0.0
	for i := range pcm {
		in := i % samples(syllableTime)
		phase += callerPitch * (1 + float64(i)/float64(3*len(pcm))) / media.MouthRate
		level := 7000.0
		if in > samples(syllableTime-dipTime) && i < len(pcm)-samples(syllableTime) {
			level = 300
		}
		pcm[i] = int16(level * buzz(phase))
	}
	return pcm
}

// buzz is a voice's waveform at a phase counted in periods, -1 to 1.
func buzz(phase float64) float64 {
	sum := 0.0
	for k := 1; k <= harmonics; k++ {
		sum += math.Sin(2*math.Pi*float64(k)*phase+float64(k*k)) / float64(k)
	}
	return sum / 3
}

// room is what a caller's microphone gives when nobody speaks.
func room(d time.Duration) []int16 {
	pcm := make([]int16, samples(d))
	seed := uint32(1)
	for i := range pcm {
		seed = seed*1664525 + 1013904223
		pcm[i] = int16(int32(seed>>16)%(2*roomLevel+1) - roomLevel)
	}
	return pcm
}

// agentVoice is d of the agent's voice, of even loudness.
func agentVoice(d time.Duration) []int16 {
	pcm := make([]int16, samples(d))
	for i := range pcm {
		pcm[i] = int16(8000 * buzz(agentPitch*float64(i)/media.MouthRate))
	}
	return pcm
}

// encoder is one of media's.
type encoder interface {
	Encode(packet []byte, frame []int16) ([]byte, error)
}

// encoderOf makes the encoder of a telephone's codec, "" for Opus.
func encoderOf(codec string) (encoder, error) {
	switch codec {
	case "":
		return media.NewOpusEncoder()
	case "pcmu":
		return media.NewG711Encoder(media.EncodePCMU), nil
	case "g722":
		return media.NewG722Encoder(), nil
	}
	return nil, fmt.Errorf("%q is no codec of telephones", codec)
}

// encode is pcm in packets of a frame each.
func encode(enc encoder, pcm ...[]int16) ([][]byte, error) {
	var packets [][]byte
	for _, piece := range pcm {
		for ; len(piece) > 0; piece = piece[min(media.MouthFrame, len(piece)):] {
			var frame [media.MouthFrame]int16
			copy(frame[:], piece)
			p, err := enc.Encode(make([]byte, media.MaxOpusPacket), frame[:])
			if err != nil {
				return nil, err
			}
			packets = append(packets, append([]byte(nil), p...))
		}
	}
	return packets, nil
}

// rms is how loud pcm is.
func rms(pcm []int16) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}
