package web

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"frontdesk/dialog"
)

const (
	// maxAgentNames bounds the agent label: a server may have a thousand agents, and each of
	// them up to 36 series of frontdesk_turns_understood_total.
	maxAgentNames = 50
	otherAgents   = "other"
)

// understandingMetrics count what was understood of turns.
type understandingMetrics struct {
	agents     labels
	understood *prometheus.CounterVec
	sentiment  prometheus.Histogram
	issues     *prometheus.CounterVec
	readings   *prometheus.CounterVec
	took       prometheus.Histogram
}

func newUnderstandingMetrics(registry *prometheus.Registry) *understandingMetrics {
	m := &understandingMetrics{
		agents: labels{limit: maxAgentNames, other: otherAgents},
		understood: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_turns_understood_total", Help: "Turns, by agent, what the caller wanted and whether they were answered, as the rules read them."},
			[]string{"agent", "intent", "answered"}),
		sentiment: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "frontdesk_turn_sentiment", Help: "How callers feel in their turns, from -1 (very bad) to 1 (very good), as the rules read them.",
			Buckets: []float64{-0.8, -0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8, 1}}),
		issues: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_issues_total", Help: "Issues of callers that became open, answered or resolved during a call, by agent."}, []string{"agent", "state"}),
		readings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "frontdesk_turn_readings_total", Help: "Turns that a model was to read, by outcome: agreed or differed (on the intent), dropped, cancelled, or the code of a failure."},
			[]string{"outcome"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "frontdesk_turn_reading_seconds", Help: "How long models took to read a turn, successfully or not.",
			Buckets: []float64{.1, .2, .5, 1, 2, 5, 10, 30}}),
	}
	registry.MustRegister(m.understood, m.sentiment, m.issues, m.readings, m.took)
	return m
}

func (m *understandingMetrics) countTurn(agent string, u *dialog.Understanding) {
	if u == nil {
		return
	}
	m.understood.WithLabelValues(m.agents.of(agent), string(u.Intent), strconv.FormatBool(u.Answered)).Inc()
	m.sentiment.Observe(u.Sentiment)
}

func (m *understandingMetrics) countIssues(agent string, changed []dialog.Issue) {
	for _, i := range changed {
		m.issues.WithLabelValues(m.agents.of(agent), string(i.State)).Inc()
	}
}

func (m *understandingMetrics) countReading(r *dialog.Reading) {
	outcome := r.Failure
	if u := r.Understanding; u != nil {
		outcome = "differed"
		if r.AgreesWithRules {
			outcome = "agreed"
		}
	}
	m.readings.WithLabelValues(outcome).Inc()
	if r.Took > 0 {
		m.took.Observe(r.Took.Seconds())
	}
}

// labels bounds the values of a label: further ones count as other. Safe for concurrent use.
type labels struct {
	limit int
	other string

	mu    sync.Mutex
	known map[string]bool
}

func (l *labels) of(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.known[name]:
	case len(l.known) == l.limit || len(name) > 64:
		return l.other
	default:
		if l.known == nil {
			l.known = make(map[string]bool)
		}
		l.known[name] = true
	}
	return name
}
