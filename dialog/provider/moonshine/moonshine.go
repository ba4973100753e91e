// Package moonshine recognizes English with Moonshine base-en (N. Jeffries et al.,
// "Moonshine: Speech recognition for live transcription and voice commands", 2024), a
// neural network that needs no account. One model serves all calls: a few workers read
// utterances from a queue, one after the other. Audio enters as frames at media.EarRate;
// partial transcripts leave while the caller speaks, because the growing utterance is read
// again and again, and the final one soon after its end. The package imports dialog,
// media, fault, ngram, onnx, phrasebook and words.
package moonshine

import (
	"time"

	"frontdesk/internal/onnx"
)

// Config says where the model is and what it may use.
type Config struct {
	Runtime *onnx.Runtime // opens the networks
	Dir     string        // folder of encoder_model.onnx, decoder_model_merged.onnx and tokenizer.bin
	Workers int           // utterances that are read at the same time, one thread each; default is one for each core
	Beam    int           // hypotheses that are compared at pauses and at the end; default 1
}

// Stats counts what a Recognizer has done since it was opened. Counters only grow, except
// Waiting.
type Stats struct {
	Utterances      int64
	Audio           time.Duration // duration of all utterances
	Partials        int64         // readings while a caller speaks
	Pauses          int64         // readings when a caller falls silent
	Finals          int64         // readings after the end of an utterance; most need none, because a reading at a pause counts
	PartialsDropped int64         // left out, because readings at pauses and ends go first
	Refused         int64         // readings refused because too many waited
	Rejected        int64         // utterances without words because they were noise
	Retried         int64         // parts of utterances that were read again, because certain speech was read as nothing
	CPU             time.Duration // of all readings
	FinalCPU        time.Duration // of those at pauses and ends
	Wait            time.Duration // that readings at pauses and ends waited for a worker, in total
	Waiting         int           // readings in the queue now
}
