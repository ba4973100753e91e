package web

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"frontdesk/dialog"
	"frontdesk/session"
)

// maxToolNames bounds the names in frontdesk_tool_calls_total: a model can make some up,
// and a trusted client has tools of its own.
const maxToolNames = 200

// Metrics counts calls, turns and what went wrong, for Prometheus. It is a
// session.Observer. All names begin with frontdesk_; times are in seconds.
type Metrics struct {
	registry *prometheus.Registry
	active   *prometheus.GaugeVec
	calls    *prometheus.CounterVec
	lasted   prometheus.Histogram
	quality  *prometheus.HistogramVec
	turns    *prometheus.CounterVec
	stages   *prometheus.HistogramVec
	tools    *prometheus.CounterVec
	notices  *prometheus.CounterVec
	tokens   *prometheus.CounterVec

	speculated prometheus.Counter

	mu    sync.Mutex
	named map[string]bool // the tools counted by name
}

// NewMetrics makes the metrics of one process.
func NewMetrics() *Metrics {
	latency := []float64{.01, .02, .05, .1, .2, .3, .4, .5, .6, .7, .8, 1, 1.5, 2, 3, 5, 10}
	m := &Metrics{
		named:    make(map[string]bool),
		registry: prometheus.NewRegistry(),
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "frontdesk_calls_active", Help: "Calls in progress, by transport."}, []string{"transport"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_calls_total", Help: "Calls that ended, by transport and result."}, []string{"transport", "result"}),
		lasted: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "frontdesk_call_duration_seconds", Help: "How long calls lasted.",
			Buckets: []float64{5, 15, 30, 60, 120, 300, 600, 1800, 3600}}),
		quality: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontdesk_call_mos", Help: "How well telephone lines could be heard, by the E-model: 1 bad, 4.4 the best there is.",
			Buckets: []float64{2, 2.6, 3.1, 3.6, 4, 4.3}}, []string{"leg"}),
		turns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_turns_total", Help: "Turns, by how their reply ended."}, []string{"status"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontdesk_turn_stage_seconds", Help: "From end of speech to each later stage of a turn.",
			Buckets: latency}, []string{"stage"}),
		tools: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_tool_calls_total", Help: "Uses of tools, by tool and outcome."}, []string{"tool", "outcome"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_notices_total", Help: "Steps on the degradation ladder and other notices, by code."}, []string{"code"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_model_tokens_total", Help: "Tokens of language models: input, output, and discarded with replies begun too early."}, []string{"direction"}),
		speculated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "frontdesk_speculated_turns_total", Help: "Turns whose reply was begun before they were surely over."}),
	}
	m.registry.MustRegister(m.active, m.calls, m.lasted, m.quality, m.turns, m.stages, m.tools, m.notices, m.tokens, m.speculated,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// CallStarted implements session.Observer.
func (m *Metrics) CallStarted(transport string) { m.active.WithLabelValues(transport).Inc() }

// CallEnded implements session.Observer.
func (m *Metrics) CallEnded(transport string, e session.Ending, lasted time.Duration) {
	m.active.WithLabelValues(transport).Dec()
	m.calls.WithLabelValues(transport, string(e.Result)).Inc()
	m.lasted.Observe(lasted.Seconds())
	if e.Quality != nil {
		m.quality.WithLabelValues("caller").Observe(e.Quality.MOS)
	}
	if e.PersonQuality != nil {
		m.quality.WithLabelValues("person").Observe(e.PersonQuality.MOS)
	}
}

// Event implements session.Observer.
func (m *Metrics) Event(e dialog.Event) {
	switch {
	case e.Kind == dialog.NoticeRaised && e.Notice != nil:
		m.notices.WithLabelValues(e.Notice.Code).Inc()
	case e.Kind == dialog.TurnEnded && e.Finished != nil:
		m.turn(e.Finished)
	}
}

func (m *Metrics) turn(t *dialog.Turn) {
	m.turns.WithLabelValues(string(t.Status)).Inc()
	for _, use := range t.Tools {
		outcome := "ok"
		if use.Failed {
			outcome = "failed"
		}
		m.tools.WithLabelValues(m.toolName(use.Name), outcome).Inc()
	}
	m.tokens.WithLabelValues("input").Add(float64(t.Usage.Input))
	m.tokens.WithLabelValues("output").Add(float64(t.Usage.Output))
	m.tokens.WithLabelValues("discarded").Add(float64(t.Discarded.Input + t.Discarded.Output))
	if !t.Times.Speculated.IsZero() {
		m.speculated.Inc()
	}
	if t.Times.SpeechEnd.IsZero() {
		return
	}
	for stage, at := range map[string]time.Time{
		"endpoint": t.Times.Endpoint, "transcript": t.Times.Transcript, "first_token": t.Times.FirstToken,
		"first_clause": t.Times.FirstClause, "first_audio": t.Times.FirstAudio, "heard": t.Times.Heard,
	} {
		if !at.IsZero() {
			m.stages.WithLabelValues(stage).Observe(at.Sub(t.Times.SpeechEnd).Seconds())
		}
	}
}

// toolName is the name a tool is counted by: its own, or "other" when there are too many.
func (m *Metrics) toolName(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.named[name]:
	case len(m.named) == maxToolNames || len(name) > 64:
		return "other"
	default:
		m.named[name] = true
	}
	return name
}
