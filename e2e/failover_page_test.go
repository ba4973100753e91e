package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"frontdesk/internal/require"
	"frontdesk/internal/valkeytest"
)

// startTwoNodes starts two nodes with one store, and a relay that leads to the first.
func startTwoNodes(t *testing.T) (one, two *server, front *valkeytest.Relay) {
	store := valkeytest.Start(t)
	shared, drain := sharedStore(store.Addr), env("FRONTDESK_LIMITS_DRAIN=20s")
	one, two = start(t, shared, drain), start(t, shared, drain)
	return one, two, valkeytest.NewRelay(t, strings.TrimPrefix(one.url, "http://"))
}

// agentText is what the agent said from the n-th entry on, as the page shows it.
func (p *tab) agentText(n int) string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](fmt.Sprintf(
		`[...document.querySelectorAll(".entry.agent")].slice(%d).map(e => e.querySelector(".words").innerText).join(" ")`, n)))
	require.NoError(p.t, err)
	return strings.Join(strings.Fields(text), " ")
}

func TestPageResumesTheSentenceWhenItsNodeIsKilled(t *testing.T) {
	t.Parallel()
	one, two, front := startTwoNodes(t)
	p := visit(t, "http://"+front.Addr, microphone(speech(t)))
	p.click("#call")
	p.phase("speaking")
	p.phase("listening") // the greeting was heard
	p.typeText("How long can I return an item?")
	p.shows(".entry.agent", "within 30 days of delivery") // the first of two sentences
	front.To(strings.TrimPrefix(two.url, "http://"))
	killed := time.Now()
	one.kill()
	p.until("the other node speaks", `window.performance.now() >= 0 && document.body.dataset.phase === "speaking" && document.querySelectorAll(".entry.agent").length >= 3`)
	t.Logf("the agent spoke again %v after its node was killed", time.Since(killed).Round(10*time.Millisecond))
	p.measureAudio()
	p.phase("listening")
	p.until("the rest of the answer is audible", `window.loud > 500`)
	p.screenshot("moved")
	p.checkAnswer()
	p.typeText("Do you ship to Canada?")
	p.shows(".entry.agent", "Canada")
}

// checkAnswer fails the test unless the page shows the answer that two nodes gave once and whole.
func (p *tab) checkAnswer() {
	p.t.Helper()
	const answer = "You can return any item within 30 days of delivery. Members of Willow Plus can return any item within 60 days of delivery."
	if text := p.agentText(1); !strings.HasPrefix(text, answer) || strings.Count(text, "Members") != 1 {
		p.t.Errorf("the page shows %q", text)
	}
}

// It runs alone: on a busy machine the first attempt to reconnect may take so long that the
// page shows it.
func TestCallMovesBetweenSentencesWhenItsNodeStops(t *testing.T) {
	one, two, front := startTwoNodes(t)
	p := visit(t, "http://"+front.Addr, microphone(speech(t)))
	p.click("#call")
	p.phase("speaking")
	p.phase("listening")
	p.do(chromedp.Evaluate[chromedp.Void](`window.phases = [];
		new MutationObserver(() => window.phases.push(document.body.dataset.phase)).observe(document.body, {attributeFilter: ["data-phase"]})`))
	p.typeText("How long can I return an item?")
	p.shows(".entry.agent", "within 30 days")
	front.To(strings.TrimPrefix(two.url, "http://"))
	require.NoError(t, one.cmd.Process.Signal(syscall.SIGTERM))
	one.awaitExit(t)
	p.shows(".entry.agent", "within 60 days")
	p.phase("listening")
	p.checkAnswer()
	p.typeText("Do you ship to Canada?")
	p.shows(".entry.agent", "Canada")
	p.until("the page never said that it reconnects",
		`!window.phases.includes("reconnecting") && ![...document.querySelectorAll(".mark")].some(e => e.innerText)`)
}
