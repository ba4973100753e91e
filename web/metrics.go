package web

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"frontdesk/dialog"
	"frontdesk/session"
)

const (
	// maxToolNames bounds the tool label of frontdesk_tool_calls_total, because trusted
	// clients bring their own tools.
	maxToolNames = 200
	otherTools   = "other" // the tool label of further tools, and of names that a model made up
)

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
	refusals *prometheus.CounterVec
	consents *prometheus.CounterVec
	replaced *prometheus.CounterVec
	notices  *prometheus.CounterVec
	tokens   *prometheus.CounterVec

	speculated  prometheus.Counter
	escalations *prometheus.CounterVec

	toolNames     labels
	understanding *understandingMetrics
}

// NewMetrics returns the metrics of one process.
func NewMetrics() *Metrics {
	latency := []float64{.01, .02, .05, .1, .2, .3, .4, .5, .6, .7, .8, 1, 1.5, 2, 3, 5, 10}
	m := &Metrics{
		toolNames: labels{limit: maxToolNames, other: otherTools},
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
		escalations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_escalations_total", Help: "Persons offered by the agent itself, by the condition that was met: words, sentiment or misses."}, []string{"condition"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "frontdesk_turn_stage_seconds", Help: "Time from the end of speech to each later stage of a turn.",
			Buckets: latency}, []string{"stage"}),
		tools: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_tool_calls_total", Help: "Tool calls, by tool and outcome: done, failed, held for the caller's consent, or refused."},
			[]string{"tool", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_tool_refusals_total", Help: "Tool calls that must not run, by the rule that objected."}, []string{"rule"}),
		consents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_consents_total", Help: "Questions for the caller's consent to a tool call: asked, and given."}, []string{"step"}),
		replaced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_clauses_replaced_total", Help: "Clauses of models that were not said, by why."}, []string{"why"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_notices_total", Help: "Notices to callers, such as a lost provider, by code."}, []string{"code"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_model_tokens_total", Help: "Tokens of language models: input, output, and discarded with speculative replies."}, []string{"direction"}),
		speculated: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "frontdesk_speculated_turns_total", Help: "Turns whose reply was begun speculatively."}),
	}
	m.registry.MustRegister(m.active, m.calls, m.duration, m.quality, m.turns, m.escalations, m.stages, m.tools, m.refusals, m.consents, m.replaced, m.notices, m.tokens, m.speculated,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.understanding = newUnderstandingMetrics(m.registry)
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
func (m *Metrics) Event(agent string, e dialog.Event) {
	switch {
	case e.Kind == dialog.NoticeRaised && e.Notice != nil:
		m.notices.WithLabelValues(e.Notice.Code).Inc()
	case e.Kind == dialog.TurnEnded && e.Finished != nil:
		m.countTurn(e.Finished)
		m.understanding.countTurn(agent, e.Finished.Understanding)
	case e.Kind == dialog.OverviewChanged:
		m.understanding.countIssues(agent, e.Issues)
	case e.Kind == dialog.TurnRead && e.Reading != nil:
		m.understanding.countReading(e.Reading)
	case e.Kind == dialog.ClauseReplaced:
		m.replaced.WithLabelValues(e.Text).Inc()
	case e.Call != nil:
		m.countTool(e)
	}
}

// countTool counts what happens to a tool call. Names that a model made up count as other.
func (m *Metrics) countTool(e dialog.Event) {
	outcome := ""
	switch e.Kind {
	case dialog.ToolStarted:
		if e.Text == dialog.Consented {
			m.consents.WithLabelValues("given").Inc()
		}
		return
	case dialog.ToolEnded:
		outcome = "done"
		if e.Result != nil && e.Result.Failed {
			outcome = "failed"
		}
	case dialog.ToolHeld:
		outcome = "held"
		m.consents.WithLabelValues("asked").Inc()
		if e.Text != "" {
			m.escalations.WithLabelValues(e.Text).Inc()
		}
	case dialog.ToolRefused:
		outcome = "refused"
		m.refusals.WithLabelValues(e.Text).Inc()
	default:
		return
	}
	label := otherTools
	if e.Text != dialog.UnknownTool {
		label = m.toolNames.of(e.Call.Name)
	}
	m.tools.WithLabelValues(label, outcome).Inc()
}

func (m *Metrics) countTurn(t *dialog.Turn) {
	m.turns.WithLabelValues(string(t.Status)).Inc()
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
