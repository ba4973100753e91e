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
	callerPitch  = 120.0                 // Hz; it rises by a third within the sentence
	agentPitch   = 200.0                 // Hz; 5 ms are one period, so that all pieces of 5 ms are equally loud
	harmonics    = 16
	roomLevel    = 6 // peak of a caller's background noise, about -75 dBFS
)

// samples is how many samples last d at media.MouthRate.
func samples(d time.Duration) int { return int(d * media.MouthRate / time.Second) }

// utterance is a caller's sentence: voiced syllables that are loud from the first sample to the last.
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
		pcm[i] = int16(level * voiced(phase))
	}
	return pcm
}

// voiced is the waveform of a voice, from -1 to 1, at a phase in periods.
func voiced(phase float64) float64 {
	sum := 0.0
	for k := 1; k <= harmonics; k++ {
		sum += math.Sin(2*math.Pi*float64(k)*phase+float64(k*k)) / float64(k)
	}
	return sum / 3
}

// roomNoise is what a caller's microphone records while nobody speaks.
func roomNoise(d time.Duration) []int16 {
	pcm := make([]int16, samples(d))
	seed := uint32(1)
	for i := range pcm {
		seed = seed*1664525 + 1013904223
		pcm[i] = int16(int32(seed>>16)%(2*roomLevel+1) - roomLevel)
	}
	return pcm
}

// agentVoice is d of the agent's voice, at a constant level.
func agentVoice(d time.Duration) []int16 {
	pcm := make([]int16, samples(d))
	for i := range pcm {
		pcm[i] = int16(8000 * voiced(agentPitch*float64(i)/media.MouthRate))
	}
	return pcm
}

// encoder is an encoder of package media.
type encoder interface {
	Encode(packet []byte, frame []int16) ([]byte, error)
}

// newEncoder makes the encoder of a telephone's codec, or of Opus for "".
func newEncoder(codec string) (encoder, error) {
	switch codec {
	case "":
		return media.NewOpusEncoder()
	case "pcmu":
		return media.NewG711Encoder(media.EncodePCMU), nil
	case "g722":
		return media.NewG722Encoder(), nil
	}
	return nil, fmt.Errorf("unknown telephone codec %q (want pcmu or g722)", codec)
}

// encode returns one packet for each frame of pcm.
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
