package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"frontdesk/dialog/provider/moonshine"
	"frontdesk/dialog/provider/workers"
)

// metrics returns what the neural parts count; nothing of those that are not used. The numbers
// show when this machine has too many callers: partial transcripts are dropped first, then
// final ones wait longer, and at last utterances are refused; clauses wait longer, and then
// another voice says them.
func (n *neuralSpeech) metrics() []prometheus.Collector {
	var list []prometheus.Collector
	if n.recognizer != nil {
		list = n.recognizerMetrics()
	}
	if n.voices != nil || n.kokoro != nil {
		list = append(list, n.voiceMetrics()...)
	}
	return list
}

// voiceStats adds up the counts of the neural voices.
func (n *neuralSpeech) voiceStats() (sum workers.Stats) {
	if n.voices != nil {
		sum = n.voices.Stats()
	}
	if n.kokoro != nil {
		s := n.kokoro.Stats()
		sum.Clauses += s.Clauses
		sum.Refused += s.Refused
		sum.Waiting += s.Waiting
	}
	return sum
}

func (n *neuralSpeech) voiceMetrics() []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "frontdesk_voice_clauses_total", Help: "Clauses that the neural voice was asked to say.",
		}, func() float64 { return float64(n.voiceStats().Clauses) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "frontdesk_voice_refused_total", Help: "Clauses that the neural voice refused because they would have begun late.",
		}, func() float64 { return float64(n.voiceStats().Refused) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "frontdesk_voice_substituted_total", Help: "Clauses that a cheaper voice said instead.",
		}, func() float64 { return float64(n.substitutes.count.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "frontdesk_voice_waiting", Help: "Runs of the neural voice that wait for a worker.",
		}, func() float64 { return float64(n.voiceStats().Waiting) }),
	}
}

func (n *neuralSpeech) recognizerMetrics() []prometheus.Collector {
	counter := func(name, help string, value func(moonshine.Stats) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "frontdesk_recognizer_" + name, Help: help},
			func() float64 { return value(n.recognizer.Stats()) })
	}
	return []prometheus.Collector{
		counter("utterances_total", "Utterances that were recognized on this machine.",
			func(s moonshine.Stats) float64 { return float64(s.Utterances) }),
		counter("audio_seconds_total", "Duration of these utterances.",
			func(s moonshine.Stats) float64 { return s.Audio.Seconds() }),
		counter("cpu_seconds_total", "Processor time of the recognizer.",
			func(s moonshine.Stats) float64 { return s.CPU.Seconds() }),
		counter("final_cpu_seconds_total", "Processor time of readings at pauses and ends, for which callers wait.",
			func(s moonshine.Stats) float64 { return s.FinalCPU.Seconds() }),
		counter("pauses_total", "Readings when a caller fell silent.",
			func(s moonshine.Stats) float64 { return float64(s.Pauses) }),
		counter("finals_total", "Readings after the end of an utterance; most need none, because a reading at a pause counts.",
			func(s moonshine.Stats) float64 { return float64(s.Finals) }),
		counter("retried_total", "Parts of utterances that were read again, because certain speech was read as nothing.",
			func(s moonshine.Stats) float64 { return float64(s.Retried) }),
		counter("wait_seconds_total", "Time that readings at pauses and ends waited for a free worker of the recognizer.",
			func(s moonshine.Stats) float64 { return s.Wait.Seconds() }),
		counter("partials_total", "Partial transcripts that were recognized while callers spoke.",
			func(s moonshine.Stats) float64 { return float64(s.Partials) }),
		counter("partials_dropped_total", "Partial transcripts that were left out because others waited.",
			func(s moonshine.Stats) float64 { return float64(s.PartialsDropped) }),
		counter("refused_total", "Readings that were refused because too many waited.",
			func(s moonshine.Stats) float64 { return float64(s.Refused) }),
		counter("noise_total", "Utterances without words because they were noise.",
			func(s moonshine.Stats) float64 { return float64(s.Rejected) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "frontdesk_recognizer_waiting", Help: "Readings that wait for a worker of the recognizer."},
			func() float64 { return float64(n.recognizer.Stats().Waiting) }),
	}
}
