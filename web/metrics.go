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

// maxToolNames bounds the tool label of frontdesk_tool_calls_total, because models invent
// names and trusted clients bring their own tools.
const maxToolNames = 200

// Metrics is a session.Observer that counts calls, turns, tools and notices for Prometheus.
// All names begin with frontdesk_; times are in seconds.
type Metrics struct {
	registry *prometheus.Registry
	active   *prometheus.GaugeVec
	calls    *prometheus.CounterVec
	duration prometheus.Histogram
	quality  *prometheus.HistogramVec
	turns    *prometheus.CounterVec
	stages   *prometheus.HistogramVec
	tools    *prometheus.CounterVec
	notices  *prometheus.CounterVec
	tokens   *prometheus.CounterVec

	speculated prometheus.Counter

	mu        sync.Mutex
	toolNames map[string]bool // counted by their own name
}

// NewMetrics returns the metrics of one process.
func NewMetrics() *Metrics {
	latency := []float64{.01, .02, .05, .1, .2, .3, .4, .5, .6, .7, .8, 1, 1.5, 2, 3, 5, 10}
	m := &Metrics{
		toolNames: make(map[string]bool),
		registry:  prometheus.NewRegistry(),
		active: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "frontdesk_calls_active", Help: "Calls in progress, by transport."}, []string{"transport"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_calls_total", Help: "Calls that ended, by transport and result."}, []string{"transport", "result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "frontdesk_call_duration_seconds", Help: "Duration of calls.",
			Buckets: []float64{5, 15, 30, 60, 120, 300, 600, 1800, 3600}}),
		quality: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontdesk_call_mos", Help: "Speech quality of telephone lines as MOS by the E-model, from 1 (bad) to 4.4 (best).",
			Buckets: []float64{2, 2.6, 3.1, 3.6, 4, 4.3}}, []string{"leg"}),
		turns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_turns_total", Help: "Turns, by status of their reply."}, []string{"status"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontdesk_turn_stage_seconds", Help: "Time from the end of speech to each later stage of a turn.",
			Buckets: latency}, []string{"stage"}),
		tools: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_tool_calls_total", Help: "Tool calls, by tool and outcome."}, []string{"tool", "outcome"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_notices_total", Help: "Notices to callers, such as a lost provider, by code."}, []string{"code"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_model_tokens_total", Help: "Tokens of language models: input, output, and discarded with speculative replies."}, []string{"direction"}),
		speculated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "frontdesk_speculated_turns_total", Help: "Turns whose reply was begun speculatively."}),
	}
	m.registry.MustRegister(m.active, m.calls, m.duration, m.quality, m.turns, m.stages, m.tools, m.notices, m.tokens, m.speculated,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds metrics of other parts of the process. Their names must begin with
// frontdesk_ and be new.
func (m *Metrics) Register(c ...prometheus.Collector) { m.registry.MustRegister(c...) }

// Handler returns a handler that serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// CallStarted implements session.Observer.
func (m *Metrics) CallStarted(transport string) { m.active.WithLabelValues(transport).Inc() }

// CallEnded implements session.Observer.
func (m *Metrics) CallEnded(transport string, e session.Ending, lasted time.Duration) {
	m.active.WithLabelValues(transport).Dec()
	m.calls.WithLabelValues(transport, string(e.Result)).Inc()
	m.duration.Observe(lasted.Seconds())
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
		m.countTurn(e.Finished)
	}
}

func (m *Metrics) countTurn(t *dialog.Turn) {
	m.turns.WithLabelValues(string(t.Status)).Inc()
	for _, use := range t.Tools {
		outcome := "ok"
		if use.Failed {
			outcome = "failed"
		}
		m.tools.WithLabelValues(m.toolLabel(use.Name), outcome).Inc()
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

// toolLabel returns the tool label of a tool: its name, or "other" if there are too many.
func (m *Metrics) toolLabel(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.toolNames[name]:
	case len(m.toolNames) == maxToolNames || len(name) > 64:
		return "other"
	default:
		m.toolNames[name] = true
	}
	return name
}
